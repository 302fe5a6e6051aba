#include "runtime/delivery/pull_target.h"

#include <algorithm>
#include <utility>

namespace trunkline::delivery {

std::uint32_t PullTarget::Queue::room(std::uint64_t consumer) const {
  if (consumer == 0) return UINT32_MAX;
  const auto found = consumers.find(consumer);
  return found == consumers.end() ? 0 : found->second.credits - found->second.held;
}

UniqueFunction<void()> PullTarget::Queue::pop_waiter() {
  for (auto at = waiters.begin(); at != waiters.end(); ++at) {
    if (room(at->consumer) == 0) continue;
    UniqueFunction<void()> resume = std::move(at->resume);
    waiters.erase(at);
    return resume;
  }
  return {};
}

void PullTarget::open(std::uint64_t subscription) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) queues_.try_emplace(subscription);
}

void PullTarget::deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) {
  UniqueFunction<void()> waiter;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = queues_.find(request.subscription_id); found != queues_.end()) {
      Queue& queue = found->second;
      const std::uint64_t id = ++last_id_;
      queue.offers.emplace(id, Offer{std::move(request), std::move(done), 0, 0});
      queue.offered.push_back(id);
      waiter = queue.pop_waiter();
    }
  }
  if (waiter) executor_.post(std::move(waiter));
  if (done) done({{Outcome::kAborted}, 0, "the subscription was closed"});
}

bool PullTarget::is_over(std::uint64_t subscription, std::uint64_t consumer) const {
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(subscription);
  return queue == queues_.end() || (consumer != 0 && !queue->second.consumers.contains(consumer));
}

Task<std::vector<Delivery>> PullTarget::take(std::uint64_t subscription, std::uint32_t max, Duration lock_time,
                                             std::optional<Duration> timeout, Clock* waiting, std::uint64_t consumer) {
  Clock& clock = waiting != nullptr ? *waiting : clock_;
  std::optional<Time> until;
  if (timeout) until = clock.now() + *timeout;
  for (;;) {
    std::vector<Delivery> taken = take_now(subscription, max, lock_time, consumer);
    if (!taken.empty()) co_return taken;
    if (until && clock.now() >= *until) co_return taken;
    if (is_over(subscription, consumer)) co_return taken;
    Clock::TimerId timer = 0;
    auto wait = [this, &clock, subscription, consumer, until, &timer](auto done) {
      std::uint64_t id = 0;
      {
        const std::lock_guard lock(mutex_);
        id = ++last_id_;
      }
      // Before we wait: from then on another thread may have gone on, and our frame with it. A timer that fires before that wakes
      // nobody, so the time is looked at once more.
      if (until)
        timer = clock.schedule_at(*until, [self = shared_from_this(), subscription, id] { self->wake_waiter(subscription, id); });
      bool now = false;
      {
        const std::lock_guard lock(mutex_);
        const auto found = queues_.find(subscription);
        now = found == queues_.end() || (consumer != 0 && !found->second.consumers.contains(consumer)) ||
              (until && clock.now() >= *until) || (!found->second.offered.empty() && found->second.room(consumer) != 0);
        if (!now) found->second.waiters.push_back({id, consumer, [done = std::move(done)]() mutable { done(Result<void>()); }});
      }
      if (now) done(Result<void>());
    };
    co_await from_callback<void>(std::move(wait));
    if (timer != 0) clock.cancel(timer);
    if (is_over(subscription, consumer)) co_return std::vector<Delivery>();
  }
}

void PullTarget::wake_waiter(std::uint64_t subscription, std::uint64_t waiter) {
  UniqueFunction<void()> found;
  {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(subscription);
    if (queue == queues_.end()) return;
    std::deque<Waiter>& waiters = queue->second.waiters;
    const auto at = std::find_if(waiters.begin(), waiters.end(), [waiter](const Waiter& one) { return one.id == waiter; });
    if (at == waiters.end()) return;
    found = std::move(at->resume);
    waiters.erase(at);
  }
  executor_.post(std::move(found));
}

