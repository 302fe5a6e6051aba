// The context of one operation: Call as the implementing side sees it, CallOptions as the calling side gives it.
// Hand-written, header-only, C++20.
#pragma once
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "trunkline/abi.h"
#include "trunkline/error.hpp"

namespace trunkline {

namespace abi {
class Arena;
}

/// What a caller asks of one call.
struct CallOptions {
  // Declared, so that this is no aggregate: GCC 12 destroys an aggregate twice that a default argument `= {}` makes within a
  // co_await expression.
  CallOptions() = default;
  /// On the clock of the runtime. When it passes, the call ends with kDeadlineExceeded.
  std::optional<Time> deadline;
  /// Asks the other side to stop; it still completes the call.
  std::stop_token stop;
  /// The same, from the ABI; used when `stop` can never be requested. Must live until the call has completed.
  const tl_cancel* cancel = nullptr;
  std::string idempotency_key;
  std::string traceparent;
  /// Name of the communication resource on whose behalf.
  std::string resource;
  /// For start_…_raw: the arena of the arguments; its guard words are checked when the call completes.
  const abi::Arena* arguments = nullptr;
};

/// Ends a subscription of Call::on_cancel. Destroy it before the operation completes.
class CancelSubscription {
 public:
  CancelSubscription() = default;
  CancelSubscription(const tl_cancel* cancel, std::uint64_t cookie, std::shared_ptr<void> keep)
      : cancel_(cancel), cookie_(cookie), keep_(std::move(keep)) {}
  CancelSubscription(CancelSubscription&& other) noexcept
      : cancel_(std::exchange(other.cancel_, nullptr)), cookie_(std::exchange(other.cookie_, 0)), keep_(std::move(other.keep_)) {}
  CancelSubscription& operator=(CancelSubscription&& other) noexcept {
    std::swap(cancel_, other.cancel_);
    std::swap(cookie_, other.cookie_);
    std::swap(keep_, other.keep_);
    return *this;
  }
  ~CancelSubscription() { reset(); }
  /// After it returns the function is not running and will not run.
  void reset() {
    if (cookie_) cancel_->unsubscribe(cancel_->ctx, std::exchange(cookie_, 0));
    keep_.reset();
  }

 private:
  const tl_cancel* cancel_ = nullptr;
  std::uint64_t cookie_ = 0;
  std::shared_ptr<void> keep_;
};

/// A view of tl_call, valid until the operation has completed. Copies freely; every member is [any-thread].
class Call {
 public:
  Call() = default;
  explicit Call(const tl_call* call) : call_(call) {}

  std::optional<Time> deadline() const {
    if (!call_ || !TL_HAS(call_, deadline) || !call_->deadline.has) return std::nullopt;
    return Time{Duration{call_->deadline.value}};
  }
  bool cancelled() const {
    const tl_cancel* cancel = token();
    return cancel && cancel->is_cancelled(cancel->ctx);
  }
  /// Throws kCancelled when the caller has asked to stop.
  void check_cancelled() const {
    if (cancelled()) throw Error(ErrorCode::kCancelled, "the caller cancelled the operation");
  }
  /// Runs fn once when the caller asks to stop, at once when it has done so already. fn must not throw.
  template <class F>
  [[nodiscard]] CancelSubscription on_cancel(F fn) const {
    const tl_cancel* cancel = token();
    if (!cancel) return {};
    auto keep = std::make_shared<F>(std::move(fn));
    const std::uint64_t cookie = cancel->subscribe(
        cancel->ctx, +[](void* arg) { (*static_cast<F*>(arg))(); }, keep.get());
    return {cancel, cookie, std::move(keep)};
  }
  /// Empty when absent.
  std::string_view idempotency_key() const { return call_ && TL_HAS(call_, idempotency_key) ? view(call_->idempotency_key) : ""; }
  std::string_view traceparent() const { return call_ && TL_HAS(call_, traceparent) ? view(call_->traceparent) : ""; }
  std::string_view resource() const { return call_ && TL_HAS(call_, resource) ? view(call_->resource) : ""; }

  /// Options for a call that is made while serving this one: same deadline, cancellation, trace and resource.
  CallOptions forward() const {
    CallOptions options;
    options.deadline = deadline();
    options.cancel = token();
    options.traceparent = traceparent();
    options.resource = resource();
    return options;
  }
  const tl_call* raw() const { return call_; }

 private:
  static std::string_view view(const tl_str& s) { return {s.data, s.size}; }
  const tl_cancel* token() const { return call_ && TL_HAS(call_, cancel) ? call_->cancel : nullptr; }
  const tl_call* call_ = nullptr;
};

}  // namespace trunkline
