// Coroutines of the C++ SDK. Hand-written, header-only, C++20.
//
// Task<T> is lazy: it runs when it is awaited, spawned or waited for, on the thread that does so, and goes on wherever what it
// awaits completes (or stays on the awaiting thread when that had completed before). A task that completes without suspending
// never grows the stack: the awaiting side looks at a flag instead of being resumed from inside. Pass parameters of coroutines by
// value; name aggregates before a co_await (GCC 12).
#pragma once
#include <atomic>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "trunkline/error.hpp"

namespace trunkline {

template <class T = void>
class Task;

namespace detail {

/// Both sides of a wait meet here: whoever comes second goes on with the work.
class Rendezvous {
 public:
  /// The waiting side has stored its continuation. True: it must suspend.
  bool arrive_waiting() noexcept { return state_.exchange(kWaiting, std::memory_order_acq_rel) == kNone; }
  /// The completing side has stored the result. True: it must resume the continuation.
  bool arrive_done() noexcept { return state_.exchange(kDone, std::memory_order_acq_rel) == kWaiting; }

 private:
  enum : int { kNone, kWaiting, kDone };
  std::atomic<int> state_{kNone};
};

template <class T>
struct TaskResult {
  std::variant<std::monostate, T, std::exception_ptr> value;
  template <class U>
  void return_value(U&& v) {
    value.template emplace<1>(std::forward<U>(v));
  }
  void unhandled_exception() noexcept { value.template emplace<2>(std::current_exception()); }
  T take() {
    if (value.index() == 2) std::rethrow_exception(std::get<2>(value));
    return std::move(std::get<1>(value));
  }
};
template <>
struct TaskResult<void> {
  std::exception_ptr error;
  void return_void() noexcept {}
  void unhandled_exception() noexcept { error = std::current_exception(); }
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

template <class T>
struct TaskPromise : TaskResult<T> {
  Rendezvous meet;
  std::coroutine_handle<> continuation;   // of who awaits it,
  std::atomic<bool>* finished = nullptr;  // or what a blocked thread looks at

  struct Final {
    bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<TaskPromise> self) noexcept {
      TaskPromise& promise = self.promise();
      const std::coroutine_handle<> next = promise.continuation;  // the frame may be gone after arrive_done
      std::atomic<bool>* const finished = promise.finished;
      if (!promise.meet.arrive_done()) return;
      if (next) return next.resume();
      finished->store(true, std::memory_order_release);
      finished->notify_one();
    }
    void await_resume() noexcept {}
  };
  Task<T> get_return_object() noexcept;
  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
};

}  // namespace detail

/// A coroutine that gives a T or throws. Owns its frame; destroying a task that has not finished is only legal when it was
/// never started.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task() = default;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> continuation) {
        promise_type& promise = handle.promise();
        promise.continuation = continuation;
        handle.resume();
        return promise.meet.arrive_waiting();
      }
      T await_resume() { return handle.promise().take(); }
    };
    return Awaiter{handle_};
  }
  /// Runs it and blocks this thread until it has finished.
  T wait() && {
    std::atomic<bool> finished{false};
    promise_type& promise = handle_.promise();
    promise.finished = &finished;
    handle_.resume();
    if (promise.meet.arrive_waiting()) finished.wait(false, std::memory_order_acquire);
    return promise.take();
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}

namespace detail {
/// A coroutine that frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};
}  // namespace detail

/// Starts a task on this thread and calls done(Result<T>) when it has finished, wherever that is. `done` must not throw.
template <class T, class F>
detail::Detached spawn(Task<T> task, F done) {
  Result<T> result;
  try {
    if constexpr (std::is_void_v<T>)
      co_await std::move(task);
    else
      result = Result<T>(co_await std::move(task));
  } catch (...) {
    result = current_error();
  }
  done(std::move(result));
}

/// Runs a task and blocks this thread until it has finished. Never call it on a thread of the executor. Throws Error.
template <class T>
T sync_wait(Task<T> task) {
  try {
    return std::move(task).wait();
  } catch (...) {
    throw current_error();
  }
}

/// Awaits a callback operation: start(done) begins it, and done(Result<T>) ends it exactly once on any thread, perhaps before
/// start returns. The coroutine goes on where `done` is called.
template <class T, class Start>
auto from_callback(Start start) {
  struct Awaiter {
    Start start;
    Result<T> result;
    detail::Rendezvous meet;
    std::coroutine_handle<> continuation;

    explicit Awaiter(Start s) : start(std::move(s)) {}
    bool await_ready() noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> next) {
      continuation = next;
      start([this](Result<T> r) {
        result = std::move(r);
        const std::coroutine_handle<> resume = continuation;  // *this may be gone after arrive_done
        if (meet.arrive_done()) resume.resume();
      });
      return meet.arrive_waiting();
    }
    T await_resume() {
      if constexpr (std::is_void_v<T>)
        result.value();
      else
        return std::move(result).value();
    }
  };
  return Awaiter(std::move(start));
}

}  // namespace trunkline
