// The control API of a runtime: see control_api.cpp.
#pragma once
#include <vector>

namespace trunkline {
class Runtime;
namespace server {
struct Route;
}
namespace api {
void add_control_routes(std::vector<server::Route>& routes, Runtime& runtime);
}
}  // namespace trunkline
