// The one type of `done` for all calls with the same result. Hand-written, header-only, C++20.
#pragma once
#include <coroutine>
#include <utility>

#include "trunkline/task.hpp"

namespace trunkline::abi {

/// Waits for the result of one call. complete() is called exactly once, on any thread, and ends the caller's claim on it.
template <class R>
class Receiver {
 public:
  virtual void complete(Result<R> result) noexcept = 0;

 protected:
  ~Receiver() = default;
};

/// The `done` of a call. Dropping it without a call completes it with an error. Code that takes it is compiled once for each
/// result, not once for each caller.
template <class R>
class Callback {
 public:
  Callback() = default;
  explicit Callback(Receiver<R>& receiver) : receiver_(&receiver) {}
  Callback(Callback&& other) noexcept : receiver_(std::exchange(other.receiver_, nullptr)) {}
  Callback& operator=(Callback&& other) noexcept {
    std::swap(receiver_, other.receiver_);
    return *this;
  }
  ~Callback() {
    if (receiver_) (*this)(Error(ErrorCode::kInternal, "the call was dropped without an answer"));
  }
  void operator()(Result<R> result) { std::exchange(receiver_, nullptr)->complete(std::move(result)); }

 private:
  Receiver<R>* receiver_ = nullptr;
};

/// What a coroutine awaits after it has started a call, once. Must live until then, in the coroutine's frame.
template <class R>
class Awaited final : public Receiver<R> {
 public:
  bool await_ready() noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> next) noexcept {
    continuation_ = next;
    return meet_.arrive_waiting();
  }
  R await_resume() {
    if constexpr (std::is_void_v<R>)
      result_.value();
    else
      return std::move(result_).value();
  }
  void complete(Result<R> result) noexcept override {
    result_ = std::move(result);
    // True only while the coroutine is suspended, and nobody else resumes it: *this is there. Otherwise it may be gone.
    if (meet_.arrive_done()) continuation_.resume();
  }

 private:
  Result<R> result_;
  detail::Rendezvous meet_;
  std::coroutine_handle<> continuation_;
};

}  // namespace trunkline::abi
