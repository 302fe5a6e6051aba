// A circuit breaker: a provider that fails again and again is left alone for a while.
#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>

#include "trunkline/error.hpp"

namespace trunkline {

/// closed -> (so many failures in a row) -> open -> (time) -> half-open: one call is let through; it closes or opens it again.
/// Time comes from the caller, who has it from the Clock. [any-thread], lock-free.
class CircuitBreaker {
 public:
  struct Options {
    int failures = 5;
    Duration open_for = std::chrono::seconds(30);
  };
  enum class State { kClosed, kOpen, kHalfOpen };

  CircuitBreaker() = default;
  explicit CircuitBreaker(Options options) : options_(options) {}

  /// True: the call may go. In the half-open state only the first caller hears true; should that call never be recorded, the
  /// next one gets its turn after another `open_for`.
  bool allow(Time now) noexcept {
    if (failures_.load(std::memory_order_relaxed) < options_.failures) return true;
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t until = open_until_.load(std::memory_order_acquire);
    return at >= until && open_until_.compare_exchange_strong(until, at + options_.open_for.count(), std::memory_order_acq_rel);
  }
  void success() noexcept {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
  }
  /// True: this failure opened it.
  bool failure(Time now) noexcept {
    const int before = failures_.fetch_add(1, std::memory_order_relaxed);
    if (before + 1 < options_.failures) return false;
    open_until_.store((now + options_.open_for).time_since_epoch().count(), std::memory_order_release);
    return before + 1 == options_.failures;
  }
  State state(Time now) const noexcept {
    if (failures_.load(std::memory_order_relaxed) < options_.failures) return State::kClosed;
    return now.time_since_epoch().count() < open_until_.load(std::memory_order_acquire) ? State::kOpen : State::kHalfOpen;
  }
  Time open_until() const noexcept { return Time{Duration{open_until_.load(std::memory_order_acquire)}}; }

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
  Options options_;
  std::atomic<int> failures_{0};  // in a row
  std::atomic<std::int64_t> open_until_{0};
};

}  // namespace trunkline
