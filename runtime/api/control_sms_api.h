// The control API of text messages: see control_sms_api.cpp.
#pragma once
#include <vector>

namespace trunkline {
class Runtime;
namespace server {
struct Route;
}
namespace api {
void add_control_sms_routes(std::vector<server::Route>& routes, Runtime& runtime);
}  // namespace api
}  // namespace trunkline
