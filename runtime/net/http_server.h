// The HTTP/1.x server: sockets, framing, limits, timeouts and drain. What a request means is its handler's business.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/base/secret.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/net/http.h"
#include "runtime/net/tls_identity.h"

namespace trunkline::net {

struct HttpLimits {
  std::size_t header_bytes = 32 * 1024;  // request line included; beyond: 431
  std::size_t header_count = 100;        // beyond: 431
  std::size_t target_bytes = 8 * 1024;   // beyond: 414
  std::size_t body_bytes = 1024 * 1024;  // beyond: 413; see HttpServerOptions::body_limit
  std::size_t connections = 10'000;      // beyond: they wait in the backlog of the kernel
};

/// Measured on the runtime's clock, so a virtual clock that stands still times nothing out.
struct HttpTimeouts {
  Duration idle = std::chrono::seconds{75};    // between requests: closed without a word
  Duration header = std::chrono::seconds{15};  // from the first byte to the end of the header: 408
  Duration body = std::chrono::seconds{60};    // plus one second for each 64 KiB announced: 408
  Duration write = std::chrono::seconds{60};   // a peer that does not read: closed
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  /// Ports to listen on; 0 picks a free one, nullopt does not listen.
  std::optional<std::uint16_t> port = 0;
  std::optional<std::uint16_t> tls_port;
  TlsIdentity tls;
  /// Further ports on the same host. Which one a request came to, its Host header says.
  struct Extra {
    std::uint16_t port = 0;
    bool tls = false;  // with the identity above
  };
  std::vector<Extra> extra;
  HttpLimits limits;
  HttpTimeouts timeouts;
  /// Largest body for a request whose header has been read; empty: limits.body_bytes. [any-thread]
  UniqueFunction<std::size_t(const Request&)> body_limit;
  /// Told about each request the server refused by itself (framing, limits, timeouts). [any-thread]
  UniqueFunction<void(int status, std::string_view why)> on_refused;
};

/// Requests are handled on the executor's threads, at most one at a time for each connection; those that were pipelined are
/// answered in order and leave in one write. A handler that completes without suspending costs no hop to another thread.
class HttpServer {
 public:
  struct Ports {
    std::uint16_t http = 0;
    std::uint16_t https = 0;
    std::vector<std::uint16_t> extra;  // in the order of the options
  };

  /// The handler is called by several threads at once. [any-thread]
  HttpServer(Executor& executor, Clock& clock, Log& log, HttpServerOptions options, Handler handler);
  HttpServer(const HttpServer&) = delete;
  /// Like stop(). Handlers still running keep what they need of the server alive; their answers go nowhere. The clock and the log
  /// must outlive the executor's last step, so stop the executor before they go.
  ~HttpServer();

  /// Listens. Throws kUnavailable when an address is taken, kInvalidArgument for an unusable certificate. [lifecycle]
  Ports start();
  /// Another certificate, for connections to come. Throws kInvalidArgument for an unusable one. [any-thread]
  void set_tls(const TlsIdentity& identity);
  /// Stops accepting, closes idle connections, lets requests in progress finish, and closes what is left once `deadline` has
  /// passed on the runtime's clock (zero: at once). Completes when no connection is left. Call it once.
  Task<void> drain(Duration deadline);
  /// Closes everything at once; idempotent. [lifecycle]
  void stop();
  std::size_t connections() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace trunkline::net
