#include "runtime/delivery/pull_target.h"

namespace trunkline::delivery {

void PullTarget::deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) {
  UniqueFunction<void()> waiter;
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      Queue& queue = queues_[request.subscription_id];
      const std::uint64_t id = ++last_id_;
      queue.offers.emplace(id, Offer{std::move(request), std::move(done), 0});
      queue.offered.push_back(id);
      if (!queue.waiters.empty()) {
        waiter = std::move(queue.waiters.front().second);
        queue.waiters.pop_front();
      }
    }
  }
  if (waiter) executor_.post(std::move(waiter));
  if (done) done({{Outcome::kAborted}, 0, "the runtime stops"});
}

Task<std::vector<Delivery>> PullTarget::take(std::uint64_t subscription, std::uint32_t max, Duration lock_time,
                                             std::optional<Duration> timeout, Clock* waiting) {
  Clock& clock = waiting != nullptr ? *waiting : clock_;
  std::optional<Time> until;
  if (timeout) until = clock.now() + *timeout;
  for (;;) {
    std::vector<Delivery> taken = take_now(subscription, max, lock_time);
    if (!taken.empty()) co_return taken;
    if (until && clock.now() >= *until) co_return taken;
    Clock::TimerId timer = 0;
    bool stopped = false;
    auto wait = [this, &clock, subscription, until, &timer, &stopped](auto done) {
      std::uint64_t id = 0;
      bool now = false;
      {
        const std::lock_guard lock(mutex_);
        stopped = stopped_;
        Queue& queue = queues_[subscription];
        now = stopped_ || !queue.offered.empty();
        id = ++last_id_;
        if (!now) queue.waiters.emplace_back(id, [done = std::move(done)]() mutable { done(Result<void>()); });
      }
      if (now) return done(Result<void>());
      if (until)
        timer = clock.schedule_at(*until, [self = shared_from_this(), subscription, id] { self->wake_waiter(subscription, id); });
    };
    co_await from_callback<void>(std::move(wait));
    if (timer != 0) clock.cancel(timer);
    bool closed = stopped;
    {
      const std::lock_guard lock(mutex_);
      closed |= stopped_ || !queues_.contains(subscription);
    }
    if (closed) co_return std::vector<Delivery>();
  }
}

void PullTarget::wake_waiter(std::uint64_t subscription, std::uint64_t waiter) {
  UniqueFunction<void()> found;
  {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(subscription);
    if (queue == queues_.end()) return;
    for (auto at = queue->second.waiters.begin(); at != queue->second.waiters.end(); ++at) {
      if (at->first != waiter) continue;
      found = std::move(at->second);
      queue->second.waiters.erase(at);
      break;
    }
  }
  if (found) executor_.post(std::move(found));
}

std::vector<Delivery> PullTarget::take_now(std::uint64_t subscription, std::uint32_t max, Duration lock_time) {
  std::vector<Delivery> taken;
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(subscription);
  if (found == queues_.end()) return taken;
  Queue& queue = found->second;
  while (!queue.offered.empty() && taken.size() < max) {
    const std::uint64_t id = queue.offered.front();
    queue.offered.pop_front();
    const auto offer = queue.offers.find(id);
    if (offer == queue.offers.end()) continue;
    taken.push_back({id, offer->second.request.events.front(), offer->second.request.delivery_count + 1});
    offer->second.timer = clock_.schedule_after(lock_time, [weak = weak_from_this(), subscription, id] {
      if (const auto self = weak.lock())
        self->answer(subscription, id, {{Outcome::kTimedOut}, 0, "the handler did not acknowledge in time"});
    });
  }
  return taken;
}

bool PullTarget::answer(std::uint64_t subscription, std::uint64_t delivery, DeliveryAnswer answer) {
  Offer offer;
  {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(subscription);
    if (queue == queues_.end()) return false;
    const auto found = queue->second.offers.find(delivery);
    if (found == queue->second.offers.end()) return false;
    offer = std::move(found->second);
    queue->second.offers.erase(found);
  }
  if (offer.timer != 0) clock_.cancel(offer.timer);
  offer.done(std::move(answer));
  return true;
}

bool PullTarget::acknowledge(std::uint64_t subscription, std::uint64_t delivery) {
  return answer(subscription, delivery, {{Outcome::kDelivered}, 0, ""});
}

bool PullTarget::reject(std::uint64_t subscription, std::uint64_t delivery, const std::string& reason) {
  return answer(subscription, delivery, {{Outcome::kBusy}, 0, reason});
}

void PullTarget::close(std::uint64_t subscription) {
  Queue queue;
  {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(subscription);
    if (found == queues_.end()) return;
    queue = std::move(found->second);
    queues_.erase(found);
  }
  for (auto& [id, waiter] : queue.waiters) executor_.post(std::move(waiter));
  for (auto& [id, offer] : queue.offers) {
    if (offer.timer != 0) clock_.cancel(offer.timer);
    offer.done({{Outcome::kAborted}, 0, "the subscription was closed"});
  }
}

void PullTarget::stop() {
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [id, queue] : queues_) ids.push_back(id);
  }
  for (const std::uint64_t id : ids) close(id);
}

}  // namespace trunkline::delivery
