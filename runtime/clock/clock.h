// The only reader of time.
#pragma once
#include <cstdint>
#include <memory>

#include "runtime/async/executor.h"
#include "runtime/base/function.h"
#include "runtime/base/time_text.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

/// Time and timers of one runtime. Real: follows the system clock, plus what was advanced. Virtual: stands still until it is
/// advanced. Timers fire in order of (due time, creation), on the executor. [any-thread]
class Clock {
 public:
  enum class Mode { kReal, kVirtual };
  using TimerId = std::uint64_t;  // never 0

  /// `start`: first value of a virtual clock; ignored for a real one.
  Clock(Executor& executor, Mode mode, Time start = Time{std::chrono::seconds{1767225600}});  // 2026-01-01T00:00:00Z
  Clock(const Clock&) = delete;
  ~Clock();

  Mode mode() const noexcept;
  Time now() const noexcept;
  std::int64_t now_unix_us() const noexcept;

  /// Runs fn on the executor once `due` has come; a due time in the past means soon.
  TimerId schedule_at(Time due, UniqueFunction<void()> fn);
  TimerId schedule_after(Duration delay, UniqueFunction<void()> fn) { return schedule_at(now() + delay, std::move(fn)); }
  /// False: it has fired or is firing.
  bool cancel(TimerId id);
  /// Timers that have not fired.
  std::size_t pending() const;

  /// Moves the clock forward step by step: to each due time in turn, waiting after each until the work it caused has settled.
  /// Blocks; never call it on an executor thread. Throws kInvalidArgument for a negative step.
  Time advance(Duration by);
  /// The same as a task, stepped by the clock's thread; completes on the executor. The code that awaits it must not be counted
  /// as work while it waits.
  Task<Time> advance_async(Duration by);
  /// Completes after `delay`, on the executor; throws kCancelled when the clock stops first.
  Task<void> sleep(Duration delay);
  /// Stops firing; pending functions are dropped. Comes before the executor's stop. [lifecycle]
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
