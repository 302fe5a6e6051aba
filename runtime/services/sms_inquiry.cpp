// Answers that were lost: before anybody else may send a message, whoever may have sent it is asked.
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_dispatcher.h"
#include "trunkline/sms_client.hpp"

namespace trunkline {
namespace {

using sms_records::Transition;
using store::Session;

}  // namespace

void SmsDispatcher::resume(OutgoingPtr message, const std::string& provider) {
  Lane* lane = nullptr;
  {
    const std::lock_guard lock(mutex_);
    lane = &lane_of(*message->resource->database);
  }
  for (const RouteTarget& target : context_.providers.sms_router().targets())
    if (target.name == provider) message->target = &target;
  const Time now = context_.clock.now();
  std::string decision = DecisionLines(now).step("restart.handover", "fail", provider, "the answer was lost in a crash").take();
  if (!message->target) {
    decision += DecisionLines(now).step("inquiry", "skip", provider, "is no longer configured").text();
    return stay_uncertain(*lane, message, nullptr, std::move(decision));
  }
  // The note of the earlier process goes when what became of its messages is known: ours takes its place first.
  auto handover = std::make_shared<Handover>();
  handover->open = message->recipients.size();
  sms_records::HandoverCall call;
  call.provider = provider;
  for (const OutgoingRecipient& recipient : message->recipients) call.message_ids.push_back(recipient.message_id);
  lane->database->write([handover, call](Session& session) { handover->id = sms_records::add_handover(session, {call}); },
                        [this, lane, message, handover, decision = std::move(decision)](Result<void> result) {
                          if (!result) {  // the old note is still there for the next start
                            context_.log.error("sms", "the store refused a handover note", {{"error", result.error().message}});
                            return;
                          }
                          doubt(*lane, message, handover, decision);
                        });
}

void SmsDispatcher::doubt(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, std::string decision) {
  const Time at = context_.clock.now();
  const Provider& provider = *message->target->provider;
  decision = std::exchange(message->decision, {}) + decision;
  const bool can_ask = provider.sms_capabilities().idempotent || provider.sms_query();
  if (!can_ask || message->inquiries >= config_.reconcile_schedule.size()) {
    decision += DecisionLines(at)
                    .step("inquiry", "stop", provider.name(),
                          can_ask ? "asked often enough; a receipt may still tell" : "cannot be asked; a receipt may still tell")
                    .text();
    return stay_uncertain(lane, message, handover, std::move(decision));
  }
  const Duration pause = config_.reconcile_schedule[message->inquiries];
  decision += DecisionLines(at)
                  .step("inquiry", "wait", provider.name(),
                        std::string(provider.sms_capabilities().idempotent ? "asked again under the same key in "
                                                                           : "asked about it in ") +
                            format_duration(pause))
                  .text();
  if (!message->in_doubt) uncertain_.add(static_cast<double>(message->recipients.size()));
  message->in_doubt = true;
  ++message->inquiries;
  for (const OutgoingRecipient& recipient : message->recipients) {
    Outcome outcome;
    outcome.resource = message->resource;
    outcome.message_id = recipient.message_id;
    outcome.at = at;
    outcome.handover = handover;
    outcome.closes = false;  // after a crash we go on asking
    Transition& transition = outcome.transition.emplace();
    transition.state = sms::MessageState::kUncertain;
    transition.provider = provider.name();
    transition.decision = decision;
    transition.at_us = unix_us(at);
    if (message->inquiries > 1) {  // it is uncertain already
      outcome.decision = std::move(transition.decision);
      outcome.transition.reset();
    }
    finish(lane, std::move(outcome));
  }
  context_.clock.schedule_after(pause, [this, &lane, message, handover] { inquire(lane, message, handover); });
}

void SmsDispatcher::inquire(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover) {
  if (message->target->provider->sms_capabilities().idempotent) return call(lane, message, handover);
  spawn(query(&lane, message, handover), [this](Result<void> result) {
    if (!result) context_.log.error("sms", "asking about a message failed", {{"error", result.error().message}});
  });
}

Task<void> SmsDispatcher::query(Lane* lane, OutgoingPtr message, HandoverPtr handover) {
  const Provider& provider = *message->target->provider;
  auto unclear = std::make_shared<OutgoingSms>(*message);
  unclear->recipients.clear();
  std::string unclear_decision;
  for (const OutgoingRecipient& recipient : message->recipients) {
    sms::SmsQuery question;
    question.message_id = recipient.message_id;
    question.from = message->from;
    question.to = recipient.to;
    question.sent_at = message->accepted_at;
    CallOptions options;
    options.deadline = context_.clock.now() + provider.timeout();
    options.resource = message->resource->name;
    options.traceparent = message->traceparent;
    sms::SmsQueryResult answer;
    std::string trouble;
    try {
      const sms::SmsQueryProviderClient client = provider.sms_query();
      answer = co_await client.query(std::move(question), std::move(options));
    } catch (const Error& error) {
      trouble = error.message;
    }
    const Time at = context_.clock.now();
    if (answer.custody == sms::SmsCustody::kUnclear) {
      unclear->recipients.push_back(recipient);
      unclear_decision = DecisionLines(at)
                             .step("inquiry", "fail", provider.name(), trouble.empty() ? "the carrier cannot tell" : trouble)
                             .take();
      continue;
    }
    reconciled_.add();
    auto alone = std::make_shared<OutgoingSms>(*message);
    alone->recipients.assign(1, recipient);
    alone->in_doubt = false;
    if (answer.custody == sms::SmsCustody::kTaken) {
      Outcome outcome;
      outcome.resource = message->resource;
      outcome.message_id = recipient.message_id;
      outcome.at = at;
      outcome.handover = handover;
      Transition& transition = outcome.transition.emplace();
      transition.state = sms::MessageState::kSent;
      transition.provider = provider.name();
      if (answer.report) transition.provider_message_id = answer.report->provider_message_id;
      transition.decision = DecisionLines(at).step("inquiry", "pass", provider.name(), "the carrier has it").take();
      transition.at_us = unix_us(at);
      finish(*lane, std::move(outcome));
      sent_.add();
      if (answer.report && on_report_) on_report_(provider.name(), recipient.message_id, std::move(*answer.report));
      continue;
    }
    // Queued again before the next one is asked: a receipt that came in between must win.
    const std::string lines = DecisionLines(at)
                                  .step("inquiry", "pass", provider.name(), "the carrier never took it")
                                  .step("outcome", "next", word(OutcomeClass::kCarrierFault))
                                  .take();
    auto still = std::make_shared<bool>(false);
    auto work = [still, resource = message->resource, id = recipient.message_id, lines, at](Session& session) {
      *still = sms_records::requeue(session, resource->key, id, lines, unix_us(at));
    };
    co_await lane->database->write(std::move(work));
    if (*still) {
      go_on(*lane, alone, handover, OutcomeClass::kCarrierFault, sms::FailureReason::kTemporary, {}, Duration{0});
      continue;
    }
    Outcome outcome;
    outcome.resource = message->resource;
    outcome.message_id = recipient.message_id;
    outcome.decision = DecisionLines(at).step("inquiry", "late", provider.name(), "a receipt was faster").take();
    outcome.at = at;
    outcome.handover = handover;
    finish(*lane, std::move(outcome));
  }
  if (!unclear->recipients.empty()) doubt(*lane, unclear, handover, std::move(unclear_decision));
}

void SmsDispatcher::stay_uncertain(Lane& lane, const OutgoingPtr& message, const HandoverPtr& handover, std::string decision) {
  const Time at = context_.clock.now();
  if (!message->in_doubt) uncertain_.add(static_cast<double>(message->recipients.size()));
  for (const OutgoingRecipient& recipient : message->recipients) {
    Outcome outcome;
    outcome.resource = message->resource;
    outcome.message_id = recipient.message_id;
    outcome.at = at;
    outcome.handover = handover;
    if (message->in_doubt) {  // it is uncertain already
      outcome.decision = decision;
    } else {
      Transition& transition = outcome.transition.emplace();
      transition.state = sms::MessageState::kUncertain;
      if (message->target) transition.provider = message->target->name;
      transition.decision = decision;
      transition.at_us = unix_us(at);
    }
    finish(lane, std::move(outcome));
  }
}

}  // namespace trunkline
