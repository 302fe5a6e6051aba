#include "runtime/core/event_objects.h"

#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/json.h"
#include "runtime/clock/clock.h"
#include "runtime/core/event_properties.h"
#include "runtime/delivery/consumer.h"
#include "runtime/eventgrid/event_history.h"
#include "runtime/eventgrid/subscription_service.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/events/event_log.h"

namespace trunkline {
namespace {

constexpr std::int32_t kMaxCredits = 1000;

EventFilter to_event_filter(const service::EventFilter& filter) {
  EventFilter out;
  out.types = filter.types;
  out.subject_begins_with = filter.subject_begins_with.value_or("");
  return out;
}

/// Pulls from a subscription of the event log.
class EventStream final : public StreamSource<service::Event> {
 public:
  explicit EventStream(std::shared_ptr<Subscription> subscription) : subscription_(std::move(subscription)) {}
  Task<std::vector<service::Event>> next(std::uint32_t max) override {
    const std::vector<Event> events = co_await subscription_->next(max);
    std::vector<service::Event> out;
    out.reserve(events.size());
    for (const Event& event : events) out.push_back(to_service_event(event));
    co_return out;
  }
  void close() override { subscription_->close(); }

 private:
  std::shared_ptr<Subscription> subscription_;
};

/// Pulls from a consumer of an event subscription.
class DeliveryStream final : public StreamSource<service::EventDelivery> {
 public:
  explicit DeliveryStream(std::shared_ptr<delivery::Consumer> consumer) : consumer_(std::move(consumer)) {}
  Task<std::vector<service::EventDelivery>> next(std::uint32_t max) override {
    const std::vector<delivery::Delivery> taken = co_await consumer_->take(max);
    std::vector<service::EventDelivery> out(taken.size());
    for (std::size_t i = 0; i < taken.size(); ++i) {
      out[i].id = static_cast<std::int64_t>(taken[i].id);
      out[i].event = to_service_event(*taken[i].event);
      out[i].attempt = taken[i].attempt;
    }
    co_return out;
  }
  void close() override { consumer_->close(); }

