// Calls to providers, and what their answers mean.
#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_dispatcher.h"
#include "runtime/services/sms_event_data.h"
#include "trunkline/sms_client.hpp"

namespace trunkline {
namespace {

using sms_records::Transition;
using store::Session;

/// Waits for carriers that are left alone, before a message is given up.
constexpr std::size_t kMostLeftAlone = 10;

tl_str as_str(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

void apply_transition(ServiceContext& context, Session& session, const Resource& resource, const std::string& message_id,
                      const Transition& transition, Time at, const std::string& event_id,
                      std::optional<std::int32_t> segments_delivered) {
  if (!is_final(transition.state)) {
    sms_records::apply(session, resource.key, message_id, transition);
    return;
  }
  const auto finished = sms_records::finish(session, resource.key, message_id, transition);
  if (!finished) return;
  append_delivery_report(context, session, resource, *finished, transition.state, transition.reason,
                         transition.provider_code.value_or(""), at, event_id, segments_delivered);
}

void append_delivery_report(ServiceContext& context, Session& session, const Resource& resource,
                            const sms_records::Finished& finished, sms::MessageState state, sms::FailureReason reason,
                            std::string_view provider_code, Time at, const std::string& event_id,
                            std::optional<std::int32_t> segments_delivered) {
  if (!finished.wants_report) return;
  NewEvent event;
  event.id = event_id;
  event.type = kSmsDeliveryReportType;
  event.subject = phone_number_subject(finished.record.from);
  event.topic = resource.arm_id;
  event.time = at;
  event.data_version = "1.0";
  event.traceparent = finished.traceparent;
  event.data = sms_delivery_report_data(finished.record, state, reason, provider_code, at,
                                        segments_delivered.value_or(finished.record.segments));
  context.events.append(session, resource.key, event);
}

void settle_reservation(Session& session, std::int64_t resource_key, const std::string& message_id, std::int64_t paid) {
  const auto reserved = sms_records::reservation(session, resource_key, message_id);
  if (!reserved || reserved->micros == paid) return;
  const SpendPeriods periods(from_unix_us(reserved->created_us));
  for (const std::string& period : {periods.day, periods.month})
    sms_records::add_spent(session, resource_key, period, paid - reserved->micros);
}

Task<void> publish_transition(ServiceContext& context, ResourcePtr resource, std::string message_id, Transition transition,
                              Time at, std::optional<std::int32_t> segments_delivered) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [&context, resource, message_id, transition, at, segments_delivered,
               event_id = make_event_id(context.ids, at)](Session& session) {
    apply_transition(context, session, *resource, message_id, transition, at, event_id, segments_delivered);
  };
  co_await resource->database->write(std::move(work));
}

void SmsDispatcher::call(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover) {
  const OutgoingSms& sms = *message;
  Provider& provider = *sms.target->provider;
  ProviderPin pin = provider.pin();
  if (!pin.lease) {  // it was removed while the call was being noted
    const Error gone(ErrorCode::kUnavailable, "provider " + provider.name() + " was removed; send was not begun");
    return take_error(lane, message, handover, gone);
  }
  const std::uint32_t instance = pin.number();
  auto attempt = std::make_unique<Attempt>();
  auto* recipients = attempt->arguments.array<tl_sms_recipient>(sms.recipients.size());
  for (std::size_t i = 0; i < sms.recipients.size(); ++i) {
    recipients[i] = tl_sms_recipient{};
    recipients[i].struct_size = sizeof(tl_sms_recipient);
    recipients[i].to = as_str(sms.recipients[i].to);
    recipients[i].message_id = as_str(sms.recipients[i].message_id);
    recipients[i].on_net = sms.recipients[i].on_net;
  }
  attempt->request.struct_size = sizeof attempt->request;
  attempt->request.from = as_str(sms.from);
  attempt->request.recipients = {recipients, sms.recipients.size(), sizeof(tl_sms_recipient)};
  attempt->request.text = as_str(sms.text);
  attempt->request.delivery_report = true;

  CallOptions options;
  options.deadline = context_.clock.now() + provider.timeout();
  options.resource = sms.resource->name;
  // A call that is made again has the same recipients in the same order, also after a crash: the note keeps them.
  options.idempotency_key = sms.recipients.front().message_id;
  options.traceparent = sms.traceparent;
  options.arguments = &attempt->arguments;
  const tl_sms_send_request& request = attempt->request;
  provider.client<sms::SmsProviderClient>(std::move(pin))
      .start_send_raw(request, std::move(options),
                      [this, &lane, &provider, instance, message, handover, attempt = std::move(attempt)](
                          ListView<sms::SmsSendResult> results, const Error* error) mutable {
                        provider.count(instance, error && CircuitBreaker::counts(error->code), context_.clock.now());
                        if (error)
                          take_error(lane, message, handover, *error);
                        else
                          take_results(lane, message, handover, results);
                      });
}

void SmsDispatcher::take_error(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, const Error& error) {
  const Time at = context_.clock.now();
  const std::string& provider = message->target->name;
  const OutcomeClass outcome = outcome_class(error);
  DecisionLines lines(at);
  lines.step("provider.send", "fail", provider, error.message);
  if (outcome == OutcomeClass::kUnknown || message->in_doubt) {
    lines.step("outcome", "unknown", provider, "it may have been sent: nobody else may send it until that is known");
    doubt(lane, message, handover, lines.take());
    return;
  }
  message->decision += lines.step("outcome", may_fail_over(outcome) ? "next" : "stop", word(outcome)).text();
  go_on(lane, message, handover, outcome, reason_of(outcome), error.provider_code, error.retry_after.value_or(Duration{0}));
}

void SmsDispatcher::take_results(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover,
                                 const ListView<sms::SmsSendResult>& results) {
  const Time at = context_.clock.now();
  const std::string& provider = message->target->name;
  const bool was_in_doubt = message->in_doubt;
  const std::string before = std::exchange(message->decision, {});
  const auto outcome_of = [&](const OutgoingRecipient& recipient) {
    Outcome outcome;
    outcome.resource = message->resource;
    outcome.message_id = recipient.message_id;
    outcome.at = at;
    outcome.handover = handover;
    outcome.reserved = message->reserved;
    return outcome;
  };
  std::string sent_decision;
  std::size_t i = 0;
  for (const sms::SmsSendResultView result : results) {
    if (i >= message->recipients.size()) break;
    const OutgoingRecipient& recipient = message->recipients[i++];
    if (result.accepted()) {
      if (sent_decision.empty()) sent_decision = before + DecisionLines(at).step("provider.send", "pass", provider).take();
      Outcome outcome = outcome_of(recipient);
      Transition& transition = outcome.transition.emplace();
      transition.at_us = unix_us(at);
      transition.provider = provider;
      transition.state = sms::MessageState::kSent;
      if (const auto id = result.provider_message_id()) transition.provider_message_id = std::string(*id);
      transition.segments = result.segments();
      transition.price_micros = result.price_micros();
      if (!transition.price_micros) {  // it does not say: what is configured for whoever took it
        if (const auto part = message->target->prices.part_micros(recipient.to))
          transition.price_micros = *part * result.segments();
      }
      const std::string& currency = message->target->prices.currency();
      if (transition.price_micros && !currency.empty()) transition.currency = currency;
      transition.decision = sent_decision;
      finish(lane, std::move(outcome));
      sent_.add();
      if (was_in_doubt) reconciled_.add();
      continue;
    }
    // One that was refused goes its own way from here: the others may have been taken.
    auto alone = std::make_shared<OutgoingSms>(*message);
    alone->recipients.assign(1, recipient);
    const std::string code = result.provider_code() ? std::string(*result.provider_code()) : std::string();
    const OutcomeClass outcome = outcome_class(result.reason(), result.retryable());
    alone->decision = before + DecisionLines(at)
                                   .step("provider.send", "fail", provider,
                                         delivery_status_details(sms::MessageState::kFailed, result.reason(), code))
                                   .step("outcome", may_fail_over(outcome) ? "next" : "stop", word(outcome))
                                   .take();
    go_on(lane, alone, handover, outcome, result.reason(), code, Duration{0});
  }
  if (i == message->recipients.size()) return;
  // Fewer results than recipients: a broken provider.
  auto rest = std::make_shared<OutgoingSms>(*message);
  rest->recipients.erase(rest->recipients.begin(), rest->recipients.begin() + static_cast<std::ptrdiff_t>(i));
  rest->decision.clear();
  stay_uncertain(lane, rest, handover,
                 before + DecisionLines(at).step("provider.send", "fail", provider, "no result for this recipient").take());
}

void SmsDispatcher::go_on(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, OutcomeClass outcome,
                          sms::FailureReason reason, std::string provider_code, Duration at_least) {
  const Time at = context_.clock.now();
  if (message->target) message->tried.push_back(message->target);
  message->worth_retrying |= may_retry(outcome);
  const bool was_in_doubt = std::exchange(message->in_doubt, false);
  message->inquiries = 0;
  bool again = false;
  std::optional<Duration> pause;
  if (may_fail_over(outcome)) {
    RouteDecision route;
    context_.providers.sms_router().route(query_of(*message, message->recipients.front()), at, route, Router::Trial::kLeave);
    const auto& candidates = route.candidates();
    again = message->target && std::any_of(candidates.begin(), candidates.end(),
                                           [&](const RouteTarget* candidate) { return !is_out(*message, *candidate); });
    // That carriers were left alone is no attempt: those who wait for one that comes back must not be given up for it.
    const std::size_t rounds = config_.retry_schedule.size();
    int& used = message->target ? message->round : message->left_alone;
    const std::size_t most = message->target || rounds == 0 ? rounds : kMostLeftAlone;
    if (!again && message->worth_retrying && static_cast<std::size_t>(used) < most) {
      again = true;
      pause = std::max(config_.retry_schedule[std::min(static_cast<std::size_t>(message->round), rounds - 1)], at_least);
      ++used;
      message->tried.clear();
      message->worth_retrying = false;
      message->decision += DecisionLines(at).step("retry", "wait", format_duration(*pause), "nobody could take it").text();
    }
  }
  for (const OutgoingRecipient& recipient : message->recipients) {
    Outcome settled;
    settled.resource = message->resource;
    settled.message_id = recipient.message_id;
    settled.at = at;
    settled.handover = handover;
    settled.reserved = message->reserved;
    if (again) {
      settled.decision = message->decision;
      settled.requeues = was_in_doubt;
    } else {
      Transition& transition = settled.transition.emplace();
      transition.state = sms::MessageState::kFailed;
      transition.reason = reason == sms::FailureReason::kNone ? sms::FailureReason::kUnspecified : reason;
      if (message->target) {
        transition.provider = message->target->name;
      } else if (!message->given_up.empty()) {  // nobody was left to take over: it ends as the last one reported
        transition.provider = message->given_up.back();
        transition.reason = message->given_up_reason;
        if (!message->given_up_code.empty()) transition.provider_code = message->given_up_code;
      }
      if (!provider_code.empty()) transition.provider_code = provider_code;
      transition.decision = message->decision;
      transition.at_us = unix_us(at);
      settled.event_id = make_event_id(context_.ids, at);
    }
    finish(lane, std::move(settled));
  }
  if (!again) {
    failed_.add(static_cast<double>(message->recipients.size()));
    return;
  }
  message->decision.clear();
  message->target = nullptr;
  message->has_turn = false;
  message->recalls = 0;  // somebody may have said STOP in between
  // A new round pauses; the next candidate of the same round is asked at once. Both go through the executor, so that a provider
  // which fails inside the call cannot make the stack grow.
  if (pause)
    context_.clock.schedule_after(*pause, [this, message] { submit(message); });
  else
    context_.executor.post([this, message] { submit(message); });
}

}  // namespace trunkline
