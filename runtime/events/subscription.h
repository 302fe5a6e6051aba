// What stands behind a Subscription, and the index that finds it when its resource has news.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/clock/signal.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/events/event_log.h"
#include "runtime/events/event_page.h"

namespace trunkline {

/// Subscriptions by resource. A commit costs as much as there are subscribers of the resources it touched. [any-thread]
class EventLog::Hub {
 public:
  using StatePtr = std::shared_ptr<Subscription::State>;

  explicit Hub(Gauge count) : count_(count) {}
  /// False: stopped.
  bool add(const StatePtr& state);
  void remove(const Subscription::State& state);
  void signal(std::span<const std::int64_t> keys);
  void close(std::span<const std::int64_t> keys);
  void stop();

 private:
  // Weak: whoever holds a subscription decides how long it lives.
  using OfResource = std::unordered_map<const Subscription::State*, std::weak_ptr<Subscription::State>>;
  std::vector<StatePtr> find(std::span<const std::int64_t> keys);

  std::mutex mutex_;
  std::unordered_map<std::int64_t, OfResource> by_resource_;
  bool stopped_ = false;
  Gauge count_;
};

/// Owned by its handle and by a pending next.
struct Subscription::State {
  State(store::Database& database, std::int64_t resource_key, EventFilter filter, std::int64_t after, Executor& executor,
        Clock& clock, std::weak_ptr<EventLog::Hub> hub);
  ~State();

  static Task<std::vector<Event>> pull(std::shared_ptr<State> self, std::uint32_t max, std::optional<Duration> timeout);
  void signal() { news_.set(); }
  void close();

  const std::int64_t resource_key;

 private:
  friend class Subscription;

  store::Database& database_;
  const events::Matcher matcher_;
  Executor& executor_;
  Clock& clock_;
  const std::weak_ptr<EventLog::Hub> hub_;
  Signal news_;                       // there may be something behind the cursor
  std::atomic<std::int64_t> cursor_;  // written by the pending next alone
};

}  // namespace trunkline
