// Custom topics and system topics.
#include <nlohmann/json.hpp>

#include "runtime/api/arm_eventgrid.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/services/arm_operations.h"

namespace trunkline::api {
namespace {

using eventgrid::EventTopic;
using eventgrid::EventTopicPtr;
using eventgrid::SystemTopic;
using eventgrid::SystemTopicPtr;
using nlohmann::json;
using server::RouteContext;

const std::string kTopics = kEventGridPath + "/topics";
const std::string kSystemTopics = kEventGridPath + "/systemTopics";

EventTopicPtr require(const EventGridServices& services, const ArmId& id) {
  if (EventTopicPtr topic = find_topic(services, id)) return topic;
  throw arm_not_found(id);
}

json topic_json(const EventGridServices& services, const EventTopic& topic) {
  SystemData data;
  data.created_at = topic.created_at;
  data.modified_at = topic.changed_at;
  json out = arm_tracked_resource(*ArmId::parse(topic.source.topic), data, topic.tags);
  out["location"] = topic.location;
  json& properties = out["properties"];
  properties["provisioningState"] = "Succeeded";
  properties["endpoint"] = topic.publish_url(services.endpoint());
  properties["inputSchema"] = to_text(topic.schema);
  properties["publicNetworkAccess"] = "Enabled";
  properties["disableLocalAuth"] = !topic.local_auth;
  add_kept_settings(out, topic.kept);
  return out;
}

json keys_json(const EventTopic& topic) {
  json out;
  out["key1"] = topic.key1.reveal();
  out["key2"] = topic.key2.reveal();
  return out;
}

events::EventSchema input_schema(const json& properties) {
  const std::string word = arm_text(properties, "inputSchema", "properties.inputSchema");
  for (const events::EventSchema schema : {events::EventSchema::kEventGrid, events::EventSchema::kCloudEvents})
    if (iequals(word, to_text(schema))) return schema;
  if (word.empty()) return events::EventSchema::kEventGrid;
  throw arm_bad_request(
      "InvalidPropertyValue",
      "'" + word.substr(0, 80) + "' is not offered as the input schema; EventGridSchema and " + "CloudEventSchemaV1_0 are.",
      "properties.inputSchema");
}

std::optional<bool> disable_local_auth(const json& properties) {
  const auto found = properties.find("disableLocalAuth");
  if (found == properties.end() || found->is_null()) return std::nullopt;
  if (!found->is_boolean())
    throw arm_bad_request("InvalidRequestContent", "disableLocalAuth must be true or false.", "properties.disableLocalAuth");
  return found->get<bool>();
}

Error in_arm_terms(const Error& error) {
  return error.code == ErrorCode::kInvalidArgument && error.target == "name"
             ? arm_bad_request("InvalidResourceName", error.message, "topicName")
             : error;
}

Task<EventTopicPtr> create_topic(EventGridServices services, eventgrid::TopicSpec spec) {
  std::optional<Error> failure;
  try {
    co_return co_await services.topics.create(std::move(spec));
  } catch (const Error& error) {
    failure = error;
  }
  throw in_arm_terms(*failure);
}

Task<net::Response> put_topic(EventGridServices services, RouteContext& context) {
  const ArmId id = topic_id(context);
  const json body = arm_body(context);
  const json properties = arm_properties(body);
  const std::string location = arm_text(body, "location", "location");
  const events::EventSchema schema = input_schema(properties);
  if (const auto mapping = properties.find("inputSchemaMapping"); mapping != properties.end() && !mapping->is_null())
    throw arm_bad_request("InvalidPropertyValue", "Mappings of input schemas are not offered.", "properties.inputSchemaMapping");
  const bool local_auth = !disable_local_auth(properties).value_or(false);
  auto tags = arm_body_tags(body).value_or(std::map<std::string, std::string>{});
  std::string kept = kept_settings(body, json::object());
  EventTopicPtr topic = services.topics.find(id.name());
  if (topic && !find_topic(services, id))
    throw Error(ErrorCode::kAlreadyExists, "The name '" + id.name() + "' is taken by a topic in another resource group.",
                "topicName")
        .with_service_code("NameUnavailable");
  if (location.empty())
    throw arm_bad_request("LocationRequired", "The location property is required for this definition.", "location");
  const bool created = !topic;
  if (created) {
    eventgrid::TopicSpec spec;
    spec.name = id.name();
    spec.subscription = id.subscription;
    spec.resource_group = id.resource_group;
    spec.location = location;
    spec.schema = schema;
    spec.local_auth = local_auth;
    spec.tags = std::move(tags);
    spec.kept = std::move(kept);
    topic = co_await create_topic(services, std::move(spec));
  } else {
    if (!iequals(location, topic->location))
      throw Error(ErrorCode::kAlreadyExists,
                  "The resource '" + topic->name + "' already exists in location '" + topic->location +
                      "'; its location cannot be changed.",
                  "location")
          .with_service_code("InvalidResourceLocation");
    if (schema != topic->schema)
      throw arm_bad_request("PropertyChangeNotAllowed", "The input schema of a topic cannot be changed.",
                            "properties.inputSchema");
    UniqueFunction<void(EventTopic&)> change = [tags = std::move(tags), kept = std::move(kept), local_auth](EventTopic& next) {
      next.tags = tags;
      next.kept = kept;
      next.local_auth = local_auth;
    };
    std::string name = topic->name;
    topic = co_await services.topics.update(std::move(name), std::move(change));
  }
  net::Response response = json_response(201, topic_json(services, *topic));
  if (!created) co_return response;
  std::string target = topic->source.topic;
  const std::string operation = co_await services.operations.record(std::move(target));
  add_polling(response, context, kEventGrid, operation);
  co_return response;
}

Task<net::Response> patch_topic(EventGridServices services, RouteContext& context) {
  const EventTopicPtr topic = require(services, topic_id(context));
  const json body = arm_body(context);
  const auto tags = arm_body_tags(body);
  const auto off = disable_local_auth(arm_properties(body));
  std::string kept = kept_settings(body, json::parse(topic->kept));
  UniqueFunction<void(EventTopic&)> change = [tags, off, kept = std::move(kept)](EventTopic& next) {
    if (tags) next.tags = *tags;
    if (off) next.local_auth = !*off;
    next.kept = kept;
  };
  std::string name = topic->name;
  const EventTopicPtr changed = co_await services.topics.update(std::move(name), std::move(change));
  co_return json_response(200, topic_json(services, *changed));
}

int key_number(const json& body) {
  const std::string word = arm_text(body, "keyName", "keyName");
  if (iequals(word, "key1")) return 1;
  if (iequals(word, "key2")) return 2;
  throw arm_bad_request("InvalidPropertyValue", "'" + word.substr(0, 80) + "' is neither key1 nor key2.", "keyName");
}

json system_topic_json(const SystemTopic& topic) {
  SystemData data;
  data.created_at = topic.created_at;
  data.modified_at = topic.changed_at;
  json out = arm_tracked_resource(arm_id(topic.subscription, topic.resource_group, kEventGrid, {{"systemTopics", topic.name}}),
                                  data, topic.tags);
  out["properties"]["provisioningState"] = "Succeeded";
  out["properties"]["source"] = topic.source;
  out["properties"]["topicType"] = topic.topic_type;
  add_kept_settings(out, topic.kept);
  return out;
}

/// What the events are of: a communication service that is there.
std::string system_topic_source(const EventGridServices& services, const json& properties) {
  const std::string type = arm_text(properties, "topicType", "properties.topicType");
  if (!iequals(type, kCommunicationTopicType))
    throw arm_bad_request(
        "InvalidPropertyValue",
        "'" + type.substr(0, 120) + "' has no system topics here; " + std::string(kCommunicationTopicType) + " has.",
        "properties.topicType");
  const std::string source = arm_text(properties, "source", "properties.source");
  const auto id = ArmId::parse(source);
  if (!id || !id->is("Microsoft.Communication/communicationServices"))
    throw arm_bad_request("InvalidPropertyValue", "'" + source.substr(0, 200) + "' is not the id of a communication service.",
                          "properties.source");
  return find_event_scope(services, source).id.str();
}

Task<net::Response> put_system_topic(EventGridServices services, RouteContext& context) {
  const ArmId id = system_topic_id(context);
  const json body = arm_body(context);
  check_arm_location(body, "Microsoft.EventGrid/systemTopics");
  SystemTopic wanted;
  wanted.subscription = id.subscription;
  wanted.resource_group = id.resource_group;
  wanted.name = id.name();
  wanted.source = system_topic_source(services, arm_properties(body));
  wanted.topic_type = kCommunicationTopicType;
  wanted.tags = arm_body_tags(body).value_or(std::map<std::string, std::string>{});
  wanted.kept = kept_settings(body, json::object());
  const auto written = co_await services.topics.system_topics().put(std::move(wanted));
  const json resource = system_topic_json(*written.topic);
  co_return co_await arm_put_answer(services.operations, context, kEventGrid, resource, written.created);
}

Task<net::Response> patch_system_topic(EventGridServices services, RouteContext& context) {
  const ArmId id = system_topic_id(context);
  const SystemTopicPtr topic = find_system_topic(services, id);
  if (!topic) throw arm_not_found(id);
  const json body = arm_body(context);
  SystemTopic next = *topic;
  if (auto tags = arm_body_tags(body)) next.tags = *std::move(tags);
  next.kept = kept_settings(body, json::parse(topic->kept));
  const auto written = co_await services.topics.system_topics().put(std::move(next));
  co_return json_response(200, system_topic_json(*written.topic));
}

net::Response list_topics(const EventGridServices& services, const RouteContext& context, std::string_view group) {
  std::vector<json> items;
  const std::string& subscription = arm_subscription(context);
  for (const EventTopicPtr& topic : services.topics.list())
    if (iequals(topic->subscription, subscription) && (group.empty() || iequals(topic->resource_group, group)))
      items.push_back(topic_json(services, *topic));
  return event_grid_page(context, std::move(items));
}

net::Response list_system_topics(const EventGridServices& services, const RouteContext& context, std::string_view group) {
  std::vector<json> items;
  for (const SystemTopicPtr& topic : services.topics.system_topics().list(arm_subscription(context), group))
    items.push_back(system_topic_json(*topic));
  return event_grid_page(context, std::move(items));
}

}  // namespace

void add_arm_topic_routes(std::vector<server::Route>& routes, const EventGridServices& services) {
  const auto& v = arm_eventgrid_versions();
  const std::string one = kInGroup + kTopics + "/{topicName}";
  routes.push_back(arm_route("GET", kInSubscription + kTopics, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list_topics(services, context, {});
  }));
  routes.push_back(arm_route("GET", kInGroup + kTopics, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list_topics(services, context, arm_resource_group(context));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, topic_json(services, *require(services, topic_id(context))));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await put_topic(services, context);
  }));
  routes.push_back(arm_route("PATCH", one, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await patch_topic(services, context);
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = topic_id(context);
    bool removed = false;
    if (const EventTopicPtr topic = find_topic(services, id)) {
      std::string name = topic->name;
      removed = co_await services.topics.remove(std::move(name));
    }
    co_return co_await arm_delete_answer(services.operations, context, kEventGrid, id, removed);
  }));
  routes.push_back(arm_route("POST", one + "/listKeys", v, [services](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, keys_json(*require(services, topic_id(context))));
  }));
  routes.push_back(arm_route("POST", one + "/regenerateKey", v, [services](RouteContext& context) -> Task<net::Response> {
    const EventTopicPtr topic = require(services, topic_id(context));
    const int which = key_number(arm_body(context));
    std::string name = topic->name;
    const EventTopicPtr changed = co_await services.topics.regenerate_key(std::move(name), which);
    co_return json_response(200, keys_json(*changed));
  }));
}

void add_arm_system_topic_routes(std::vector<server::Route>& routes, const EventGridServices& services) {
  const auto& v = arm_eventgrid_versions();
  const std::string one = kInGroup + kSystemTopics + "/{systemTopicName}";
  routes.push_back(arm_route("GET", kInSubscription + kSystemTopics, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list_system_topics(services, context, {});
  }));
  routes.push_back(arm_route("GET", kInGroup + kSystemTopics, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list_system_topics(services, context, arm_resource_group(context));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = system_topic_id(context);
    const SystemTopicPtr topic = find_system_topic(services, id);
    if (!topic) throw arm_not_found(id);
    co_return json_response(200, system_topic_json(*topic));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await put_system_topic(services, context);
  }));
  routes.push_back(arm_route("PATCH", one, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await patch_system_topic(services, context);
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = system_topic_id(context);
    std::string subscription = id.subscription, group = id.resource_group, name = id.name();
    const bool removed =
        co_await services.topics.system_topics().remove(std::move(subscription), std::move(group), std::move(name));
    co_return co_await arm_delete_answer(services.operations, context, kEventGrid, id, removed);
  }));
}

}  // namespace trunkline::api
