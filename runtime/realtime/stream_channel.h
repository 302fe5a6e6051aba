// Open streams: one client over a WebSocket or server-sent events, whatever it is told.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/net/stream.h"
#include "runtime/server/route.h"

namespace trunkline {
class Clock;
class TokenWatch;
}  // namespace trunkline

namespace trunkline::realtime {

/// Counts the channels of one protocol and what they were told.
class ChannelMetrics {
 public:
  ChannelMetrics(Metrics& metrics, const std::string& protocol)
      : open_(metrics.gauge("trunkline_realtime_channels", "Open live channels.", {{"protocol", protocol}})),
        told_(metrics.counter("trunkline_realtime_deliveries_total", "What listeners were told.", {{"protocol", protocol}})) {}

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

/// Outlives its channels.
struct StreamContext {
  Clock& clock;
  Log& log;
  TokenWatch& tokens;
  ChannelMetrics socket_metrics;
  ChannelMetrics event_metrics;
};

enum class StreamForm { kSocket, kServerSentEvents };

/// What one client is told. Its destructor ends it. [any-thread]
class StreamFeed {
 public:
  virtual ~StreamFeed() = default;
  /// Everything up to here was told, or is not meant for the client; another stream can go on behind it.
  virtual std::int64_t cursor() const = 0;
  /// What comes next, in order, as whole messages of that form; none: it has ended. One at a time.
  virtual Task<std::vector<net::SharedBytes>> next(StreamForm form) = 0;
  /// Ends a pending next. Idempotent.
  virtual void close() = 0;
};

/// `Last-Event-ID`, else `after`: behind which cursor to begin. Browsers repeat the id of the last event by themselves when they
/// connect again, so it counts more than the URL they began with. Throws 400 for what is no cursor.
std::optional<std::int64_t> stream_start(const server::RouteContext& context);
/// `GET path` with everything that a stream needs.
server::Route stream_route(const char* path, server::Auth auth, server::RouteHandler handler);
/// Begins with `{"cursor":…,"type":"begin"}`, so that a client which is told nothing for a while knows where to go on; then tells
/// what the feed gives until that ends, the client goes, or the token that opened the stream does. A client that does not keep
/// up is waited for. `resource_key`: whose user the token belongs to.
net::Response open_channel(std::shared_ptr<const StreamContext> shared, const server::RouteContext& context,
                           std::int64_t resource_key, std::shared_ptr<StreamFeed> feed);

}  // namespace trunkline::realtime
