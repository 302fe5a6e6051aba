// The provider itself: its operations, topic types and their event types; and what the areas share.
#include "runtime/api/arm_eventgrid_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/api/arm_eventgrid.h"
#include "runtime/api/arm_name_filter.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/events/event_types.h"
#include "runtime/services/resource_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kDefaultEventPage = 20;
constexpr std::size_t kMaxEventPage = 100;
constexpr std::size_t kMaxIpRules = 128;

json eventgrid_operations() {
  struct Operation {
    const char* type;
    const char* verb;
    const char* what;
  };
  constexpr Operation kOperations[] = {
      {"eventSubscriptions", "read", "Reads an event subscription"},
      {"eventSubscriptions", "write", "Creates or updates an event subscription"},
      {"eventSubscriptions", "delete", "Deletes an event subscription"},
      {"eventSubscriptions", "getFullUrl/action", "Reads the whole URL of an event subscription"},
      {"eventSubscriptions", "getDeliveryAttributes/action", "Reads the delivery attributes of an event subscription"},
      {"topics", "read", "Reads a topic"},
      {"topics", "write", "Creates or updates a topic"},
      {"topics", "delete", "Deletes a topic"},
      {"topics", "listKeys/action", "Lists the keys of a topic"},
      {"topics", "regenerateKey/action", "Makes a new key for a topic"},
      {"systemTopics", "read", "Reads a system topic"},
      {"systemTopics", "write", "Creates or updates a system topic"},
      {"systemTopics", "delete", "Deletes a system topic"},
      {"topicTypes", "read", "Reads a topic type"},
      {"eventTypes", "read", "Reads the event types of a topic"},
  };
  json out = json::array();
  for (const Operation& operation : kOperations) {
    json item;
    item["name"] = std::string(kEventGrid) + "/" + operation.type + "/" + operation.verb;
    item["isDataAction"] = false;
    item["display"]["provider"] = kEventGrid;
    item["display"]["resource"] = operation.type;
    item["display"]["operation"] = operation.what;
    item["display"]["description"] = operation.what;
    out.push_back(std::move(item));
  }
  return out;
}

json topic_type_json(std::string_view name) {
  const bool custom = name == kCustomTopicType;
  json out;
  out["id"] = "providers/Microsoft.EventGrid/topicTypes/" + std::string(name);
  out["name"] = name;
  out["type"] = "Microsoft.EventGrid/topicTypes";
  json& properties = out["properties"];
  properties["provider"] = custom ? kEventGrid : "Microsoft.Communication";
  properties["displayName"] = custom ? "Event Grid topics" : "Communication services";
  properties["description"] = custom ? "Events that applications publish." : "Events of communication services.";
  properties["resourceRegionType"] = custom ? "RegionalResource" : "GlobalResource";
  properties["provisioningState"] = "Succeeded";
  properties["supportedLocations"] = json::array();
  properties["sourceResourceFormat"] =
      "/subscriptions/<subscription>/resourceGroups/<group>/providers/" +
      std::string(custom ? "Microsoft.EventGrid/topics/<name>" : "Microsoft.Communication/communicationServices/<name>");
  properties["supportedScopesForSource"] = json::array({"Resource"});
  return out;
}

/// In the provider's spelling; throws 404.
std::string_view topic_type_of(std::string_view name) {
  for (const std::string_view known : {kCommunicationTopicType, kCustomTopicType})
    if (iequals(known, name)) return known;
  throw Error(ErrorCode::kNotFound,
              "There is no topic type '" + std::string(name.substr(0, 120)) + "'; there are " +
                  std::string(kCommunicationTopicType) + " and " + std::string(kCustomTopicType) + ".",
              "topicTypeName")
      .with_service_code("ResourceNotFound");
}

