// Actions that are HTTP requests: Http, Function, ApiConnection with a mapped connector, and the subscriptions of webhooks.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/crypto/hash.h"
#include "runtime/diagnostics/log.h"
#include "runtime/flows/action_port.h"
#include "runtime/net/http_sender.h"
#include "trunkline/task.hpp"

namespace trunkline::flows {

struct HttpActionOptions {
  Duration timeout = std::chrono::seconds{120};
  std::size_t max_request_bytes = 100u << 20;
  std::size_t max_response_bytes = 100u << 20;
  std::size_t max_chunked_bytes = 1u << 30;
  std::size_t max_uri_bytes = 2048;
  /// Wait before looking at an asynchronous operation whose answer did not say how long.
  Duration poll_interval = std::chrono::seconds{10};
  /// Connectors and functions by name without regard to case (the managed API, the connection, the reference, or the last part of
  /// a function's id) to the address they stand for.
  std::map<std::string, std::string, std::less<>> addresses;
  /// The address of what no address is known for, by its best known name; empty: there is none, and the action fails.
  std::function<std::string(std::string_view name)> address_of_unknown;
  /// Gives the token of a managed identity for an audience; empty: there are none.
  std::function<Task<std::string>(std::string audience, std::string identity)> managed_identity;
};

/// [any-thread]
class HttpActions final : public ActionPort {
 public:
  HttpActions(net::HttpSender& sender, Executor& executor, Clock& clock, Log& log, HttpActionOptions options);

  bool handles(const ActionCall& call) const override;
  bool repeats_safely(const ActionCall& call) const override;
  bool stands_behind(const std::vector<std::string>& names) const override;
  void run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) override;

  /// Any request in the shape of an Http action's inputs, with the conventions of actions; the asynchronous pattern is the
  /// caller's. Throws Error kInvalidArgument for inputs that make no request, and those of HttpSender.
  Task<net::ClientResponse> send(ActionCall call, SharedValue inputs);
  /// What an answer is to an action: the outputs, the code, whether another attempt helps.
  static ActionAnswer answer_of(const net::ClientResponse& response);
  static ActionAnswer answer_of(const Error& error);

  const HttpActionOptions& options() const { return options_; }
  /// The address that a connector or function is mapped to; empty: it is not.
  std::string address_of(std::string_view name) const;

 private:
  Task<ActionAnswer> attempt(ActionCall call);
  Task<ActionAnswer> read_on(ActionCall call, SharedValue inputs, net::ClientResponse first);
  Task<ActionAnswer> read_pages(ActionCall call, Value inputs, ActionAnswer first);
  Task<net::ClientResponse> upload_in_chunks(ActionCall call, SharedValue inputs);
  Task<void> authorize(const Value& inputs, net::ClientRequest& request);
  Task<std::string> directory_token(Value authentication);
  struct ClientCertificate;
  /// `pfx` and `password` of an authentication. Throws kInvalidArgument.
  std::shared_ptr<const ClientCertificate> client_certificate(const Value& authentication);
  net::ClientRequest build(const ActionCall& call, const Value& inputs) const;
  Task<net::ClientResponse> start(net::ClientRequest request);

  net::HttpSender& sender_;
  Executor& executor_;
  Clock& clock_;
  Log& log_;
  const HttpActionOptions options_;
  struct Token {
    std::string text;
    Time ends;
  };
  std::mutex mutex_;
  std::map<std::string, Token> tokens_;                                              // by authority, tenant, client and audience
  std::map<crypto::Digest, std::shared_ptr<const ClientCertificate>> certificates_;  // by file and password
};

/// The names of the connector of an action, the best known first: the managed API or provider, the connection, its reference.
std::vector<std::string> connector_names(const workflow::Plan& plan, const Value& inputs);
/// `https://host/path` with `queries` appended, percent-encoded.
std::string with_queries(std::string uri, const Value* queries);
/// A `Location` as an absolute URL.
std::string resolve_location(std::string_view base, std::string_view location);
/// The value of Retry-After: seconds or a date.
std::optional<Duration> retry_after(std::string_view header, Time now);

}  // namespace trunkline::flows