 private:
  std::shared_ptr<delivery::Consumer> consumer_;
};

nlohmann::json properties_from(const std::string& text) {
  nlohmann::json properties = parse_json(text);
  if (!properties.is_object()) throw Error(ErrorCode::kInvalidArgument, "properties is no JSON object", "properties");
  return properties;
}

}  // namespace

eventgrid::EventSource EventScope::source() const {
  if (resource_) return eventgrid::source_of(*resource_->resource());
  return runtime_.event_topics().get(topic_)->source;
}

// ---- events

Task<std::unique_ptr<StreamSource<service::Event>>> EventsObject::subscribe(Call, service::EventFilter filter) {
  const eventgrid::EventSource source = scope_.source();
  EventLog& log = scope_.runtime().events();
  const std::int64_t after = filter.after ? *filter.after : log.last_sequence(*source.database, source.key);
  co_return std::make_unique<EventStream>(log.subscribe(*source.database, source.key, to_event_filter(filter), after));
}

Task<std::vector<service::Event>> EventsObject::list(Call, service::EventFilter filter, std::int32_t limit) {
  const std::size_t most = eventgrid::EventHistory::check_limit(limit);
  co_await scope_.runtime().executor().schedule();
  const eventgrid::EventSource source = scope_.source();
  const std::vector<Event> events =
      scope_.runtime().events().read(*source.database, source.key, to_event_filter(filter), filter.after.value_or(0), most);
  std::vector<service::Event> out;
  for (const Event& event : events) out.push_back(to_service_event(event));
  co_return out;
}

// ---- subscriptions

Task<service::EventSubscription> EventSubscriptionsObject::put(Call, service::EventSubscriptionSpec subscription) {
  const nlohmann::json properties = properties_of(subscription);
  eventgrid::EventSource source = scope_.source();
  try {
    const auto written = co_await scope_.runtime().event_subscriptions().put(std::move(source), std::move(subscription.name),
                                                                             properties, subscription.after);
    co_return describe(*written.subscription, scope_.runtime().clock().now());
  } catch (const Error& error) {
    throw in_terms_of_fields(error, properties);
  }
}

Task<service::EventSubscription> EventSubscriptionsObject::put_properties(Call, std::string name, std::string text,
                                                                          std::optional<std::int64_t> after) {
  nlohmann::json properties = properties_from(text);
  eventgrid::EventSource source = scope_.source();
  const auto written =
      co_await scope_.runtime().event_subscriptions().put(std::move(source), std::move(name), std::move(properties), after);
  co_return describe(*written.subscription, scope_.runtime().clock().now());
}

Task<service::EventSubscription> EventSubscriptionsObject::update(Call, service::EventSubscriptionSpec change) {
  if (change.after) throw Error(ErrorCode::kInvalidArgument, "after counts when a subscription is created", "after");
  eventgrid::EventSource source = scope_.source();
  nlohmann::json properties;
  auto properties_of = [&properties, &change](const delivery::SubscriptionSpec& old) {
    return properties = delivery::merge_spec(old, changed_properties_of(old, change));
  };
  try {
    std::string name = change.name;
    const auto written =
        co_await scope_.runtime().event_subscriptions().change(std::move(source), std::move(name), std::move(properties_of));
    co_return describe(*written, scope_.runtime().clock().now());
  } catch (const Error& error) {
    throw in_terms_of_fields(error, properties);
  }
}

Task<service::EventSubscription> EventSubscriptionsObject::update_properties(Call, std::string name, std::string text) {
  nlohmann::json properties = properties_from(text);
  eventgrid::EventSource source = scope_.source();
  const auto written =
      co_await scope_.runtime().event_subscriptions().patch(std::move(source), std::move(name), std::move(properties));
  co_return describe(*written, scope_.runtime().clock().now());
}

Task<service::EventSubscription> EventSubscriptionsObject::get(Call, std::string name) {
  co_return describe(*scope_.runtime().event_subscriptions().get(scope_.source(), name), scope_.runtime().clock().now());
}

Task<std::vector<service::EventSubscription>> EventSubscriptionsObject::list(Call) {
  std::vector<service::EventSubscription> all;
  for (const eventgrid::EventSubscriptionPtr& one : scope_.runtime().event_subscriptions().list(scope_.source()))
    all.push_back(describe(*one, scope_.runtime().clock().now()));
  co_return all;
}

Task<bool> EventSubscriptionsObject::remove(Call, std::string name) {
  eventgrid::EventSource source = scope_.source();
  co_return co_await scope_.runtime().event_subscriptions().remove(std::move(source), std::move(name));
}

Task<service::EventSubscriptionActivity> EventSubscriptionsObject::activity(Call, std::string name) {
  co_await scope_.runtime().executor().schedule();  // it counts rows
  eventgrid::EventSubscriptionService& subscriptions = scope_.runtime().event_subscriptions();
  const auto found = subscriptions.activity(*subscriptions.get(scope_.source(), name));
  service::EventSubscriptionActivity out;
  out.cursor = found.cursor;
  out.retrying = found.retrying;
  out.blocked = found.blocked;
  out.dead_lettered = found.dead_lettered;
  out.dropped = found.dropped;
  out.queued = static_cast<std::int64_t>(found.queued);
  out.in_flight = static_cast<std::int64_t>(found.in_flight);
  out.paused_until = found.paused_until;
  out.idle = found.idle;
  co_return out;
}

Task<std::unique_ptr<StreamSource<service::EventDelivery>>> EventSubscriptionsObject::deliveries(Call, std::string name,
                                                                                                 std::int32_t credits,
                                                                                                 Duration lock_time) {
  if (credits < 1 || credits > kMaxCredits)
    throw Error(ErrorCode::kInvalidArgument, "credits must be 1 to 1000, not " + std::to_string(credits), "credits");
  if (lock_time <= Duration{0} || lock_time > eventgrid::kMaxLock)
    throw Error(ErrorCode::kInvalidArgument, "lockTime must be more than none and at most a day", "lockTime");
  co_return std::make_unique<DeliveryStream>(
      scope_.runtime().event_subscriptions().consume(scope_.source(), name, static_cast<std::uint32_t>(credits), lock_time));
}

/// One that was removed while its events were being dealt with is no mistake of the consumer's.
bool EventSubscriptionsObject::is_there(std::string_view name) const {
  const eventgrid::EventSubscriptionPtr subscription = scope_.runtime().event_subscriptions().find(scope_.source(), name);
  return subscription && subscription->spec->kind == delivery::SubscriptionSpec::Kind::kHandler;
}

bool EventSubscriptionsObject::acknowledge(const Call&, std::string_view name, std::int64_t delivery_id) {
  if (!is_there(name)) return false;
  return scope_.runtime().event_subscriptions().acknowledge(scope_.source(), name, static_cast<std::uint64_t>(delivery_id));
}

bool EventSubscriptionsObject::reject(const Call&, std::string_view name, std::int64_t delivery_id, std::string_view reason) {
  if (!is_there(name)) return false;
  return scope_.runtime().event_subscriptions().reject(scope_.source(), name, static_cast<std::uint64_t>(delivery_id),
                                                       std::string(reason));
}

}  // namespace trunkline
