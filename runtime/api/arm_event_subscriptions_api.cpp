// Event subscriptions, under each of the names that what they hang on has.
#include <nlohmann/json.hpp>

#include "runtime/api/arm_eventgrid.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/services/arm_operations.h"
#include "runtime/services/resource_service.h"

namespace trunkline::api {
namespace {

using eventgrid::EventSubscriptionPtr;
using nlohmann::json;
using server::RouteContext;

constexpr const char* kName = "eventSubscriptionName";

using FindScope = EventScope (*)(const EventGridServices&, const RouteContext&);

EventScope extension_scope(const EventGridServices& services, const RouteContext& context) {
  return find_event_scope(services, context.param("scope"));
}

EventScope topic_scope(const EventGridServices& services, const RouteContext& context) {
  const ArmId id = topic_id(context);
  const eventgrid::EventTopicPtr topic = find_topic(services, id);
  if (!topic) throw arm_not_found(id);
  EventScope scope = scope_of(*topic);
  scope.form = EventScope::Form::kNested;
  return scope;
}

/// The resource's subscriptions, by the name of the system topic.
EventScope system_topic_scope(const EventGridServices& services, const RouteContext& context) {
  const ArmId id = system_topic_id(context);
  const eventgrid::SystemTopicPtr topic = find_system_topic(services, id);
  if (!topic) throw arm_not_found(id);
  EventScope scope = find_event_scope(services, topic->source);
  scope.form = EventScope::Form::kNested;
  scope.id = arm_id(topic->subscription, topic->resource_group, kEventGrid, {{"systemTopics", topic->name}});
  return scope;
}

std::string id_of(const EventScope& scope, const std::string& name) {
  return scope.id.str() + (scope.form == EventScope::Form::kExtension ? kEventGridPath : std::string()) + "/eventSubscriptions/" +
         name;
}

EventSubscriptionPtr require(const EventGridServices& services, const EventScope& scope, const RouteContext& context) {
  const std::string& name = context.param(kName);
  if (EventSubscriptionPtr found = services.subscriptions.find(scope.source, name)) return found;
  throw Error(ErrorCode::kNotFound, "The Resource '" + id_of(scope, name) + "' was not found.", kName)
      .with_service_code("ResourceNotFound");
}

/// What is wrong with a body, in the words of the management plane. `prefix`: of its members.
Error in_arm_terms(Error error, std::string_view prefix) {
  if (error.code != ErrorCode::kInvalidArgument || !error.service_code.empty()) return error;
  error.service_code = "InvalidRequest";
  if (!error.target.empty() && error.target != "name") error.target.insert(0, prefix);
  return error;
}

/// 201 with the subscription, as the provider answers also when it was there; and where to poll, so that a client does not wait
/// for a webhook to be confirmed by hand.
Task<net::Response> answer(EventGridServices services, RouteContext& context, EventScope scope,
                           EventSubscriptionPtr subscription) {
  net::Response response = json_response(201, event_subscription_json(scope, *subscription, services.clock.now()));
  if (subscription->provisioning_state(services.clock.now()) == "Succeeded") co_return response;
  std::string target = id_of(scope, subscription->row.name);
  const std::string operation = co_await services.operations.record(std::move(target));
  add_polling(response, context, kEventGrid, operation);
  co_return response;
}

Task<net::Response> put(EventGridServices services, RouteContext& context, EventScope scope) {
  json properties = arm_properties(arm_body(context));
  std::string name = context.param(kName);
  eventgrid::EventSource source = scope.source;
  EventSubscriptionPtr written;
  std::optional<Error> failure;
  try {
    auto put = co_await services.subscriptions.put(std::move(source), std::move(name), std::move(properties));
    written = std::move(put.subscription);
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) throw in_arm_terms(*std::move(failure), "properties.");
  co_return co_await answer(services, context, std::move(scope), std::move(written));
}

Task<net::Response> patch(EventGridServices services, RouteContext& context, EventScope scope) {
  require(services, scope, context);
  // The members of an update stand by themselves, without `properties` around them.
  json properties = arm_body(context);
  std::string name = context.param(kName);
  eventgrid::EventSource source = scope.source;
  EventSubscriptionPtr written;
  std::optional<Error> failure;
  try {
    written = co_await services.subscriptions.patch(std::move(source), std::move(name), std::move(properties));
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) throw in_arm_terms(*std::move(failure), "");
  co_return co_await answer(services, context, std::move(scope), std::move(written));
}

Task<net::Response> remove(EventGridServices services, RouteContext& context, EventScope scope) {
  std::string name = context.param(kName);
  std::string target = id_of(scope, name);
  eventgrid::EventSource source = scope.source;
  const bool removed = co_await services.subscriptions.remove(std::move(source), std::move(name));
  if (!removed) co_return empty_response(204);
  const std::string operation = co_await services.operations.record(std::move(target));
  co_return arm_accepted(context, kEventGrid, operation);
}

json full_url_json(const eventgrid::EventSubscription& subscription) {
  if (subscription.spec->kind != delivery::SubscriptionSpec::Kind::kWebhook)
    throw arm_bad_request("InvalidRequest", "The destination of '" + subscription.row.name + "' is no webhook: it has no URL.",
                          kName);
  json out;
  out["endpointUrl"] = subscription.spec->endpoint;
  return out;
}

void add_one(std::vector<server::Route>& routes, const EventGridServices& services, const std::string& all, FindScope find) {
  const auto& v = arm_eventgrid_versions();
  const std::string one = all + "/{eventSubscriptionName}";
  routes.push_back(arm_route("GET", one, v, [services, find](RouteContext& context) -> Task<net::Response> {
    const EventScope scope = find(services, context);
    co_return json_response(200, event_subscription_json(scope, *require(services, scope, context), services.clock.now()));
  }));
  routes.push_back(arm_route("PUT", one, v, [services, find](RouteContext& context) -> Task<net::Response> {
    EventScope scope = find(services, context);
    co_return co_await put(services, context, std::move(scope));
  }));
  routes.push_back(arm_route("PATCH", one, v, [services, find](RouteContext& context) -> Task<net::Response> {
    EventScope scope = find(services, context);
    co_return co_await patch(services, context, std::move(scope));
  }));
  routes.push_back(arm_route("DELETE", one, v, [services, find](RouteContext& context) -> Task<net::Response> {
    EventScope scope = find(services, context);
    co_return co_await remove(services, context, std::move(scope));
  }));
  routes.push_back(arm_route("POST", one + "/getFullUrl", v, [services, find](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, full_url_json(*require(services, find(services, context), context)));
  }));
  routes.push_back(
      arm_route("POST", one + "/getDeliveryAttributes", v, [services, find](RouteContext& context) -> Task<net::Response> {
        json out;
        out["value"] = delivery::attributes_json(*require(services, find(services, context), context)->spec, true);
        co_return json_response(200, out);
      }));
  routes.push_back(arm_route("GET", all, v, [services, find](RouteContext& context) -> Task<net::Response> {
    const EventScope scope = find(services, context);
    std::vector<json> items;
    for (const EventSubscriptionPtr& subscription : services.subscriptions.list(scope.source))
      items.push_back(event_subscription_json(scope, *subscription, services.clock.now()));
    co_return event_grid_page(context, std::move(items));
  }));
}

// ---- lists over many sources

std::string folded_location(std::string_view location) {
  std::string out;
  for (const char c : location)
    if (c != ' ') out.push_back(ascii_lower(c));
  return out;
}

/// Which sources a list is over; empty parts mean any.
struct Selection {
  std::string subscription;
  std::string group;
  std::string location;
  std::string topic_type;
};

bool has_param(const RouteContext& context, std::string_view name) {
  for (const auto& [known, value] : context.params)
    if (known == name) return true;
  return false;
}

Selection selection_of(const RouteContext& context) {
  Selection out;
  out.subscription = arm_subscription(context);
  if (has_param(context, "resourceGroupName")) out.group = arm_resource_group(context);
  out.location = has_param(context, "location") ? folded_location(context.param("location")) : "global";
  if (has_param(context, "topicTypeName")) out.topic_type = context.param("topicTypeName");
  return out;
}

std::vector<EventScope> scopes_of(const EventGridServices& services, const Selection& wanted) {
  std::vector<EventScope> out;
  const auto lives_here = [&](std::string_view subscription, std::string_view group) {
    return iequals(subscription, wanted.subscription) && (wanted.group.empty() || iequals(group, wanted.group));
  };
  const auto is_type = [&](std::string_view type) { return wanted.topic_type.empty() || iequals(wanted.topic_type, type); };
  if (wanted.location == "global" && is_type(kCommunicationTopicType))
    for (const ResourcePtr& resource : services.resources.list())
      if (lives_here(resource->arm.subscription, resource->arm.resource_group)) out.push_back(scope_of(*resource));
  if (is_type(kCustomTopicType))
    for (const eventgrid::EventTopicPtr& topic : services.topics.list())
      if (folded_location(topic->location) == wanted.location && lives_here(topic->subscription, topic->resource_group))
        out.push_back(scope_of(*topic));
  return out;
}

}  // namespace

