// `communicationServices`, their keys and their SMTP usernames.
#include <nlohmann/json.hpp>

#include "runtime/api/arm_communication_api.h"
#include "runtime/api/arm_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/services/email_domain_service.h"
#include "runtime/services/resource_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr const char* kCommunication = "Microsoft.Communication";
constexpr const char* kType = "Microsoft.Communication/CommunicationServices";
const std::string kAll = "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/communicationServices";
const std::string kGroup =
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/communicationServices";
const std::string kOne = kGroup + "/{communicationServiceName}";

ArmId id_of(const RouteContext& context) {
  return arm_target(context, kCommunication, {{"communicationServices", "communicationServiceName"}});
}

bool lives_in(const Resource& resource, std::string_view subscription, std::string_view group) {
  return iequals(resource.arm.subscription, subscription) && (group.empty() || iequals(resource.arm.resource_group, group));
}

ResourcePtr find(const ArmServices& services, const ArmId& id) {
  ResourcePtr resource = services.resources.find(id.name());
  return resource && lives_in(*resource, id.subscription, id.resource_group) ? resource : nullptr;
}

ResourcePtr require(const ArmServices& services, const ArmId& id) {
  if (ResourcePtr resource = find(services, id)) return resource;
  throw arm_not_found(id);
}

SystemData system_data_of(const Resource& resource) {
  SystemData data;
  data.created_at = resource.created_at;
  data.modified_at = resource.changed_at;
  return data;
}

json resource_json(const ArmServices& services, const Resource& resource) {
  const auto id = ArmId::parse(resource.arm_id);
  json out = arm_tracked_resource(*id, system_data_of(resource), resource.tags);
  out["type"] = kType;
  if (!resource.arm.identity.empty()) out["identity"] = json::parse(resource.arm.identity);
  json& properties = out["properties"];
  properties["provisioningState"] = "Succeeded";
  properties["hostName"] = services.host_name(resource);
  properties["dataLocation"] = resource.data_location;
  properties["version"] = "1";
  properties["immutableResourceId"] = resource.id;
  properties["publicNetworkAccess"] = resource.arm.public_network_access;
  properties["disableLocalAuth"] = !resource.local_auth;
  properties["linkedDomains"] = resource.arm.linked_domains;
  if (!resource.arm.notification_hub_id.empty()) properties["notificationHubId"] = resource.arm.notification_hub_id;
  return out;
}

json keys_json(const ArmServices& services, const Resource& resource) {
  json out;
  out["primaryKey"] = resource.primary_key.reveal();
  out["secondaryKey"] = resource.secondary_key.reveal();
  out["primaryConnectionString"] = services.connection_string(resource, std::string(resource.primary_key.reveal()));
  out["secondaryConnectionString"] = services.connection_string(resource, std::string(resource.secondary_key.reveal()));
  return out;
}

/// What a body sets, checked. Members that are absent stay as they are.
struct Change {
  std::optional<std::map<std::string, std::string>> tags;
  std::optional<std::vector<std::string>> linked_domains;
  std::optional<bool> disable_local_auth;
  std::string public_network_access;
  std::optional<std::string> identity;  // JSON; empty: none

  void apply(Resource& resource) const {
    if (tags) resource.tags = *tags;
    if (linked_domains) resource.arm.linked_domains = *linked_domains;
    if (disable_local_auth) resource.local_auth = !*disable_local_auth;
    if (!public_network_access.empty()) resource.arm.public_network_access = public_network_access;
    if (identity) resource.arm.identity = *identity;
  }
};

Change parse_change(const json& body) {
  Change change;
  change.tags = arm_body_tags(body);
  const json properties = arm_properties(body);
  if (const auto links = properties.find("linkedDomains"); links != properties.end() && !links->is_null()) {
    if (!links->is_array())
      throw arm_bad_request("InvalidRequestContent", "linkedDomains must be a list of ids.", "properties.linkedDomains");
    change.linked_domains.emplace();
    for (const json& id : *links) {
      if (!id.is_string())
        throw arm_bad_request("InvalidRequestContent", "linkedDomains must be a list of ids.", "properties.linkedDomains");
      change.linked_domains->push_back(id.get<std::string>());
    }
  }
  if (const auto off = properties.find("disableLocalAuth"); off != properties.end() && !off->is_null()) {
    if (!off->is_boolean())
      throw arm_bad_request("InvalidRequestContent", "disableLocalAuth must be true or false.", "properties.disableLocalAuth");
    change.disable_local_auth = off->get<bool>();
  }
  const std::string access = arm_text(properties, "publicNetworkAccess", "properties.publicNetworkAccess");
  for (const char* allowed : {"Enabled", "Disabled", "SecuredByPerimeter"})
    if (iequals(access, allowed)) change.public_network_access = allowed;
  if (!access.empty() && change.public_network_access.empty())
    throw arm_bad_request("InvalidPropertyValue",
                          "'" + access.substr(0, 80) + "' is not Enabled, Disabled or SecuredByPerimeter.",
                          "properties.publicNetworkAccess");
  if (const auto identity = body.find("identity"); identity != body.end() && !identity->is_null())
    change.identity = arm_identity(*identity);
  return change;
}

