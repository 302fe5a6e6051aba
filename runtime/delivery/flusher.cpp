#include "runtime/delivery/flusher.h"

#include <unordered_map>

#include "runtime/delivery/source.h"
#include "runtime/delivery/worker.h"

namespace trunkline::delivery {
namespace {
constexpr std::int64_t kMaxWaiting = 16'384;
// A commit costs as much as dozens of deliveries.
constexpr Duration kRest = std::chrono::milliseconds{10};
constexpr Duration kFlushWaitAfterError = std::chrono::seconds{1};
}  // namespace

struct Flusher::Write {
  std::vector<WorkerPtr> workers;
  std::vector<Delta> deltas;  // of the workers
  std::vector<Position> positions;
  std::int64_t attempts = 0;
};

void Flusher::mark(const WorkerPtr& worker) {
  {
    const std::lock_guard lock(mutex_);
    dirty_.insert(worker);
    if (writing_) return;
    writing_ = true;
  }
  start_soon();
}

void Flusher::mark(const SourcePtr& source) {
  {
    const std::lock_guard lock(mutex_);
    sources_.insert(source);
    if (writing_) return;
    writing_ = true;
  }
  start_soon();
}

/// Not on the thread of whoever brings news: that may be the one that all requests go through, and sources hold their locks for
/// as long as they match.
void Flusher::start_soon() {
  core_.executor.post([self = shared_from_this()] { self->start(); });
}

bool Flusher::stall(const WorkerPtr& worker) {
  if (waiting_attempts_.load(std::memory_order_relaxed) < kMaxWaiting) return false;
  bool rested;
  {
    const std::lock_guard lock(mutex_);
    if (!writing_) return false;
    stalled_.insert(worker);
    rested = end_rest();
  }
  if (rested) start_soon();
  return true;
}

/// With mutex_ held. True: it was resting, and whoever asks starts the next write.
bool Flusher::end_rest() { return rest_ != 0 && core_.clock.cancel(std::exchange(rest_, 0)); }

void Flusher::hurry() {
  bool rested;
  {
    const std::lock_guard lock(mutex_);
    rested = end_rest();
  }
  if (rested) start_soon();
}

// With writing_ set, by whoever set it.
void Flusher::start() {
  auto write = std::make_shared<Write>();
  std::unordered_set<SourcePtr> sources;
  {
    const std::lock_guard lock(mutex_);
    write->workers.assign(dirty_.begin(), dirty_.end());
    dirty_.clear();
    sources.swap(sources_);
  }
  // Positions first: what is settled after a position was taken may be in this write, and what was settled before surely is.
  std::unordered_map<const Source*, std::pair<std::int64_t, std::int64_t>> at;
  for (const WorkerPtr& worker : write->workers) sources.insert(worker->source());
  for (const SourcePtr& source : sources) {
    const std::int64_t position = source->position();
    const std::int64_t safe = source->safe_position();
    at[source.get()] = {position, safe};
    write->positions.push_back({source->key(), safe});
  }
  for (const WorkerPtr& worker : write->workers) {
    const auto& [position, safe] = at[worker->source().get()];
    write->deltas.push_back(worker->take_delta(position, safe));
    write->attempts += static_cast<std::int64_t>(write->deltas.back().attempts.size());
  }
  submit(std::move(write));
}

void Flusher::submit(std::shared_ptr<Write> write) {
  const std::int64_t now_us = core_.clock.now_unix_us();
  database_.write([write, now_us](store::Session& session) { apply(session, write->deltas, write->positions, now_us); },
                  [self = shared_from_this(), write](Result<void> result) mutable {
                    if (result.ok()) return self->written(write);
                    self->core_.log.error("events", "what was delivered cannot be written; trying again",
                                          {{"error", result.error().message}});
                    if (self->core_.stopped.load()) return;
                    // Nothing is lost meanwhile: deliveries stall, and events wait in their log.
                    self->core_.clock.schedule_after(kFlushWaitAfterError, [self, write] { self->submit(write); });
                  });
}

void Flusher::written(const std::shared_ptr<Write>& write) {
  waiting_attempts_.fetch_sub(write->attempts, std::memory_order_relaxed);
  for (std::size_t i = 0; i < write->workers.size(); ++i) write->workers[i]->flushed(write->deltas[i]);
  std::unordered_set<WorkerPtr> stalled;
  bool more;
  {
    const std::lock_guard lock(mutex_);
    stalled.swap(stalled_);
    more = !dirty_.empty() || !sources_.empty();
    writing_ = more;
    const bool rests = more && core_.clock.mode() == Clock::Mode::kReal && !core_.stopped.load() &&
                       waiting_attempts_.load(std::memory_order_relaxed) < kMaxWaiting;
    if (rests) {
      rest_ = core_.clock.schedule_after(kRest, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        {
          const std::lock_guard inner(self->mutex_);
          self->rest_ = 0;
        }
        self->start();
      });
      more = false;
    }
  }
  if (more) start();
  for (const WorkerPtr& worker : stalled) worker->pump();
}

}  // namespace trunkline::delivery
