// Mutual exclusion across co_await. For plugins. Hand-written, header-only, C++20.
#pragma once
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "trunkline/task.hpp"

namespace trunkline {

/// Waits suspend and block no thread; they are served in order. The holder's thread goes on with the next one. [any-thread]
class AsyncMutex {
 public:
  /// Releases the mutex when it is destroyed.
  class Lock {
   public:
    explicit Lock(AsyncMutex& mutex) : mutex_(&mutex) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock() {
      if (mutex_) mutex_->unlock();
    }

   private:
    AsyncMutex* mutex_;
  };

  Task<Lock> lock() {
    co_await from_callback<void>([this](auto done) {
      {
        const std::lock_guard guard(mutex_);
        if (held_) {
          waiting_.emplace_back([done]() mutable { done(Result<void>{}); });
          return;
        }
        held_ = true;
      }
      done(Result<void>{});
    });
    co_return Lock(*this);
  }

 private:
  void unlock() {
    std::function<void()> next;
    {
      const std::lock_guard guard(mutex_);
      if (waiting_.empty()) {
        held_ = false;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next();  // the mutex stays held, by the next one now
  }

  std::mutex mutex_;
  bool held_ = false;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace trunkline
