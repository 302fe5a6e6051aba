// A circuit breaker: a provider that fails again and again is left alone for a while, and comes back by degrees.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {

/// closed -> (so many failures in a row) -> open -> (time) -> half-open: one call is let through. When it succeeds the breaker is
/// returning: the share of calls that go grows from a tenth to all of them over `return_over`. A failure in either opens it
/// again. Time comes from the caller, who has it from the Clock. [any-thread], lock-free.
class CircuitBreaker {
 public:
  struct Options {
    int failures = 5;
    Duration open_for = std::chrono::seconds(30);
    /// 0: the first success closes it.
    Duration return_over{0};
  };
  enum class State { kClosed, kOpen, kHalfOpen, kReturning };

  CircuitBreaker() = default;
  explicit CircuitBreaker(Options options) : options_(options) {}

  /// Before the first call. [lifecycle]
  void configure(Options options) { options_ = options; }

  /// As if nothing had been called yet.
  void forget() noexcept {
    failures_.store(0, std::memory_order_relaxed);
    returning_since_.store(0, std::memory_order_release);
  }

  /// True: the call may go. In the half-open state only the first caller hears true; should that call never be recorded, the
  /// next one gets its turn after another `open_for`. While returning, the calls that hear false are to go elsewhere if they can.
  bool allow(Time now) noexcept {
    const std::int64_t at = now.time_since_epoch().count();
    if (failures_.load(std::memory_order_relaxed) < options_.failures) {
      const std::int64_t since = returning_since_.load(std::memory_order_acquire);
      if (since == 0) return true;
      const double share = share_at(at, since);
      if (share >= 1) {
        std::int64_t expected = since;
        returning_since_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel);
        return true;
      }
      // Every n-th call, so that what goes does not depend on chance.
      const std::uint64_t n = turns_.fetch_add(1, std::memory_order_relaxed);
      const auto due = [&](std::uint64_t k) { return static_cast<std::uint64_t>(static_cast<double>(k) * share); };
      return due(n + 1) > due(n);
    }
    std::int64_t until = open_until_.load(std::memory_order_acquire);
    return at >= until && open_until_.compare_exchange_strong(until, at + options_.open_for.count(), std::memory_order_acq_rel);
  }
  void success(Time now) noexcept {
    const int failures = failures_.load(std::memory_order_relaxed);
    if (failures == 0) return;
    if (failures >= options_.failures && options_.return_over > Duration{0})
      returning_since_.store(now.time_since_epoch().count(), std::memory_order_release);
    failures_.store(0, std::memory_order_relaxed);
  }
  /// True: this failure opened it.
  bool failure(Time now) noexcept {
    const int before = failures_.fetch_add(1, std::memory_order_relaxed);
    const bool returning = returning_since_.exchange(0, std::memory_order_acq_rel) != 0;
    if (returning) failures_.store(options_.failures, std::memory_order_relaxed);
    if (!returning && before + 1 < options_.failures) return false;
    open_until_.store((now + options_.open_for).time_since_epoch().count(), std::memory_order_release);
    return returning || before + 1 == options_.failures;
  }
  State state(Time now) const noexcept {
    const std::int64_t at = now.time_since_epoch().count();
    if (failures_.load(std::memory_order_relaxed) < options_.failures) {
      const std::int64_t since = returning_since_.load(std::memory_order_acquire);
      return since == 0 || share_at(at, since) >= 1 ? State::kClosed : State::kReturning;
    }
    return at < open_until_.load(std::memory_order_acquire) ? State::kOpen : State::kHalfOpen;
  }
  Time open_until() const noexcept { return Time{Duration{open_until_.load(std::memory_order_acquire)}}; }
  /// Share of the calls that go, 0 to 1.
  double share(Time now) const noexcept {
    switch (state(now)) {
      case State::kClosed:
        return 1;
      case State::kReturning:
        return share_at(now.time_since_epoch().count(), returning_since_.load(std::memory_order_acquire));
      default:
        return 0;
    }
  }

  /// Whether an error speaks against the provider; an error about the request does not.
  static bool counts(ErrorCode code) noexcept {
    switch (code) {
      case ErrorCode::kUnavailable:
      case ErrorCode::kDeadlineExceeded:
      case ErrorCode::kInternal:
      case ErrorCode::kUnknown:
      case ErrorCode::kDataLoss:
      case ErrorCode::kUnauthenticated:
        return true;
      default:
        return false;
    }
  }

 private:
  static constexpr double kFirstShare = 0.1;

  double share_at(std::int64_t at, std::int64_t since) const noexcept {
    const double over = static_cast<double>(std::max<std::int64_t>(1, options_.return_over.count()));
    return std::min(1.0, kFirstShare + (1 - kFirstShare) * static_cast<double>(at - since) / over);
  }

  Options options_;
  std::atomic<int> failures_{0};  // in a row
  std::atomic<std::int64_t> open_until_{0};
  std::atomic<std::int64_t> returning_since_{0};  // 0: not returning
  std::atomic<std::uint64_t> turns_{0};
};

}  // namespace trunkline
