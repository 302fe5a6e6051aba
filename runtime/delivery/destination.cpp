#include "runtime/delivery/destination.h"

#include <algorithm>

#include "runtime/delivery/worker.h"

namespace trunkline::delivery {
namespace {
constexpr Duration kLongestOpen = std::chrono::minutes{5};
}  // namespace

std::size_t Destination::enter(const WorkerPtr& worker, std::size_t wanted) {
  const std::lock_guard lock(mutex_);
  if (active_ >= limit_) {
    wait(worker);
    return 0;
  }
  std::size_t granted = 1;
  if (open_) {
    if (probing_ || core_.clock.now() < open_until_) {
      wait(worker);
      if (!probing_) arm();
      return 0;
    }
    probing_ = true;
  } else {
    granted = std::min(wanted, std::max<std::size_t>((limit_ - active_) / (1 + woken_), 1));
  }
  if (granted < wanted) wait(worker);
  active_ += granted;
  return granted;
}

WorkerPtr Destination::pass_on(Verdict verdict) {
  WorkerPtr first;
  std::vector<WorkerPtr> woken;
  {
    const std::lock_guard lock(mutex_);
    --active_;
    if (verdict == Verdict::kGood) {
      failures_ = 0;
      const bool back = std::exchange(open_, false);
      probing_ = false;
      open_for_ = Duration{};
      first = take_waiter();
      if (back) woken = take_waiters(waiting_.size());
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
        first = take_waiter();
      }
    } else {
      probing_ = false;
      if (open_)
        arm();
      else
        first = take_waiter();
    }
  }
  if (!woken.empty()) wake(std::move(woken));
  return first;
}

void Destination::arrived() {
  const std::lock_guard lock(mutex_);
  --woken_;
}

void Destination::leave(Verdict verdict) {
  if (WorkerPtr next = pass_on(verdict)) wake({std::move(next)});
}

void Destination::wake_one() {
  WorkerPtr woken;
  {
    const std::lock_guard lock(mutex_);
    if (active_ + woken_ < limit_ && !open_) woken = take_waiter();
  }
  if (woken) wake({std::move(woken)});
}

std::optional<Time> Destination::open_until() const {
  const std::lock_guard lock(mutex_);
  return open_ ? std::optional<Time>(open_until_) : std::nullopt;
}

void Destination::wait(const WorkerPtr& worker) {
  if (waiting_ids_.insert(worker.get()).second) waiting_.push_back(worker);
}

/// Null: nobody waits.
WorkerPtr Destination::take_waiter() {
  WorkerPtr worker;
  while (!worker && !waiting_.empty()) {
    worker = waiting_.front().lock();
    waiting_.pop_front();
  }
  if (worker) {
    waiting_ids_.erase(worker.get());
    ++woken_;
  }
  if (waiting_.empty()) waiting_ids_.clear();
  return worker;
}

std::vector<WorkerPtr> Destination::take_waiters(std::size_t count) {
  std::vector<WorkerPtr> taken;
  while (taken.size() < count) {
    WorkerPtr worker = take_waiter();
    if (!worker) break;
    taken.push_back(std::move(worker));
  }
  return taken;
}

void Destination::wake(std::vector<WorkerPtr> workers) {
  for (WorkerPtr& worker : workers)
    core_.executor.post([self = shared_from_this(), worker = std::move(worker)] {
      self->arrived();
      worker->pump(true);
    });
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
