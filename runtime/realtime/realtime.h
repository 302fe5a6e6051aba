// Chat as it happens: the notification protocol of the official chat client, and an open stream.
#pragma once
#include <memory>
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class ChatHub;
class Clock;
class Log;
class Metrics;
class TokenWatch;
}  // namespace trunkline

namespace trunkline::realtime {

/// All outlive the server's connections.
struct RealtimeContext {
  Clock& clock;
  /// Real time, for what clients expect of a live connection whatever the runtime's clock does.
  Clock& wall;
  Log& log;
  Metrics& metrics;
  ChatHub& chat;
  TokenWatch& tokens;
};

/// `/chat/config/realTimeNotifications`, `/v4/a`, `/socket.io/1`, `/v3/registrations`: notifications as the official client takes
/// them; and `/_stream/chat`: the open stream (docs/guide/realtime-chat.md has both protocols).
void add_realtime_routes(std::vector<server::Route>& routes, RealtimeContext context);

}  // namespace trunkline::realtime
