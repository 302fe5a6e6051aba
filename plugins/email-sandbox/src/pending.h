// Work that goes on behind the call that began it, and ends with the instance.
#pragma once
#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>

#include "trunkline/task.hpp"

namespace email_sandbox {

/// Counts coroutines that run on their own. [any-thread]
class Pending {
 public:
  std::stop_token stop_token() const { return stop_.get_token(); }
  bool stopping() const { return stop_.stop_requested(); }

  /// `task` must not throw. Not begun once stop() was called.
  void run(trunkline::Task<void> task) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      ++running_;
    }
    trunkline::spawn(std::move(task), [this](trunkline::Result<void>) { ended(); });
  }
  /// Asks all to stop, and completes once they have.
  trunkline::Task<void> stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      ++running_;  // this function: whoever ends last calls idle_
    }
    stop_.request_stop();
    auto start = [this](auto done) {
      {
        const std::lock_guard lock(mutex_);
        idle_ = [done]() mutable { done(trunkline::Result<void>{}); };
      }
      ended();
    };
    co_await trunkline::from_callback<void>(std::move(start));
  }

 private:
  void ended() {
    std::function<void()> idle;
    {
      const std::lock_guard lock(mutex_);
      if (--running_ == 0) idle = std::exchange(idle_, nullptr);
    }
    if (idle) idle();
  }

  std::stop_source stop_;
  std::mutex mutex_;
  std::size_t running_ = 0;
  bool stopped_ = false;
  std::function<void()> idle_;
};

}  // namespace email_sandbox
