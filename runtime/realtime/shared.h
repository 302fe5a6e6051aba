// Internal to runtime/realtime: what all channels share.
#pragma once
#include <memory>

#include "runtime/realtime/presence.h"
#include "runtime/realtime/realtime.h"
#include "runtime/realtime/render_cache.h"
#include "runtime/realtime/stream_channel.h"
#include "runtime/realtime/trouter_sessions.h"

namespace trunkline::realtime {

struct Shared {
  explicit Shared(RealtimeContext c);

  RealtimeContext context;
  const std::shared_ptr<Presence> presence;
  TrouterSessions sessions;
  RenderCache notifications;
  RenderCache socket_events;
  RenderCache stream_events;
  ChannelMetrics trouter_metrics;
  StreamContext stream;
};
using SharedPtr = std::shared_ptr<Shared>;

/// The resource of a user token. Throws kPermissionDenied when the token's scopes do not reach chat.
ResourcePtr chat_resource(const server::RouteContext& context);

void add_trouter_routes(std::vector<server::Route>& routes, const SharedPtr& shared);
void add_stream_routes(std::vector<server::Route>& routes, const SharedPtr& shared);

/// Serves one connection of a notification client until it ends.
Task<void> serve_trouter(SharedPtr shared, TrouterSessionPtr session, std::shared_ptr<net::WebSocket> socket);

}  // namespace trunkline::realtime
