// The Call Automation API: its operations as routes, and the keys of callback tokens.
#include "runtime/api/calls_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/operations.h"

namespace trunkline::api {
namespace {

using calls::CallService;
using nlohmann::json;
using server::RouteContext;

net::Response perform(CallService& calls, const calls::Operation& operation, RouteContext& context) {
  json body;
  if (operation.body == calls::OperationBody::kWanted) body = parse_body(context);
  if (operation.body == calls::OperationBody::kOptional) body = parse_optional_body(context);
  std::vector<std::string> arguments;
  for (auto& [name, value] : context.params) arguments.push_back(std::move(value));
  const std::string_view key = context.request.headers.get("Repeatability-Request-ID");
  const ResourcePtr resource = resource_of(context);
  const calls::OperationAnswer answer = operation.run({calls, resource, arguments, body, context.api_version, key});
  net::Response response = answer.body.is_null() ? empty_response(answer.status) : json_response(answer.status, answer.body);
  // Of what calls somebody, which is the only thing that must not be done twice.
  if (answer.status == 201 && !key.empty()) response.headers.set("Repeatability-Result", "accepted");
  return response;
}

void add_open_route(std::vector<server::Route>& routes, const char* path, server::RouteHandler handler) {
  server::Route route;
  route.method = "GET";
  route.path = path;
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

}  // namespace

void add_call_routes(std::vector<server::Route>& routes, CallService& calls, std::function<std::string()> endpoint) {
  const auto versions = calls::call_versions();
  for (const calls::Operation& operation : calls::call_operations()) {
    server::Route route;
    route.method = operation.method;
    route.path = operation.path;
    route.auth = server::Auth::kAccessKey;
    route.body = operation.method == "POST" ? server::BodyRule::kJson : server::BodyRule::kAny;
    route.versions.assign(versions.begin(), versions.end());
    route.handler = [&calls, &operation](RouteContext& context) -> Task<net::Response> {
      co_return perform(calls, operation, context);
    };
    routes.push_back(std::move(route));
  }
  add_open_route(routes, "/calling/keys",
                 [&calls](RouteContext&) -> Task<net::Response> { co_return json_response(200, calls.signer().keys()); });
  add_open_route(routes, "/calling/.well-known/acsopenidconfiguration",
                 [endpoint = std::move(endpoint)](RouteContext&) -> Task<net::Response> {
                   json out;
                   out["issuer"] = calls::CallbackSigner::kIssuer;
                   out["jwks_uri"] = endpoint() + "calling/keys";
                   out["id_token_signing_alg_values_supported"] = json::array({"RS256"});
                   co_return json_response(200, out);
                 });
}

}  // namespace trunkline::api
