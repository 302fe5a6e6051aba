// Where applications get servers for the relay of pages' sound (Azure's Network Traversal, in preview there).
#pragma once
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class ProviderRegistry;
}  // namespace trunkline

namespace trunkline::api {

/// `POST /networkTraversal/:issueRelayConfiguration`, answered by the first provider of pages that has `ice_servers`. `providers`
/// outlives the routes.
void add_network_traversal_routes(std::vector<server::Route>& routes, ProviderRegistry& providers, const Clock& clock);

}  // namespace trunkline::api
