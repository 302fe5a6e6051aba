#include "runtime/async/executor.h"

#include <pthread.h>
#include <atomic>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace trunkline {
namespace {

thread_local const Executor* current_executor = nullptr;

unsigned default_threads() { return std::max(2u, std::thread::hardware_concurrency()); }

/// An io_context whose queued functions and pending operations can be dropped before it goes.
class DroppableContext : public boost::asio::io_context {
 public:
  using boost::asio::io_context::io_context;
  void drop() { shutdown(); }
};

}  // namespace

void WorkTracker::end() noexcept {
  if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) count_.notify_all();
}

void WorkTracker::wait_idle() const {
  for (std::size_t n = count(); n != 0; n = count()) count_.wait(n, std::memory_order_acquire);
}

struct Executor::Impl {
  explicit Impl(unsigned count) : context(static_cast<int>(count)), keep_running(context.get_executor()), thread_count(count) {}

  DroppableContext context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running;
  const unsigned thread_count;
  std::once_flag stopped;
  std::atomic<bool> ended{false};
  std::vector<std::thread> threads;
};

Executor::Executor(unsigned threads) : impl_(std::make_unique<Impl>(threads == 0 ? default_threads() : threads)) {
  for (unsigned i = 0; i < impl_->thread_count; ++i) {
    // noexcept: a throwing function ends the process at once instead of leaving a smaller pool behind.
    impl_->threads.emplace_back([this, i]() noexcept {
      pthread_setname_np(pthread_self(), ("tl-exec-" + std::to_string(i)).c_str());
      current_executor = this;
      impl_->context.run();
    });
  }
}

Executor::~Executor() { stop(); }

void Executor::post(UniqueFunction<void()> fn) {
  if (impl_->ended.load(std::memory_order_acquire)) return;  // nobody would run it, and it must not wait for our destructor
  boost::asio::post(impl_->context, [fn = std::move(fn), guard = WorkGuard(work_)]() mutable { fn(); });
}

boost::asio::io_context& Executor::context() noexcept { return impl_->context; }
unsigned Executor::thread_count() const noexcept { return impl_->thread_count; }
bool Executor::runs_here() const noexcept { return current_executor == this; }

void Executor::stop() {
  std::call_once(impl_->stopped, [this] {
    impl_->keep_running.reset();
    impl_->context.stop();
    for (std::thread& thread : impl_->threads) thread.join();
    // Now, while what they refer to is still there: a clock, a log.
    impl_->ended.store(true, std::memory_order_release);
    impl_->context.drop();
  });
}

}  // namespace trunkline
