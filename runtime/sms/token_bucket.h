// A rate limit that says when it is one's turn.
#pragma once
#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/base/strings.h"
#include "trunkline/error.hpp"

namespace trunkline {

/// So many in so much time, with a burst after a silence. Turns are given away in order and never come back. Not for two threads.
class TokenBucket {
 public:
  /// `messages` > 0.
  TokenBucket(std::uint32_t messages, Duration per, std::uint32_t burst)
      : interval_(std::max<std::int64_t>(1, per.count() / std::max(1u, messages))),
        tolerance_(interval_ * static_cast<std::int64_t>(std::max(1u, burst) - 1)) {}

  /// Takes the next turn: when it is. At least `now`.
  Time take(Time now) {
    const Time due = next(now);
    arrival_ = std::max(arrival_, now.time_since_epoch().count()) + interval_;
    return due;
  }
  /// When the next turn is.
  Time next(Time now) const { return std::max(now, Time{Duration{arrival_ - tolerance_}}); }

 private:
  std::int64_t interval_, tolerance_;     // nanoseconds
  std::int64_t arrival_ = INT64_MIN / 2;  // theoretical arrival time of the next one (GCRA)
};

/// Buckets by name, made when they are first needed. [any-thread]
class TokenBuckets {
 public:
  struct Rate {
    std::uint32_t messages = 0;  // 0: no limit
    Duration per = std::chrono::seconds(1);
    std::uint32_t burst = 0;
  };

  Time take(std::string_view name, const Rate& rate, Time now) {
    if (rate.messages == 0) return now;
    const std::lock_guard lock(mutex_);
    return bucket(name, rate, now).take(now);
  }
  Time next(std::string_view name, const Rate& rate, Time now) {
    if (rate.messages == 0) return now;
    const std::lock_guard lock(mutex_);
    return bucket(name, rate, now).next(now);
  }

  /// As if nobody had taken a turn yet.
  void forget(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (const auto found = buckets_.find(name); found != buckets_.end()) buckets_.erase(found);
  }

 private:
  /// Senders come and go: those that are free again anyway need not be remembered.
  static constexpr std::size_t kMaxBuckets = 10'000;

  TokenBucket& bucket(std::string_view name, const Rate& rate, Time now) {
    const auto found = buckets_.find(name);
    if (found != buckets_.end()) return found->second;
    if (buckets_.size() >= kMaxBuckets) std::erase_if(buckets_, [&](const auto& entry) { return entry.second.next(now) <= now; });
    return buckets_.emplace(std::string(name), TokenBucket(rate.messages, rate.per, rate.burst)).first->second;
  }

  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, TokenBucket, StringHash, std::equal_to<>> buckets_;
};

}  // namespace trunkline