Task<ResourcePtr> apply(ArmServices services, ResourcePtr resource, Change change) {
  if (change.linked_domains) services.email.check_links(*resource, *change.linked_domains);
  UniqueFunction<void(Resource&)> set = [change = std::move(change)](Resource& r) { change.apply(r); };
  std::string name = resource->name;
  co_return co_await services.resources.update(std::move(name), std::move(set));
}

Task<net::Response> put(const ArmServices& services, RouteContext& context) {
  const ArmId id = id_of(context);
  const json body = arm_body(context);
  const Change change = parse_change(body);
  const std::string location = arm_text(arm_properties(body), "dataLocation", "properties.dataLocation");
  ResourcePtr resource = services.resources.find(id.name());
  if (resource && !lives_in(*resource, id.subscription, id.resource_group))
    throw Error(ErrorCode::kAlreadyExists,
                "The name '" + id.name() + "' is taken by a communication service in another resource group.",
                "communicationServiceName")
        .with_service_code("NameUnavailable");
  check_arm_location(body, kType);
  const bool created = !resource;
  if (created) {
    if (location.empty())
      throw arm_bad_request("InvalidRequestContent", "properties.dataLocation is missing.", "properties.dataLocation");
    ResourceSpec spec;
    spec.name = id.name();
    spec.data_location = location;
    spec.arm.subscription = id.subscription;
    spec.arm.resource_group = id.resource_group;
    if (change.linked_domains) {
      // Checked before anything is made.
      Resource probe;
      probe.data_location = find_data_location(location).value_or(location);
      services.email.check_links(probe, *change.linked_domains);
    }
    std::optional<Error> failure;
    try {
      resource = co_await services.resources.create(std::move(spec));
    } catch (const Error& error) {
      failure = error;
    }
    if (failure && failure->code == ErrorCode::kInvalidArgument) {
      const bool name = failure->target == "name";
      throw arm_bad_request(name ? "InvalidResourceName" : "InvalidDataLocation", failure->message,
                            name ? "communicationServiceName" : "properties.dataLocation");
    }
    if (failure) throw *failure;
  } else if (!location.empty() && data_location_claim(location) != data_location_claim(resource->data_location)) {
    throw arm_bad_request("PropertyChangeNotAllowed", "dataLocation cannot be changed from '" + resource->data_location + "'.",
                          "properties.dataLocation");
  }
  Change whole = change;
  if (!whole.tags) whole.tags.emplace();  // a PUT says what there is
  resource = co_await apply(services, resource, std::move(whole));
  const json answer = resource_json(services, *resource);
  co_return co_await arm_put_answer(services.operations, context, kCommunication, answer, created);
}

net::Response list(const ArmServices& services, const RouteContext& context, std::string_view group) {
  std::vector<json> items;
  const std::string& subscription = arm_subscription(context);
  for (const ResourcePtr& resource : services.resources.list())
    if (lives_in(*resource, subscription, group)) items.push_back(resource_json(services, *resource));
  return arm_page(context, std::move(items));
}

KeyKind key_kind(const json& body) {
  const std::string word = arm_text(body, "keyType", "keyType");
  if (iequals(word, "Primary")) return KeyKind::kPrimary;
  if (iequals(word, "Secondary")) return KeyKind::kSecondary;
  throw arm_bad_request("InvalidPropertyValue", "'" + word.substr(0, 80) + "' is neither Primary nor Secondary.", "keyType");
}

Task<net::Response> link_hub(const ArmServices& services, RouteContext& context) {
  const ResourcePtr resource = require(services, id_of(context));
  const json body = arm_body(context);
  const std::string hub = arm_text(body, "resourceId", "resourceId");
  if (arm_text(body, "connectionString", "connectionString").empty())
    throw arm_bad_request("InvalidRequestContent", "connectionString is missing.", "connectionString");
  const auto id = ArmId::parse(hub);
  if (!id || !id->is("Microsoft.NotificationHubs/namespaces/notificationHubs"))
    throw arm_bad_request("InvalidPropertyValue", "'" + hub.substr(0, 200) + "' is not the id of a notification hub.",
                          "resourceId");
  if (!iequals(id->subscription, resource->arm.subscription))
    throw arm_bad_request("WrongSubscription",
                          "The notification hub must be in the same subscription as the communication service.", "resourceId");
  UniqueFunction<void(Resource&)> set = [hub](Resource& r) { r.arm.notification_hub_id = hub; };
  std::string name = resource->name;
  co_await services.resources.update(std::move(name), std::move(set));
  json answer;
  answer["resourceId"] = hub;
  co_return json_response(200, answer);
}

