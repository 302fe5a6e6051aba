// Relay configurations: STUN and TURN servers with credentials that end (2021-06-21-preview to 2022-03-01-preview).
#include "runtime/api/network_traversal_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/host_client.hpp"
#include "trunkline/pstn_client.hpp"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr std::int64_t kLongest = 172'800;     // seconds
constexpr std::string_view kPages = "webrtc";  // capability of providers that carry the sound of pages

struct Wanted {
  std::string user;
  std::string route = "any";
  std::int64_t seconds = kLongest;
};

Wanted read_wanted(const RouteContext& context) {
  const json body = parse_optional_body(context);
  const JsonRef request(body);
  Wanted wanted;
  wanted.user = "8:acs:" + resource_of(context)->id + "_relay";
  if (const auto id = request.find("id")) {
    wanted.user = id->text();
    if (!wanted.user.starts_with("8:acs:") || wanted.user.size() > 512)
      throw id->error("'" + wanted.user.substr(0, 80) + "' is no user");
  }
  if (const auto route = request.find("routeType")) {
    wanted.route = route->text();
    if (wanted.route != "any" && wanted.route != "nearest")
      throw route->error("'" + wanted.route.substr(0, 80) + "' is none of any and nearest");
  }
  wanted.seconds = request.integer_or("ttl", kLongest);
  if (wanted.seconds < 1 || wanted.seconds > kLongest)
    throw Error(ErrorCode::kInvalidArgument,
                "ttl: found " + std::to_string(wanted.seconds) + ", wanted 1 to " + std::to_string(kLongest) + " seconds", "ttl");
  return wanted;
}

/// What a provider tells its pages (docs/guide/browser-calls.md).
Task<json> servers_of(ProviderPtr provider, const Clock& clock, const RouteContext& context, const Wanted& wanted) {
  host::HttpRequest request;
  request.method = "GET";
  request.url = "/_webrtc/" + provider->name() + "/ice-servers?ttl=" + std::to_string(wanted.seconds);
  const std::string& resource = resource_of(context)->name;
  request.headers = {{"trunkline-user", wanted.user}, {"trunkline-resource", resource}, {"trunkline-scopes", "voip"}};
  CallOptions options;
  options.deadline = clock.now() + provider->timeout();
  options.resource = resource;
  const host::HttpResponse answer = co_await provider->webhook().receive(std::move(request), std::move(options));
  const std::string body = answer.body ? std::string(answer.body->begin(), answer.body->end()) : "";
  json told = json::parse(body, nullptr, false);
  if (answer.status != 200 || !told.is_object() || !told.contains("iceServers") || !told.contains("expires"))
    throw Error(ErrorCode::kUnavailable, "the provider '" + provider->name() + "' does not say what relays there are");
  co_return told;
}

Task<net::Response> issue(ProviderRegistry& providers, const Clock& clock, RouteContext& context) {
  const Wanted wanted = read_wanted(context);
  for (const ProviderPtr& provider : providers.all_of(pstn::PstnProviderClient::kInterfaceId)) {
    if (!provider->webhook() || !provider->has_capability(kPages)) continue;
    const json told = co_await servers_of(provider, clock, context, wanted);
    json servers = json::array();
    for (const json& one : told["iceServers"])
      servers.push_back({{"urls", one.at("urls")},
                         {"username", one.value("username", "")},
                         {"credential", one.value("credential", "")},
                         {"routeType", wanted.route}});
    if (servers.empty()) continue;
    json out;
    out["expiresOn"] = format_rfc3339(Time(std::chrono::seconds{told["expires"].get<std::int64_t>()}));
    out["iceServers"] = std::move(servers);
    net::Response response = json_response(200, out);
    response.headers.add("cache-control", "no-store");
    co_return response;
  }
  throw Error(ErrorCode::kNotFound, "no provider of pages has ice_servers in its configuration", "ice_servers");
}

}  // namespace

void add_network_traversal_routes(std::vector<server::Route>& routes, ProviderRegistry& providers, const Clock& clock) {
  server::Route route;
  route.method = "POST";
  route.path = "/networkTraversal/:issueRelayConfiguration";
  route.auth = server::Auth::kAccessKey;
  route.body = server::BodyRule::kJson;
  route.versions = versions({"2021-02-22-preview1", "2021-06-21-preview", "2021-10-08-preview", "2022-03-01-preview"});
  route.handler = [&providers, &clock](RouteContext& context) { return issue(providers, clock, context); };
  routes.push_back(std::move(route));
}

}  // namespace trunkline::api
