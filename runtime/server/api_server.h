// The REST door: sockets, routes, authentication, versions, errors, metrics.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/net/http_server.h"
#include "runtime/server/authenticator.h"
#include "runtime/server/route.h"

namespace trunkline::server {

struct ServerOptions {
  std::string host = "127.0.0.1";
  /// 0 picks a free port, nullopt does not listen.
  std::optional<std::uint16_t> port = 0;
  std::optional<std::uint16_t> tls_port;
  net::TlsIdentity tls;
  net::HttpLimits limits;
  net::HttpTimeouts timeouts;
  AuthOptions auth;
  /// Origins whose pages may call (cors.h); empty: none. They sign or carry a token like everybody else.
  std::vector<std::string> cors_origins;
};

/// `GET /health` and `GET /metrics` are its own; everything else is added. What it was given must outlive it and the requests in
/// progress: drain before taking services down.
class ApiServer {
 public:
  struct Ports {
    std::uint16_t http = 0;
    std::uint16_t https = 0;
  };

  ApiServer(Executor& executor, Clock& clock, Log& log, Metrics& metrics, IdSource& ids, ServerOptions options,
            const ResourceDirectory& directory);
  ApiServer(const ApiServer&) = delete;
  ~ApiServer();

  /// Before start(). Throws for a malformed or repeated route.
  void add_routes(std::vector<Route> routes);
  /// Every route there is, for listings and tests.
  std::vector<const Route*> routes() const;
  /// The last requests that were turned away.
  const Rejections& rejections() const;
  /// See HttpServer::start.
  Ports start();
  /// See HttpServer::set_tls. Between start() and stop().
  void set_tls(const net::TlsIdentity& identity);
  /// See HttpServer::drain.
  Task<void> drain(Duration deadline);
  void stop();
  /// Handles one request without a socket: in-process callers and tests. `request` must outlive the task.
  Task<net::Response> handle(net::Request& request);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace trunkline::server
