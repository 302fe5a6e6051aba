// A thread beside the pool.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/base/function.h"

namespace trunkline {

/// Runs functions one after another on a thread of its own, which begins with the first: for work that takes long, so that the
/// pool does not wait for it. Not counted as work; who wants that keeps a WorkGuard in the function. [any-thread]
class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  ~Worker() { stop(); }

  /// After stop() fn is dropped. fn must not throw.
  void post(UniqueFunction<void()> fn);
  /// Drops what has not begun, waits for what has. Idempotent; never call it from a posted function. [lifecycle]
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<UniqueFunction<void()>> functions_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace trunkline
