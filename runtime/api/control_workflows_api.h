// `/_control/workflows`: what the command line and people need of workflows.
#pragma once
#include <vector>

namespace trunkline {
class Clock;
class Runtime;
namespace server {
struct Route;
}
namespace api {
/// `wall`: a real clock, for how long callers wait.
void add_control_workflow_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall);
}  // namespace api
}  // namespace trunkline
