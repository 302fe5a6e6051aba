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

Subscription::State::State(store::Database& database, std::int64_t resource_key, EventFilter filter, std::int64_t after,
                           Executor& executor, Clock& clock, std::weak_ptr<EventLog::Hub> hub)
    : resource_key(resource_key),
      database_(database),
      matcher_(std::move(filter)),
      executor_(executor),
      clock_(clock),
      hub_(std::move(hub)),
      news_(executor, clock, true),
      cursor_(after) {}

Subscription::State::~State() {
  if (const auto hub = hub_.lock()) hub->remove(*this);
}

Task<std::vector<Event>> Subscription::State::pull(std::shared_ptr<State> self, std::uint32_t max,
                                                   std::optional<Duration> timeout) {
  const Signal::Turn turn(self->news_, "subscription");
  std::optional<Time> deadline;
  if (timeout) deadline = self->clock_.now() + *timeout;
  for (;;) {
    const Signal::Wake wake = co_await self->news_.wait(deadline);
    if (wake != Signal::Wake::kNews) co_return std::vector<Event>();
    events::Page page;
    try {
      page = events::read_page(self->database_, self->resource_key, self->matcher_, self->cursor_, max);
    } catch (...) {
      self->news_.set();
      throw;
    }
    self->cursor_ = page.position;
    if (page.more) self->news_.set();
    if (!page.events.empty() || max == 0) co_return std::move(page.events);
    if (page.more) co_await self->executor_.schedule();  // a long stretch that the filter skips: let others run
  }
}

void Subscription::State::close() {
  if (const auto hub = hub_.lock()) hub->remove(*this);
  news_.close();
}

// ---- Subscription

Subscription::Subscription(std::shared_ptr<State> state) : state_(std::move(state)) {}
Subscription::~Subscription() { close(); }

Task<std::vector<Event>> Subscription::next(std::uint32_t max) { return State::pull(state_, max, std::nullopt); }
Task<std::vector<Event>> Subscription::next_within(std::uint32_t max, Duration timeout) {
  return State::pull(state_, max, timeout);
}

std::int64_t Subscription::cursor() const { return state_->cursor_; }

void Subscription::close() { state_->close(); }

bool Subscription::closed() const { return state_->news_.closed(); }

}  // namespace trunkline
