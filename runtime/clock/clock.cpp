#include "runtime/clock/clock.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/clock/timer_heap.h"

namespace trunkline {
namespace {

Time system_now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

Time add_saturating(Time time, Duration by) {
  if (by > Duration::zero() && time > Time::max() - by) return Time::max();
  return time + by;
}

/// Calls `done` exactly once, with kCancelled when it is dropped: a task that sleeps ends even when the clock stops.
class SleepDone {
 public:
  explicit SleepDone(UniqueFunction<void(Result<void>)> done) : done_(std::move(done)) {}
  SleepDone(SleepDone&&) noexcept = default;
  ~SleepDone() {
    if (done_) done_(Error(ErrorCode::kCancelled, "the clock has stopped"));
  }
  void operator()() { std::exchange(done_, {})(Result<void>()); }

 private:
  UniqueFunction<void(Result<void>)> done_;
};

}  // namespace

// One thread serves both jobs: it fires timers as real time passes and steps through the advances that tasks asked for. While
// an advance runs, on whatever thread, only that advance fires timers (`advancing`), so their order is kept.
struct Clock::Impl {
  struct AdvanceRequest {
    Duration by;
    UniqueFunction<void(Result<Time>)> done;
  };

  Impl(Executor& executor, Mode mode, Time start)
      : executor(executor), mode(mode), base(mode == Mode::kVirtual ? start : Time{}) {}

  Executor& executor;
  const Mode mode;
  // Virtual: the time. Real: what was advanced, as an offset from the epoch. Written under `mutex`.
  std::atomic<Time> base;

  std::mutex advance_mutex;  // held through one advance; taken before `mutex`
  mutable std::mutex mutex;
  std::condition_variable wake;
  TimerHeap timers;
  bool advancing = false;
  bool stopped = false;
  std::deque<AdvanceRequest> requests;
  std::thread thread;

  Time now() const noexcept {
    const Time value = base.load(std::memory_order_acquire);
    return mode == Mode::kVirtual ? value : system_now() + value.time_since_epoch();
  }

  // Moves forward to `target`, never back. Under `mutex`.
  void move_to(Time target) {
    const Time current = now();
    if (target > current) base.store(base.load(std::memory_order_relaxed) + (target - current), std::memory_order_release);
  }

  // Posting under the lock keeps the order of firing. Under `mutex`.
  void fire_due() {
    while (const auto due = timers.next_due()) {
      if (*due > now()) return;
      executor.post(timers.pop());
    }
  }

  void start_thread() {
    if (thread.joinable() || stopped) return;
    thread = std::thread([this] {
      pthread_setname_np(pthread_self(), "tl-clock");
      run();
    });
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!stopped) {
      if (!requests.empty()) {
        AdvanceRequest request = std::move(requests.front());
        requests.pop_front();
        lock.unlock();
        finish(std::move(request));
        lock.lock();
        continue;
      }
      if (mode == Mode::kVirtual || advancing) {
        wake.wait(lock);
        continue;
      }
      fire_due();
      const auto due = timers.next_due();
      if (!due || *due == Time::max())
        wake.wait(lock);
      else  // the system clock on purpose: a step of it must move our timers too
        wake.wait_until(lock, *due - base.load(std::memory_order_relaxed).time_since_epoch());
    }
  }

  void finish(AdvanceRequest request) {
    Result<Time> result;
    try {
      result = advance(request.by);
    } catch (...) {
      result = current_error();
    }
    executor.post([done = std::move(request.done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  Time advance(Duration by) {
    if (by < Duration::zero()) throw Error(ErrorCode::kInvalidArgument, "the clock cannot go back", "by");
    const std::lock_guard one_at_a_time(advance_mutex);
    std::unique_lock lock(mutex);
    advancing = true;
    // What is under way may still set timers that this step has to meet.
    settle(lock);
    const Time target = add_saturating(now(), by);
    while (!stopped) {
      const auto due = timers.next_due();
      if (!due || *due > target) break;
      move_to(*due);
      executor.post(timers.pop());
      settle(lock);
    }
    if (!stopped) move_to(target);
    advancing = false;
    if (stopped) throw Error(ErrorCode::kCancelled, "the clock has stopped");
    const Time reached = now();
    lock.unlock();
    wake.notify_all();  // the thread may fire again, and the distance to the next timer has changed
    return reached;
  }

  void settle(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    executor.work().wait_idle();
    lock.lock();
  }
};

Clock::Clock(Executor& executor, Mode mode, Time start) : impl_(std::make_unique<Impl>(executor, mode, start)) {
  if (mode == Mode::kReal) impl_->start_thread();
}

Clock::~Clock() { stop(); }

Clock::Mode Clock::mode() const noexcept { return impl_->mode; }
Time Clock::now() const noexcept { return impl_->now(); }

std::int64_t Clock::now_unix_us() const noexcept {
  return std::chrono::floor<std::chrono::microseconds>(now().time_since_epoch()).count();
}

Clock::TimerId Clock::schedule_at(Time due, UniqueFunction<void()> fn) {
  TimerId id;
  bool is_first;
  {
    const std::lock_guard lock(impl_->mutex);
    id = impl_->timers.push(due, std::move(fn));
    if (impl_->stopped) {
      fn = impl_->timers.remove(id);  // dropped below, outside the lock
      return id;
    }
    if (impl_->mode == Mode::kVirtual && !impl_->advancing) impl_->fire_due();
    is_first = impl_->mode == Mode::kReal && impl_->timers.next_due() == due;
  }
  if (is_first) impl_->wake.notify_one();
  return id;
}

bool Clock::cancel(TimerId id) {
  UniqueFunction<void()> dropped;  // destroyed after the lock is released: it may own anything
  const std::lock_guard lock(impl_->mutex);
  dropped = impl_->timers.remove(id);
  return static_cast<bool>(dropped);
}

std::size_t Clock::pending() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->timers.size();
}

Time Clock::advance(Duration by) { return impl_->advance(by); }

Task<Time> Clock::advance_async(Duration by) {
  co_return co_await from_callback<Time>([this, by](auto done) {
    {
      const std::lock_guard lock(impl_->mutex);
      if (!impl_->stopped) {
        impl_->start_thread();
        impl_->requests.push_back({by, std::move(done)});
        impl_->wake.notify_all();
        return;
      }
    }
    done(Result<Time>(Error(ErrorCode::kCancelled, "the clock has stopped")));
  });
}

Task<void> Clock::sleep(Duration delay) {
  co_await from_callback<void>([this, delay](auto done) { schedule_after(delay, SleepDone(std::move(done))); });
}

void Clock::stop() {
  TimerHeap dropped_timers;
  std::deque<Impl::AdvanceRequest> dropped_requests;
  std::thread thread;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    std::swap(dropped_timers, impl_->timers);
    std::swap(dropped_requests, impl_->requests);
    thread = std::move(impl_->thread);
  }
  impl_->wake.notify_all();
  if (thread.joinable()) thread.join();
  for (auto& request : dropped_requests) request.done(Result<Time>(Error(ErrorCode::kCancelled, "the clock has stopped")));
}

}  // namespace trunkline
