// A thread, completions that wait, and errors as a test asks for them.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "trunkline/completion.hpp"

namespace trunkline::fake {

/// One thread that runs what is posted, in order.
class Worker {
 public:
  ~Worker() {
    post(nullptr);
    thread_.join();
  }
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    ready_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return !queue_.empty(); });
      const auto work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      if (!work) return;
      work();
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  std::thread thread_{[this] { run(); }};
};

/// Completions that nobody has asked for yet.
template <class T>
class Parked {
 public:
  void park(Completion<T> done) {
    const std::lock_guard lock(mutex_);
    parked_.push_back(std::move(done));
  }
  void fail_all(const Error& error) {
    std::vector<Completion<T>> all;
    {
      const std::lock_guard lock(mutex_);
      all.swap(parked_);
    }
    for (auto& done : all) done.reject(error);
  }

 private:
  std::mutex mutex_;
  std::vector<Completion<T>> parked_;
};

/// std::function wants copies.
template <class T>
std::shared_ptr<Completion<T>> shared(Completion<T> done) {
  return std::make_shared<Completion<T>>(std::move(done));
}

inline Error asked_error(std::string_view text) {
  Error error(static_cast<ErrorCode>(std::stoi(std::string(text.substr(6)))), "as asked");
  error.with_target("message.to[0]");
  error.provider_code = "X-1";
  error.retryable = true;
  error.retry_after = std::chrono::milliseconds(1500);
  return error;
}

}  // namespace trunkline::fake
