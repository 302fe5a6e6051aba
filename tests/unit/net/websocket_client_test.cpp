#include "runtime/net/websocket_client.h"

#include <gmock/gmock.h>

#include <future>

#include "runtime/net/websocket.h"
#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;

class WebSocketClientTest : public ServerTest {
 protected:
  /// `/echo` sends back what it gets, behind the header X-Who of the handshake; `/bye` closes at once; others are no WebSocket.
  void start() {
    server.emplace(executor, clock, log, net::HttpServerOptions{}, [this](net::Request& request) -> Task<net::Response> {
      if (request.path() != "/echo" && request.path() != "/bye") co_return co_await echo(request);
      const std::string who(request.headers.get("X-Who"));
      const bool bye = request.path() == "/bye";
      auto run = [who, bye](std::shared_ptr<net::WebSocket> socket) { return serve(who, bye, std::move(socket)); };
      co_return net::accept_websocket(request, {}, std::move(run));
    });
    ports = server->start();
  }
  static Task<void> serve(std::string who, bool bye, std::shared_ptr<net::WebSocket> socket) {
    while (!bye) {
      std::optional<net::WebSocketMessage> message = co_await socket->receive();
      if (!message) break;
      net::SharedBytes answer = net::share(who + message->data);
      co_await socket->send(std::move(answer), message->text);
    }
  }

  struct Opened {
    std::shared_ptr<net::WebSocketClient> client;
    std::future<Result<void>> result;
    std::future<std::string> message;
    std::future<void> closed;
  };
  Opened open(const std::string& path) {
    struct Promises {
      std::promise<Result<void>> result;
      std::promise<std::string> message;
      std::promise<void> closed;
    };
    auto promises = std::make_shared<Promises>();
    Opened opened{nullptr, promises->result.get_future(), promises->message.get_future(), promises->closed.get_future()};
    net::WebSocketTarget target;
    target.url = "ws://127.0.0.1:" + std::to_string(ports.http) + path;
    target.headers.add("X-Who", "me:");
    net::WebSocketClient::Events events;
    events.opened = [promises](Result<void> result) { promises->result.set_value(std::move(result)); };
    events.message = [promises](std::string text) { promises->message.set_value(std::move(text)); };
    events.closed = [promises] { promises->closed.set_value(); };
    opened.client = net::WebSocketClient::open(executor, std::move(target), std::move(events));
    return opened;
  }
};

TEST_F(WebSocketClientTest, SendsHeadersAndText) {
  start();
  Opened opened = open("/echo");
  ASSERT_TRUE(opened.result.get().ok());
  EXPECT_TRUE(opened.client->send("hello"));
  EXPECT_EQ(opened.message.get(), "me:hello");
  opened.client->close();
  EXPECT_FALSE(opened.client->send("more"));
}

TEST_F(WebSocketClientTest, HearsOfTheEnd) {
  start();
  Opened opened = open("/bye");
  ASSERT_TRUE(opened.result.get().ok());
  opened.closed.get();
  EXPECT_FALSE(opened.client->send("more"));
}

TEST_F(WebSocketClientTest, AnOrdinaryAnswerIsNoWebSocket) {
  start();
  const Result<void> result = open("/plain").result.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().target, "transportUrl");
  EXPECT_THAT(result.error().message, HasSubstr("/plain"));
}

TEST_F(WebSocketClientTest, NobodyThere) {
  start();
  ports.http = 9;
  EXPECT_EQ(open("/echo").result.get().error().code, ErrorCode::kUnavailable);
}

TEST_F(WebSocketClientTest, OtherUrlsAreRefused) {
  EXPECT_TRUE(net::is_websocket_url("wss://host/path?x=1"));
  for (const char* wrong : {"http://host", "ws://", "ws://user:secret@host/", "host"}) {
    EXPECT_FALSE(net::is_websocket_url(wrong)) << wrong;
    net::WebSocketTarget target;
    target.url = wrong;
    EXPECT_THROW(net::WebSocketClient::open(executor, std::move(target), {}), Error);
  }
}

}  // namespace
}  // namespace trunkline::testing