std::vector<Delivery> PullTarget::take_now(std::uint64_t subscription, std::uint32_t max, Duration lock_time,
                                           std::uint64_t consumer) {
  std::vector<Delivery> taken;
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(subscription);
  if (found == queues_.end()) return taken;
  Queue& queue = found->second;
  max = std::min(max, queue.room(consumer));
  while (!queue.offered.empty() && taken.size() < max) {
    const std::uint64_t id = queue.offered.front();
    queue.offered.pop_front();
    const auto offer = queue.offers.find(id);
    if (offer == queue.offers.end()) continue;
    taken.push_back({id, offer->second.request.events.front(), offer->second.request.delivery_count + 1});
    offer->second.consumer = consumer;
    if (consumer != 0) ++queue.consumers[consumer].held;
    offer->second.timer = clock_.schedule_after(lock_time, [weak = weak_from_this(), subscription, id] {
      if (const auto self = weak.lock())
        self->answer(subscription, id, {{Outcome::kTimedOut}, 0, "the handler did not acknowledge in time"});
    });
  }
  return taken;
}

bool PullTarget::answer(std::uint64_t subscription, std::uint64_t delivery, DeliveryAnswer answer) {
  Offer offer;
  UniqueFunction<void()> waiter;
  {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(subscription);
    if (queue == queues_.end()) return false;
    const auto found = queue->second.offers.find(delivery);
    // One that was given back has a new id, and is nobody's until it is taken.
    if (found == queue->second.offers.end() || found->second.timer == 0) return false;
    offer = std::move(found->second);
    queue->second.offers.erase(found);
    if (const auto holder = queue->second.consumers.find(offer.consumer); holder != queue->second.consumers.end()) {
      --holder->second.held;
      if (!queue->second.offered.empty()) waiter = queue->second.pop_waiter();
    }
  }
  if (waiter) executor_.post(std::move(waiter));
  clock_.cancel(offer.timer);
  offer.done(std::move(answer));
  return true;
}

bool PullTarget::acknowledge(std::uint64_t subscription, std::uint64_t delivery) {
  return answer(subscription, delivery, {{Outcome::kDelivered}, 0, ""});
}

bool PullTarget::reject(std::uint64_t subscription, std::uint64_t delivery, const std::string& reason) {
  return answer(subscription, delivery, {{Outcome::kBusy}, 0, reason});
}

std::uint64_t PullTarget::attach(std::uint64_t subscription, std::uint32_t credits) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = ++last_id_;
  if (const auto found = queues_.find(subscription); found != queues_.end()) found->second.consumers[id].credits = credits;
  return id;
}

void PullTarget::detach(std::uint64_t subscription, std::uint64_t consumer) {
  std::vector<UniqueFunction<void()>> woken;
  std::vector<Clock::TimerId> timers;
  {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(subscription);
    if (found == queues_.end() || found->second.consumers.erase(consumer) == 0) return;
    Queue& queue = found->second;
    std::vector<Offer> held;
    for (auto at = queue.offers.begin(); at != queue.offers.end();) {
      if (at->second.consumer != consumer) {
        ++at;
        continue;
      }
      held.push_back(std::move(at->second));
      at = queue.offers.erase(at);
    }
    std::vector<std::uint64_t> ids;
    for (Offer& offer : held) {
      timers.push_back(std::exchange(offer.timer, 0));
      offer.consumer = 0;
      ids.push_back(++last_id_);
      queue.offers.emplace(ids.back(), std::move(offer));
    }
    queue.offered.insert(queue.offered.begin(), ids.begin(), ids.end());
    for (auto at = queue.waiters.begin(); at != queue.waiters.end();) {
      if (at->consumer != consumer) {
        ++at;
        continue;
      }
      woken.push_back(std::move(at->resume));
      at = queue.waiters.erase(at);
    }
    // Also for what this one had been woken for.
    for (std::size_t i = 0; i < queue.offered.size(); ++i) {
      UniqueFunction<void()> other = queue.pop_waiter();
      if (!other) break;
      woken.push_back(std::move(other));
    }
  }
  for (const Clock::TimerId timer : timers) clock_.cancel(timer);
  for (UniqueFunction<void()>& resume : woken) executor_.post(std::move(resume));
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
  for (Waiter& waiter : queue.waiters) executor_.post(std::move(waiter.resume));
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
