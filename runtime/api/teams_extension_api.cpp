// The Teams phone extension (2025-06-30).
#include <nlohmann/json.hpp>

#include "runtime/api/identity_api.h"
#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/oidc/issuer_set.h"
#include "runtime/services/identity_service.h"
#include "runtime/services/teams_assignments.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr const char* kAssignment = "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}";

server::Route route(const char* method, const char* path, server::Auth auth, server::BodyRule body) {
  server::Route r;
  r.method = method;
  r.path = path;
  r.auth = auth;
  r.body = body;
  r.versions = versions({"2025-06-30"});
  return r;
}

json to_json(const TeamsAssignment& assignment) {
  json out;
  out["tenantId"] = assignment.tenant_id;
  out["objectId"] = assignment.object_id;
  out["principalType"] = assignment.principal_type;
  out["clientIds"] = assignment.client_ids;
  return out;
}

}  // namespace

void add_teams_extension_routes(std::vector<server::Route>& routes, IdentityService& identities, TeamsAssignments& assignments) {
  server::Route put = route("PUT", kAssignment, server::Auth::kAccessKey, server::BodyRule::kJson);
  put.handler = [&assignments](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    TeamsAssignment assignment;
    assignment.tenant_id = context.param("tenantId");
    assignment.object_id = context.param("objectId");
    assignment.principal_type = std::string(request.at("principalType").text());
    if (const auto clients = request.find("clientIds"))
      for (std::size_t i = 0, n = clients->array_size(); i < n; ++i) assignment.client_ids.emplace_back((*clients)[i].text());
    const json answer = to_json(assignment);
    const bool is_new = co_await assignments.put(resource_of(context), std::move(assignment));
    co_return json_response(is_new ? 201 : 200, answer);
  };
  routes.push_back(std::move(put));

  server::Route get = route("GET", kAssignment, server::Auth::kAccessKey, server::BodyRule::kNone);
  get.handler = [&assignments](RouteContext& context) -> Task<net::Response> {
    const auto found = assignments.find(*resource_of(context), context.param("tenantId"), context.param("objectId"));
    if (!found) throw Error(ErrorCode::kNotFound, "There is no such assignment.", "objectId");
    co_return json_response(200, to_json(*found));
  };
  routes.push_back(std::move(get));

  server::Route remove = route("DELETE", kAssignment, server::Auth::kAccessKey, server::BodyRule::kAny);
  remove.handler = [&assignments](RouteContext& context) -> Task<net::Response> {
    std::string tenant = context.param("tenantId"), object = context.param("objectId");
    co_await assignments.remove(resource_of(context), std::move(tenant), std::move(object));
    co_return empty_response(204);
  };
  routes.push_back(std::move(remove));

  server::Route exchange =
      route("POST", "/access/teamsExtension/:exchangeAccessToken", server::Auth::kPersonToken, server::BodyRule::kAny);
  exchange.handler = [&identities](RouteContext& context) -> Task<net::Response> {
    const auto who = std::static_pointer_cast<const oidc::Principal>(context.caller.principal);
    const service::UserWithToken created = co_await identities.exchange_teams_extension(resource_of(context), *who);
    json identity;
    identity["id"] = created.user.id;
    json token;
    token["token"] = created.token->token;
    token["expiresOn"] = format_rfc3339(created.token->expires_at);
    json answer;
    answer["identity"] = std::move(identity);
    answer["accessToken"] = std::move(token);
    co_return json_response(200, answer);
  };
  routes.push_back(std::move(exchange));
}

}  // namespace trunkline::api
