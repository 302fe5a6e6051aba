#include "runtime/clock/signal.h"

#include <mutex>

namespace trunkline {

/// Shared with timers, which may fire after their wait has ended and its owner has gone.
struct Signal::State {
  using Waiter = UniqueFunction<void(Result<Wake>)>;

  State(Executor& e, Clock& c, bool n) : executor(e), clock(c), news(n) {}

  Executor& executor;
  Clock& clock;

  std::mutex mutex;  // guards what follows
  bool news;
  bool closed = false;
  bool busy = false;
  Waiter waiter;
  std::uint64_t wait_id = 0;  // of the latest wait, so that the timer of an earlier one does not end it

  // With the mutex held.
  std::optional<Wake> take() {
    if (closed) return Wake::kClosed;
    if (std::exchange(news, false)) return Wake::kNews;
    return std::nullopt;
  }

  // Through the executor: the caller may have others to tell, or be the consumer itself.
  void resume(Waiter to, Wake reason) {
    executor.post([to = std::move(to), reason]() mutable { to(reason); });
  }

  void time_out(std::uint64_t id) {
    Waiter to;
    {
      const std::lock_guard lock(mutex);
      if (id != wait_id) return;
      to = std::move(waiter);
    }
    if (to) to(Wake::kTimeout);  // timers fire on the executor
  }
};

Signal::Turn::Turn(Signal& signal, const char* owner) : signal_(signal) {
  const std::lock_guard lock(signal.state_->mutex);
  if (signal.state_->busy)
    throw Error(ErrorCode::kFailedPrecondition, "another next() of this " + std::string(owner) + " is pending");
  signal.state_->busy = true;
}

Signal::Turn::~Turn() {
  const std::lock_guard lock(signal_.state_->mutex);
  signal_.state_->busy = false;
}

Signal::Signal(Executor& executor, Clock& clock, bool news) : state_(std::make_shared<State>(executor, clock, news)) {}
Signal::~Signal() = default;

void Signal::set() {
  State::Waiter waiter;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) return;
    state_->news = !state_->waiter;  // the one who waits takes them
    waiter = std::move(state_->waiter);
  }
  if (waiter) state_->resume(std::move(waiter), Wake::kNews);
}

void Signal::close() {
  State::Waiter waiter;
  {
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->closed, true)) return;
    waiter = std::move(state_->waiter);
  }
  if (waiter) state_->resume(std::move(waiter), Wake::kClosed);
}

bool Signal::closed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->closed;
}

Task<Signal::Wake> Signal::wait(std::optional<Time> deadline) {
  const std::shared_ptr<State> state = state_;
  Clock::TimerId timer = 0;
  auto start = [&state, deadline, &timer](auto done) {
    std::uint64_t id = 0;
    std::optional<Wake> now;
    {
      const std::lock_guard lock(state->mutex);
      now = state->take();
      if (!now) state->waiter = std::move(done);
      id = ++state->wait_id;
    }
    if (now) return done(Result<Wake>(*now));
    // The waiter may be resumed meanwhile, but the coroutine goes on only after this function has returned.
    if (deadline)
      timer = state->clock.schedule_at(*deadline, [weak = std::weak_ptr(state), id] {
        if (const auto self = weak.lock()) self->time_out(id);
      });
  };
  const Wake wake = co_await from_callback<Wake>(std::move(start));
  if (timer != 0 && wake != Wake::kTimeout) state->clock.cancel(timer);
  co_return wake;
}

}  // namespace trunkline
