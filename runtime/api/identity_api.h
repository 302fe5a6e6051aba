// REST of users and tokens.
#pragma once
#include <vector>

namespace trunkline {
class IdentityService;
class TeamsAssignments;
namespace server {
struct Route;
}
namespace api {
void add_identity_routes(std::vector<server::Route>& routes, IdentityService& identities);
/// The Teams phone extension: assignments, and the exchange for those who have one.
void add_teams_extension_routes(std::vector<server::Route>& routes, IdentityService& identities, TeamsAssignments& assignments);
}  // namespace api
}  // namespace trunkline
