// The doors of custom topics: publishing, and the URL that confirms a webhook by hand.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline {
class Clock;
namespace eventgrid {
class EventSubscriptionService;
class EventTopicService;
}  // namespace eventgrid
namespace server {
struct Route;
}
namespace api {

struct PublishServices {
  eventgrid::EventTopicService& topics;
  eventgrid::EventSubscriptionService& subscriptions;
  Clock& clock;
  /// The time that clients sign tokens with.
  std::function<Time()> client_time;
  /// Throws Error kUnauthenticated, kPermissionDenied for a token of an application that may not publish.
  std::function<Task<void>(std::string bearer)> verify;
  /// Publishing takes no credential.
  bool open = false;
};

/// `POST /topics/{name}/api/events`, `POST /api/events` with the topic as the first part of the host name, and
/// `GET /eventGrid/validate`. `services` is copied; what it refers to must outlive the routes.
void add_event_publish_routes(std::vector<server::Route>& routes, const PublishServices& services);

}  // namespace api
}  // namespace trunkline
