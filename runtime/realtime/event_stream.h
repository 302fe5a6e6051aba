// The open stream of events, for browsers and the console.
#pragma once
#include <functional>
#include <string_view>
#include <vector>

#include "runtime/eventgrid/event_source.h"
#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class EventLog;
class Log;
class Metrics;
class TokenWatch;
}  // namespace trunkline

namespace trunkline::realtime {

/// All outlive the server's connections.
struct EventStreamContext {
  Clock& clock;
  Log& log;
  Metrics& metrics;
  EventLog& events;
  TokenWatch& tokens;
  /// The custom topic of that name; throws kNotFound.
  std::function<eventgrid::EventSource(std::string_view)> topic;
};

/// `/_stream/events`: the events of a resource as they are logged, one message an event (docs/guide/events.md has the protocol).
void add_event_stream_routes(std::vector<server::Route>& routes, const EventStreamContext& context);

}  // namespace trunkline::realtime
