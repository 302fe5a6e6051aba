// The events of one resource or topic on their way to its subscriptions.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/delivery/core.h"
#include "runtime/events/filter_index.h"

namespace trunkline::delivery {

/// Reads each event once, asks the index who wants it, and gives it to those. [any-thread]
class Source : public std::enable_shared_from_this<Source> {
 public:
  Source(Core& core, store::Database& database, std::int64_t key, FlusherPtr flusher, std::int64_t position);
  ~Source();

  store::Database& database() const { return database_; }
  std::int64_t key() const { return key_; }
  /// Events up to here were given to all subscriptions that do not lag.
  std::int64_t position() const { return position_.load(std::memory_order_acquire); }
  /// As far as that may be written down: behind it nothing is open that only memory knows of.
  std::int64_t safe_position();

  void start();
  /// Gives nothing more. What is open stays known, so that positions stay true.
  void stop();
  /// Lets go of its workers, which hold on to it. Once nothing runs any more.
  void clear();
  void add(const WorkerPtr& worker, const events::FilterSpec& filter);
  void change(const WorkerPtr& worker, const events::FilterSpec& filter);
  void remove(Worker& worker);
  /// A worker that has read everything up to `seen` gets new events from now on; false: there are more by now.
  bool try_join(const WorkerPtr& worker, std::int64_t seen);
  /// It has something open.
  void add_busy(const WorkerPtr& worker);
  std::uint64_t evaluations() const;

 private:
  static Task<void> run(std::shared_ptr<Source> self, std::shared_ptr<Subscription> subscription);
  void give(std::vector<Event> events);
  void give_one(const events::EventPtr& event, int part, std::vector<WorkerPtr>& touched);
  bool expands(std::string_view type) const;

  Core& core_;
  store::Database& database_;
  const std::int64_t key_;
  const FlusherPtr flusher_;
  std::atomic<std::int64_t> position_;
  std::int64_t written_position_ = 0;

  mutable std::mutex mutex_;
  std::shared_ptr<Subscription> subscription_;
  events::FilterIndex index_;
  std::unordered_map<std::uint64_t, WorkerPtr> workers_;
  std::unordered_set<WorkerPtr> busy_;
  std::vector<events::FilterIndex::Id> matches_;  // reused
};

}  // namespace trunkline::delivery
