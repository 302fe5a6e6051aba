// Work of the providers that blocks: making an instance, stopping one.
#pragma once
#include <memory>
#include <utility>

#include "runtime/async/executor.h"
#include "runtime/async/worker.h"

namespace trunkline {

/// One after another on a thread of its own. Timers and hooks that outlive their owner share it: what is posted after stop() is
/// dropped. Counted as work, so that advancing a virtual clock waits for what it caused. [any-thread] but for stop().
class Jobs {
 public:
  explicit Jobs(Executor& executor) : executor_(executor) {}
  void post(UniqueFunction<void()> fn) {
    worker_.post([guard = WorkGuard(executor_.work()), fn = std::move(fn)]() mutable { fn(); });
  }
  /// Drops what has not begun, waits for what has. [lifecycle]
  void stop() { worker_.stop(); }

 private:
  Executor& executor_;
  Worker worker_;
};
using JobsPtr = std::shared_ptr<Jobs>;

}  // namespace trunkline
