#include "runtime/events/subscription.h"

namespace trunkline {

// ---- Hub

bool EventLog::Hub::add(const StatePtr& state) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  by_resource_[state->resource_key].emplace(state.get(), state);
  count_.add(1);
  return true;
}

void EventLog::Hub::remove(const Subscription::State& state) {
  const std::lock_guard lock(mutex_);
  const auto found = by_resource_.find(state.resource_key);
  if (found == by_resource_.end() || found->second.erase(&state) == 0) return;
  count_.add(-1);
  if (found->second.empty()) by_resource_.erase(found);
}

std::vector<EventLog::Hub::StatePtr> EventLog::Hub::find(std::span<const std::int64_t> keys) {
  std::vector<StatePtr> states;
  const std::lock_guard lock(mutex_);
  for (const std::int64_t key : keys) {
    const auto found = by_resource_.find(key);
    if (found == by_resource_.end()) continue;
    for (const auto& [address, weak] : found->second)
      if (auto state = weak.lock()) states.push_back(std::move(state));
  }
  return states;
}

void EventLog::Hub::signal(std::span<const std::int64_t> keys) {
  for (const StatePtr& state : find(keys)) state->signal();
}

void EventLog::Hub::close(std::span<const std::int64_t> keys) {
  for (const StatePtr& state : find(keys)) state->close();
}

void EventLog::Hub::stop() {
  std::vector<std::int64_t> keys;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [key, states] : by_resource_) keys.push_back(key);
  }
  close(keys);
}

// ---- Subscription::State

/// Marks that a next is under way.
class Subscription::State::Pending {
 public:
  explicit Pending(State& state) : state_(state) {
    const std::lock_guard lock(state.mutex_);
    if (state.pending_) throw Error(ErrorCode::kFailedPrecondition, "another next() of this subscription is pending");
    state.pending_ = true;
  }
  Pending(const Pending&) = delete;
  ~Pending() {
    const std::lock_guard lock(state_.mutex_);
    state_.pending_ = false;
  }

 private:
  State& state_;
};

Subscription::State::State(store::Database& database, std::int64_t resource_key, EventFilter filter, std::int64_t after,
                           Executor& executor, Clock& clock, std::weak_ptr<EventLog::Hub> hub)
    : resource_key(resource_key),
      database_(database),
      matcher_(std::move(filter)),
      executor_(executor),
      clock_(clock),
      hub_(std::move(hub)),
      cursor_(after) {}

Subscription::State::~State() {
  if (const auto hub = hub_.lock()) hub->remove(*this);
}

Task<std::vector<Event>> Subscription::State::pull(std::shared_ptr<State> self, std::uint32_t max,
                                                   std::optional<Duration> timeout) {
  const Pending pending(*self);
  std::optional<Time> deadline;
  if (timeout) deadline = self->clock_.now() + *timeout;
  for (;;) {
    Wake wake = self->poll();
    if (wake == Wake::kTimeout) wake = co_await self->wait(deadline);
    if (wake == Wake::kClosed || wake == Wake::kTimeout) co_return std::vector<Event>();
    events::Page page;
    try {
      page = events::read_page(self->database_, self->resource_key, self->matcher_, self->cursor_, max);
    } catch (...) {
      self->look_again();
      throw;
    }
    {
      const std::lock_guard lock(self->mutex_);
      self->cursor_ = page.position;
    }
    if (page.more) self->look_again();
    if (!page.events.empty() || max == 0) co_return std::move(page.events);
    if (page.more) co_await self->executor_.schedule();  // a long stretch that the filter skips: let others run
  }
}

// Takes the news if there are any; kTimeout: there are none now.
Subscription::State::Wake Subscription::State::poll() {
  const std::lock_guard lock(mutex_);
  if (closed_) return Wake::kClosed;
  return std::exchange(news_, false) ? Wake::kNews : Wake::kTimeout;
}

Task<Subscription::State::Wake> Subscription::State::wait(std::optional<Time> deadline) {
  Clock::TimerId timer = 0;
  auto start = [this, deadline, &timer](auto done) {
    std::uint64_t id = 0;
    std::optional<Wake> now;
    {
      const std::lock_guard lock(mutex_);
      if (closed_)
        now = Wake::kClosed;
      else if (std::exchange(news_, false))
        now = Wake::kNews;
      else
        waiter_ = std::move(done);
      id = ++wait_id_;
    }
    if (now) return done(Result<Wake>(*now));
    // The waiter may be resumed meanwhile, but the coroutine goes on only after this function has returned.
    if (deadline)
      timer = clock_.schedule_at(*deadline, [weak = weak_from_this(), id] {
        if (const auto self = weak.lock()) self->time_out(id);
      });
  };
  const Wake wake = co_await from_callback<Wake>(std::move(start));
  if (timer != 0 && wake != Wake::kTimeout) clock_.cancel(timer);
  co_return wake;
}

void Subscription::State::signal() {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    news_ = !waiter_;  // the one who waits takes them
    waiter = std::move(waiter_);
  }
  if (waiter) resume(std::move(waiter), Wake::kNews);
}

void Subscription::State::close() {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    waiter = std::move(waiter_);
  }
  if (const auto hub = hub_.lock()) hub->remove(*this);
  if (waiter) resume(std::move(waiter), Wake::kClosed);
}

void Subscription::State::time_out(std::uint64_t wait_id) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (wait_id != wait_id_) return;
    waiter = std::move(waiter_);
  }
  if (waiter) waiter(Wake::kTimeout);  // we are on the executor already
}

void Subscription::State::look_again() {
  const std::lock_guard lock(mutex_);
  news_ = true;
}

// Never on the caller's stack: it may be the commit's, which has others to tell, or the consumer's own.
void Subscription::State::resume(Waiter waiter, Wake reason) {
  executor_.post([waiter = std::move(waiter), reason]() mutable { waiter(reason); });
}

// ---- Subscription

Subscription::Subscription(std::shared_ptr<State> state) : state_(std::move(state)) {}
Subscription::~Subscription() { close(); }

Task<std::vector<Event>> Subscription::next(std::uint32_t max) { return State::pull(state_, max, std::nullopt); }
Task<std::vector<Event>> Subscription::next_within(std::uint32_t max, Duration timeout) {
  return State::pull(state_, max, timeout);
}

std::int64_t Subscription::cursor() const {
  const std::lock_guard lock(state_->mutex_);
  return state_->cursor_;
}

void Subscription::close() { state_->close(); }

bool Subscription::closed() const {
  const std::lock_guard lock(state_->mutex_);
  return state_->closed_;
}

}  // namespace trunkline
