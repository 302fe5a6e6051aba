// Requests to others, whoever sends them.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/function.h"
#include "runtime/net/cancel_token.h"
#include "runtime/net/http.h"
#include "runtime/net/tls_identity.h"
#include "trunkline/error.hpp"

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

/// Headers that many requests have in common: checked and written out once.
class FixedHeaders {
 public:
  /// Null: one of them cannot be sent.
  static std::shared_ptr<const FixedHeaders> make(Headers headers);
  const Headers& headers() const { return headers_; }
  /// Their lines, each with its end.
  const std::string& text() const { return text_; }
  bool has_host() const { return has_host_; }
  bool has_user_agent() const { return has_user_agent_; }
  bool has_accept() const { return has_accept_; }

 private:
  FixedHeaders() = default;
  Headers headers_;
  std::string text_;
  bool has_host_ = false;
  bool has_user_agent_ = false;
  bool has_accept_ = false;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // absolute, http or https
  Headers headers;
  /// Further ones, of other names; may be null.
  std::shared_ptr<const FixedHeaders> fixed;
  std::string body;
  /// Both in real time: they bound how long a peer may keep us waiting, whatever the runtime's clock says.
  Duration timeout = std::chrono::seconds{30};
  Duration connect_timeout = std::chrono::seconds{10};
  /// Of the body. Beyond: kResourceExhausted.
  std::size_t max_response_bytes = 8 * 1024 * 1024;
  /// Beyond: the answer counts with the first max_response_bytes of its body; the rest is not read, and the connection is closed.
  bool truncate_body = false;
  CancelToken cancel;
  /// Counts as work of the executor, so that Clock::advance waits for the answer. Off for requests that wait for the clock.
  bool counts_as_work = true;
  /// What we show a server that asks who we are; null: nothing. One that is no certificate with its key: kInvalidArgument.
  std::shared_ptr<const TlsIdentity> identity;
  /// False: nobody looks at the headers of the answer, and they may be left out.
  bool wants_headers = true;
};

struct ClientResponse {
  int status = 0;
  Headers headers;  // of the final response
  std::string body;
};

/// [any-thread]
class HttpSender {
 public:
  virtual ~HttpSender() = default;
  /// Calls `done` exactly once: on the executor, or on a thread of the sender's own, where it must not block. An answer with any
  /// status is a success; errors are those of HttpClient::send.
  virtual void start_send(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done) = 0;
  /// From within `done`: runs fn on this thread once `done` was called for all answers that have come by now; elsewhere, or when
  /// they come one at a time, here and now. So whoever sends much can look at many answers together.
  virtual void after_answers(UniqueFunction<void()> fn) { fn(); }
};

/// Our own framing: what a request says of it is not sent.
bool frames_message(std::string_view header_name);
/// What is wrong with a request, before anybody looks at its host: kInvalidArgument with `method`, `url` or `headers`.
std::optional<Error> check(const ClientRequest& request);
/// The host of the request has no address: senders say so in their errors, which others can tell from the rest by it.
Error with_resolution_failure(Error error);
bool is_resolution_failure(const Error& error);
/// `POST https://host/path`, without the query, which may hold a secret; for messages.
std::string described(const ClientRequest& request);
/// `http://127.0.0.1:4600/...` and the like: never through a proxy that only the environment knows.
bool is_loopback_url(std::string_view url);

}  // namespace trunkline::net
