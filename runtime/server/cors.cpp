#include "runtime/server/cors.h"

#include <algorithm>

#include "runtime/base/strings.h"

namespace trunkline::server {
namespace {

constexpr std::string_view kMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// `*` alone would not do: with credentials (older socket clients ask for them) it is taken literally.
constexpr std::string_view kExposed =
    "*, Location, Operation-Location, Operation-Id, Retry-After, ETag, Link, WWW-Authenticate, Repeatability-Result, "
    "x-ms-request-id, x-ms-client-request-id, x-ms-error-code, api-supported-versions, traceparent";

/// `host` of `scheme://host:port`; brackets of IPv6 included. Empty: no origin.
std::string_view host_of(std::string_view origin) {
  const auto at = origin.find("://");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = origin.substr(at + 3);
  if (rest.empty() || rest.find('/') != std::string_view::npos) return {};
  const auto colon = rest.rfind(':');
  const auto bracket = rest.rfind(']');
  return colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket) ? rest : rest.substr(0, colon);
}

bool is_local(std::string_view host) {
  return iequals(host, "localhost") || host == "127.0.0.1" || host == "[::1]" ||
         (host.size() > 10 && iequals(host.substr(host.size() - 10), ".localhost"));
}

}  // namespace

CorsPolicy::CorsPolicy(const std::vector<std::string>& origins) {
  for (const std::string& origin : origins) {
    if (origin == "*")
      any_ = true;
    else if (iequals(origin, "localhost"))
      local_ = true;
    else if (host_of(origin).empty())
      throw Error(ErrorCode::kInvalidArgument,
                  "'" + origin + "' is no origin; wanted one such as https://app.example, localhost or *", "listen.cors_origins");
    else
      origins_.push_back(to_lower(origin));
  }
}

bool CorsPolicy::allows(std::string_view origin) const {
  if (origin.empty()) return false;
  if (any_) return true;
  if (local_ && is_local(host_of(origin))) return true;
  const std::string wanted = to_lower(origin);
  return std::find(origins_.begin(), origins_.end(), wanted) != origins_.end();
}

bool CorsPolicy::allows_websocket(const net::Request& request) const {
  const std::string_view origin = request.headers.get("Origin");
  if (origin.empty() || allows(origin)) return true;
  const auto at = origin.find("://");
  return at != std::string_view::npos && iequals(origin.substr(at + 3), request.headers.get("Host"));
}

bool CorsPolicy::is_preflight(const net::Request& request) const {
  return enabled() && request.method == "OPTIONS" && request.headers.has("Access-Control-Request-Method") &&
         request.headers.has("Origin");
}

net::Response CorsPolicy::preflight(const net::Request& request) const {
  net::Response response;
  response.status = 204;
  if (!allows(request.headers.get("Origin"))) return response;
  response.headers.add("Access-Control-Allow-Methods", kMethods);
  // Whatever the page wants to send: authorization, content-type, x-skypetoken, x-ms-*, repeatability-* and what comes later.
  if (const std::string_view wanted = request.headers.get("Access-Control-Request-Headers"); !wanted.empty())
    response.headers.add("Access-Control-Allow-Headers", wanted);
  if (request.headers.has("Access-Control-Request-Private-Network"))
    response.headers.add("Access-Control-Allow-Private-Network", "true");
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

void CorsPolicy::add_headers(const net::Request& request, net::Headers& headers) const {
  if (!enabled()) return;
  const std::string_view origin = request.headers.get("Origin");
  if (!any_) headers.add("Vary", "Origin");
  if (!allows(origin)) return;
  // Never credentials together with every origin: no cookie opens anything here, but a page must not be able to tell.
  headers.add("Access-Control-Allow-Origin", any_ ? std::string_view("*") : origin);
  if (!any_) headers.add("Access-Control-Allow-Credentials", "true");
  headers.add("Access-Control-Expose-Headers", kExposed);
}

}  // namespace trunkline::server
