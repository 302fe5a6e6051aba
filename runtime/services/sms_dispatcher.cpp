#include "runtime/services/sms_dispatcher.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_event_data.h"
#include "runtime/services/sms_message_id.h"
#include "trunkline/sms_client.hpp"

namespace trunkline {
namespace {

using sms_records::Transition;
using store::Session;

/// Requests that one durable note covers, and results that one transaction writes.
constexpr std::size_t kMaxBatch = 256;
/// How often the list of candidates is gone through, and the pauses between.
constexpr int kMaxRounds = 3;
constexpr Duration kRoundPauses[] = {std::chrono::seconds{1}, std::chrono::seconds{10}};

std::int64_t unix_us(Time time) { return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count(); }

bool is_final(sms::MessageState state) {
  return state == sms::MessageState::kDelivered || state == sms::MessageState::kFailed || state == sms::MessageState::kExpired;
}

tl_str as_str(std::string_view text) { return {text.data(), text.size()}; }

/// Borrows from both.
RouteQuery query_of(const OutgoingSms& sms, const OutgoingRecipient& recipient) {
  RouteQuery query;
  query.resource = sms.resource->name;
  query.from = sms.submission.from;
  query.to = recipient.to;
  query.segments = sms.segments;
  return query;
}

/// Applies the transition and appends its event when somebody asked for one. [writer thread]
void apply_and_report(ServiceContext& context, Session& session, const Resource& resource, const std::string& message_id,
                      const Transition& transition, Time at, const std::string& event_id,
                      std::optional<std::int32_t> segments_delivered) {
  if (!is_final(transition.state)) {
    sms_records::apply(session, resource.key, message_id, transition);
    return;
  }
  const auto finished = sms_records::finish(session, resource.key, message_id, transition);
  if (!finished || !finished->wants_report) return;
  NewEvent event;
  event.id = event_id;
  event.type = kSmsDeliveryReportType;
  event.subject = phone_number_subject(finished->record.from);
  event.topic = resource.arm_id;
  event.time = at;
  event.data_version = "1.0";
  event.traceparent = finished->traceparent;
  event.data =
      sms_delivery_report_data(finished->record, transition.state, transition.reason, transition.provider_code.value_or(""), at,
                               segments_delivered.value_or(finished->record.segments));
  context.events.append(session, resource.key, event);
}

}  // namespace

Task<void> publish_transition(ServiceContext& context, ResourcePtr resource, std::string message_id, Transition transition,
                              Time at, std::optional<std::int32_t> segments_delivered) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [&context, resource, message_id, transition, at, segments_delivered,
               event_id = make_event_id(context.ids, at)](Session& session) {
    apply_and_report(context, session, *resource, message_id, transition, at, event_id, segments_delivered);
  };
  co_await resource->database->write(std::move(work));
}

/// A durable note that some messages are about to be handed over. Guarded by SmsDispatcher::mutex_.
struct SmsDispatcher::Handover {
  std::int64_t id = 0;
  std::size_t open = 0;
};

/// The arguments of one call; the client keeps them until the provider has completed it.
struct SmsDispatcher::Attempt {
  abi::Arena arguments;
  tl_sms_send_request request{};
};

struct SmsDispatcher::Outcome {
  ResourcePtr resource;
  std::string message_id;
  Transition transition;
  Time at{};
  std::string event_id;
  std::shared_ptr<Handover> handover;
};

struct SmsDispatcher::Lane {
  store::Database* database = nullptr;
  std::vector<OutgoingPtr> waiting;
  bool running = false;
  std::vector<Outcome> outcomes;
  bool writing = false;
};

SmsDispatcher::SmsDispatcher(ServiceContext& context)
    : context_(context),
      sent_(context.metrics.counter("trunkline_sms_sent_total", "Text messages that a provider took.")),
      failed_(context.metrics.counter("trunkline_sms_failed_total", "Text messages that no provider took.")),
      uncertain_(context.metrics.counter("trunkline_sms_uncertain_total", "Text messages whose provider's answer was lost.")) {}

