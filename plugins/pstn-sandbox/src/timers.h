// Functions that run later on the host's clock.
#pragma once
#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>

#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace pstn_sandbox {

/// Each has a sleep of its own; calls are few and short-lived beside messages. [any-thread]
class Timers {
 public:
  explicit Timers(trunkline::host::ClockClient clock) : clock_(clock) {}

  /// Runs `fn`, which must not throw, on a thread of the host's, unless `stop` is requested before.
  void after(trunkline::Duration delay, std::stop_token stop, std::function<void()> fn);
  /// Work that stop() waits for.
  void run(trunkline::Task<void> task);
  /// Completes once nothing runs any more; nothing is taken afterwards. What sleeps must have been stopped before.
  trunkline::Task<void> stop();

 private:
  bool begin();
  void ended();

  const trunkline::host::ClockClient clock_;
  std::mutex mutex_;
  std::size_t running_ = 0;
  bool stopped_ = false;
  std::function<void()> idle_;  // set by stop()
};

}  // namespace pstn_sandbox
