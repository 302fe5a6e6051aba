// Event subscriptions: written by their owners, validated with their endpoints, run by the delivery engine.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/delivery/consumer.h"
#include "runtime/delivery/engine.h"
#include "runtime/delivery/pull_target.h"
#include "runtime/eventgrid/event_source.h"
#include "runtime/eventgrid/handshake.h"
#include "runtime/services/context.h"
#include "runtime/services/resource_service.h"
#include "trunkline/task.hpp"

namespace trunkline::eventgrid {

/// A subscription as it was at some moment. Immutable.
struct EventSubscription {
  EventSource source;
  /// Without its properties; `spec` is what they say.
  delivery::SubscriptionRow row;
  delivery::SpecPtr spec;

  /// `Succeeded`, `AwaitingManualAction` or `Failed`.
  std::string_view provisioning_state(Time now) const;
  /// A replay that has sent all it was to send.
  bool finished() const { return row.state == delivery::SubscriptionRow::State::kFinished; }
};
using EventSubscriptionPtr = std::shared_ptr<const EventSubscription>;

/// What a subscription is doing, for people.
struct SubscriptionActivity {
  /// Its events up to here were settled, or wait for another attempt.
  std::int64_t cursor = 0;
  std::int64_t retrying = 0;
  std::int64_t blocked = 0;
  std::int64_t dead_lettered = 0;
  std::int64_t dropped = 0;
  std::size_t queued = 0;
  std::size_t in_flight = 0;
  /// Its endpoint failed so often that it is left alone until then.
  std::optional<Time> paused_until;
  /// It has nothing left to do but wait for new events.
  bool idle = false;
};

/// The longest that a consumer may keep an event before it answers.
inline constexpr Duration kMaxLock = std::chrono::hours{24};

/// Lookups never wait for I/O: subscriptions are kept in memory and written through. Names compare without case. [any-thread]
class EventSubscriptionService final : public ResourceParticipant {
 public:
  EventSubscriptionService(ServiceContext& context, delivery::DeliveryEngine& engine);

  /// Runs the subscriptions of a source, which are on disk. Resources come by themselves as participants; topics call it.
  /// Blocks. [lifecycle]
  void add_source(const EventSource& source);
  /// Forgets them and ends their deliveries; the rows are dropped by whoever drops the source.
  void remove_source(const EventSource& source);
  /// Before the engine's: nothing more is begun. [lifecycle]
  void stop();
  /// Where validation URLs lead, such as `http://localhost:4600`; empty: webhooks cannot be validated by hand.
  void set_endpoint(std::string endpoint);

  /// kTrusted: whoever runs the runtime answers for the endpoint.
  enum class Proof { kAsk, kTrusted };
  struct Written {
    EventSubscriptionPtr subscription;
    bool created = false;
  };
  /// Creates or replaces. `properties` as in ARM. A webhook whose endpoint or schema is new is validated first; one that answers
  /// without the code is left in AwaitingManualAction, with a URL to fetch. `start`: events after this position of the log are
  /// its too; nullopt: from now on. Errors: kInvalidArgument (with the member at fault, or because the endpoint did not prove
  /// itself), kAborted (a write of the same subscription is under way), kNotFound (the source is gone).
  Task<Written> put(EventSource source, std::string name, nlohmann::json properties,
                    std::optional<std::int64_t> start = std::nullopt, Proof proof = Proof::kAsk);
  /// Writes what `properties_of` makes of what there is: the properties as a whole. Nobody else writes or removes the
  /// subscription meanwhile. Errors: as put, kNotFound, and what `properties_of` throws.
  Task<EventSubscriptionPtr> change(EventSource source, std::string name,
                                    UniqueFunction<nlohmann::json(const delivery::SubscriptionSpec&)> properties_of);
  /// Members that are there replace those that were. Errors: as put, and kNotFound.
  Task<EventSubscriptionPtr> patch(EventSource source, std::string name, nlohmann::json properties);
  /// False: there was none.
  Task<bool> remove(EventSource source, std::string name);
  /// Somebody fetched the validation URL. Null: the request that made the subscription is not done yet; it will be confirmed when
  /// that is. `allowed_per_minute`: requests, as whoever fetched it says; 0: it did not. Errors: kNotFound (unknown, used or
  /// expired code).
  Task<EventSubscriptionPtr> confirm(std::string validation_code, int allowed_per_minute = 0);