json event_types_json(std::string_view topic_type) {
  json out = json::array();
  if (topic_type != kCommunicationTopicType) return out;  // what applications publish is theirs
  for (const events::EventType& type : events::communication_event_types()) {
    json item;
    item["id"] = "providers/Microsoft.EventGrid/topicTypes/" + std::string(topic_type) + "/eventTypes/" + std::string(type.name);
    item["name"] = type.name;
    item["type"] = "Microsoft.EventGrid/topicTypes/eventTypes";
    item["properties"]["displayName"] = type.name.substr(type.name.rfind('.') + 1);
    item["properties"]["description"] = "Subject: " + std::string(type.subject.empty() ? "not published" : type.subject);
    item["properties"]["isInDefaultSet"] = true;
    out.push_back(std::move(item));
  }
  return out;
}

net::Response value_response(json list) {
  json answer;
  answer["value"] = std::move(list);
  return json_response(200, answer);
}

bool lives_at(std::string_view subscription, std::string_view group, const ArmId& id) {
  return iequals(subscription, id.subscription) && iequals(group, id.resource_group);
}

/// One of `allowed`, in its spelling.
std::string choice(const std::string& given, std::initializer_list<const char*> allowed, const std::string& path) {
  std::vector<std::string> words;
  for (const char* word : allowed) {
    if (iequals(given, word)) return word;
    words.emplace_back(word);
  }
  throw arm_bad_request("InvalidPropertyValue", "'" + given.substr(0, 80) + "' is none of " + join(words, ", ") + ".", path);
}

}  // namespace

const std::vector<std::string>& arm_eventgrid_versions() {
  static const std::vector<std::string> all =
      versions({"2018-01-01", "2019-01-01", "2019-06-01", "2020-06-01", "2021-12-01", "2022-06-15", "2023-06-01-preview",
                "2023-12-15-preview", "2024-06-01-preview", "2024-12-15-preview", "2025-02-15"});
  return all;
}

EventScope scope_of(const Resource& resource) {
  EventScope scope;
  scope.source = eventgrid::source_of(resource);
  scope.id = *ArmId::parse(resource.arm_id);
  return scope;
}

EventScope scope_of(const eventgrid::EventTopic& topic) {
  EventScope scope;
  scope.source = topic.source;
  scope.id = *ArmId::parse(topic.source.topic);
  return scope;
}

EventScope find_event_scope(const EventGridServices& services, std::string_view text) {
  const auto id = ArmId::parse(text);
  if (id && id->is("Microsoft.Communication/communicationServices")) {
    const ResourcePtr resource = services.resources.find(id->name());
    if (!resource || !lives_at(resource->arm.subscription, resource->arm.resource_group, *id)) throw arm_not_found(*id);
    return scope_of(*resource);
  }
  if (id && id->is("Microsoft.EventGrid/topics")) {
    const eventgrid::EventTopicPtr topic = find_topic(services, *id);
    if (!topic) throw arm_not_found(*id);
    return scope_of(*topic);
  }
  throw arm_bad_request("InvalidScope",
                        "'" + std::string(text.substr(0, 200)) +
                            "' cannot be subscribed to: wanted the id of a communication service or of a topic of Event Grid.",
                        "scope");
}

eventgrid::EventTopicPtr find_topic(const EventGridServices& services, const ArmId& id) {
  eventgrid::EventTopicPtr topic = services.topics.find(id.name());
  return topic && lives_at(topic->subscription, topic->resource_group, id) ? topic : nullptr;
}

eventgrid::SystemTopicPtr find_system_topic(const EventGridServices& services, const ArmId& id) {
  return services.topics.system_topics().find(id.subscription, id.resource_group, id.name());
}

ArmId topic_id(const RouteContext& context) { return arm_target(context, kEventGrid, {{"topics", "topicName"}}); }
ArmId system_topic_id(const RouteContext& context) {
  return arm_target(context, kEventGrid, {{"systemTopics", "systemTopicName"}});
}

net::Response event_grid_page(const RouteContext& context, std::vector<json> items) {
  std::size_t size = kDefaultEventPage;
  if (const auto top = context.query("$top")) {
    const auto number = parse_number<std::size_t>(*top);
    if (!number || *number < 1 || *number > kMaxEventPage)
      throw arm_bad_request("InvalidTop", "$top is 1 to 100, not '" + top->substr(0, 80) + "'.", "$top");
    size = *number;
  }
  const NameFilter filter = NameFilter::parse(context.query("$filter").value_or(""));
  std::erase_if(items, [&](const json& item) { return !filter.matches(item.at("name").get_ref<const std::string&>()); });
  return arm_page(context, std::move(items), size);
}