SmsDispatcher::~SmsDispatcher() = default;

SmsDispatcher::Lane& SmsDispatcher::lane_of(store::Database& database) {
  std::unique_ptr<Lane>& lane = lanes_[&database];
  if (!lane) {
    lane = std::make_unique<Lane>();
    lane->database = &database;
  }
  return *lane;
}

void SmsDispatcher::submit(OutgoingPtr message) {
  Lane* lane = nullptr;
  {
    const std::lock_guard lock(mutex_);
    lane = &lane_of(*message->resource->database);
    lane->waiting.push_back(std::move(message));
    if (std::exchange(lane->running, true)) return;
  }
  context_.executor.post([this, lane] {
    spawn(run(lane), [this](Result<void> result) {
      if (!result) context_.log.error("sms", "handing messages over failed", {{"error", result.error().message}});
    });
  });
}

Task<void> SmsDispatcher::run(Lane* lane) {
  for (;;) {
    auto batch = std::make_shared<std::vector<OutgoingPtr>>();
    {
      const std::lock_guard lock(mutex_);
      if (lane->waiting.empty()) {
        lane->running = false;
        co_return;
      }
      const std::size_t count = std::min(lane->waiting.size(), kMaxBatch);
      batch->assign(std::make_move_iterator(lane->waiting.begin()),
                    std::make_move_iterator(lane->waiting.begin() + static_cast<std::ptrdiff_t>(count)));
      lane->waiting.erase(lane->waiting.begin(), lane->waiting.begin() + static_cast<std::ptrdiff_t>(count));
    }
    auto handover = std::make_shared<Handover>();
    std::string ids = "[";
    for (const OutgoingPtr& message : *batch) {
      for (const OutgoingRecipient& recipient : message->recipients) {
        if (ids.size() > 1) ids += ',';
        ids += '"' + recipient.message_id + '"';
        ++handover->open;
      }
    }
    ids += ']';
    std::optional<Error> failure;
    try {
      // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
      auto work2 = [handover, ids](Session& session) { handover->id = sms_records::add_handover(session, ids); };
      co_await lane->database->write(std::move(work2));
    } catch (...) {
      failure = current_error();
    }
    if (failure) {
      // Nothing was handed over; the messages stay queued on disk. A restart takes them up, and so do we once the store is back.
      context_.log.error("sms", "the store refused a handover note; trying again", {{"error", failure->message}});
      {
        const std::lock_guard lock(mutex_);
        lane->waiting.insert(lane->waiting.begin(), batch->begin(), batch->end());
      }
      co_await context_.clock.sleep(std::chrono::seconds{1});
      continue;
    }
    for (const OutgoingPtr& message : *batch) hand_over(*lane, message, handover);
  }
}

void SmsDispatcher::hand_over(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover) {
  if (message->recipients.size() == 1) return hand_over_alike(lane, message, handover);
  for (const OutgoingPtr& part : split_by_route(message)) hand_over_alike(lane, part, handover);
}

std::vector<OutgoingPtr> SmsDispatcher::split_by_route(const OutgoingPtr& message) const {
  using Path = std::vector<const char*>;
  const Router& router = context_.providers.sms_router();
  const std::vector<OutgoingRecipient>& recipients = message->recipients;
  Path first, path;
  router.path(query_of(*message, recipients.front()), first);
  std::size_t same = 1;
  for (; same < recipients.size(); ++same) {
    router.path(query_of(*message, recipients[same]), path);
    if (path != first) break;
  }
  if (same == recipients.size()) return {message};

  std::vector<Path> paths;
  std::vector<OutgoingPtr> parts;
  for (const OutgoingRecipient& recipient : recipients) {
    router.path(query_of(*message, recipient), path);
    const auto at = static_cast<std::size_t>(std::find(paths.begin(), paths.end(), path) - paths.begin());
    if (at == parts.size()) {
      paths.push_back(path);
      parts.push_back(std::make_shared<OutgoingSms>(*message));
      parts.back()->recipients.clear();
    }
    parts[at]->recipients.push_back(recipient);
  }
  return parts;
}

