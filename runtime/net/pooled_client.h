// Requests to others, many a second to the same hosts: webhooks.
#pragma once
#include <memory>

#include "runtime/async/executor.h"
#include "runtime/net/http_sender.h"

namespace trunkline::net {

/// Keeps connections alive, one request at a time on each, and verifies certificates (TLS 1.2 and later). HTTP/1.1; redirects are
/// not followed. A request that met a kept connection just as its peer closed it is sent once more, so a peer may see it twice.
/// One thread of its own drives all transfers and calls back, so that the next request of a busy sender costs no hand-over; it
/// starts with the first request. Why not libcurl: docs/adr/0013. [any-thread]
class PooledClient final : public HttpSender {
 public:
  /// `other` sends what we leave to it: what may have to go through a proxy or shows a certificate, and URLs with a name and
  /// password or with a host name beyond ASCII. It outlives us.
  PooledClient(Executor& executor, HttpSender& other, HttpClientOptions options = {});
  PooledClient(const PooledClient&) = delete;
  /// Like stop().
  ~PooledClient() override;

  /// `done` runs on our thread, or on the executor when nothing was sent.
  void start_send(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done) override;
  void after_answers(UniqueFunction<void()> fn) override;
  /// Ends transfers in progress with kCancelled, and everything after that too; idempotent. Not `other`. [lifecycle]
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
