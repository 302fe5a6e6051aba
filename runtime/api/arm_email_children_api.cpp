// `senderUsernames`, `suppressionLists` and `suppressionListAddresses`.
#include <nlohmann/json.hpp>

#include "runtime/api/arm_email.h"
#include "runtime/api/arm_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

const std::string kDomain = std::string(kArmEmailServices) + "/{emailServiceName}/domains/{domainName}";

/// The service and domain that a child belongs to.
struct Parent {
  EmailServicePtr service;
  EmailDomain domain;
  ArmId id;
};

Parent parent_of(const ArmServices& services, const RouteContext& context) {
  Parent parent;
  parent.service = require_email_service(services, context, true);
  parent.domain = require_email_domain(services, context, *parent.service, true);
  parent.id = email_domain_id(context);
  return parent;
}

/// For deletes, which succeed when there is nothing.
std::optional<Parent> find_parent(const ArmServices& services, const RouteContext& context) {
  Parent parent;
  parent.service = find_email_service(services, context);
  parent.id = email_domain_id(context);
  if (!parent.service) return std::nullopt;
  auto domain = services.email.find_domain(*parent.service, context.param("domainName"));
  if (!domain) return std::nullopt;
  parent.domain = *std::move(domain);
  return parent;
}

ArmId below(ArmId id, const char* type, const std::string& name) {
  id.segments.emplace_back(type, name);
  return id;
}

template <class T>
json child_json(const ArmId& id, const char* type, const T& item) {
  SystemData data;
  data.created_at = item.created_at;
  data.modified_at = item.changed_at;
  json out = arm_resource(id, data);
  out["type"] = std::string("Microsoft.Communication/EmailServices/Domains/") + type;
  return out;
}

json sender_json(const Parent& parent, const EmailSender& sender) {
  json out = child_json(below(parent.id, "senderUsernames", sender.username), "SenderUsernames", sender);
  out["properties"]["username"] = sender.username;
  out["properties"]["displayName"] = sender.display_name;
  out["properties"]["dataLocation"] = parent.service->data_location;
  out["properties"]["provisioningState"] = "Succeeded";
  return out;
}

json list_json(const Parent& parent, const SuppressionList& list) {
  json out = child_json(below(parent.id, "suppressionLists", list.name), "SuppressionLists", list);
  out["properties"]["listName"] = list.list_name;
  out["properties"]["createdTimeStamp"] = format_rfc3339(list.created_at);
  out["properties"]["lastUpdatedTimeStamp"] = format_rfc3339(list.changed_at);
  out["properties"]["dataLocation"] = parent.service->data_location;
  return out;
}

json address_json(const Parent& parent, const std::string& list, const SuppressedAddress& address) {
  json out = child_json(below(below(parent.id, "suppressionLists", list), "suppressionListAddresses", address.id),
                        "SuppressionLists/SuppressionListAddresses", address);
  json& properties = out["properties"];
  properties["email"] = address.email;
  if (!address.first_name.empty()) properties["firstName"] = address.first_name;
  if (!address.last_name.empty()) properties["lastName"] = address.last_name;
  if (!address.notes.empty()) properties["notes"] = address.notes;
  properties["lastModified"] = format_rfc3339(address.changed_at);
  properties["dataLocation"] = parent.service->data_location;
  return out;
}

void add_senders(std::vector<server::Route>& routes, const ArmServices& services) {
  const auto& v = arm_communication_versions();
  const std::string all = kDomain + "/senderUsernames", one = all + "/{senderUsername}";
  routes.push_back(arm_route("GET", all, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    std::vector<json> items;
    for (const EmailSender& sender : services.email.senders(*parent.service, parent.domain.name))
      items.push_back(sender_json(parent, sender));
    co_return arm_page(context, std::move(items));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    const std::string& name = context.param("senderUsername");
    const auto found = services.email.find_sender(*parent.service, parent.domain.name, name);
    if (!found) throw arm_not_found(below(parent.id, "senderUsernames", name));
    co_return json_response(200, sender_json(parent, *found));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    const json properties = arm_properties(arm_body(context));
    EmailSender sender;
    sender.username = arm_text(properties, "username", "properties.username");
    sender.display_name = arm_text(properties, "displayName", "properties.displayName");
    if (!iequals(sender.username, context.param("senderUsername")))
      throw arm_bad_request("InvalidPropertyValue",
                            "properties.username must be the name of the resource, '" + context.param("senderUsername") + "'.",
                            "properties.username");
    std::string domain = parent.domain.name;
    const Stored<EmailSender> stored = co_await services.email.put_sender(parent.service, std::move(domain), std::move(sender));
    co_return json_response(stored.created ? 201 : 200, sender_json(parent, stored.value));
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const auto parent = find_parent(services, context);
    bool removed = false;
    if (parent) {
      std::string domain = parent->domain.name, name = context.param("senderUsername");
      removed = co_await services.email.remove_sender(parent->service, std::move(domain), std::move(name));
    }
    co_return empty_response(removed ? 200 : 204);
  }));
}

