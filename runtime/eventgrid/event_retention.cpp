#include "runtime/eventgrid/event_retention.h"

#include <algorithm>
#include <vector>

#include "runtime/delivery/records.h"
#include "runtime/diagnostics/log.h"
#include "runtime/events/event_log.h"

namespace trunkline::eventgrid {
namespace {

/// The longest time to live that a subscription may say.
constexpr Duration kLongestLife = std::chrono::hours{24};

}  // namespace

EventRetention::EventRetention(ServiceContext& context, const EventSubscriptionService& subscriptions, RetentionOptions options)
    : context_(context),
      subscriptions_(subscriptions),
      options_(options),
      // Often enough that no more than a tenth is kept too long.
      interval_(std::clamp<Duration>(options.age / 10, std::chrono::minutes{1}, std::chrono::hours{1})) {}

void EventRetention::start() {
  const std::lock_guard lock(mutex_);
  running_ = true;
  schedule();
}

void EventRetention::stop() {
  const std::lock_guard lock(mutex_);
  running_ = false;
  if (timer_ != 0) context_.clock.cancel(timer_);
  timer_ = 0;
}

// With mutex_ held.
void EventRetention::schedule() {
  if (!running_) return;
  timer_ = context_.clock.schedule_after(interval_, [this] {
    {
      const std::lock_guard lock(mutex_);
      if (!running_) return;
    }
    spawn(sweep(), [this](const Result<std::int64_t>& result) {
      if (!result.ok()) context_.log.error("events", "old events cannot be deleted", {{"error", result.error().message}});
      const std::lock_guard lock(mutex_);
      timer_ = 0;
      schedule();
    });
  });
}

Task<std::int64_t> EventRetention::sweep() {
  std::vector<store::Database*> databases(context_.store.all().begin(), context_.store.all().end());
  databases.push_back(&context_.store.system());  // the topics
  const Time before = context_.clock.now() - options_.age;
  std::int64_t total = 0;
  std::optional<Error> failure;
  for (store::Database* const database : databases) {
    try {
      total += co_await sweep_one(database, before);
    } catch (const Error& error) {
      failure = error;  // the others are looked at all the same
    }
  }
  if (total > 0) context_.log.info("events", "old events were deleted", {{"count", std::to_string(total)}});
  if (failure) throw *failure;
  co_return total;
}

Task<std::int64_t> EventRetention::sweep_one(store::Database* database, Time before) {
  const EventLog::Wanted wanted{subscriptions_.settled_up_to(*database), context_.clock.now() - kLongestLife};
  std::int64_t total = co_await context_.events.trim(*database, before, wanted);
  if (options_.max_events != 0 || options_.max_bytes != 0)
    total += co_await context_.events.trim_to(*database, static_cast<std::int64_t>(options_.max_events),
                                              static_cast<std::int64_t>(options_.max_bytes), wanted);
  auto leftovers = [before](store::Session& session) {
    delivery::trim_attempts(session, before);
    delivery::trim_closed_retries(session);
  };
  co_await database->write(std::move(leftovers));
  co_return total;
}

}  // namespace trunkline::eventgrid
