#include "runtime/flows/wakes.h"

namespace trunkline::flows {

void Engine::Wakes::stop() {
  Clock::TimerId timer = 0;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    timer = std::exchange(timer_, 0);
  }
  if (timer != 0) engine_.parts_.clock.cancel(timer);
}

void Engine::Wakes::due_changed(Time due) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || (armed_ && *armed_ <= due)) return;
  }
  arm(due);
}

void Engine::Wakes::arm(Time due) {
  Clock::TimerId old = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || (armed_ && *armed_ <= due)) return;
    armed_ = due;
    old = std::exchange(timer_, 0);
  }
  if (old != 0) engine_.parts_.clock.cancel(old);
  const Clock::TimerId made = engine_.parts_.clock.schedule_at(due, [weak = weak_from_this(), due] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::lock_guard lock(self->mutex_);
      if (self->armed_ != due) return;  // another one took its place
      self->armed_.reset();
      self->timer_ = 0;
    }
    self->look();
  });
  const std::lock_guard lock(mutex_);
  if (armed_ == due) timer_ = made;
}

void Engine::Wakes::look() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    again_ = true;
    if (std::exchange(reading_, true)) return;
  }
  engine_.parts_.executor.post([self = shared_from_this()] { self->page(); });
}

void Engine::Wakes::moved(RunKey key) {
  bool enough = false;
  {
    const std::lock_guard lock(mutex_);
    if (waking_.erase(key) == 0) return;
    enough = waking_.size() == engine_.options_.wake_batch / 4 || waking_.empty();
  }
  if (enough) look();
}

void Engine::Wakes::page() {
  std::size_t busy = 0;
  {
    const std::lock_guard lock(mutex_);
    again_ = false;
    busy = waking_.size();
  }
  const std::size_t limit = engine_.options_.wake_batch + busy;
  const Time now = engine_.parts_.clock.now();
  std::vector<records::DueRun> due;
  std::optional<Time> later;
  try {
    database_.read([&](store::Session& session) {
      due = records::due_runs(session, now, limit);
      if (due.size() < limit) later = records::next_due(session, now);
    });
  } catch (const Error& error) {
    engine_.parts_.log.error("workflows", "runs whose time has come could not be read", {{"error", error.message}});
    constexpr Duration kAgain = std::chrono::seconds{1};
    later = now + kAgain;
  }
  std::vector<records::DueRun> fresh;
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    for (const records::DueRun& run : due)
      if (waking_.insert(run.key).second) fresh.push_back(run);
    reading_ = false;
    again = again_ && !stopped_;
    if (stopped_) return;
  }
  if (later) arm(*later);
  for (const records::DueRun& run : fresh) {
    const WorkflowPtr workflow = engine_.parts_.registry.find_workflow(database_, run.workflow_key);
    if (!workflow) {
      moved(run.key);
      continue;
    }
    engine_.with_run(
        workflow, run.key, [](Run& one) { one.wake_now(); }, [self = shared_from_this(), key = run.key] { self->moved(key); });
  }
  if (again) look();
}

}  // namespace trunkline::flows
