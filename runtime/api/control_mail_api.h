// The control API of mail: operations, suppressed addresses, what the sandbox caught.
#pragma once
#include <vector>

namespace trunkline {
class Clock;
class Runtime;
namespace server {
struct Route;
}
namespace api {
void add_control_mail_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall);
}
}  // namespace trunkline
