#include "timers.h"

#include <utility>

namespace pstn_sandbox {

using trunkline::Result;

bool Timers::begin() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  ++running_;
  return true;
}

void Timers::ended() {
  std::function<void()> idle;
  {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) idle = std::exchange(idle_, nullptr);
  }
  if (idle) idle();
}

void Timers::after(trunkline::Duration delay, std::stop_token stop, std::function<void()> fn) {
  if (!begin()) return;
  trunkline::CallOptions options;
  options.stop = stop;
  clock_.start_sleep(delay, std::move(options), [this, stop, fn = std::move(fn)](Result<void> slept) {
    if (slept.ok() && !stop.stop_requested()) fn();
    ended();
  });
}

void Timers::run(trunkline::Task<void> task) {
  if (!begin()) return;
  trunkline::spawn(std::move(task), [this](Result<void>) { ended(); });
}

trunkline::Task<void> Timers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    ++running_;  // this function: whoever ends last calls idle_
  }
  co_await trunkline::from_callback<void>([this](auto done) {
    {
      const std::lock_guard lock(mutex_);
      idle_ = [done]() mutable { done(Result<void>{}); };
    }
    ended();
  });
}

}  // namespace pstn_sandbox