std::string kept_settings(const json& body, const json& before) {
  json kept = before;
  const json properties = arm_properties(body);
  const std::string access = arm_text(properties, "publicNetworkAccess", "properties.publicNetworkAccess");
  if (!access.empty())
    kept["properties"]["publicNetworkAccess"] =
        choice(access, {"Enabled", "Disabled", "SecuredByPerimeter"}, "properties.publicNetworkAccess");
  const std::string boundary = arm_text(properties, "dataResidencyBoundary", "properties.dataResidencyBoundary");
  if (!boundary.empty())
    kept["properties"]["dataResidencyBoundary"] =
        choice(boundary, {"WithinGeopair", "WithinRegion"}, "properties.dataResidencyBoundary");
  const std::string tls = arm_text(properties, "minimumTlsVersionAllowed", "properties.minimumTlsVersionAllowed");
  if (!tls.empty())
    kept["properties"]["minimumTlsVersionAllowed"] = choice(tls, {"1.0", "1.1", "1.2"}, "properties.minimumTlsVersionAllowed");
  if (const auto rules = properties.find("inboundIpRules"); rules != properties.end() && !rules->is_null()) {
    if (!rules->is_array() || rules->size() > kMaxIpRules)
      throw arm_bad_request("InvalidPropertyValue", "inboundIpRules must be a list of at most 128 rules.",
                            "properties.inboundIpRules");
    kept["properties"]["inboundIpRules"] = *rules;
  }
  if (const auto identity = body.find("identity"); identity != body.end() && !identity->is_null()) {
    const std::string text = arm_identity(*identity);
    if (text.empty())
      kept.erase("identity");
    else
      kept["identity"] = json::parse(text);
  }
  return kept.dump();
}

void add_kept_settings(json& resource, const std::string& kept) {
  const json settings = json::parse(kept);
  if (const auto identity = settings.find("identity"); identity != settings.end()) resource["identity"] = *identity;
  if (const auto properties = settings.find("properties"); properties != settings.end())
    for (const auto& [name, value] : properties->items()) resource["properties"][name] = value;
}

void add_arm_eventgrid_routes(std::vector<server::Route>& routes, const EventGridServices& services) {
  const auto& v = arm_eventgrid_versions();
  routes.push_back(arm_route("GET", kEventGridPath + "/operations", v,
                             [](RouteContext&) -> Task<net::Response> { co_return value_response(eventgrid_operations()); }));
  const std::string types = kEventGridPath + "/topicTypes";
  routes.push_back(arm_route("GET", types, v, [](RouteContext&) -> Task<net::Response> {
    json list = json::array();
    for (const std::string_view name : {kCommunicationTopicType, kCustomTopicType}) list.push_back(topic_type_json(name));
    co_return value_response(std::move(list));
  }));
  routes.push_back(arm_route("GET", types + "/{topicTypeName}", v, [](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, topic_type_json(topic_type_of(context.param("topicTypeName"))));
  }));
  routes.push_back(arm_route("GET", types + "/{topicTypeName}/eventTypes", v, [](RouteContext& context) -> Task<net::Response> {
    co_return value_response(event_types_json(topic_type_of(context.param("topicTypeName"))));
  }));
  routes.push_back(
      arm_route("GET", "/{*scope}" + kEventGridPath + "/eventTypes", v, [services](RouteContext& context) -> Task<net::Response> {
        const EventScope scope = find_event_scope(services, context.param("scope"));
        const bool custom = iequals(scope.id.provider, kEventGrid);
        co_return value_response(event_types_json(custom ? kCustomTopicType : kCommunicationTopicType));
      }));
  add_arm_operation_routes(routes, services.operations, kEventGrid, v);
  add_arm_event_subscription_routes(routes, services);
  add_arm_event_subscription_lists(routes, services);
  add_arm_topic_routes(routes, services);
  add_arm_system_topic_routes(routes, services);
}

}  // namespace trunkline::api
