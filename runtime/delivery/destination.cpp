#include "runtime/delivery/destination.h"

#include <algorithm>

#include "runtime/delivery/worker.h"

namespace trunkline::delivery {
namespace {
constexpr Duration kLongestOpen = std::chrono::minutes{5};
}  // namespace

bool Destination::enter(const WorkerPtr& worker) {
  const std::lock_guard lock(mutex_);
  if (active_ >= limit_) {
    wait(worker);
    return false;
  }
  if (open_) {
    if (probing_ || core_.clock.now() < open_until_) {
      wait(worker);
      if (!probing_) arm();
      return false;
    }
    probing_ = true;
  }
  ++active_;
  return true;
}

WorkerPtr Destination::pass_on(Verdict verdict) {
  std::vector<WorkerPtr> woken;
  {
    const std::lock_guard lock(mutex_);
    --active_;
    if (verdict == Verdict::kGood) {
      failures_ = 0;
      const bool back = std::exchange(open_, false);
      probing_ = false;
      open_for_ = Duration{};
      woken = take_waiters(back ? waiting_.size() : 1);
    } else if (verdict == Verdict::kBad && breaks_) {
      ++failures_;
      // Answers to what was sent before it opened say nothing new.
      if ((!open_ && failures_ >= core_.options.breaker_failures) || probing_) {
        open_for_ = open_for_ == Duration{} ? core_.options.breaker_open : std::min(open_for_ * 2, kLongestOpen);
        open_ = true;
        probing_ = false;
        open_until_ = core_.clock.now() + open_for_;
        if (!waiting_.empty()) arm();
      } else if (!open_) {
        woken = take_waiters(1);
      }
    } else {
      probing_ = false;
      if (open_)
        arm();
      else
        woken = take_waiters(1);
    }
  }
  if (woken.empty()) return nullptr;
  WorkerPtr first = std::move(woken.front());
  woken.erase(woken.begin());
  wake(std::move(woken));
  return first;
}

void Destination::leave(Verdict verdict) {
  if (WorkerPtr next = pass_on(verdict)) wake({std::move(next)});
}

void Destination::wake_one() {
  std::vector<WorkerPtr> woken;
  {
    const std::lock_guard lock(mutex_);
    if (active_ < limit_ && !open_) woken = take_waiters(1);
  }
  wake(std::move(woken));
}

std::optional<Time> Destination::open_until() const {
  const std::lock_guard lock(mutex_);
  return open_ ? std::optional<Time>(open_until_) : std::nullopt;
}

void Destination::wait(const WorkerPtr& worker) {
  if (waiting_ids_.insert(worker.get()).second) waiting_.push_back(worker);
}

std::vector<WorkerPtr> Destination::take_waiters(std::size_t count) {
  std::vector<WorkerPtr> taken;
  while (count > 0 && !waiting_.empty()) {
    WorkerPtr worker = waiting_.front().lock();
    waiting_.pop_front();
    if (!worker) continue;
    waiting_ids_.erase(worker.get());
    taken.push_back(std::move(worker));
    --count;
  }
  if (waiting_.empty()) waiting_ids_.clear();
  return taken;
}

void Destination::wake(std::vector<WorkerPtr> workers) {
  for (WorkerPtr& worker : workers) core_.executor.post([worker = std::move(worker)] { worker->pump(true); });
}

void Destination::arm() {
  if (std::exchange(armed_, true)) return;
  core_.clock.schedule_at(open_until_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    std::vector<WorkerPtr> woken;
    {
      const std::lock_guard lock(self->mutex_);
      self->armed_ = false;
      woken = self->take_waiters(self->waiting_.size());
    }
    self->wake(std::move(woken));
  });
}

}  // namespace trunkline::delivery