void add_lists(std::vector<server::Route>& routes, const ArmServices& services) {
  const auto& v = arm_communication_versions();
  const std::string all = kDomain + "/suppressionLists", one = all + "/{suppressionListName}";
  routes.push_back(arm_route("GET", all, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    std::vector<json> items;
    for (const SuppressionList& list : services.email.lists(*parent.service, parent.domain.name))
      items.push_back(list_json(parent, list));
    co_return arm_page(context, std::move(items));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    const std::string& name = context.param("suppressionListName");
    const auto found = services.email.find_list(*parent.service, parent.domain.name, name);
    if (!found) throw arm_not_found(below(parent.id, "suppressionLists", name));
    co_return json_response(200, list_json(parent, *found));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    SuppressionList list;
    list.name = context.param("suppressionListName");
    list.list_name = arm_text(arm_properties(arm_body(context)), "listName", "properties.listName");
    std::string domain = parent.domain.name;
    const Stored<SuppressionList> stored = co_await services.email.put_list(parent.service, std::move(domain), std::move(list));
    co_return json_response(stored.created ? 201 : 200, list_json(parent, stored.value));
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const auto parent = find_parent(services, context);
    bool removed = false;
    if (parent) {
      std::string domain = parent->domain.name, name = context.param("suppressionListName");
      removed = co_await services.email.remove_list(parent->service, std::move(domain), std::move(name));
    }
    co_return empty_response(removed ? 200 : 204);
  }));
}

std::string require_list(const ArmServices& services, const RouteContext& context, const Parent& parent) {
  const std::string& name = context.param("suppressionListName");
  if (const auto list = services.email.find_list(*parent.service, parent.domain.name, name)) return list->name;
  throw arm_parent_not_found(below(below(parent.id, "suppressionLists", name), "", ""));
}

void add_addresses(std::vector<server::Route>& routes, const ArmServices& services) {
  const auto& v = arm_communication_versions();
  const std::string all = kDomain + "/suppressionLists/{suppressionListName}/suppressionListAddresses";
  const std::string one = all + "/{addressId}";
  routes.push_back(arm_route("GET", all, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    const std::string list = require_list(services, context, parent);
    std::vector<json> items;
    for (const SuppressedAddress& address : services.email.addresses(*parent.service, parent.domain.name, list))
      items.push_back(address_json(parent, list, address));
    co_return arm_page(context, std::move(items));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    const std::string list = require_list(services, context, parent);
    const std::string& id = context.param("addressId");
    const auto found = services.email.find_address(*parent.service, parent.domain.name, list, id);
    if (!found) throw arm_not_found(below(below(parent.id, "suppressionLists", list), "suppressionListAddresses", id));
    co_return json_response(200, address_json(parent, list, *found));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const Parent parent = parent_of(services, context);
    std::string list = require_list(services, context, parent);
    const json properties = arm_properties(arm_body(context));
    SuppressedAddress address;
    address.id = context.param("addressId");
    address.email = arm_text(properties, "email", "properties.email");
    address.first_name = arm_text(properties, "firstName", "properties.firstName");
    address.last_name = arm_text(properties, "lastName", "properties.lastName");
    address.notes = arm_text(properties, "notes", "properties.notes");
    std::string domain = parent.domain.name;
    const Stored<SuppressedAddress> stored =
        co_await services.email.put_address(parent.service, std::move(domain), list, std::move(address));
    co_return json_response(stored.created ? 201 : 200, address_json(parent, list, stored.value));
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const auto parent = find_parent(services, context);
    bool removed = false;
    if (parent) {
      std::string domain = parent->domain.name, list = context.param("suppressionListName"), id = context.param("addressId");
      removed = co_await services.email.remove_address(parent->service, std::move(domain), std::move(list), std::move(id));
    }
    co_return empty_response(removed ? 200 : 204);
  }));
}

}  // namespace

void add_arm_email_child_routes(std::vector<server::Route>& routes, const ArmServices& services) {
  add_senders(routes, services);
  add_lists(routes, services);
  add_addresses(routes, services);
}

}  // namespace trunkline::api
