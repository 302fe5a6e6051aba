// Of the subscription service: replays that come to their end, subscriptions whose time is over.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/diagnostics/log.h"
#include "runtime/eventgrid/subscription_hold.h"
#include "runtime/eventgrid/subscription_service.h"

namespace trunkline::eventgrid {
namespace {

using SubscriptionState = delivery::SubscriptionRow::State;

/// How long a finished replay is kept, for those who want to know what became of it.
constexpr Duration kKeepFinished = std::chrono::hours{24};

}  // namespace

// ---- replays

void EventSubscriptionService::finish(store::Database& database, std::int64_t subscription_key) {
  using Row = delivery::RetryRow::State;
  for (const Row state : {Row::kRetrying, Row::kBlocked, Row::kDeadLettering})
    if (delivery::count_retries(database, subscription_key, state) > 0) return;
  const EventSubscriptionPtr subscription = find_if([&](const EventSubscription& one) {
    return one.source.database == &database && one.row.key == subscription_key && one.row.state == SubscriptionState::kActive;
  });
  if (!subscription) return;
  {
    // The write that made it may still be under way: a short replay is faster. Whoever holds the name tells us then.
    const std::lock_guard lock(mutex_);
    const Key key{{subscription->source.database, subscription->source.key}, to_lower(subscription->row.name)};
    if (in_use_.contains(key)) {
      ended_while_in_use_[key] = subscription_key;
      return;
    }
  }
  spawn(set_finished(subscription), [this, subscription, &database, subscription_key](const Result<void>& result) {
    if (!result.ok() && result.error().code == ErrorCode::kAborted) return finish(database, subscription_key);
    if (!result.ok())
      context_.log.debug("events", "a replay is done but could not be marked so",
                         {{"subscription", subscription->row.name}, {"error", result.error().message}});
  });
}

Task<void> EventSubscriptionService::set_finished(EventSubscriptionPtr subscription) {
  const Hold hold(*this, subscription->source, subscription->row.name);
  auto next = std::make_shared<EventSubscription>(*subscription);
  auto spec = std::make_shared<delivery::SubscriptionSpec>(*subscription->spec);
  const Time now = context_.clock.now();
  if (!spec->expires) spec->expires = now + kKeepFinished;
  next->spec = spec;
  next->row.state = SubscriptionState::kFinished;
  next->row.updated = now;
  const std::string stored = delivery::to_json(*spec, true).dump();
  delivery::SubscriptionRow* const row = &next->row;
  auto work = [row, &stored](store::Session& session) {
    delivery::SubscriptionRow out = *row;
    out.properties = stored;
    delivery::update_subscription(session, out);
  };
  co_await subscription->source.database->write(std::move(work));
  replace(subscription, next);
  context_.log.info("events", "a replay is done", {{"subscription", next->row.name}, {"source", next->source.name}});
}

// ---- expiry

void EventSubscriptionService::arm_expiry() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  std::optional<Time> first;
  for (const auto& [key, of] : sources_)
    for (const auto& [name, subscription] : of.by_name)
      if (const auto& expires = subscription->spec->expires; expires && (!first || *expires < *first)) first = expires;
  if (expiry_timer_ != 0) context_.clock.cancel(expiry_timer_);
  expiry_timer_ = first ? context_.clock.schedule_at(*first, [this] { remove_expired(); }) : 0;
}

void EventSubscriptionService::remove_expired() {
  const Time now = context_.clock.now();
  std::vector<EventSubscriptionPtr> expired;
  {
    const std::lock_guard lock(mutex_);
    expiry_timer_ = 0;
    if (stopped_) return;
    for (const auto& [key, of] : sources_)
      for (const auto& [name, subscription] : of.by_name)
        if (subscription->spec->expires && *subscription->spec->expires <= now) expired.push_back(subscription);
  }
  for (const EventSubscriptionPtr& one : expired) {
    spawn(remove(one->source, one->row.name), [this, one](const Result<bool>& result) {
      if (!result.ok())
        context_.log.warning("events", "an event subscription that has expired cannot be removed",
                             {{"subscription", one->row.name}, {"error", result.error().message}});
      else
        arm_expiry();
    });
  }
  if (expired.empty()) arm_expiry();
}

}  // namespace trunkline::eventgrid
