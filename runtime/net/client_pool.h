// Internal to runtime/net: requests on their way to their hosts, and the connections that are kept for them.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/strings.h"
#include "runtime/net/host_lookup.h"
#include "runtime/net/http_sender.h"
#include "runtime/net/socket_set.h"

namespace trunkline::net {

class ClientConnection;
using ClientConnectionPtr = std::shared_ptr<ClientConnection>;
using SteadyTime = std::chrono::steady_clock::time_point;

struct Exchange;
using ExchangePtr = std::unique_ptr<Exchange>;

/// A host and port, plain or TLS, with its connections.
struct Origin {
  std::string host;  // lower case, without brackets
  std::uint16_t port = 0;
  bool tls = false;
  std::size_t connections = 0;
  std::vector<ClientConnectionPtr> idle;  // the one that was used last is last
  std::deque<ExchangePtr> waiting;        // for one of them
};
using OriginPtr = std::shared_ptr<Origin>;

/// What a URL comes to; made once for many requests.
struct RequestTarget {
  OriginPtr origin;
  std::string line_end;  // ` /path?query HTTP/1.1\r\n`
  std::string host;      // value of the Host header
};

/// One request from start to end.
struct Exchange {
  std::uint64_t id = 0;
  ClientRequest request;
  UniqueFunction<void(Result<ClientResponse>)> done;
  WorkGuard work;
  std::uint64_t subscription = 0;  // to request.cancel
  std::shared_ptr<const RequestTarget> target;
  SteadyTime deadline;
  bool resent = false;  // it had been given to a kept connection that turned out to be dead
  ClientResponse response;
};

/// Head of a request as it is sent. `headers` of the request win over ours, but for those that frame the message.
void append_head(std::string& out, const Exchange& exchange, std::string_view user_agent);

/// Everything here, and in the connections, runs on the one thread that runs the io_context.
class ClientPool {
 public:
  ClientPool(boost::asio::io_context& io, const HttpClientOptions& options);
  ClientPool(const ClientPool&) = delete;
  ~ClientPool();

  /// Sends it now, or when a connection is free.
  void start(ExchangePtr exchange);
  void cancel(std::uint64_t id);
  /// Ends everything with kCancelled, and whatever is started later.
  void stop();

  // ---- for the connections

  boost::asio::io_context& io() { return io_; }
  const HttpClientOptions& options() const { return options_; }
  HostLookup& lookup() { return lookup_; }
  SocketSet& sockets() { return sockets_; }
  /// Made with the first use. Throws kUnavailable when the authorities cannot be read.
  boost::asio::ssl::context& tls();
  /// Something ends then; looked at not much later.
  void note_deadline(SteadyTime at);
  /// Calls the exchange's callback, not from within another one.
  void complete(ExchangePtr exchange, Result<ClientResponse> result);
  /// Sends it once more, on a new connection if there may be one.
  void restart(ExchangePtr exchange);
  /// The connection may take another exchange, and perhaps has got one when this returns.
  void release(const ClientConnectionPtr& connection);
  /// Of an open connection, once.
  void closed(const ClientConnectionPtr& connection);

 private:
  std::shared_ptr<const RequestTarget> target_of(const std::string& url);
  void place(ExchangePtr exchange, bool fresh);
  bool make_room();
  void open(ExchangePtr exchange);
  void serve_waiting(Origin& freed);
  void look_at_deadlines();
  void arm(SteadyTime at);

  boost::asio::io_context& io_;
  const HttpClientOptions& options_;
  HostLookup lookup_;
  SocketSet sockets_;
  boost::asio::steady_timer timer_;
  SteadyTime armed_ = SteadyTime::max();
  std::optional<boost::asio::ssl::context> tls_;
  bool stopped_ = false;

  std::unordered_map<std::string, OriginPtr> origins_;
  std::unordered_map<std::string, std::shared_ptr<const RequestTarget>> targets_;  // by URL; forgotten now and then
  std::unordered_set<ClientConnectionPtr> connections_;
  std::size_t waiting_ = 0;  // of all origins

  bool completing_ = false;
  std::deque<std::pair<ExchangePtr, Result<ClientResponse>>> completed_;
};

}  // namespace trunkline::net
