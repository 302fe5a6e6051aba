// Delivers the events of all resources to their subscriptions.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/delivery/core.h"
#include "runtime/delivery/worker.h"
#include "runtime/net/http_client.h"
#include "runtime/net/pooled_client.h"

namespace trunkline::delivery {

class PullTarget;
class WebhookTarget;

/// What one subscription says about one event, for people.
struct Explanation {
  enum class State {
    kFiltered,  // a filter said no
    kEarlier,   // it was there before the subscription
    kWaiting,   // its first attempt is still to come
    kRetrying,
    kBlocked,
    kDelivered,
    kDeadLettered,
    kDropped,
  };
  State state = State::kFiltered;
  events::FilterVerdict verdict;
  std::string event_id;
  int part = 0;
  std::vector<Attempt> attempts;
  std::optional<RetryRow> retry;
};
std::string_view to_text(Explanation::State state);

/// Its rows are in the databases of the resources; writing subscriptions is the service's, running them is ours. [any-thread]
class DeliveryEngine {
 public:
  DeliveryEngine(Executor& executor, Clock& clock, Log& log, Metrics& metrics, IdSource& ids, EventLog& events,
                 DeliveryOptions options);
  ~DeliveryEngine();

  const DeliveryOptions& options() const { return core_.options; }
  /// For what is seldom sent: handshakes, dead letters.
  net::HttpClient& http() { return http_; }
  const std::string& origin() const;
  PullTarget& handlers() { return *pull_; }
  /// Who takes deliveries to workflows; before the first subscription. It outlives us.
  void set_workflows(Target& target) { workflows_ = &target; }
  /// Before the first event; it outlives us.
  void set_expander(const events::EventExpander& expander) { core_.expander.store(&expander, std::memory_order_release); }
  /// Told of a subscription that has an end (SubscriptionSpec::until) and has come to it, but for events that wait for another
  /// attempt; perhaps more than once, on the executor. Before the first subscription.
  void set_on_end(std::function<void(store::Database&, std::int64_t)> on_end) { core_.on_end = std::move(on_end); }

  /// Runs a subscription that is active and stored.
  void add(store::Database& database, const SubscriptionRow& row, SpecPtr spec);
  void change(store::Database& database, std::int64_t key, SpecPtr spec);
  void remove(store::Database& database, std::int64_t key);
  /// The resource is gone, with its subscriptions.
  void remove_source(store::Database& database, std::int64_t resource_key);
  /// Rows were added to the retries of a subscription.
  void look_for_due(store::Database& database, std::int64_t key);

  std::optional<Worker::Status> status(store::Database& database, std::int64_t key) const;
  std::uint64_t worker_id(store::Database& database, std::int64_t key) const;
  /// What an event of the log stands for: itself, then the further ones by their part numbers.
  std::vector<events::EventPtr> expand(const Event& event) const {
    return delivery::expand(core_, std::make_shared<const Event>(event));
  }
  /// What became of an event (and of those that it stands for) at a subscription. Those that a filter refused are left out when
  /// `event` stands for several.
  std::vector<Explanation> explain(store::Database& database, const SubscriptionRow& row, const SubscriptionSpec& spec,
                                   const Event& event) const;

  /// Sends nothing more; what is on its way is given up and comes again next time. [lifecycle]
  void stop();

 private:
  using SourceKey = std::pair<store::Database*, std::int64_t>;

  DestinationPtr destination_of(store::Database& database, std::int64_t key, const SubscriptionSpec& spec);
  Target& target_of(const SubscriptionSpec& spec);
  WorkerPtr find(store::Database& database, std::int64_t key) const;

  net::HttpClient http_;
  net::PooledClient webhook_http_;
  DeadLetterWriter dead_letters_;
  Core core_;
  std::unique_ptr<WebhookTarget> webhooks_;
  std::shared_ptr<PullTarget> pull_;
  Target* workflows_ = nullptr;

  mutable std::mutex mutex_;
  std::uint64_t last_id_ = 0;
  std::map<store::Database*, FlusherPtr> flushers_;
  std::map<SourceKey, SourcePtr> sources_;
  std::map<SourceKey, WorkerPtr> workers_;  // by key of the subscription
  std::map<std::string, std::weak_ptr<Destination>> destinations_;
};

}  // namespace trunkline::delivery
