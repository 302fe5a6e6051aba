// WebSockets (RFC 6455) over connections of the HTTP server; no Asio in sight.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/net/stream.h"

namespace trunkline::net {

namespace close_code {
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupportedData = 1003;
inline constexpr std::uint16_t kNoStatus = 1005;  // never on the wire: the peer gave none
inline constexpr std::uint16_t kAbnormal = 1006;  // never on the wire: ended without a close frame
inline constexpr std::uint16_t kInvalidPayload = 1007;
inline constexpr std::uint16_t kPolicyViolation = 1008;
inline constexpr std::uint16_t kMessageTooBig = 1009;
inline constexpr std::uint16_t kInternalError = 1011;
inline constexpr std::uint16_t kTryAgainLater = 1013;
}  // namespace close_code

struct WebSocketMessage {
  bool text = true;  // valid UTF-8 then
  std::string data;
};

struct WebSocketClose {
  std::uint16_t code = close_code::kNormal;
  std::string reason;  // up to 123 bytes of UTF-8
};

/// All durations on the runtime's clock; zero turns one off.
struct WebSocketOptions {
  /// Of one message, however it is cut into frames; beyond: closed with 1009.
  std::size_t max_message_bytes = 64 * 1024;
  /// Received and not yet taken by receive(): beyond, the connection is not read any more and the peer's writes stall.
  std::size_t max_received_messages = 16;
  /// Beyond, send() waits and try_send() refuses.
  std::size_t queue_bytes = 256 * 1024;
  /// A peer silent for so long is pinged, …
  Duration ping_interval = std::chrono::seconds{25};
  /// … and for so long, cut off.
  Duration idle_timeout = std::chrono::seconds{60};
  /// How long the peer may take to answer our close frame.
  Duration close_timeout = std::chrono::seconds{5};
  /// Subprotocol to announce; empty: none.
  std::string protocol;
};

/// One connection, as its handler sees it. Pings are answered by themselves. [any-thread], but one receive() at a time.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// The next message; nullopt: closed by either side, and nothing more comes. Goes on where the message was read, or at once.
  virtual Task<std::optional<WebSocketMessage>> receive() = 0;
  /// Queues one message, waiting while the queue is full. False: closed. Messages leave in the order of these calls.
  virtual Task<bool> send(SharedBytes data, bool text = true) = 0;
  Task<bool> send(std::string text) { return send(share(std::move(text))); }
  /// One text message of two parts: what is this receiver's own, and what it shares with others.
  virtual Task<bool> send_parts(std::string own, SharedBytes shared) = 0;
  /// Like send() without waiting; false also when there is no room.
  virtual bool try_send(SharedBytes data, bool text = true) = 0;
  /// Starts the closing handshake after what is queued; only the first call counts. A pending receive() gives nullopt.
  virtual void close(std::uint16_t code = close_code::kNormal, std::string reason = {}) = 0;
  /// How it ended: what the peer said, what we said, or 1006. nullopt while it is open.
  virtual std::optional<WebSocketClose> closed() const = 0;
  /// Calls fn once when it is no longer open, perhaps before it returns. It must not block.
  virtual void on_closed(UniqueFunction<void()> fn) = 0;
  /// Bytes taken and not yet given to the kernel.
  virtual std::size_t queued_bytes() const = 0;
};

using WebSocketRun = UniqueFunction<Task<void>(std::shared_ptr<WebSocket>)>;

/// Put into Response::websocket. The connection is closed with 1000 when the task of `run` ends and with 1011 when it throws.
struct WebSocketUpgrade {
  WebSocketOptions options;
  WebSocketRun run;
};

/// The request asks for a WebSocket (whether its handshake is right is accept_websocket's to say).
bool wants_websocket(const Request& request);
/// 101 and what follows. Throws Error with http_status 400 or 426 when the handshake is malformed.
Response accept_websocket(const Request& request, WebSocketOptions options, WebSocketRun run);
/// The tokens of a Sec-WebSocket-Protocol header, in order. Views into the request.
std::vector<std::string_view> offered_protocols(const Request& request);

}  // namespace trunkline::net
