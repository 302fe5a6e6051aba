#include "tests/unit/realtime/fake_hub.h"

namespace trunkline {

/// Its members but `hub` are guarded by the hub's mutex.
struct ChatListener::State {
  explicit State(testing::FakeHub& h) : hub(h) {}

  std::mutex& mutex() { return hub.mutex_; }
  std::vector<ChatDeliveryPtr> take(std::uint32_t max) {
    std::vector<ChatDeliveryPtr> out;
    while (out.size() < max && static_cast<std::size_t>(cursor) < hub.log_.size())
      out.push_back(hub.log_[static_cast<std::size_t>(cursor++)]);
    return out;
  }
  bool news() const { return closed || static_cast<std::size_t>(cursor) < hub.log_.size(); }
  void wake() {
    if (waiter) hub.executor_.post(std::move(waiter));
  }

  testing::FakeHub& hub;
  std::int64_t cursor = 0;
  bool closed = false;
  UniqueFunction<void()> waiter;
};

ChatListener::ChatListener(std::shared_ptr<State> state) : state_(std::move(state)) {}
ChatListener::~ChatListener() { close(); }

Task<std::vector<ChatDeliveryPtr>> ChatListener::next(std::uint32_t max) {
  const std::shared_ptr<State> state = state_;
  for (;;) {
    {
      const std::lock_guard lock(state->mutex());
      std::vector<ChatDeliveryPtr> out;
      if (!state->closed) out = state->take(max);
      if (state->closed || !out.empty()) co_return out;
    }
    auto news = from_callback<void>([state](auto done) {
      {
        const std::lock_guard lock(state->mutex());
        if (!state->news()) {
          state->waiter = [done]() mutable { done(Result<void>{}); };
          return;
        }
      }
      done(Result<void>{});
    });
    co_await news;
  }
}

std::int64_t ChatListener::cursor() const {
  const std::lock_guard lock(state_->mutex());
  return state_->cursor;
}

void ChatListener::close() {
  const std::lock_guard lock(state_->mutex());
  state_->closed = true;
  state_->wake();
}

bool ChatListener::closed() const {
  const std::lock_guard lock(state_->mutex());
  return state_->closed;
}

namespace testing {

std::shared_ptr<ChatListener> FakeHub::listen(ResourcePtr, std::string, std::optional<std::int64_t> after) {
  auto state = std::make_shared<ChatListener::State>(*this);
  const std::lock_guard lock(mutex_);
  state->cursor = after.value_or(static_cast<std::int64_t>(log_.size()));
  std::erase_if(states_, [](const auto& weak) { return weak.expired(); });
  states_.push_back(state);
  return std::make_shared<ChatListener>(std::move(state));
}

std::int64_t FakeHub::tell(chat::ChatChange change) {
  auto delivery = std::make_shared<ChatDelivery>();
  delivery->change = std::move(change);
  const std::lock_guard lock(mutex_);
  delivery->cursor = static_cast<std::int64_t>(log_.size()) + 1;
  log_.push_back(delivery);
  for (const auto& weak : states_)
    if (const auto state = weak.lock()) state->wake();
  return static_cast<std::int64_t>(log_.size());
}

void FakeHub::drop() {
  const std::lock_guard lock(mutex_);
  for (const auto& weak : states_)
    if (const auto state = weak.lock()) {
      state->closed = true;
      state->wake();
    }
}

std::size_t FakeHub::listeners() const {
  const std::lock_guard lock(mutex_);
  std::size_t open = 0;
  for (const auto& weak : states_)
    if (const auto state = weak.lock()) open += !state->closed;
  return open;
}

}  // namespace testing
}  // namespace trunkline
