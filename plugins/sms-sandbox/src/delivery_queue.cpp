#include "delivery_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sms_sandbox {

using trunkline::CallOptions;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::Time;

void DeliveryQueue::add(std::vector<std::pair<Time, Delivery>> deliveries) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    for (auto& [due, delivery] : deliveries) insert(due, std::make_unique<Delivery>(std::move(delivery)));
  }
  arm();
}

void DeliveryQueue::add(Time due, std::unique_ptr<Delivery> delivery) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    insert(due, std::move(delivery));
  }
  arm();
}

void DeliveryQueue::insert(Time due, std::unique_ptr<Delivery> delivery) {
  // Rounded up: what is due within one millisecond costs one wake-up. Equal keys keep their order.
  waiting_.emplace(std::chrono::ceil<std::chrono::milliseconds>(due), std::move(delivery));
}

void DeliveryQueue::arm() {
  Time due;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || waiting_.empty()) return;
    due = waiting_.begin()->first;
    if (armed_ && *armed_ <= due) return;
    armed_ = due;
    ++running_;
  }
  // A later sleep that is still under way finds nothing to do when it ends.
  trunkline::spawn(wait(due), [this, due](Result<void> result) {
    // Only stop() cancels; a clock that fails otherwise must not lose messages, so they are delivered early.
    if (result.ok() || result.error().code != ErrorCode::kCancelled) woken(due);
    ended();
  });
}

Task<void> DeliveryQueue::wait(Time due) {
  CallOptions options;
  options.stop = stop_.get_token();
  co_await clock_.sleep(std::max(due - clock_.now(), trunkline::Duration{0}), std::move(options));
}

void DeliveryQueue::woken(Time due) {
  {
    const std::lock_guard lock(mutex_);
    if (armed_ == due) armed_.reset();
    if (stopped_) return;
    const auto end = waiting_.upper_bound(std::max(due, clock_.now()));
    for (auto at = waiting_.begin(); at != end; ++at) ready_.push_back(std::move(at->second));
    waiting_.erase(waiting_.begin(), end);
  }
  arm();  // before the work, so that the next due time is not late
  begin_ready();
}

void DeliveryQueue::begin_ready() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(beginning_, true)) return;  // that thread looks again before it leaves
  }
  for (;;) {
    std::unique_ptr<Delivery> delivery;
    {
      const std::lock_guard lock(mutex_);
      if (ready_.empty() || active_ == kMaxActive) {
        beginning_ = false;
        return;
      }
      delivery = std::move(ready_.front());
      ready_.pop_front();
      ++active_;
      ++running_;
    }
    trunkline::spawn(deliver_(std::move(delivery)), [this](Result<void>) {
      {
        const std::lock_guard lock(mutex_);
        --active_;
      }
      begin_ready();
      ended();
    });
  }
}

void DeliveryQueue::ended() {
  std::function<void()> idle;
  {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) idle = std::exchange(idle_, nullptr);
  }
  if (idle) idle();
}

Task<void> DeliveryQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
    ready_.clear();
    ++running_;  // this function: whoever ends last calls idle_
  }
  stop_.request_stop();
  co_await trunkline::from_callback<void>([this](auto done) {
    {
      const std::lock_guard lock(mutex_);
      idle_ = [done]() mutable { done(Result<void>{}); };
    }
    ended();
  });
}

}  // namespace sms_sandbox
