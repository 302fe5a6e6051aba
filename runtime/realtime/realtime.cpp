#include "runtime/realtime/realtime.h"

#include "runtime/realtime/notification.h"
#include "runtime/realtime/open_stream.h"
#include "runtime/realtime/shared.h"

namespace trunkline::realtime {

Shared::Shared(RealtimeContext c)
    : context(c),
      presence(std::make_shared<Presence>(c.clock, c.chat)),
      notifications(render_notification),
      socket_events(render_socket_event),
      stream_events(render_stream_event),
      trouter_metrics(c.metrics, "notifications"),
      stream{c.clock, c.log, c.tokens, ChannelMetrics(c.metrics, "websocket"), ChannelMetrics(c.metrics, "sse")} {}

ResourcePtr chat_resource(const server::RouteContext& context) {
  const server::Caller& caller = context.caller;
  if (!caller.has_scope("chat") && !caller.has_scope("chat.join") && !caller.has_scope("chat.join.limited"))
    throw Error(ErrorCode::kPermissionDenied, "The token's scopes do not include chat.").with_http_status(403);
  if (!caller.resource || !caller.resource->owner) throw Error(ErrorCode::kInternal, "the route has no resource");
  return std::static_pointer_cast<const Resource>(caller.resource->owner);
}

void add_realtime_routes(std::vector<server::Route>& routes, RealtimeContext context) {
  const auto shared = std::make_shared<Shared>(context);
  add_trouter_routes(routes, shared);
  add_stream_routes(routes, shared);
}

}  // namespace trunkline::realtime
