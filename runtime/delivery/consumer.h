// A consumer of a subscription that stays, such as an iterator of an application.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/delivery/pull_target.h"

namespace trunkline::delivery {

/// Never holds more than its credits, so a slow one bounds its memory: the other events stay in the log. It answers for what it
/// takes by PullTarget::acknowledge and reject; what it has not answered for when it is closed goes back as if never taken.
/// [any-thread]
class Consumer {
 public:
  Consumer(std::shared_ptr<PullTarget> target, std::uint64_t subscription, std::uint32_t credits, Duration lock)
      : target_(std::move(target)), subscription_(subscription), lock_(lock), id_(target_->attach(subscription, credits)) {}
  Consumer(const Consumer&) = delete;
  ~Consumer() { close(); }

  /// 1 to `max` events, as soon as there are some and it has credits left; none: it timed out, was closed, or the subscription
  /// is gone.
  Task<std::vector<Delivery>> take(std::uint32_t max, std::optional<Duration> timeout = std::nullopt) {
    return target_->take(subscription_, max, lock_, timeout, nullptr, id_);
  }
  /// Idempotent; ends a take that waits.
  void close() { target_->detach(subscription_, id_); }

 private:
  const std::shared_ptr<PullTarget> target_;
  const std::uint64_t subscription_;
  const Duration lock_;
  const std::uint64_t id_;
};

}  // namespace trunkline::delivery
