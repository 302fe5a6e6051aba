// REST of calls, their media and recordings.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace trunkline {
class Runtime;
namespace calls {
class CallService;
}
namespace server {
struct Route;
}
namespace api {
/// Every operation of calls, and the keys of callback tokens. `endpoint`: where this server is reached.
void add_call_routes(std::vector<server::Route>& routes, calls::CallService& calls, std::function<std::string()> endpoint);
/// The files of recordings.
void add_call_recording_routes(std::vector<server::Route>& routes, calls::CallService& calls);
/// For people and tests: calls under way, and the virtual phones.
void add_control_call_routes(std::vector<server::Route>& routes, Runtime& runtime);
}  // namespace api
}  // namespace trunkline
