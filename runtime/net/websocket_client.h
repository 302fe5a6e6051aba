// WebSockets that we open to others; no Asio in sight.
#pragma once
#include <memory>
#include <string>

#include "runtime/async/executor.h"
#include "runtime/base/function.h"
#include "runtime/net/http.h"
#include "trunkline/error.hpp"

namespace trunkline::net {

struct WebSocketTarget {
  std::string url;  // ws or wss
  Headers headers;  // of the request
  /// In real time: bounds how long a peer may keep us waiting, whatever the runtime's clock says.
  Duration open_timeout = std::chrono::seconds{5};
  std::size_t max_message_bytes = 64 * 1024;
  /// Beyond, send() refuses.
  std::size_t max_queued_messages = 512;
};

/// One connection. Text only: what a peer sends in binary frames is left out. Certificates of wss are checked. [any-thread]
class WebSocketClient {
 public:
  struct Events {
    /// Once, first of all: it is open, or cannot be opened, after which nothing comes. On a thread of the executor.
    UniqueFunction<void(Result<void>)> opened;
    UniqueFunction<void(std::string)> message;
    /// Once, unless it never opened.
    UniqueFunction<void()> closed;
  };

  virtual ~WebSocketClient() = default;
  /// False: not open (any more), or the peer is too slow.
  virtual bool send(std::string text) = 0;
  /// No event comes afterwards, but for one that runs already.
  virtual void close() = 0;

  /// Opening counts as work of the executor. Throws kInvalidArgument for what is no ws or wss URL.
  static std::shared_ptr<WebSocketClient> open(Executor& executor, WebSocketTarget target, Events events);
};

/// ws or wss, absolute.
bool is_websocket_url(std::string_view url);

}  // namespace trunkline::net
