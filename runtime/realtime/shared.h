// Internal to runtime/realtime: what all channels share.
#pragma once
#include <memory>
#include <string>

#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/realtime/realtime.h"
#include "runtime/realtime/render_cache.h"
#include "runtime/realtime/trouter_sessions.h"

namespace trunkline::realtime {

/// Counts the channels of one protocol and what they were told.
class ChannelMetrics {
 public:
  ChannelMetrics(Metrics& metrics, const std::string& protocol)
      : open_(metrics.gauge("trunkline_realtime_channels", "Open channels of live chat.", {{"protocol", protocol}})),
        told_(metrics.counter("trunkline_realtime_deliveries_total", "Changes told to listeners.", {{"protocol", protocol}})) {}

  class Open {
   public:
    explicit Open(const ChannelMetrics& metrics) : metrics_(metrics) { metrics_.open_.add(1); }
    Open(const Open&) = delete;
    ~Open() { metrics_.open_.add(-1); }

   private:
    const ChannelMetrics& metrics_;
  };
  void told() const { told_.add(); }

 private:
  Gauge open_;
  Counter told_;
};

struct Shared {
  explicit Shared(RealtimeContext c);

  RealtimeContext context;
  TrouterSessions sessions;
  RenderCache notifications;
  RenderCache socket_events;
  RenderCache stream_events;
  ChannelMetrics trouter_metrics;
  ChannelMetrics socket_metrics;
  ChannelMetrics stream_metrics;
};
using SharedPtr = std::shared_ptr<Shared>;

/// The resource of a user token. Throws kPermissionDenied when the token's scopes do not reach chat.
ResourcePtr chat_resource(const server::RouteContext& context);

void add_trouter_routes(std::vector<server::Route>& routes, const SharedPtr& shared);
void add_stream_routes(std::vector<server::Route>& routes, const SharedPtr& shared);

/// Serves one connection of a notification client until it ends.
Task<void> serve_trouter(SharedPtr shared, TrouterSessionPtr session, std::shared_ptr<net::WebSocket> socket);

}  // namespace trunkline::realtime