void SmsDispatcher::hand_over_alike(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover) {
  const OutgoingSms& sms = *message;
  const Time now = context_.clock.now();
  const RouteQuery query = query_of(sms, sms.recipients.front());
  RouteDecision route;
  context_.providers.sms_router().route(query, now, route);
  std::string decision = DecisionLines(now).steps(route.steps(now)).take();
  if (route.candidates().empty()) {
    ++message->round;
    try_next(lane, message, handover, route.error(), std::move(decision));
    return;
  }
  const bool was_last = message->next_candidate + 1 >= route.candidates().size();
  const RouteTarget& target = *route.candidates()[std::min(message->next_candidate, route.candidates().size() - 1)];
  const Provider& provider = *target.provider;

  if (!maybe_sent_.empty() && !provider.sms_capabilities().idempotent) {
    // Noted before a crash, and the carrier cannot tell whether it has seen it.
    bool cut_off = false;
    {
      const std::lock_guard lock(mutex_);
      for (const OutgoingRecipient& recipient : sms.recipients) cut_off |= maybe_sent_.contains(recipient.message_id);
    }
    if (cut_off) {
      for (const OutgoingRecipient& recipient : sms.recipients) {
        Outcome outcome{sms.resource, recipient.message_id, {}, now, {}, handover};
        outcome.transition.state = sms::MessageState::kUncertain;
        outcome.transition.at_us = unix_us(now);
        outcome.transition.decision =
            DecisionLines(now).step("restart.handover", "fail", provider.name(), "the answer was lost in a crash").take();
        finish(lane, std::move(outcome));
      }
      return;
    }
  }

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
  attempt->request.from = as_str(sms.submission.from);
  attempt->request.recipients = {recipients, sms.recipients.size(), sizeof(tl_sms_recipient)};
  attempt->request.text = as_str(sms.submission.text);
  attempt->request.delivery_report = true;

  CallOptions options;
  options.deadline = now + provider.timeout();
  options.resource = sms.resource->name;
  options.idempotency_key = sms.recipients.front().message_id;
  options.traceparent = sms.submission.traceparent;
  options.arguments = &attempt->arguments;
  const tl_sms_send_request& request = attempt->request;
  provider.sms().start_send_raw(
      request, std::move(options),
      [this, &lane, message, handover, &target, was_last, attempt = std::move(attempt), decision = std::move(decision)](
          ListView<sms::SmsSendResult> results, const Error* error) mutable {
        const Time at = context_.clock.now();
        const Provider& provider = *target.provider;
        if (error && CircuitBreaker::counts(error->code))
          target.breaker->failure(at);
        else
          target.breaker->success();
        if (error) {
          decision += DecisionLines(at).step("provider.send", "fail", provider.name(), error->message).text();
          if (error->code == ErrorCode::kDeadlineExceeded) {
            // It may have been sent: no other provider may try.
            for (const OutgoingRecipient& recipient : message->recipients) {
              Outcome outcome{message->resource, recipient.message_id, {}, at, {}, handover};
              outcome.transition.state = sms::MessageState::kUncertain;
              outcome.transition.provider = provider.name();
              outcome.transition.decision = decision;
              outcome.transition.at_us = unix_us(at);
              finish(lane, std::move(outcome));
            }
            uncertain_.add(static_cast<double>(message->recipients.size()));
            return;
          }
          message->next_candidate = was_last ? 0 : message->next_candidate + 1;
          if (was_last) ++message->round;
          try_next(lane, message, handover, *error, std::move(decision));
          return;
        }
        take_results(lane, message, handover, provider, results, decision, was_last, at);
      });
}

