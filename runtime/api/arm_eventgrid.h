// Internal to the management plane of Event Grid: what its areas share.
#pragma once
#include <array>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/api/arm_eventgrid_api.h"
#include "runtime/api/arm_rest.h"
#include "runtime/eventgrid/topic_service.h"

namespace trunkline::api {

inline constexpr const char* kEventGrid = "Microsoft.EventGrid";
inline constexpr std::string_view kCommunicationTopicType = "Microsoft.Communication.CommunicationServices";
inline constexpr std::string_view kCustomTopicType = "Microsoft.EventGrid.Topics";
inline const std::string kInSubscription = "/subscriptions/{subscriptionId}";
inline const std::string kInGroup = kInSubscription + "/resourceGroups/{resourceGroupName}";
inline const std::string kEventGridPath = "/providers/Microsoft.EventGrid";

/// Published versions of the provider.
const std::vector<std::string>& arm_eventgrid_versions();

/// What event subscriptions hang on, and under which of its names.
struct EventScope {
  enum class Form {
    kExtension,  // `{id}/providers/Microsoft.EventGrid/eventSubscriptions/{name}`
    kNested,     // `{id}/eventSubscriptions/{name}`
  };
  eventgrid::EventSource source;
  ArmId id;
  Form form = Form::kExtension;
};
/// Scope of an id that may be subscribed to. Throws 400 InvalidScope, 404 ResourceNotFound.
EventScope find_event_scope(const EventGridServices& services, std::string_view id);
EventScope scope_of(const Resource& resource);
EventScope scope_of(const eventgrid::EventTopic& topic);
/// The topic that the path means; null when it is not there. `topicName` is its parameter.
eventgrid::EventTopicPtr find_topic(const EventGridServices& services, const ArmId& id);
eventgrid::SystemTopicPtr find_system_topic(const EventGridServices& services, const ArmId& id);
ArmId topic_id(const server::RouteContext& context);
ArmId system_topic_id(const server::RouteContext& context);

/// Of a list: what `$filter` leaves, `$top` at a time (1 to 100, else 20). Items have a `name`.
net::Response event_grid_page(const server::RouteContext& context, std::vector<nlohmann::json> items);

/// Settings of a body that are kept and change nothing, checked; those that it does not have stay as they were. A JSON object.
std::string kept_settings(const nlohmann::json& body, const nlohmann::json& before);
/// Puts them into a resource.
void add_kept_settings(nlohmann::json& resource, const std::string& kept);

void add_arm_event_subscription_routes(std::vector<server::Route>& routes, const EventGridServices& services);
void add_arm_event_subscription_lists(std::vector<server::Route>& routes, const EventGridServices& services);
void add_arm_topic_routes(std::vector<server::Route>& routes, const EventGridServices& services);
void add_arm_system_topic_routes(std::vector<server::Route>& routes, const EventGridServices& services);

nlohmann::json event_subscription_json(const EventScope& scope, const eventgrid::EventSubscription& subscription, Time now);

}  // namespace trunkline::api
