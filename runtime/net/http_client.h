// Requests to others: webhooks, carriers behind plugins.
#pragma once
#include <memory>

#include "runtime/async/executor.h"
#include "runtime/net/http_sender.h"
#include "trunkline/task.hpp"

namespace trunkline::net {

/// Keeps connections alive and verifies certificates. One thread of its own drives all transfers; it starts with the first
/// request. Redirects are not followed. [any-thread]
class HttpClient final : public HttpSender {
 public:
  HttpClient(Executor& executor, HttpClientOptions options = {});
  HttpClient(const HttpClient&) = delete;
  /// Like stop().
  ~HttpClient() override;

  /// An answer with any status is a success. Throws kInvalidArgument (the request), kUnavailable (no connection, reset,
  /// certificate), kDeadlineExceeded, kCancelled, kResourceExhausted. Goes on on the executor.
  Task<ClientResponse> send(ClientRequest request);
  /// The same with a callback, called exactly once on the executor.
  void start_send(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done) override;
  /// Ends transfers in progress with kCancelled, and everything after that too; idempotent. [lifecycle]
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
