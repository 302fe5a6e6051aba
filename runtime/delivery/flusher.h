// Writes what workers learned, all of a database in one transaction at a time.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "runtime/delivery/core.h"

namespace trunkline::delivery {

/// While one write is under way, and for a moment after it, news gathers for the next: the faster deliveries go, the more share a
/// transaction. A moment is a few milliseconds of a real clock, and nothing on a virtual one. [any-thread]
class Flusher : public std::enable_shared_from_this<Flusher> {
 public:
  Flusher(Core& core, store::Database& database) : core_(core), database_(database) {}

  void mark(const WorkerPtr& worker);
  void mark(const SourcePtr& source);
  /// So many more attempts wait to be written.
  void count(std::int64_t attempts) { waiting_attempts_.fetch_add(attempts, std::memory_order_relaxed); }
  /// True: too much waits to be written; `worker` is pumped when that is over.
  bool stall(const WorkerPtr& worker);
  /// Writes what has gathered; from now on without pauses. [lifecycle]
  void hurry();

 private:
  struct Write;
  bool end_rest();
  void start_soon();
  void start();
  void submit(std::shared_ptr<Write> write);
  void written(const std::shared_ptr<Write>& write);

  Core& core_;
  store::Database& database_;
  std::atomic<std::int64_t> waiting_attempts_{0};
  std::mutex mutex_;
  bool writing_ = false;     // or resting
  Clock::TimerId rest_ = 0;  // set: the next write waits for it
  std::unordered_set<WorkerPtr> dirty_;
  std::unordered_set<SourcePtr> sources_;
  std::unordered_set<WorkerPtr> stalled_;
};

}  // namespace trunkline::delivery
