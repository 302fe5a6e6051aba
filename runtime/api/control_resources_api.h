// The resources of a runtime, for people and the command line: `/_control/resources`.
#pragma once
#include <vector>

namespace trunkline {
class Runtime;
namespace server {
struct Route;
}
namespace api {
void add_control_resource_routes(std::vector<server::Route>& routes, Runtime& runtime);
}
}  // namespace trunkline
