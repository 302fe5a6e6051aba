// Answers that go on: a body written piece by piece, for as long as the peer listens.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/net/http.h"

namespace trunkline::net {

/// Bytes that many connections may send: rendered once, never copied for a receiver.
using SharedBytes = std::shared_ptr<const std::string>;

inline SharedBytes share(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

/// The body of a streamed answer. [any-thread]
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Queues the bytes, waiting while the queue is full. False: the peer has gone or the server ends the stream. Goes on where
  /// room appears, or at once.
  virtual Task<bool> write(SharedBytes bytes) = 0;
  /// The same without waiting; false also when there is no room.
  virtual bool try_write(SharedBytes bytes) = 0;
  /// The peer has gone, or the server ends the stream; nothing written now reaches anybody.
  virtual bool closed() const = 0;
  /// Calls fn once when that happens, perhaps before it returns. It must not block.
  virtual void on_closed(UniqueFunction<void()> fn) = 0;
  /// Bytes taken and not yet given to the kernel.
  virtual std::size_t queued_bytes() const = 0;
};

struct StreamOptions {
  /// Beyond, write() waits.
  std::size_t queue_bytes = 256 * 1024;
  /// Written when nothing else was for `keep_alive_interval` (on the runtime's clock), so that peers and proxies see life and
  /// dead peers are noticed; empty: never.
  std::string keep_alive;
  Duration keep_alive_interval = std::chrono::seconds{15};
};

/// Put into Response::stream: once the head has been sent, `run` writes the body. The stream ends when its task does; when the
/// task throws, the connection is cut so that the peer can tell.
struct StreamingBody {
  StreamOptions options;
  UniqueFunction<Task<void>(std::shared_ptr<BodyWriter>)> run;
};

/// 200 with a streamed body.
Response stream_response(std::string content_type, StreamOptions options,
                         UniqueFunction<Task<void>(std::shared_ptr<BodyWriter>)> run);
/// The same as `text/event-stream` with keep-alive comments; bodies are made of event_stream_event().
Response event_stream_response(UniqueFunction<Task<void>(std::shared_ptr<BodyWriter>)> run, StreamOptions options = {});
/// One server-sent event. Empty `id` and `event` are left out; `data` may have several lines. Line ends in `id` and `event`
/// become spaces.
std::string event_stream_event(std::string_view id, std::string_view event, std::string_view data);

}  // namespace trunkline::net