json smtp_json(const ArmId& parent, const SmtpUsername& username) {
  ArmId id = parent;
  id.segments.emplace_back("smtpUsernames", username.name);
  SystemData data;
  data.created_at = username.created_at;
  data.modified_at = username.changed_at;
  json out = arm_resource(id, data);
  out["type"] = "Microsoft.Communication/CommunicationServices/SmtpUsernames";
  out["properties"]["username"] = username.username;
  out["properties"]["entraApplicationId"] = username.application_id;
  out["properties"]["tenantId"] = username.tenant_id;
  return out;
}

std::string guid_of(const json& properties, const char* member) {
  const std::string path = std::string("properties.") + member;
  const std::string text = arm_text(properties, member, path.c_str());
  if (!Uuid::parse(text))
    throw arm_bad_request("InvalidPropertyValue", path + " must be a GUID, not '" + text.substr(0, 80) + "'.", path);
  return text;
}

void add_smtp(std::vector<server::Route>& routes, const ArmServices& services) {
  const auto& v = arm_communication_versions();
  const std::string all = kOne + "/smtpUsernames", one = all + "/{smtpUsername}";
  routes.push_back(arm_route("GET", all, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = id_of(context);
    std::vector<json> items;
    for (const SmtpUsername& username : services.email.smtp_usernames(*require(services, id)))
      items.push_back(smtp_json(id, username));
    co_return arm_page(context, std::move(items));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = id_of(context);
    const auto found = services.email.find_smtp_username(*require(services, id), context.param("smtpUsername"));
    ArmId child = id;
    child.segments.emplace_back("smtpUsernames", context.param("smtpUsername"));
    if (!found) throw arm_not_found(child);
    co_return json_response(200, smtp_json(id, *found));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = id_of(context);
    const ResourcePtr resource = require(services, id);
    const json properties = arm_properties(arm_body(context));
    SmtpUsername username;
    username.name = context.param("smtpUsername");
    username.username = arm_text(properties, "username", "properties.username");
    username.application_id = guid_of(properties, "entraApplicationId");
    username.tenant_id = guid_of(properties, "tenantId");
    const Stored<SmtpUsername> stored = co_await services.email.put_smtp_username(resource, std::move(username));
    co_return json_response(stored.created ? 201 : 200, smtp_json(id, stored.value));
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const ResourcePtr resource = find(services, id_of(context));
    if (!resource) co_return empty_response(204);
    std::string name = context.param("smtpUsername");
    const bool removed = co_await services.email.remove_smtp_username(resource, std::move(name));
    co_return empty_response(removed ? 200 : 204);
  }));
}

}  // namespace

void add_arm_resource_routes(std::vector<server::Route>& routes, const ArmServices& services) {
  const auto& v = arm_communication_versions();
  routes.push_back(arm_route(
      "GET", kAll, v, [services](RouteContext& context) -> Task<net::Response> { co_return list(services, context, {}); }));
  routes.push_back(arm_route("GET", kGroup, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list(services, context, arm_resource_group(context));
  }));
  routes.push_back(arm_route("GET", kOne, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, resource_json(services, *require(services, id_of(context))));
  }));
  routes.push_back(arm_route(
      "PUT", kOne, v, [services](RouteContext& context) -> Task<net::Response> { co_return co_await put(services, context); }));
  routes.push_back(arm_route("PATCH", kOne, v, [services](RouteContext& context) -> Task<net::Response> {
    ResourcePtr resource = require(services, id_of(context));
    Change change = parse_change(arm_body(context));
    resource = co_await apply(services, resource, std::move(change));
    co_return json_response(200, resource_json(services, *resource));
  }));
  routes.push_back(arm_route("DELETE", kOne, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = id_of(context);
    const ResourcePtr resource = find(services, id);
    if (resource) {
      std::string name = resource->name;
      co_await services.resources.drop(std::move(name));
    }
    co_return co_await arm_delete_answer(services.operations, context, kCommunication, id, resource != nullptr);
  }));
  routes.push_back(arm_route("POST", kOne + "/listKeys", v, [services](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, keys_json(services, *require(services, id_of(context))));
  }));
  routes.push_back(arm_route("POST", kOne + "/regenerateKey", v, [services](RouteContext& context) -> Task<net::Response> {
    const ResourcePtr resource = require(services, id_of(context));
    const KeyKind kind = key_kind(arm_body(context));
    std::string name = resource->name;
    const ResourcePtr changed = co_await services.resources.regenerate_key(std::move(name), kind);
    co_return json_response(200, keys_json(services, *changed));
  }));
  routes.push_back(arm_route("POST", kOne + "/linkNotificationHub", v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await link_hub(services, context);
  }));
  add_smtp(routes, services);
}

}  // namespace trunkline::api
