// The control API of numbers and SIP routing: see control_calling_api.cpp.
#pragma once
#include <vector>

namespace trunkline {
class Runtime;
namespace server {
struct Route;
}
namespace api {
void add_control_calling_routes(std::vector<server::Route>& routes, Runtime& runtime);
}
}  // namespace trunkline
