// Keeps the log of events from growing without end.
#pragma once
#include <cstdint>
#include <mutex>

#include "runtime/clock/clock.h"
#include "runtime/eventgrid/subscription_service.h"
#include "runtime/services/context.h"
#include "trunkline/task.hpp"

namespace trunkline::eventgrid {

struct RetentionOptions {
  Duration age = std::chrono::hours{7 * 24};
  std::uint64_t max_events = 0;  // in each database; 0: any number
  std::uint64_t max_bytes = 0;   // in each database; 0: any
};

/// Looks once in a while. What a subscription still waits for stays until its time to live is over (a day), however many events
/// there are; what it was tried in vain for is dropped with the reason when the event goes. [any-thread]
class EventRetention {
 public:
  EventRetention(ServiceContext& context, const EventSubscriptionService& subscriptions, RetentionOptions options);
  /// Begins to look. [lifecycle]
  void start();
  void stop();
  /// Looks now. Returns how many events were deleted.
  Task<std::int64_t> sweep();

 private:
  void schedule();
  Task<std::int64_t> sweep_one(store::Database* database, Time before);

  ServiceContext& context_;
  const EventSubscriptionService& subscriptions_;
  const RetentionOptions options_;
  const Duration interval_;
  std::mutex mutex_;
  bool running_ = false;
  Clock::TimerId timer_ = 0;
};

}  // namespace trunkline::eventgrid
