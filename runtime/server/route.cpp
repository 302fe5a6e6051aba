#include "runtime/server/route.h"

#include <algorithm>

#include "runtime/net/websocket.h"
#include "runtime/server/authenticator.h"

namespace trunkline::server {

bool Caller::has_scope(std::string_view scope) const { return std::find(scopes.begin(), scopes.end(), scope) != scopes.end(); }

const std::string& RouteContext::param(std::string_view name) const {
  for (const auto& [key, value] : params)
    if (key == name) return value;
  throw Error(ErrorCode::kInternal, "the route has no parameter '" + std::string(name) + "'");
}

std::string RouteContext::protocol() const {
  for (const std::string_view offered : net::offered_protocols(request))
    if (!offered.starts_with(kTokenProtocol)) return std::string(offered);
  return {};
}

}  // namespace trunkline::server
