// Events, their subscriptions and custom topics, for people and the command line.
#pragma once
#include <vector>

namespace trunkline {
class Clock;
class Runtime;
namespace server {
struct Route;
}
namespace api {

/// `/_control/events`. `wall`: a real clock, for how long callers wait.
void add_control_event_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall);
/// `/_control/event-subscriptions`.
void add_control_subscription_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall);
/// `/_control/topics`.
void add_control_topic_routes(std::vector<server::Route>& routes, Runtime& runtime);

}  // namespace api
}  // namespace trunkline
