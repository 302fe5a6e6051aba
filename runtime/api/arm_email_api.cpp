// `emailServices` and their domains.
#include <nlohmann/json.hpp>

#include "runtime/api/arm_communication_api.h"
#include "runtime/api/arm_email.h"
#include "runtime/api/arm_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/services/arm_operations.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr const char* kServiceType = "Microsoft.Communication/EmailServices";
constexpr const char* kDomainType = "Microsoft.Communication/EmailServices/Domains";
constexpr int kRecordTtl = 3600;

json service_json(const EmailServiceInfo& service) {
  SystemData data;
  data.created_at = service.created_at;
  data.modified_at = service.changed_at;
  json out = arm_tracked_resource(
      arm_id(service.subscription, service.resource_group, kArmEmailProvider, {{"emailServices", service.name}}), data,
      service.tags);
  out["type"] = kServiceType;
  out["properties"]["provisioningState"] = "Succeeded";
  out["properties"]["dataLocation"] = service.data_location;
  return out;
}

json domain_json(const EmailServiceInfo& service, const EmailDomain& domain, Time now) {
  SystemData data;
  data.created_at = domain.created_at;
  data.modified_at = domain.changed_at;
  json out = arm_tracked_resource(arm_id(service.subscription, service.resource_group, kArmEmailProvider,
                                         {{"emailServices", service.name}, {"domains", domain.name}}),
                                  data, domain.tags);
  out["type"] = kDomainType;
  json& properties = out["properties"];
  properties["provisioningState"] = "Succeeded";
  properties["dataLocation"] = service.data_location;
  properties["fromSenderDomain"] = domain.from_domain;
  properties["mailFromSenderDomain"] = domain.mail_from_domain;
  properties["domainManagement"] = to_rest(domain.management);
  properties["userEngagementTracking"] = domain.engagement_tracking ? "Enabled" : "Disabled";
  for (const DomainProof proof : kDomainProofs) {
    const std::string name(to_rest(proof));
    const VerificationState state = verification_state(domain, proof, now);
    properties["verificationStates"][name]["status"] = state.status;
    properties["verificationStates"][name]["errorCode"] = state.error_code;
    const DnsRecord record = verification_record(domain, proof);
    json& shown = properties["verificationRecords"][name];
    shown["type"] = record.type;
    shown["name"] = record.name;
    shown["value"] = record.value;
    shown["ttl"] = kRecordTtl;
  }
  return out;
}

net::Response list_services(const ArmServices& services, const RouteContext& context, std::string_view group) {
  std::vector<json> items;
  for (const EmailServicePtr& service : services.email.services(arm_subscription(context), group))
    items.push_back(service_json(*service));
  return arm_page(context, std::move(items));
}

std::optional<bool> engagement_tracking(const json& properties) {
  const std::string word = arm_text(properties, "userEngagementTracking", "properties.userEngagementTracking");
  if (word.empty()) return std::nullopt;
  if (iequals(word, "Enabled")) return true;
  if (iequals(word, "Disabled")) return false;
  throw arm_bad_request("InvalidPropertyValue", "'" + word.substr(0, 80) + "' is neither Enabled nor Disabled.",
                        "properties.userEngagementTracking");
}

Task<net::Response> put_domain(const ArmServices& services, RouteContext& context) {
  const EmailServicePtr service = require_email_service(services, context, true);
  const json body = arm_body(context);
  check_arm_location(body, kDomainType);
  const json properties = arm_properties(body);
  const std::string word = arm_text(properties, "domainManagement", "properties.domainManagement");
  const auto management = parse_domain_management(word);
  if (!management)
    throw arm_bad_request("InvalidPropertyValue",
                          "'" + word.substr(0, 80) + "' is not AzureManaged, CustomerManaged or CustomerManagedInExchangeOnline.",
                          "properties.domainManagement");
  EmailDomainService::DomainSpec spec;
  spec.name = context.param("domainName");
  spec.management = *management;
  spec.engagement_tracking = engagement_tracking(properties).value_or(false);
  spec.tags = arm_body_tags(body).value_or(std::map<std::string, std::string>());
  const Stored<EmailDomain> stored = co_await services.email.put_domain(service, std::move(spec));
  const json answer = domain_json(*service, stored.value, services.clock.now());
  co_return co_await arm_put_answer(services.operations, context, kArmEmailProvider, answer, stored.created);
}

Task<net::Response> verify(const ArmServices& services, RouteContext& context, bool cancel) {
  const EmailServicePtr service = require_email_service(services, context, false);
  require_email_domain(services, context, *service, false);
  const json body = arm_body(context);
  const std::string word = arm_text(body, "verificationType", "verificationType");
  const auto proof = parse_domain_proof(word);
  if (!proof)
    throw arm_bad_request("InvalidPropertyValue", "'" + word.substr(0, 80) + "' is not Domain, SPF, DKIM, DKIM2 or DMARC.",
                          "verificationType");
  std::string name = context.param("domainName");
  co_await services.email.verify_domain(service, std::move(name), *proof, cancel);
  std::string target = email_domain_id(context).str();
  const std::string operation = co_await services.operations.record(std::move(target));
  co_return arm_accepted(context, kArmEmailProvider, operation);
}

}  // namespace

ArmId email_service_id(const RouteContext& context) {
  return arm_target(context, kArmEmailProvider, {{"emailServices", "emailServiceName"}});
}
ArmId email_domain_id(const RouteContext& context) {
  return arm_target(context, kArmEmailProvider, {{"emailServices", "emailServiceName"}, {"domains", "domainName"}});
}

EmailServicePtr find_email_service(const ArmServices& services, const RouteContext& context) {
  const ArmId id = email_service_id(context);
  return services.email.find_service(id.subscription, id.resource_group, id.name());
}

