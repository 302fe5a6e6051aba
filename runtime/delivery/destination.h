// An endpoint as all its subscriptions share it: so many requests at a time, and none for a while when it keeps failing.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "runtime/delivery/core.h"

namespace trunkline::delivery {

/// A dead endpoint keeps its own subscriptions waiting and nobody else's. [any-thread]
class Destination : public std::enable_shared_from_this<Destination> {
 public:
  /// `breaks` false: never left alone.
  Destination(Core& core, std::size_t limit, bool breaks) : core_(core), limit_(limit), breaks_(breaks) {}

  /// So many more requests may go, and pass_on() or leave() follows for each. Fewer than it wants: `worker` is pumped when it is
  /// worth asking again. Those that were woken and are still to come have their share kept for them.
  std::size_t enter(const WorkerPtr& worker, std::size_t wanted);
  /// Returns who has waited longest for the place, to be pumped by the caller after it called arrived(); null: nobody has.
  [[nodiscard]] WorkerPtr pass_on(Verdict verdict);
  /// One that was woken is about to be pumped.
  void arrived();
  /// The same when the caller cannot; it is pumped on the executor.
  void leave(Verdict verdict);
  /// Somebody who was woken had nothing to send.
  void wake_one();
  /// Whether it is left alone now, and until when.
  std::optional<Time> open_until() const;

 private:
  void wait(const WorkerPtr& worker);
  WorkerPtr take_waiter();
  std::vector<WorkerPtr> take_waiters(std::size_t count);
  void wake(std::vector<WorkerPtr> workers);
  void arm();

  Core& core_;
  const std::size_t limit_;
  const bool breaks_;
  mutable std::mutex mutex_;
  std::size_t active_ = 0;
  std::size_t woken_ = 0;  // and not arrived
  int failures_ = 0;       // in a row
  bool open_ = false;
  bool probing_ = false;  // one request finds out whether it is back
  bool armed_ = false;
  Time open_until_{};
  Duration open_for_{};
  std::deque<std::weak_ptr<Worker>> waiting_;
  std::unordered_set<const Worker*> waiting_ids_;
};

}  // namespace trunkline::delivery