void SmsDispatcher::take_results(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover,
                                 const Provider& provider, const ListView<sms::SmsSendResult>& results,
                                 const std::string& decision, bool was_last, Time at) {
  OutgoingPtr again;  // recipients that another provider may take
  std::string sent_decision;
  std::size_t i = 0;
  for (const sms::SmsSendResultView result : results) {
    if (i >= message->recipients.size()) break;
    OutgoingRecipient& recipient = message->recipients[i++];
    Outcome outcome{message->resource, recipient.message_id, {}, at, {}, handover};
    outcome.transition.at_us = unix_us(at);
    outcome.transition.provider = provider.name();
    if (result.accepted()) {
      if (sent_decision.empty())
        sent_decision = decision + DecisionLines(at).step("provider.send", "pass", provider.name()).take();
      outcome.transition.state = sms::MessageState::kSent;
      if (const auto id = result.provider_message_id()) outcome.transition.provider_message_id = std::string(*id);
      outcome.transition.segments = result.segments();
      outcome.transition.decision = sent_decision;
      sent_.add();
      finish(lane, std::move(outcome));
      continue;
    }
    const std::string code = result.provider_code() ? std::string(*result.provider_code()) : std::string();
    const std::string lines = decision + DecisionLines(at)
                                             .step("provider.send", "fail", provider.name(),
                                                   delivery_status_details(sms::MessageState::kFailed, result.reason(), code))
                                             .take();
    if (result.retryable() && !(was_last && message->round + 1 >= kMaxRounds)) {
      if (!again) {
        again = std::make_shared<OutgoingSms>(*message);
        again->recipients.clear();
        again->next_candidate = was_last ? 0 : message->next_candidate + 1;
        if (was_last) ++again->round;
      }
      note_decision(lane, message->resource, recipient.message_id, lines);
      again->recipients.push_back(recipient);
      continue;
    }
    outcome.transition.state = sms::MessageState::kFailed;
    outcome.transition.reason = result.reason() == sms::FailureReason::kNone ? sms::FailureReason::kUnspecified : result.reason();
    if (!code.empty()) outcome.transition.provider_code = code;
    outcome.transition.decision = lines;
    outcome.event_id = make_event_id(context_.ids, at);
    failed_.add();
    finish(lane, std::move(outcome));
  }
  for (; i < message->recipients.size(); ++i) {  // fewer results than recipients: a broken provider
    Outcome outcome{message->resource, message->recipients[i].message_id, {}, at, {}, handover};
    outcome.transition.state = sms::MessageState::kUncertain;
    outcome.transition.provider = provider.name();
    outcome.transition.at_us = unix_us(at);
    outcome.transition.decision =
        decision + DecisionLines(at).step("provider.send", "fail", provider.name(), "no result for this recipient").take();
    uncertain_.add();
    finish(lane, std::move(outcome));
  }
  if (again) retry(lane, again, handover);
}

void SmsDispatcher::try_next(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover,
                             const Error& error, std::string decision) {
  const bool hopeless = !error.retryable && error.code != ErrorCode::kUnavailable && error.code != ErrorCode::kResourceExhausted;
  // A provider that says the request itself is wrong speaks for this provider only while others are left to ask.
  const bool give_up = message->round >= kMaxRounds || (hopeless && message->next_candidate == 0);
  if (!give_up) {
    for (const OutgoingRecipient& recipient : message->recipients)
      note_decision(lane, message->resource, recipient.message_id, decision);
    retry(lane, message, handover);
    return;
  }
  const Time at = context_.clock.now();
  for (const OutgoingRecipient& recipient : message->recipients) {
    Outcome outcome{message->resource, recipient.message_id, {}, at, make_event_id(context_.ids, at), handover};
    outcome.transition.state = sms::MessageState::kFailed;
    outcome.transition.reason = sms::FailureReason::kUnspecified;
    if (!error.provider_code.empty()) outcome.transition.provider_code = error.provider_code;
    outcome.transition.decision = decision;
    outcome.transition.at_us = unix_us(at);
    finish(lane, std::move(outcome));
  }
  failed_.add(static_cast<double>(message->recipients.size()));
}

