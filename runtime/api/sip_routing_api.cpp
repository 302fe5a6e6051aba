// SIP routing: trunks, domains and routes of a resource as one document (2021-05-01-preview to 2024-11-15-preview).
#include "runtime/api/sip_routing_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/server/error_response.h"
#include "runtime/services/sip_routing.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;
using service::SipConfiguration;
using service::SipDomain;
using service::SipRoute;
using service::SipTrunk;

/// Domains, and trunks that can be off, came after the stable version.
bool has_domains(const RouteContext& context) { return context.api_version > "2023-03-01"; }

json route_json(const SipRoute& route) {
  json out;
  if (route.description) out["description"] = *route.description;
  out["name"] = route.name;
  out["numberPattern"] = route.number_pattern;
  out["trunks"] = route.trunks;
  return out;
}

json routing_json(const SipConfiguration& routing, bool with_domains) {
  json out;
  out["trunks"] = json::object();
  for (const SipTrunk& trunk : routing.trunks) {
    json& item = out["trunks"][trunk.fqdn];
    item["sipSignalingPort"] = trunk.sip_signaling_port;
    if (!with_domains) continue;
    item["enabled"] = trunk.enabled;
    if (trunk.privacy_header) item["privacyHeader"] = *trunk.privacy_header;
    if (trunk.ip_address_version) item["ipAddressVersion"] = *trunk.ip_address_version;
  }
  if (with_domains) {
    out["domains"] = json::object();
    for (const SipDomain& domain : routing.domains) out["domains"][domain.domain]["enabled"] = domain.enabled;
  }
  out["routes"] = json::array();
  for (const SipRoute& route : routing.routes) out["routes"].push_back(route_json(route));
  return out;
}

SipTrunk& trunk_named(SipConfiguration& routing, const std::string& fqdn) {
  const auto it = std::find_if(routing.trunks.begin(), routing.trunks.end(), [&](const SipTrunk& t) { return t.fqdn == fqdn; });
  if (it != routing.trunks.end()) return *it;
  SipTrunk trunk;
  trunk.fqdn = fqdn;
  trunk.enabled = true;
  return routing.trunks.emplace_back(std::move(trunk));
}

void patch_trunk(SipTrunk& trunk, const JsonRef& value) {
  // Out of range is for the rules to say, which know the documented code.
  if (const auto port = value.find("sipSignalingPort"))
    trunk.sip_signaling_port = static_cast<std::int32_t>(std::clamp<std::int64_t>(port->integer(), -1, 65536));
  trunk.enabled = value.boolean_or("enabled", trunk.enabled);
  if (const auto header = value.find("privacyHeader")) trunk.privacy_header = std::string(header->text());
  if (const auto version = value.find("ipAddressVersion")) trunk.ip_address_version = std::string(version->text());
}

SipRoute read_route(const JsonRef& value) {
  SipRoute route;
  route.name = value.text_or("name", "");
  if (const auto description = value.find("description")) route.description = std::string(description->text());
  route.number_pattern = value.text_or("numberPattern", "");
  if (const auto trunks = value.find("trunks"))
    for (std::size_t i = 0; i < trunks->array_size(); ++i) route.trunks.emplace_back((*trunks)[i].text());
  return route;
}

/// A merge patch: null removes a trunk or a domain; routes are replaced as a whole.
void apply(const json& body, SipConfiguration& routing) {
  const JsonRef patch(body);
  if (const auto trunks = patch.find("trunks")) {
    for (const auto& [name, value] : trunks->object().json().items()) {
      const std::string fqdn = to_lower(name);
      if (value.is_null())
        std::erase_if(routing.trunks, [&](const SipTrunk& t) { return t.fqdn == fqdn; });
      else
        patch_trunk(trunk_named(routing, fqdn), trunks->at(name));
    }
  }
  if (const auto domains = patch.find("domains")) {
    for (const auto& [name, value] : domains->object().json().items()) {
      const std::string domain = to_lower(name);
      std::erase_if(routing.domains, [&](const SipDomain& d) { return d.domain == domain; });
      if (!value.is_null()) routing.domains.push_back({domain, domains->at(name).boolean_or("enabled", true)});
    }
  }
  if (const auto routes = patch.find("routes")) {
    routing.routes.clear();
    for (std::size_t i = 0; i < routes->array_size(); ++i) routing.routes.push_back(read_route((*routes)[i]));
  }
}

/// The envelope with the documented code of the rule, under both names that clients look for.
net::Response sip_error(const Error& error) {
  Error plain = error;
  const auto inner = plain.details.find("innerCode");
  if (inner == plain.details.end()) return server::error_response(error);
  json code;
  code["code"] = inner->second;
  code["message"] = error.message;
  plain.details.erase(inner);
  net::Response response = server::error_response(plain);
  json body = json::parse(response.body);
  body["error"]["innererror"] = code;
  body["error"]["innerError"] = code;
  response.body = body.dump();
  return response;
}

template <class F>
void add_route(std::vector<server::Route>& routes, const char* method, const char* path, server::BodyRule body, F handler) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kAccessKey;
  route.body = body;
  route.versions =
      versions({"2021-05-01-preview", "2022-09-01-preview", "2023-03-01", "2023-04-01-preview", "2024-11-15-preview"});
  route.on_error = &sip_error;
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

Task<net::Response> test_routes(SipRoutingService& service, RouteContext& context) {
  const auto number = context.query("targetPhoneNumber");
  if (!number) throw Error(ErrorCode::kInvalidArgument, "the query needs targetPhoneNumber", "targetPhoneNumber");
  const json body = parse_optional_body(context);
  service::SipRouteTest result;
  if (body.is_object() && body.contains("routes")) {
    // Routes to try before they are kept; their trunks may be the resource's.
    SipConfiguration routing = service.table(*resource_of(context))->routing();
    apply(body, routing);
    result = service.test(std::move(routing), *number);
  } else {
    result = service.test(*resource_of(context), *number);
  }
  json answer;
  answer["matchingRoutes"] = json::array();
  for (const SipRoute& route : result.matching_routes) answer["matchingRoutes"].push_back(route_json(route));
  co_return json_response(200, answer);
}

}  // namespace

void add_sip_routing_routes(std::vector<server::Route>& routes, SipRoutingService& routing) {
  add_route(routes, "GET", "/sip", server::BodyRule::kNone, [&routing](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, routing_json(routing.table(*resource_of(context))->routing(), has_domains(context)));
  });
  add_route(routes, "PATCH", "/sip", server::BodyRule::kMergePatch, [&routing](RouteContext& context) -> Task<net::Response> {
    const json body = parse_optional_body(context);
    SipRoutingService::Change change = [&body](SipConfiguration& current) { apply(body, current); };
    const SipRoutingService::TablePtr table = co_await routing.update(resource_of(context), std::move(change));
    co_return json_response(200, routing_json(table->routing(), has_domains(context)));
  });
  for (const char* path : {"/sip/:testRoutesWithNumber", "/sip:testRoutesWithNumber"})
    add_route(routes, "POST", path, server::BodyRule::kJson,
              [&routing](RouteContext& context) { return test_routes(routing, context); });
}

}  // namespace trunkline::api