  /// Null when there is none.
  EventSubscriptionPtr find(const EventSource& source, std::string_view name) const;
  /// Throws kNotFound.
  EventSubscriptionPtr get(const EventSource& source, std::string_view name) const;
  /// By name.
  std::vector<EventSubscriptionPtr> list(const EventSource& source) const;
  /// Events of a database up to here are wanted by no active subscription any more. Reads the disk.
  std::int64_t settled_up_to(store::Database& database) const;
  SubscriptionActivity activity(const EventSubscription& subscription) const;

  // ---- consumers of subscriptions whose destination is `Handler`

  /// 1 to `max` events as soon as there are some; none: it timed out, or the subscription is gone. What is not acknowledged
  /// within `lock` counts as a failed attempt and comes again. `waiting`: the clock of the timeout, for those who wait in real
  /// time; null: the runtime's. Errors: kNotFound, kFailedPrecondition (no handler).
  Task<std::vector<delivery::Delivery>> take(EventSource source, std::string name, std::uint32_t max, Duration lock,
                                             std::optional<Duration> timeout, Clock* waiting = nullptr);
  /// A consumer that stays and never holds more than `credits` events. Errors: as take.
  std::shared_ptr<delivery::Consumer> consume(const EventSource& source, std::string_view name, std::uint32_t credits,
                                              Duration lock);
  /// False: unknown, or too late.
  bool acknowledge(const EventSource& source, std::string_view name, std::uint64_t delivery_id);
  /// Counts as a failed attempt; the event comes again by the retry schedule.
  bool reject(const EventSource& source, std::string_view name, std::uint64_t delivery_id, const std::string& reason);

  // ---- as a participant of the resources

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
  void on_added(const ResourcePtr& resource, const ResourcePtr& from) override;
  void on_dropped(const ResourcePtr& resource) override;

 private:
  using SourceKey = std::pair<store::Database*, std::int64_t>;
  using Key = std::pair<SourceKey, std::string>;  // name in lower case
  struct OfSource {
    EventSource source;
    std::map<std::string, EventSubscriptionPtr, std::less<>> by_name;  // lower case
    /// Rows that the configuration does not allow to run any more, such as plain http: not listed, but they can be replaced and
    /// removed.
    std::map<std::string, std::int64_t, std::less<>> unusable;
  };
  class Hold;

  Task<EventSubscriptionPtr> write(EventSource source, EventSubscriptionPtr old, delivery::SpecPtr spec,
                                   std::optional<std::int64_t> start, Proof proof);
  /// Keeps it in place of what was there, and has the engine do likewise.
  void replace(const EventSubscriptionPtr& old, const EventSubscriptionPtr& now);
  void finish(store::Database& database, std::int64_t subscription_key);
  Task<void> set_finished(EventSubscriptionPtr subscription);
  void arm_expiry();
  void remove_expired();
  /// Deletes a row that cannot be run, with its name held. False: there is none.
  Task<bool> remove_unusable(EventSource source, std::string name);
  std::uint64_t handler_id(const EventSource& source, std::string_view name) const;
  std::string validation_url(const std::string& code) const;
  EventSubscriptionPtr find_if(const std::function<bool(const EventSubscription&)>& matches) const;

  ServiceContext& context_;
  delivery::DeliveryEngine& engine_;
  Handshake handshake_;

  mutable std::mutex mutex_;  // never held across I/O
  std::map<SourceKey, OfSource> sources_;
  std::set<Key> in_use_;
  /// A code that was sent to an endpoint whose subscription is still being written. Endpoints may be faster.
  struct SentCode {
    std::string code;
    bool used = false;
    int allowed_per_minute = 0;
  };
  void confirm_soon(SentCode sent);
  std::map<Key, SentCode> sent_codes_;
  std::map<Key, std::int64_t> ended_while_in_use_;  // keys of replays that are done and could not be marked yet
  std::string endpoint_;
  Clock::TimerId expiry_timer_ = 0;
  bool stopped_ = false;
};

/// The `properties` of the ARM resource: what was given, without secrets, with `topic` and `provisioningState`.
nlohmann::json arm_properties_of(const EventSubscription& subscription, Time now);

}  // namespace trunkline::eventgrid
