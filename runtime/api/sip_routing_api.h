// REST of SIP routing.
#pragma once
#include <vector>

namespace trunkline {
class SipRoutingService;
namespace server {
struct Route;
}
namespace api {
void add_sip_routing_routes(std::vector<server::Route>& routes, SipRoutingService& routing);
}
}  // namespace trunkline
