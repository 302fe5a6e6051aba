#include "runtime/api/webrtc_api.h"

#include <string>

#include "runtime/api/provider_http.h"
#include "runtime/api/scopes.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/pstn_client.hpp"

namespace trunkline::api {
namespace {

using server::RouteContext;

constexpr std::size_t kMaxBytes = 64 * 1024;  // of a session description

/// Who is calling, for the plugin.
Properties caller_of(const RouteContext& context) {
  std::string scopes;
  for (const std::string& scope : context.caller.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  return {{"user", context.caller.user_id}, {"scopes", scopes}, {"resource", context.caller.resource->name}};
}

Task<net::Response> receive(ProviderRegistry& providers, const Clock& clock, std::stop_token stopping, RouteContext& context) {
  require_right(context, Right::kCall);
  const std::string& name = context.param("provider");
  const ProviderPtr provider = providers.find(name);
  if (!provider || !provider->webhook() || !provider->offers(pstn::PstnProviderClient::kInterfaceId))
    throw Error(ErrorCode::kNotFound, "there is no provider '" + name + "' that carries the sound of pages", "provider");
  CallOptions options;
  options.deadline = clock.now() + provider->timeout();
  options.traceparent = context.traceparent();
  options.resource = context.caller.resource->name;
  options.stop = std::move(stopping);
  host::HttpRequest request = as_seen(context, caller_of(context));
  request.headers.erase("authorization");  // the token is no business of the plugin's
  host::HttpResponse answer = co_await provider->webhook().receive(std::move(request), std::move(options));
  co_return as_sent(*provider, std::move(answer));
}

/// What CORS does not ask (RFC 9725, 4.2).
Task<net::Response> what_is_taken(RouteContext&) {
  net::Response response;
  response.status = 204;
  response.headers.add("accept-post", "application/sdp");
  co_return response;
}

}  // namespace

void add_webrtc_routes(std::vector<server::Route>& routes, ProviderRegistry& providers, const Clock& clock,
                       std::stop_token stopping) {
  for (const char* path : {"/_webrtc/{provider}", "/_webrtc/{provider}/{*rest}"}) {
    for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
      server::Route route;
      route.method = method;
      route.path = path;
      route.auth = server::Auth::kUserToken;
      route.body = server::BodyRule::kAny;
      route.max_body_bytes = kMaxBytes;
      route.handler = [&providers, &clock, stopping](RouteContext& context) {
        return receive(providers, clock, stopping, context);
      };
      routes.push_back(std::move(route));
    }
    server::Route route;
    route.method = "OPTIONS";
    route.path = path;
    route.handler = what_is_taken;
    routes.push_back(std::move(route));
  }
}

}  // namespace trunkline::api
