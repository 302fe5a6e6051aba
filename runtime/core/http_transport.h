// The network of plugins, over the runtime's HTTP client.
#pragma once
#include "runtime/net/http_client.h"
#include "runtime/plugin/http_transport.h"

namespace trunkline {

/// [any-thread]
class HttpClientTransport final : public plugin::HttpTransport {
 public:
  explicit HttpClientTransport(net::HttpClient& client) : client_(client) {}
  Task<host::HttpResponse> send(Call call, host::HttpRequest request) override;

 private:
  net::HttpClient& client_;
};

}  // namespace trunkline
