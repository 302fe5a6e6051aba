// Requests to others: webhooks, carriers behind plugins.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/async/executor.h"
#include "runtime/net/cancel_token.h"
#include "runtime/net/http.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline::net {

struct HttpClientOptions {
  /// PEM file of the authorities to trust; empty: the system's.
  std::string ca_file;
  /// `http://host:port`; empty: what the environment says (`http_proxy`, `https_proxy`, `no_proxy`),
  /// though never for this machine's own addresses.
  std::string proxy;
  /// Hosts reached without the proxy, comma separated; used with `proxy`.
  std::string no_proxy = "localhost,127.0.0.1,::1";
  std::string user_agent = "Trunkline";
  std::size_t connections_per_host = 32;
  std::size_t connections = 256;
  /// Asked for each address (numeric, after names were resolved) before a connection is made to it; empty: every one will do.
  /// Called on the client's thread.
  std::function<bool(std::string_view address)> allow_address;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // absolute, http or https
  Headers headers;
  std::string body;
  /// Both in real time: they bound how long a peer may keep us waiting, whatever the runtime's clock says.
  Duration timeout = std::chrono::seconds{30};
  Duration connect_timeout = std::chrono::seconds{10};
  /// Beyond: kResourceExhausted.
  std::size_t max_response_bytes = 8 * 1024 * 1024;
  CancelToken cancel;
  /// Counts as work of the executor, so that Clock::advance waits for the answer. Off for requests that wait for the clock.
  bool counts_as_work = true;
};

struct ClientResponse {
  int status = 0;
  Headers headers;  // of the final response
  std::string body;
};

/// Keeps connections alive and verifies certificates. One thread of its own drives all transfers; it starts with the first
/// request. Redirects are not followed. [any-thread]
class HttpClient {
 public:
  HttpClient(Executor& executor, HttpClientOptions options = {});
  HttpClient(const HttpClient&) = delete;
  /// Like stop().
  ~HttpClient();

  /// An answer with any status is a success. Throws kInvalidArgument (the request), kUnavailable (no connection, reset,
  /// certificate), kDeadlineExceeded, kCancelled, kResourceExhausted. Goes on on the executor.
  Task<ClientResponse> send(ClientRequest request);
  /// The same with a callback, called exactly once on the executor.
  void start_send(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done);
  /// Ends transfers in progress with kCancelled, and everything after that too; idempotent. [lifecycle]
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
