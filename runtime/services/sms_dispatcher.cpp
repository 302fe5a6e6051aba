#include "runtime/services/sms_dispatcher.h"

#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/base/time_text.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/decision.h"
#include "runtime/services/sms_admission.h"

namespace trunkline {
namespace {

using store::Session;

/// Requests that one durable note covers.
constexpr std::size_t kMaxBatch = 256;

}  // namespace

SmsDispatcher::SmsDispatcher(ServiceContext& context, SmsConsent& consent, SmsRates& rates, const SmsConfig& config)
    : context_(context),
      consent_(consent),
      rates_(rates),
      config_(config),
      sent_(context.metrics.counter("trunkline_sms_sent_total", "Text messages that a provider took.")),
      failed_(context.metrics.counter("trunkline_sms_failed_total", "Text messages that no provider took.")),
      uncertain_(context.metrics.counter("trunkline_sms_uncertain_total", "Text messages whose provider's answer was lost.")),
      reconciled_(context.metrics.counter("trunkline_sms_reconciled_total",
                                          "Text messages whose lost answer was found out by asking the provider.")) {}

SmsDispatcher::~SmsDispatcher() = default;

bool is_out(const OutgoingSms& message, const RouteTarget& target) {
  return std::find(message.tried.begin(), message.tried.end(), &target) != message.tried.end() ||
         std::find(message.given_up.begin(), message.given_up.end(), target.name) != message.given_up.end();
}

SmsDispatcher::Lane& SmsDispatcher::lane_of(store::Database& database) {
  std::unique_ptr<Lane>& lane = lanes_[&database];
  if (!lane) {
    lane = std::make_unique<Lane>();
    lane->database = &database;
  }
  return *lane;
}

RouteQuery SmsDispatcher::query_of(const OutgoingSms& sms, const OutgoingRecipient& recipient) const {
  RouteQuery query;
  query.resource = sms.resource->name;
  query.from = sms.from;
  query.to = recipient.to;
  query.segments = sms.segments;
  query.tag = sms.tag;
  query.draw = sms_draw(recipient.message_id);
  return query;
}

void SmsDispatcher::submit(OutgoingPtr message) {
  const std::vector<OutgoingPtr> parts =
      message->recipients.size() == 1 ? std::vector<OutgoingPtr>{std::move(message)} : split_by_route(message);
  for (const OutgoingPtr& part : parts)
    if (rates_.any() && !part->has_turn)
      wait_for_turn(part);
    else
      enqueue(part);
}

std::vector<OutgoingPtr> SmsDispatcher::split_by_route(const OutgoingPtr& message) const {
  using Path = std::vector<const void*>;
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

// Turns are taken for each recipient; those whose turn is now stay together.
void SmsDispatcher::wait_for_turn(const OutgoingPtr& message) {
  const Time now = context_.clock.now();
  auto at_once = std::make_shared<OutgoingSms>(*message);
  at_once->recipients.clear();
  at_once->has_turn = true;
  RouteDecision route;
  for (const OutgoingRecipient& recipient : message->recipients) {
    const RouteQuery query = query_of(*message, recipient);
    context_.providers.sms_router().route(query, now, route, Router::Trial::kLeave);
    std::string_view provider;
    for (const RouteTarget* candidate : route.candidates()) {
      if (is_out(*message, *candidate)) continue;
      provider = candidate->name;
      break;
    }
    const SmsRates::Turn turn = rates_.take(provider, message->from, country_of(recipient.to), now);
    if (turn.at <= now) {
      at_once->recipients.push_back(recipient);
      continue;
    }
    auto later = std::make_shared<OutgoingSms>(*message);
    later->recipients.assign(1, recipient);
    later->has_turn = true;
    later->recalls = 0;  // it may be taken back, or expire, until then
    // Told at once, so that whoever asks learns how long it takes.
    Outcome waits;
    waits.resource = message->resource;
    waits.message_id = recipient.message_id;
    waits.at = now;
    waits.decision =
        later->decision + DecisionLines(now).step("rate", "wait", turn.by, "until " + format_rfc3339(turn.at)).text();
    later->decision.clear();
    Lane* lane = nullptr;
    {
      const std::lock_guard lock(mutex_);
      turns_[recipient.message_id] = turn.at;
      lane = &lane_of(*message->resource->database);
    }
    finish(*lane, std::move(waits));
    context_.clock.schedule_at(turn.at, [this, later] {
      {
        const std::lock_guard lock(mutex_);
        turns_.erase(later->recipients.front().message_id);
      }
      enqueue(later);
    });
  }
  if (!at_once->recipients.empty()) enqueue(std::move(at_once));
}

std::optional<Time> SmsDispatcher::expected_at(const std::string& message_id) const {
  const std::lock_guard lock(mutex_);
  const auto turn = turns_.find(message_id);
  return turn == turns_.end() ? std::nullopt : std::optional<Time>(turn->second);
}

void SmsDispatcher::enqueue(OutgoingPtr message) {
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

bool SmsDispatcher::pick(Lane& lane, const OutgoingPtr& message) {
  const Time now = context_.clock.now();
  RouteDecision route;
  const bool first = message->tried.empty();
  context_.providers.sms_router().route(query_of(*message, message->recipients.front()), now, route,
                                        first ? Router::Trial::kTake : Router::Trial::kLeave);
  if (first) message->decision += DecisionLines(now).steps(route.steps(now)).text();
  message->target = nullptr;
  for (const RouteTarget* candidate : route.candidates()) {
    if (is_out(*message, *candidate)) continue;
    message->target = candidate;
    std::string before;
    if (!first)
      before = message->tried.back()->name;
    else if (!message->given_up.empty())
      before = message->given_up.back();
    if (!before.empty())
      message->decision += DecisionLines(now).step("failover", "pick", candidate->name, "takes over from " + before).text();
    return true;
  }
  if (route.candidates().empty()) {
    const Error error = route.error();
    message->decision += DecisionLines(now).step("route.none", "fail", message->recipients.front().to, error.message).text();
    go_on(lane, message, nullptr, outcome_class(error), sms::FailureReason::kUnspecified, {},
          error.retry_after.value_or(Duration{0}));
    return false;
  }
  go_on(lane, message, nullptr, message->worth_retrying ? OutcomeClass::kRetriable : OutcomeClass::kRefused,
        sms::FailureReason::kUnspecified, {}, Duration{0});
  return false;
}

void SmsDispatcher::note(Session& session, const std::vector<OutgoingPtr>& batch, std::vector<std::vector<bool>>& kept,
                         Handover& handover) const {
  std::vector<sms_records::HandoverCall> calls;
  handover.open = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const OutgoingSms& sms = *batch[i];
    sms_records::HandoverCall call;
    call.provider = sms.target->name;
    const bool check = sms.recalls != consent_.recalls();
    kept[i].assign(sms.recipients.size(), true);
    for (std::size_t j = 0; j < sms.recipients.size(); ++j) {
      const OutgoingRecipient& recipient = sms.recipients[j];
      if (check) {
        if (!sms_records::is_open(session, sms.resource->key, recipient.message_id)) {
          kept[i][j] = false;
          continue;
        }
        if (!sms.confirmation && SmsConsent::is_opted_out(session, *sms.resource, sms.from, recipient.to)) {
          kept[i][j] = false;
          const Time now = context_.clock.now();
          sms_records::Transition transition;
          transition.state = sms::MessageState::kFailed;
          transition.reason = sms::FailureReason::kOptedOut;
          transition.at_us = unix_us(now);
          transition.decision = DecisionLines(now)
                                    .step("consent", "reject", recipient.to, "opted out of messages from " + sms.from + " since")
                                    .take();
          if (const auto finished = sms_records::finish(session, sms.resource->key, recipient.message_id, transition))
            append_delivery_report(context_, session, *sms.resource, *finished, transition.state, transition.reason, {}, now,
                                   make_event_id(context_.ids, now), 0);
          if (sms.reserved) settle_reservation(session, sms.resource->key, recipient.message_id, 0);
          continue;
        }
      }
      call.message_ids.push_back(recipient.message_id);
      ++handover.open;
    }
    if (!call.message_ids.empty()) calls.push_back(std::move(call));
  }
  handover.id = calls.empty() ? 0 : sms_records::add_handover(session, calls);
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
    std::erase_if(*batch, [&](const OutgoingPtr& message) { return !pick(*lane, message); });
    if (batch->empty()) continue;
    auto handover = std::make_shared<Handover>();
    auto kept = std::make_shared<std::vector<std::vector<bool>>>(batch->size());
    std::optional<Error> failure;
    try {
      // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
      auto work = [this, batch, kept, handover](Session& session) { note(session, *batch, *kept, *handover); };
      co_await lane->database->write(std::move(work));
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
    for (std::size_t i = 0; i < batch->size(); ++i) {
      std::vector<OutgoingRecipient>& recipients = (*batch)[i]->recipients;
      std::size_t j = 0;
      std::erase_if(recipients, [&](const OutgoingRecipient&) { return !(*kept)[i][j++]; });
      if (!recipients.empty()) call(*lane, (*batch)[i], handover);
    }
  }
}

}  // namespace trunkline
