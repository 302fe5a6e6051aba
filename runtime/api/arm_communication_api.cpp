// The provider itself: its operations, and whether a name is free.
#include "runtime/api/arm_communication_api.h"

#include <array>
#include <nlohmann/json.hpp>

#include "runtime/api/arm_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/services/email_domain_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr const char* kNamespace = "Microsoft.Communication";

struct ProviderOperation {
  const char* type;  // as the names of operations spell it
  const char* noun;
  std::initializer_list<std::pair<const char*, const char*>> verbs;  // name, what it does
};

json communication_operations() {
  static const std::initializer_list<std::pair<const char*, const char*>> kCrud = {
      {"read", "Reads"}, {"write", "Creates or updates"}, {"delete", "Deletes"}};
  static const std::initializer_list<std::pair<const char*, const char*>> kService = {
      {"read", "Reads"},
      {"write", "Creates or updates"},
      {"delete", "Deletes"},
      {"listKeys/action", "Lists the keys of"},
      {"regenerateKey/action", "Makes a new key for"},
      {"linkNotificationHub/action", "Links a notification hub to"}};
  static const std::initializer_list<std::pair<const char*, const char*>> kDomain = {
      {"read", "Reads"},
      {"write", "Creates or updates"},
      {"delete", "Deletes"},
      {"initiateVerification/action", "Starts the verification of"},
      {"cancelVerification/action", "Cancels the verification of"}};
  const std::array<ProviderOperation, 7> operations = {{
      {"CommunicationServices", "communication service", kService},
      {"CommunicationServices/SmtpUsernames", "SMTP username", kCrud},
      {"EmailServices", "email service", kCrud},
      {"EmailServices/Domains", "email domain", kDomain},
      {"EmailServices/Domains/SenderUsernames", "sender username", kCrud},
      {"EmailServices/Domains/SuppressionLists", "suppression list", kCrud},
      {"EmailServices/Domains/SuppressionLists/SuppressionListAddresses", "suppressed address", kCrud},
  }};
  json out = json::array();
  const auto add = [&](const std::string& name, const std::string& resource, const std::string& what) {
    json item;
    item["name"] = name;
    item["isDataAction"] = false;
    item["display"]["provider"] = kNamespace;
    item["display"]["resource"] = resource;
    item["display"]["operation"] = what;
    item["display"]["description"] = what;
    out.push_back(std::move(item));
  };
  for (const ProviderOperation& operation : operations)
    for (const auto& [verb, what] : operation.verbs)
      add(std::string(kNamespace) + "/" + operation.type + "/" + verb, operation.type,
          std::string(what) + " the " + operation.noun);
  add(std::string(kNamespace) + "/CheckNameAvailability/action", "CommunicationServices", "Says whether a name is free");
  add(std::string(kNamespace) + "/Operations/read", "Operations", "Lists the operations of the provider");
  return out;
}

bool fits(std::string_view name, bool underscore) {
  if (name.empty() || name.size() > 63) return false;
  for (const char c : name)
    if (!is_digit(c) && !(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') && c != '-' && !(underscore && c == '_')) return false;
  return true;
}

json name_availability(const ArmServices& services, const RouteContext& context) {
  const json body = arm_body(context);
  const std::string name = arm_text(body, "name", "name"), type = arm_text(body, "type", "type");
  if (name.empty()) throw arm_bad_request("InvalidRequestContent", "name is missing.", "name");
  const bool communication = iequals(type, "Microsoft.Communication/CommunicationServices");
  if (!communication && !iequals(type, "Microsoft.Communication/EmailServices"))
    throw arm_bad_request("InvalidResourceType",
                          "The type '" + type.substr(0, 120) +
                              "' is unknown; wanted Microsoft.Communication/CommunicationServices " +
                              "or Microsoft.Communication/EmailServices.",
                          "type");
  const auto taken = [&] {
    if (communication) return services.resources.find(name) != nullptr;
    for (const EmailServicePtr& service : services.email.services(arm_subscription(context), {}))
      if (iequals(service->name, name)) return true;
    return false;
  };
  json answer;
  if (!fits(name, communication)) {
    answer["nameAvailable"] = false;
    answer["reason"] = "Invalid";
    answer["message"] =
        communication ? "A name has 1 to 63 letters, digits, '-' or '_'." : "A name has 1 to 63 letters, digits or '-'.";
  } else if (taken()) {
    answer["nameAvailable"] = false;
    answer["reason"] = "AlreadyExists";
    answer["message"] = "The name '" + name + "' is taken.";
  } else {
    answer["nameAvailable"] = true;
  }
  return answer;
}

}  // namespace

const std::vector<std::string>& arm_communication_versions() {
  static const std::vector<std::string> all =
      versions({"2020-08-20", "2023-03-31", "2023-04-01", "2023-06-01-preview", "2025-09-01", "2026-03-18"});
  return all;
}

void add_arm_communication_routes(std::vector<server::Route>& routes, const ArmServices& services) {
  routes.push_back(arm_route("GET", "/providers/Microsoft.Communication/operations", arm_communication_versions(),
                             [](RouteContext&) -> Task<net::Response> {
                               json answer;
                               answer["value"] = communication_operations();
                               co_return json_response(200, answer);
                             }));
  routes.push_back(arm_route("POST", "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/checkNameAvailability",
                             arm_communication_versions(), [services](RouteContext& context) -> Task<net::Response> {
                               arm_subscription(context);
                               co_return json_response(200, name_availability(services, context));
                             }));
  add_arm_operation_routes(routes, services.operations, kNamespace, arm_communication_versions());
  add_arm_resource_routes(routes, services);
  add_arm_email_service_routes(routes, services);
  add_arm_email_domain_routes(routes, services);
  add_arm_email_child_routes(routes, services);
}

}  // namespace trunkline::api
