#include "runtime/core/event_config.h"

#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/config/secret_source.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

delivery::DeliveryOptions delivery_options(const EventsConfig& config) {
  delivery::DeliveryOptions options;
  options.retry_schedule = config.retry_schedule;
  options.response_timeout = config.response_timeout;
  options.allow_http = config.allow_http;
  options.forbid_private = config.forbid_private;
  options.dead_letter_path = config.dead_letter_path;
  options.connections_per_endpoint = config.connections_per_endpoint;
  return options;
}

eventgrid::RetentionOptions retention_options(const EventsConfig& config) {
  eventgrid::RetentionOptions options;
  options.age = config.retention;
  options.max_events = config.max_events;
  options.max_bytes = config.max_size_mb << 20;
  return options;
}

namespace {

/// Members that are written into must be objects, or not be there.
void check_objects(const nlohmann::json& parent, std::initializer_list<const char*> members) {
  for (const char* const member : members)
    if (const auto value = JsonRef(parent).find(member)) value->object();
}

/// As in ARM.
nlohmann::json subscription_properties(const EventSubscriptionConfig& config, const SecretSource& secrets) {
  nlohmann::json properties = parse_json(config.properties_json);
  check_objects(properties, {"destination", "filter", "trunkline"});
  if (properties.contains("destination")) check_objects(properties["destination"], {"properties"});
  if (!config.endpoint.empty()) {
    properties["destination"]["endpointType"] = "WebHook";
    properties["destination"]["properties"]["endpointUrl"] = config.endpoint;
  }
  if (!config.types.empty()) properties["filter"]["includedEventTypes"] = config.types;
  if (!config.subject_begins_with.empty()) properties["filter"]["subjectBeginsWith"] = config.subject_begins_with;
  if (config.schema == EventSchemaConfig::kCloudEvents) properties["eventDeliverySchema"] = "CloudEventSchemaV1_0";
  if (config.bearer) properties["trunkline"]["bearer"] = std::string(secrets.resolve(config.bearer).reveal());
  if (config.hmac_secret) properties["trunkline"]["hmacSecret"] = std::string(secrets.resolve(config.hmac_secret).reveal());
  return properties;
}

eventgrid::TopicSpec topic_spec(const EventTopicConfig& config, const SecretSource& secrets) {
  eventgrid::TopicSpec spec;
  spec.name = config.name;
  spec.schema =
      config.schema == EventSchemaConfig::kCloudEvents ? events::EventSchema::kCloudEvents : events::EventSchema::kEventGrid;
  spec.key1 = secrets.resolve(config.key1);
  spec.key2 = secrets.resolve(config.key2);
  return spec;
}

}  // namespace

void seed_events(const Config& config, ResourceService& resources, eventgrid::EventSubscriptionService& subscriptions,
                 eventgrid::EventTopicService& topics) {
  const SecretSource secrets;
  const auto subscribe = [&](const eventgrid::EventSource& source, const std::vector<EventSubscriptionConfig>& wanted) {
    for (const EventSubscriptionConfig& one : wanted) {
      try {
        sync_wait(subscriptions.put(source, one.name, subscription_properties(one, secrets), std::nullopt,
                                    eventgrid::EventSubscriptionService::Proof::kTrusted));
      } catch (Error& error) {
        error.message = "event subscription '" + one.name + "' of '" + source.name + "': " + error.message;
        throw;
      }
    }
  };
  for (const ResourceConfig& wanted : config.resources)
    subscribe(eventgrid::source_of(*resources.get(wanted.name)), wanted.event_subscriptions);
  for (const EventTopicConfig& wanted : config.topics) {
    const eventgrid::EventTopicPtr topic = sync_wait(topics.ensure(topic_spec(wanted, secrets)));
    subscribe(topic->source, wanted.event_subscriptions);
  }
}

}  // namespace trunkline
