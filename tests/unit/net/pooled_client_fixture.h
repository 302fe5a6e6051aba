// A client of ours and one peer that follows a script.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/net/http_client.h"
#include "runtime/net/pooled_client.h"
#include "tests/unit/net/scripted_server.h"

namespace trunkline::testing {

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class PooledClientTest : public ::testing::Test {
 protected:
  void serve(ScriptedServer::Script script) { server.emplace(std::move(script)); }
  void make_client(net::HttpClientOptions options = {}) { client.emplace(executor, curl, std::move(options)); }
  std::future<Result<net::ClientResponse>> begin(net::ClientRequest request) {
    auto answer = std::make_shared<std::promise<Result<net::ClientResponse>>>();
    client->start_send(std::move(request),
                       [answer](Result<net::ClientResponse> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }
  Result<net::ClientResponse> send(net::ClientRequest request) { return begin(std::move(request)).get(); }
  net::ClientRequest post(std::string body = "{}") const {
    net::ClientRequest out;
    out.method = "POST";
    out.url = server->url();
    out.body = std::move(body);
    return out;
  }
  /// What comes of one request that is answered with these bytes and the end of the connection.
  Result<net::ClientResponse> answer_with(std::string bytes, net::ClientRequest request = {}) {
    serve([bytes = std::move(bytes)](ScriptedConnection& peer, int) {
      peer.read_request();
      peer.send(bytes);
    });
    request.method = "POST";
    request.url = server->url();
    return send(std::move(request));
  }

  Executor executor{2};
  net::HttpClient curl{executor};
  std::optional<ScriptedServer> server;
  std::optional<net::PooledClient> client{std::in_place, executor, curl};
};

}  // namespace trunkline::testing
