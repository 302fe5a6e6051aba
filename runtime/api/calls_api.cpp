// Calls: create, answer, redirect, reject, join; look at a connection, hang up, transfer.
#include "runtime/api/calls_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/calls_rest.h"
#include "runtime/calls/call_service.h"

namespace trunkline::api {
namespace {

using calls::CallService;
using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kMaxKey = 128;

Task<net::Response> create(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::NewCall call;
  call.targets = read_parties(request, "targets");
  if (const auto source = request.find("source")) call.source = calls::read_user(*source);
  call.source_number = find_phone(request, "sourceCallerIdNumber");
  call.display_name = request.text_or("sourceDisplayName", "");
  call.custom = read_custom_context(request);
  call.connection = read_connection(request);
  const std::string_view key = context.request.headers.get("Repeatability-Request-ID");
  if (key.size() > kMaxKey)
    throw Error(ErrorCode::kInvalidArgument, "a repeatability request id has at most 128 characters", "Repeatability-Request-ID");
  call.repeatability_id = key;
  const calls::ConnectionView view = service.create(resource_of(context), std::move(call));
  net::Response response = json_response(201, connection_json(view));
  if (!key.empty()) response.headers.set("Repeatability-Result", "accepted");
  co_return response;
}

Task<net::Response> answer(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::NewAnswer wanted;
  wanted.incoming_call_context = request.at("incomingCallContext").text();
  if (const auto by = request.find("answeredBy")) wanted.answered_by = calls::read_user(*by);
  wanted.connection = read_connection(request);
  co_return json_response(200, connection_json(service.answer(resource_of(context), std::move(wanted))));
}

Task<net::Response> redirect(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  service.redirect(*resource_of(context), request.at("incomingCallContext").text(), calls::read_party(request.at("target")));
  co_return empty_response(204);
}

Task<net::Response> reject(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  const std::string reason(request.text_or("callRejectReason", "none"));
  if (reason != "none" && reason != "busy" && reason != "forbidden")
    throw request.at("callRejectReason").error("'" + reason + "' is none of none, busy, forbidden");
  service.reject(*resource_of(context), request.at("incomingCallContext").text(), reason);
  co_return empty_response(204);
}

Task<net::Response> join(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  const JsonRef locator = request.at("callLocator");
  const std::string_view kind = locator.at("kind").text();
  calls::NewJoin wanted;
  if (kind == "roomCallLocator") {
    wanted.locator = calls::NewJoin::Locator::kRoom;
    wanted.id = locator.at("roomId").text();
  } else if (kind == "groupCallLocator") {
    wanted.locator = calls::NewJoin::Locator::kGroup;
    wanted.id = locator.at("groupCallId").text();
  } else if (kind == "serverCallLocator") {
    wanted.id = locator.at("serverCallId").text();
  } else {
    throw locator.at("kind").error("'" + std::string(kind) + "' is none of serverCallLocator, groupCallLocator, roomCallLocator");
  }
  wanted.connection = read_connection(request);
  co_return json_response(200, connection_json(service.join(resource_of(context), std::move(wanted))));
}

Task<net::Response> transfer(CallService& service, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::Transfer wanted;
  wanted.target = calls::read_party(request.at("targetParticipant"));
  wanted.transferee = find_party(request, "transferee");
  wanted.source_number = find_phone(request, "sourceCallerIdNumber");
  wanted.custom = read_custom_context(request);
  wanted.tag = read_tag(request);
  const json answer = context_json(wanted.tag);
  service.transfer(resource_of(context), context.param("callConnectionId"), std::move(wanted));
  co_return json_response(202, answer);
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
  constexpr const char* kConnection = "/calling/callConnections/{callConnectionId}";
  add_call_route(routes, "POST", "/calling/callConnections", [&calls](RouteContext& c) { return create(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections:answer", [&calls](RouteContext& c) { return answer(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections:redirect", [&calls](RouteContext& c) { return redirect(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections:reject", [&calls](RouteContext& c) { return reject(calls, c); });
  add_call_route(routes, "POST", "/calling/callConnections:connect", [&calls](RouteContext& c) { return join(calls, c); });
  add_call_route(routes, "GET", kConnection, [&calls](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, connection_json(calls.get(*resource_of(context), context.param("callConnectionId"))));
  });
  add_call_route(routes, "DELETE", kConnection, [&calls](RouteContext& context) -> Task<net::Response> {
    calls.hang_up(*resource_of(context), context.param("callConnectionId"), false);
    co_return empty_response(204);
  });
  add_call_route(routes, "POST", "/calling/callConnections/{callConnectionId}:terminate",
                 [&calls](RouteContext& context) -> Task<net::Response> {
                   calls.hang_up(*resource_of(context), context.param("callConnectionId"), true);
                   co_return empty_response(204);
                 });
  add_call_route(routes, "POST", "/calling/callConnections/{callConnectionId}:transferToParticipant",
                 [&calls](RouteContext& c) { return transfer(calls, c); });
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
