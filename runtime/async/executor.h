// The runtime's threads.
#pragma once
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <memory>

#include "runtime/base/function.h"

namespace boost::asio {
class io_context;
}

namespace trunkline {

/// Counts what is going on and will end by itself: posted functions, commits, requests to ourselves. A wait for the clock is
/// not counted, so "nothing is counted" means "nothing happens until the clock moves". [any-thread]
class WorkTracker {
 public:
  void begin() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void end() noexcept;
  std::size_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  /// Blocks until the count is zero. Never call it from counted work.
  void wait_idle() const;

 private:
  std::atomic<std::size_t> count_{0};
};

/// One unit of counted work; moves.
class WorkGuard {
 public:
  WorkGuard() = default;
  explicit WorkGuard(WorkTracker& tracker) : tracker_(&tracker) { tracker.begin(); }
  WorkGuard(WorkGuard&& other) noexcept : tracker_(std::exchange(other.tracker_, nullptr)) {}
  WorkGuard& operator=(WorkGuard&& other) noexcept {
    std::swap(tracker_, other.tracker_);
    return *this;
  }
  ~WorkGuard() {
    if (tracker_) tracker_->end();
  }

 private:
  WorkTracker* tracker_ = nullptr;
};

/// A pool of threads around one Asio io_context. Owned by the runtime; destroyed after everything that posts to it.
class Executor {
 public:
  /// Starts the threads. 0: one for each core, at least two.
  explicit Executor(unsigned threads = 0);
  Executor(const Executor&) = delete;
  ~Executor();

  /// Runs fn on a pool thread, soon. fn must not throw. Counted as work until it has returned. [any-thread]
  void post(UniqueFunction<void()> fn);
  /// For files that speak Asio; the header stays free of it.
  boost::asio::io_context& context() noexcept;
  WorkTracker& work() noexcept { return work_; }
  unsigned thread_count() const noexcept;
  /// True on one of its threads.
  bool runs_here() const noexcept;
  /// Lets the functions that run now return and joins the threads. What is still queued never runs and is dropped here.
  /// Idempotent; never call it on one of the threads. [lifecycle]
  void stop();

  /// co_await executor.schedule(): go on on a pool thread.
  auto schedule() {
    struct Awaiter {
      Executor& executor;
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<> next) {
        executor.post([next] { next.resume(); });
      }
      void await_resume() noexcept {}
    };
    return Awaiter{*this};
  }

 private:
  struct Impl;
  WorkTracker work_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