EmailServicePtr require_email_service(const ArmServices& services, const RouteContext& context, bool as_parent) {
  if (EmailServicePtr service = find_email_service(services, context)) return service;
  ArmId id = email_service_id(context);
  if (!as_parent) throw arm_not_found(id);
  id.segments.emplace_back("", "");
  throw arm_parent_not_found(id);
}

EmailDomain require_email_domain(const ArmServices& services, const RouteContext& context, const EmailServiceInfo& service,
                                 bool as_parent) {
  if (auto domain = services.email.find_domain(service, context.param("domainName"))) return *std::move(domain);
  ArmId id = email_domain_id(context);
  if (!as_parent) throw arm_not_found(id);
  id.segments.emplace_back("", "");
  throw arm_parent_not_found(id);
}

void add_arm_email_service_routes(std::vector<server::Route>& routes, const ArmServices& services) {
  const auto& v = arm_communication_versions();
  const std::string all = "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/emailServices";
  const std::string one = std::string(kArmEmailServices) + "/{emailServiceName}";
  routes.push_back(arm_route("GET", all, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list_services(services, context, {});
  }));
  routes.push_back(arm_route("GET", kArmEmailServices, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list_services(services, context, arm_resource_group(context));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, service_json(*require_email_service(services, context, false)));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const ArmId id = email_service_id(context);
    const json body = arm_body(context);
    check_arm_location(body, kServiceType);
    EmailServiceInfo wanted;
    wanted.subscription = id.subscription;
    wanted.resource_group = id.resource_group;
    wanted.name = id.name();
    wanted.data_location = arm_text(arm_properties(body), "dataLocation", "properties.dataLocation");
    wanted.tags = arm_body_tags(body).value_or(std::map<std::string, std::string>());
    const Stored<EmailServicePtr> stored = co_await services.email.put_service(std::move(wanted));
    const json answer = service_json(*stored.value);
    co_return co_await arm_put_answer(services.operations, context, kArmEmailProvider, answer, stored.created);
  }));
  routes.push_back(arm_route("PATCH", one, v, [services](RouteContext& context) -> Task<net::Response> {
    EmailServicePtr service = require_email_service(services, context, false);
    auto tags = arm_body_tags(arm_body(context));
    if (tags) service = co_await services.email.set_service_tags(service, *std::move(tags));
    co_return json_response(200, service_json(*service));
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const EmailServicePtr service = find_email_service(services, context);
    if (service) co_await services.email.remove_service(service);
    ArmId id = email_service_id(context);
    co_return co_await arm_delete_answer(services.operations, context, kArmEmailProvider, std::move(id), service != nullptr);
  }));
  routes.push_back(
      arm_route("POST", "/subscriptions/{subscriptionId}/providers/Microsoft.Communication/listVerifiedExchangeOnlineDomains", v,
                [services](RouteContext& context) -> Task<net::Response> {
                  json names = json::array();
                  for (const EmailServicePtr& service : services.email.services(arm_subscription(context), {}))
                    for (const EmailDomain& domain : services.email.domains(*service))
                      if (domain.management == DomainManagement::kCustomerManagedInExchangeOnline)
                        names.push_back(domain.from_domain);
                  co_return json_response(200, names);
                }));
}

void add_arm_email_domain_routes(std::vector<server::Route>& routes, const ArmServices& services) {
  const auto& v = arm_communication_versions();
  const std::string all = std::string(kArmEmailServices) + "/{emailServiceName}/domains";
  const std::string one = all + "/{domainName}";
  routes.push_back(arm_route("GET", all, v, [services](RouteContext& context) -> Task<net::Response> {
    const EmailServicePtr service = require_email_service(services, context, true);
    std::vector<json> items;
    for (const EmailDomain& domain : services.email.domains(*service))
      items.push_back(domain_json(*service, domain, services.clock.now()));
    co_return arm_page(context, std::move(items));
  }));
  routes.push_back(arm_route("GET", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const EmailServicePtr service = require_email_service(services, context, false);
    const EmailDomain domain = require_email_domain(services, context, *service, false);
    co_return json_response(200, domain_json(*service, domain, services.clock.now()));
  }));
  routes.push_back(arm_route("PUT", one, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await put_domain(services, context);
  }));
  routes.push_back(arm_route("PATCH", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const EmailServicePtr service = require_email_service(services, context, false);
    require_email_domain(services, context, *service, false);
    const json body = arm_body(context);
    std::string name = context.param("domainName");
    const std::optional<bool> tracking = engagement_tracking(arm_properties(body));
    std::optional<std::map<std::string, std::string>> tags = arm_body_tags(body);
    const EmailDomain domain = co_await services.email.update_domain(service, std::move(name), tracking, std::move(tags));
    co_return json_response(200, domain_json(*service, domain, services.clock.now()));
  }));
  routes.push_back(arm_route("DELETE", one, v, [services](RouteContext& context) -> Task<net::Response> {
    const EmailServicePtr service = find_email_service(services, context);
    std::string name = context.param("domainName");
    bool removed = false;
    if (service) removed = co_await services.email.remove_domain(service, std::move(name));
    ArmId id = email_domain_id(context);
    co_return co_await arm_delete_answer(services.operations, context, kArmEmailProvider, std::move(id), removed);
  }));
  routes.push_back(arm_route("POST", one + "/initiateVerification", v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await verify(services, context, false);
  }));
  routes.push_back(arm_route("POST", one + "/cancelVerification", v, [services](RouteContext& context) -> Task<net::Response> {
    co_return co_await verify(services, context, true);
  }));
}

}  // namespace trunkline::api
