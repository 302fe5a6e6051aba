// The management plane of Microsoft.EventGrid: event subscriptions, custom topics, system topics and topic types.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace trunkline {
class ArmOperations;
class Clock;
class ResourceService;
namespace eventgrid {
class EventSubscriptionService;
class EventTopicService;
}  // namespace eventgrid
namespace server {
struct Route;
}
namespace api {

struct EventGridServices {
  ResourceService& resources;
  eventgrid::EventTopicService& topics;
  eventgrid::EventSubscriptionService& subscriptions;
  ArmOperations& operations;
  Clock& clock;
  /// Where the server is reached, such as `http://127.0.0.1:4600/`; the endpoints of topics lie below it.
  std::function<std::string()> endpoint;
};

/// `services` is copied; what it refers to must outlive the routes.
void add_arm_eventgrid_routes(std::vector<server::Route>& routes, const EventGridServices& services);

}  // namespace api
}  // namespace trunkline
