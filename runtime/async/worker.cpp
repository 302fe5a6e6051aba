#include "runtime/async/worker.h"

namespace trunkline {

void Worker::post(UniqueFunction<void()> fn) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    functions_.push_back(std::move(fn));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  changed_.notify_one();
}

void Worker::stop() {
  std::deque<UniqueFunction<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(functions_);
  }
  changed_.notify_all();
  dropped.clear();  // without the mutex: destructors do what they like
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || !functions_.empty(); });
    if (stopped_) return;
    {
      UniqueFunction<void()> next = std::move(functions_.front());
      functions_.pop_front();
      lock.unlock();
      next();
    }
    lock.lock();
  }
}

}  // namespace trunkline
