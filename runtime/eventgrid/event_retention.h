// Keeps the log of events from growing without end.
#pragma once
#include <cstdint>
#include <mutex>

#include "runtime/clock/clock.h"
#include "runtime/services/context.h"
#include "trunkline/task.hpp"

namespace trunkline::eventgrid {

struct RetentionOptions {
  Duration age = std::chrono::hours{7 * 24};
  std::uint64_t max_events = 0;  // in each database; 0: any number
  std::uint64_t max_bytes = 0;   // in each database; 0: any
};

/// Looks once in a while. What still waits for a delivery goes too when its time has come: its subscription says so. [any-thread]
class EventRetention {
 public:
  EventRetention(ServiceContext& context, RetentionOptions options);
  /// Begins to look. [lifecycle]
  void start();
  void stop();
  /// Looks now. Returns how many events were deleted.
  Task<std::int64_t> sweep();

 private:
  void schedule();

  ServiceContext& context_;
  const RetentionOptions options_;
  const Duration interval_;
  std::mutex mutex_;
  bool running_ = false;
  Clock::TimerId timer_ = 0;
};

}  // namespace trunkline::eventgrid