void SmsDispatcher::retry(Lane& lane, const OutgoingPtr& message, const std::shared_ptr<Handover>& handover) {
  // A new round pauses; the next candidate of the same round is asked at once. Both go through the executor, so that a
  // provider which fails inside the call cannot make the stack grow.
  if (message->next_candidate == 0 && message->round > 0) {
    const Duration pause = kRoundPauses[static_cast<std::size_t>(std::min(message->round, 2) - 1)];
    context_.clock.schedule_after(pause, [this, &lane, message, handover] { hand_over(lane, message, handover); });
  } else {
    context_.executor.post([this, &lane, message, handover] { hand_over(lane, message, handover); });
  }
}

void SmsDispatcher::note_decision(Lane& lane, const ResourcePtr& resource, const std::string& message_id,
                                  const std::string& lines) {
  lane.database->write([resource, message_id,
                        lines](Session& session) { sms_records::append_decision(session, resource->key, message_id, lines); },
                       [](Result<void>) {});
}

void SmsDispatcher::finish(Lane& lane, Outcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    lane.outcomes.push_back(std::move(outcome));
    if (std::exchange(lane.writing, true)) return;
  }
  // Posted, so that a provider that answers one recipient after the other fills a batch before it is written.
  context_.executor.post([this, &lane] {
    spawn(write_outcomes(&lane), [this](Result<void> result) {
      if (!result) context_.log.error("sms", "writing outcomes failed", {{"error", result.error().message}});
    });
  });
}

Task<void> SmsDispatcher::write_outcomes(Lane* lane) {
  for (;;) {
    auto batch = std::make_shared<std::vector<Outcome>>();
    auto closed = std::make_shared<std::vector<std::int64_t>>();
    {
      const std::lock_guard lock(mutex_);
      if (lane->outcomes.empty()) {
        lane->writing = false;
        co_return;
      }
      batch->swap(lane->outcomes);
      for (const Outcome& outcome : *batch)
        if (--outcome.handover->open == 0) closed->push_back(outcome.handover->id);
    }
    std::optional<Error> failure;
    try {
      // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
      auto work3 = [this, batch, closed](Session& session) {
        for (const Outcome& outcome : *batch)
          apply_and_report(context_, session, *outcome.resource, outcome.message_id, outcome.transition, outcome.at,
                           outcome.event_id, 0);
        for (const std::int64_t id : *closed) sms_records::remove_handover(session, id);
      };
      co_await lane->database->write(std::move(work3));
    } catch (...) {
      failure = current_error();
    }
    if (failure) {
      context_.log.error("sms", "the store refused the providers' answers; trying again", {{"error", failure->message}});
      {
        const std::lock_guard lock(mutex_);
        for (const Outcome& outcome : *batch) ++outcome.handover->open;
        lane->outcomes.insert(lane->outcomes.begin(), std::make_move_iterator(batch->begin()),
                              std::make_move_iterator(batch->end()));
      }
      co_await context_.clock.sleep(std::chrono::seconds{1});
      continue;
    }
  }
}

void SmsDispatcher::take_up_handovers(store::Database& database) {
  std::vector<std::int64_t> settled;
  database.read([&](Session& session) {
    for (const auto& [id, message_ids] : sms_records::open_handovers(session)) {
      bool open = false;
      for (const std::string& message_id : message_ids) {
        const auto stored = sms_records::find(session, resource_key_of_message_id(message_id), message_id);
        if (!stored || stored->record.state != sms::MessageState::kQueued) continue;
        maybe_sent_.insert(message_id);
        open = true;
      }
      // A note stays until none of its messages is queued: a second crash must still find it.
      if (!open) settled.push_back(id);
    }
  });
  if (settled.empty()) return;
  database.write(
      [settled](Session& session) {
        for (const std::int64_t id : settled) sms_records::remove_handover(session, id);
      },
      [](Result<void>) {});
}

}  // namespace trunkline