json event_subscription_json(const EventScope& scope, const eventgrid::EventSubscription& subscription, Time now) {
  SystemData data;
  data.created_at = subscription.row.created;
  data.modified_at = subscription.row.updated;
  json out;
  out["id"] = id_of(scope, subscription.row.name);
  out["name"] = subscription.row.name;
  out["type"] = scope.form == EventScope::Form::kExtension ? "Microsoft.EventGrid/eventSubscriptions"
                                                           : scope.id.type() + "/eventSubscriptions";
  out["systemData"] = system_data(data);
  out["properties"] = eventgrid::arm_properties_of(subscription, now);
  return out;
}

void add_arm_event_subscription_routes(std::vector<server::Route>& routes, const EventGridServices& services) {
  // Longer paths first is of no matter to the router: literals win over `{*scope}`.
  add_one(routes, services, "/{*scope}" + kEventGridPath + "/eventSubscriptions", extension_scope);
  add_one(routes, services, kInGroup + kEventGridPath + "/topics/{topicName}/eventSubscriptions", topic_scope);
  add_one(routes, services, kInGroup + kEventGridPath + "/systemTopics/{systemTopicName}/eventSubscriptions", system_topic_scope);
}

void add_arm_event_subscription_lists(std::vector<server::Route>& routes, const EventGridServices& services) {
  const auto& v = arm_eventgrid_versions();
  for (const std::string& place : {kInSubscription, kInGroup})
    for (const char* where : {"", "/locations/{location}"})
      for (const char* type : {"", "/topicTypes/{topicTypeName}"})
        routes.push_back(arm_route("GET", place + kEventGridPath + where + type + "/eventSubscriptions", v,
                                   [services](RouteContext& context) -> Task<net::Response> {
                                     std::vector<json> items;
                                     for (const EventScope& scope : scopes_of(services, selection_of(context)))
                                       for (const EventSubscriptionPtr& one : services.subscriptions.list(scope.source))
                                         items.push_back(event_subscription_json(scope, *one, services.clock.now()));
                                     co_return event_grid_page(context, std::move(items));
                                   }));
}

}  // namespace trunkline::api
