#include "tests/unit/realtime/fake_hub.h"

namespace trunkline::testing {

class FakeHub::Listener final : public ChatListener, public std::enable_shared_from_this<Listener> {
 public:
  Listener(FakeHub& hub, std::int64_t cursor) : news(hub.executor_, hub.clock_, true), hub_(hub), cursor_(cursor) {}
  ~Listener() override { news.close(); }

  Task<std::vector<ChatDeliveryPtr>> next(std::uint32_t max) override { return pull(shared_from_this(), max, std::nullopt); }
  Task<std::vector<ChatDeliveryPtr>> next_within(std::uint32_t max, Duration timeout) override {
    return pull(shared_from_this(), max, timeout);
  }
  std::int64_t cursor() const override {
    const std::lock_guard lock(hub_.mutex_);
    return cursor_;
  }
  void close() override { news.close(); }
  bool closed() const override { return news.closed(); }

  Signal news;  // there may be something behind the cursor

 private:
  static Task<std::vector<ChatDeliveryPtr>> pull(std::shared_ptr<Listener> self, std::uint32_t max,
                                                 std::optional<Duration> timeout) {
    const Signal::Turn turn(self->news, "listener");
    std::optional<Time> deadline;
    if (timeout) deadline = self->hub_.clock_.now() + *timeout;
    for (;;) {
      const Signal::Wake wake = co_await self->news.wait(deadline);
      if (wake != Signal::Wake::kNews) co_return std::vector<ChatDeliveryPtr>();
      std::vector<ChatDeliveryPtr> found = self->take(max);
      if (!found.empty()) co_return found;
    }
  }

  std::vector<ChatDeliveryPtr> take(std::uint32_t max) {
    std::vector<ChatDeliveryPtr> taken;
    bool more = false;
    {
      const std::lock_guard lock(hub_.mutex_);
      const auto behind = [&] { return static_cast<std::size_t>(cursor_) < hub_.log_.size(); };
      while (taken.size() < max && behind()) taken.push_back(hub_.log_[static_cast<std::size_t>(cursor_++)]);
      more = behind();
    }
    if (more) news.set();
    return taken;
  }

  FakeHub& hub_;
  std::int64_t cursor_;
};

std::shared_ptr<ChatListener> FakeHub::listen(ResourcePtr, std::string, std::optional<std::int64_t> after) {
  const std::lock_guard lock(mutex_);
  auto listener = std::make_shared<Listener>(*this, after.value_or(static_cast<std::int64_t>(log_.size())));
  std::erase_if(listeners_, [](const auto& weak) { return weak.expired(); });
  listeners_.push_back(listener);
  return listener;
}

void FakeHub::disconnected(const ResourcePtr&, const std::string& user_id) {
  const std::lock_guard lock(mutex_);
  gone_.push_back(user_id);
}

std::vector<std::string> FakeHub::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

std::vector<std::shared_ptr<FakeHub::Listener>> FakeHub::alive() const {
  std::vector<std::shared_ptr<Listener>> found;
  const std::lock_guard lock(mutex_);
  for (const auto& weak : listeners_)
    if (auto listener = weak.lock()) found.push_back(std::move(listener));
  return found;
}

std::int64_t FakeHub::tell(chat::ChatChange change) {
  auto delivery = std::make_shared<ChatDelivery>();
  delivery->change = std::move(change);
  std::int64_t cursor = 0;
  {
    const std::lock_guard lock(mutex_);
    cursor = static_cast<std::int64_t>(log_.size()) + 1;
    delivery->cursor = cursor;
    log_.push_back(std::move(delivery));
  }
  for (const auto& listener : alive()) listener->news.set();
  return cursor;
}

void FakeHub::drop() {
  for (const auto& listener : alive()) listener->close();
}

std::size_t FakeHub::listeners() const {
  std::size_t open = 0;
  for (const auto& listener : alive()) open += !listener->closed();
  return open;
}

}  // namespace trunkline::testing
