// Events of the embedding API: of resources and of custom topics.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/core/object_scope.h"
#include "runtime/eventgrid/event_source.h"
#include "trunkline/service_provider.hpp"

namespace trunkline {

/// What stands before the name of a custom topic where a resource's is wanted. No resource's name has a colon.
inline constexpr std::string_view kTopicPrefix = "topic:";

/// The resource or custom topic that a set of objects is for; looked up for each call. [any-thread]
class EventScope {
 public:
  explicit EventScope(const Scope& resource) : runtime_(resource.runtime()), resource_(&resource) {}
  EventScope(Runtime& runtime, std::string topic) : runtime_(runtime), topic_(std::move(topic)) {}
  Runtime& runtime() const { return runtime_; }
  /// Throws kNotFound once it was dropped.
  eventgrid::EventSource source() const;

 private:
  Runtime& runtime_;
  const Scope* const resource_ = nullptr;
  const std::string topic_;
};

/// [any-thread]
class EventsObject final : public service::EventsService {
 public:
  explicit EventsObject(const EventScope& scope) : scope_(scope) {}
  Task<std::unique_ptr<StreamSource<service::Event>>> subscribe(Call, service::EventFilter filter) override;
  Task<std::vector<service::Event>> list(Call, service::EventFilter filter, std::int32_t limit) override;

 private:
  const EventScope& scope_;
};

/// [any-thread]
class EventSubscriptionsObject final : public service::EventSubscriptionsService {
 public:
  explicit EventSubscriptionsObject(const EventScope& scope) : scope_(scope) {}
  Task<service::EventSubscription> put(Call, service::EventSubscriptionSpec subscription) override;
  Task<service::EventSubscription> put_properties(Call, std::string name, std::string properties,
                                                  std::optional<std::int64_t> after) override;
  Task<service::EventSubscription> update(Call, service::EventSubscriptionSpec change) override;
  Task<service::EventSubscription> update_properties(Call, std::string name, std::string properties) override;
  Task<service::EventSubscription> get(Call, std::string name) override;
  Task<std::vector<service::EventSubscription>> list(Call) override;
  Task<bool> remove(Call, std::string name) override;
  Task<service::EventSubscriptionActivity> activity(Call, std::string name) override;
  Task<std::unique_ptr<StreamSource<service::EventDelivery>>> deliveries(Call, std::string name, std::int32_t credits,
                                                                         Duration lock_time) override;
  bool acknowledge(const Call&, std::string_view name, std::int64_t delivery_id) override;
  bool reject(const Call&, std::string_view name, std::int64_t delivery_id, std::string_view reason) override;

 private:
  bool is_there(std::string_view name) const;

  const EventScope& scope_;
};

/// Reads wait for the disk, so they leave the caller's thread. [any-thread]
class EventHistoryObject final : public service::EventHistoryService {
 public:
  explicit EventHistoryObject(const EventScope& scope) : scope_(scope) {}
  Task<service::EventPage> query(Call, service::EventQuery query) override;
  Task<service::Event> get(Call, std::string event_id) override;
  Task<std::vector<service::EventExplanation>> explain(Call, std::string event_id) override;
  Task<void> redeliver(Call, std::string subscription, std::string event_id) override;
  Task<std::int64_t> redeliver_all(Call, std::string subscription, service::EventQuery query) override;
  Task<service::EventSubscription> replay(Call, service::EventSubscriptionSpec subscription, std::optional<Time> from,
                                          std::optional<Time> to) override;
  Task<std::unique_ptr<StreamSource<std::string>>> export_lines(Call, service::EventQuery query,
                                                                service::EventSchema schema) override;

 private:
  const EventScope& scope_;
};

/// [any-thread]
class EventTopicsObject final : public service::EventTopicsService {
 public:
  explicit EventTopicsObject(Runtime& runtime) : runtime_(runtime) {}
  Task<service::EventTopic> create(Call, service::NewEventTopic topic) override;
  Task<service::EventTopic> get(Call, std::string name) override;
  Task<std::vector<service::EventTopic>> list(Call) override;
  Task<bool> remove(Call, std::string name) override;
  Task<service::EventTopic> regenerate_key(Call, std::string name, service::KeyKind kind) override;
  Task<service::EventTopic> set_tags(Call, std::string name, Properties tags) override;
  Task<std::vector<std::string>> publish(Call call, std::string topic, std::vector<service::NewTopicEvent> events) override;
  Task<std::vector<std::string>> publish_json(Call call, std::string topic, std::string events,
                                              service::EventSchema schema) override;

 private:
  Runtime& runtime_;
};

}  // namespace trunkline
