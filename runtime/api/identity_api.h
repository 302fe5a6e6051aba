// REST of users and tokens.
#pragma once
#include <vector>

namespace trunkline {
class IdentityService;
namespace server {
struct Route;
}
namespace api {
void add_identity_routes(std::vector<server::Route>& routes, IdentityService& identities);
}
}  // namespace trunkline
