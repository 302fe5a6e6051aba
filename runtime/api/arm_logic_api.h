// The management plane of Microsoft.Logic (2019-05-01): workflows, their versions, triggers, runs and actions; and the doors that
// callers of workflows come through.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace trunkline {
class Clock;
namespace flows {
class WorkflowService;
}
namespace server {
struct Route;
}
namespace api {

struct LogicServices {
  flows::WorkflowService& workflows;
  Clock& clock;
};

/// `services` is copied; what it refers to must outlive the routes.
void add_arm_logic_routes(std::vector<server::Route>& routes, const LogicServices& services);
/// `/workflows/{id}/…`: addresses with a signature, which start runs, end webhook actions, and show contents.
void add_workflow_door_routes(std::vector<server::Route>& routes, const LogicServices& services);

}  // namespace api
}  // namespace trunkline
