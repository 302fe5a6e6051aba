// The open stream of events, for browsers and the console.
#pragma once
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class EventLog;
class Log;
class Metrics;
class TokenWatch;
namespace eventgrid {
class EventTopicService;
}
}  // namespace trunkline

namespace trunkline::realtime {

/// All outlive the server's connections.
struct EventStreamContext {
  Clock& clock;
  Log& log;
  Metrics& metrics;
  EventLog& events;
  TokenWatch& tokens;
  /// Null: there are none.
  eventgrid::EventTopicService* topics = nullptr;
};

/// `/_stream/events`: the events of a resource as they are logged, one message an event (docs/guide/events.md has the protocol).
void add_event_stream_routes(std::vector<server::Route>& routes, const EventStreamContext& context);

}  // namespace trunkline::realtime
