#include "runtime/net/websocket.h"

#include <gmock/gmock.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <thread>

#include "tests/unit/net/server_fixture.h"
#include "tests/unit/net/websocket_client.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;
namespace beast = boost::beast;

class WebSocketTest : public ServerTest {
 protected:
  ~WebSocketTest() override {
    // Before what the sockets write to goes.
    gate.open();
    server.reset();
    executor.stop();
  }

  /// `/echo` sends back what it gets; `/sink` waits for the gate before it receives; `/flood` sends until the peer is full;
  /// `/throw` throws; `/bye` closes, `/bye-later` once the gate is open; `/count` sends the number of messages it got until it
  /// was closed, into `counted`.
  Task<void> serve(std::string path, std::shared_ptr<net::WebSocket> socket) {
    if (path == "/throw") throw Error(ErrorCode::kInternal, "as told");
    if (path == "/bye-later") co_await gate.wait();
    if (path.starts_with("/bye")) {
      socket->close(4001, "enough");
      co_return;
    }
    if (path == "/flood") {
      const net::SharedBytes big = net::share(std::string(16 * 1024, 'x'));
      while (socket->try_send(big)) ++counted;
      most_queued = socket->queued_bytes();
      while (co_await socket->send(big)) ++counted;
      over.store(true);
      co_return;
    }
    if (path == "/sink") co_await gate.wait();
    for (;;) {
      std::optional<net::WebSocketMessage> message = co_await socket->receive();
      if (!message) break;
      ++counted;
      if (path == "/sink") continue;
      net::SharedBytes answer = net::share(std::move(message->data));
      const bool sent = co_await socket->send(std::move(answer), message->text);
      if (!sent) break;
    }
    {
      const std::lock_guard lock(ended_mutex);  // a test may have several sockets
      ended = socket->closed();
    }
    over.store(true);
  }

  void start(net::WebSocketOptions ws = {}, net::HttpServerOptions options = {}) {
    server.emplace(executor, clock, log, std::move(options), [this, ws](net::Request& request) -> Task<net::Response> {
      if (!net::wants_websocket(request) && request.path() != "/strict") co_return co_await echo(request);
      net::Response response;
      try {
        std::string path(request.path());
        response = net::accept_websocket(
            request, ws, [this, path](std::shared_ptr<net::WebSocket> socket) { return serve(path, std::move(socket)); });
      } catch (const Error& error) {
        response.status = error.http_status;
        response.body = error.message;
      }
      co_return response;
    });
    ports = server->start();
  }
  SocketClient open(std::string_view path) {
    SocketClient client = connect();
    const RawResponse response = client.exchange(websocket_get(path));
    EXPECT_EQ(response.status, 101);
    EXPECT_EQ(response.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455, 1.3
    return client;
  }
  void wait_until_over() {
    while (!over.load()) std::this_thread::yield();
  }

  std::atomic<int> counted{0};
  std::atomic<std::size_t> most_queued{0};
  std::atomic<bool> over{false};
  std::mutex ended_mutex;
  std::optional<net::WebSocketClose> ended;
};

TEST_F(WebSocketTest, EchoesToABeastClient) {
  start();
  boost::asio::io_context context;
  beast::websocket::stream<beast::tcp_stream> ws(context);
  beast::get_lowest_layer(ws).connect({boost::asio::ip::make_address("127.0.0.1"), ports.http});
  ws.handshake("127.0.0.1", "/echo");
  for (const std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u}) {
    const std::string text(size, 'a');
    ws.text(size % 2 == 0);
    ws.write_some(false, boost::asio::buffer(text.substr(0, size / 2)));
    ws.write_some(true, boost::asio::buffer(text.substr(size / 2)));
    beast::flat_buffer buffer;
    ws.read(buffer);
    EXPECT_EQ(beast::buffers_to_string(buffer.data()), text);
    EXPECT_EQ(ws.got_text(), size % 2 == 0);
  }
  ws.close({beast::websocket::close_code::normal, "bye"});
  wait_until_over();
  EXPECT_EQ(ended->code, 1000);
  EXPECT_EQ(ended->reason, "bye");
}

TEST_F(WebSocketTest, FramesRightBehindTheHandshakeAreRead) {
  start();
  SocketClient client = connect();
  client.send(get("/before") + websocket_get("/echo") + client_frame(0x81, "early"));
  EXPECT_EQ(client.read_response().body, "GET /before ");
  EXPECT_EQ(client.read_response().status, 101);
  EXPECT_EQ(read_frame(client).payload, "early");
}

TEST_F(WebSocketTest, RefusesMalformedHandshakes) {
  start();
  const auto status = [&](const std::string& request) { return connect().exchange(request).status; };
  std::string request = websocket_get("/echo");
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string out = request;
    return out.replace(out.find(from), from.size(), to);
  };
  EXPECT_EQ(status(with("Version: 13", "Version: 8")), 426);
  EXPECT_EQ(status(with("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")), 400);
  EXPECT_EQ(status(with("keep-alive, Upgrade", "keep-alive")), 400);
  EXPECT_EQ(status(with("GET", "DELETE")), 400);
  EXPECT_EQ(status(with("HTTP/1.1", "HTTP/1.0")), 400);
  EXPECT_EQ(status(get("/strict")), 426);
}

TEST_F(WebSocketTest, FailsHostileFrames) {
  start({.max_message_bytes = 1000});
  const auto close_code = [&](std::string_view bytes) {
    SocketClient client = open("/echo");
    client.send(bytes);
    RawFrame frame;
    do frame = read_frame(client);
    while (frame.opcode != 8);
    EXPECT_TRUE(client.closed());
    return frame.close_code();
  };
  const std::string unmasked("\x81\x02hi", 4);
  EXPECT_EQ(close_code(unmasked), 1002);
  EXPECT_EQ(close_code(client_frame(0xC1, "x")), 1002);                                // reserved bit
  EXPECT_EQ(close_code(client_frame(0x83, "x")), 1002);                                // unknown opcode
  EXPECT_EQ(close_code(client_frame(0x80, "x")), 1002);                                // continues nothing
  EXPECT_EQ(close_code(client_frame(0x01, "x") + client_frame(0x81, "y")), 1002);      // begins inside another
  EXPECT_EQ(close_code(client_frame(0x09, "x")), 1002);                                // fragmented ping
  EXPECT_EQ(close_code(client_frame(0x89, std::string(126, 'x'))), 1002);              // long ping
  EXPECT_EQ(close_code(std::string("\x81\xFE\x00\x05\x00\x00\x00\x00", 8)), 1002);     // length not minimal
  EXPECT_EQ(close_code(std::string("\x81\xFF\x80\0\0\0\0\0\0\0\0\0\0\0", 14)), 1002);  // length negative
  EXPECT_EQ(close_code(std::string("\x81\xFF\x7F\0\0\0\0\0\0\0\0\0\0\0", 14)), 1009);  // announced, not sent
  EXPECT_EQ(close_code(client_frame(0x01, std::string(600, 'x')) + client_frame(0x80, std::string(600, 'x'))), 1009);
  EXPECT_EQ(close_code(client_frame(0x81, "\xFF")), 1007);
  EXPECT_EQ(close_code(client_frame(0x01, "\xE2\x82") + client_frame(0x80, "")), 1007);
  EXPECT_EQ(close_code(client_frame(0x88, "\x03")), 1002);          // half a close code
  EXPECT_EQ(close_code(client_frame(0x88, "\x03\xED")), 1002);      // 1005 is never sent
  EXPECT_EQ(close_code(client_frame(0x88, "\x03\xE8\xFF")), 1007);  // reason not UTF-8
  EXPECT_EQ(close_code(client_frame(0x88, "\x0F\xA0 bye")), 4000);  // and one that is right is echoed
  EXPECT_EQ(close_code(client_frame(0x88, "")), 0);
}

TEST_F(WebSocketTest, AMessageMayBeCutAnywhereAndInterruptedByPings) {
  start();
  SocketClient client = open("/echo");
  const std::string bytes = client_frame(0x01, "gr\xC3") + client_frame(0x89, "p") + client_frame(0x80, "\xBC\xC3\x9F");
  for (const char byte : bytes) client.send(std::string_view(&byte, 1));
  EXPECT_EQ(read_frame(client).opcode, 10);
  EXPECT_EQ(read_frame(client).payload, "gr\xC3\xBC\xC3\x9F");
}

TEST_F(WebSocketTest, TheHandlerClosesAndThrows) {
  start();
  SocketClient bye = open("/bye");
  const RawFrame frame = read_frame(bye);
  EXPECT_EQ(frame.close_code(), 4001);
  EXPECT_THAT(frame.payload, HasSubstr("enough"));
  bye.send(client_frame(0x88, "\x0F\xA1"));
  EXPECT_TRUE(bye.closed());
  SocketClient thrower = open("/throw");
  EXPECT_EQ(read_frame(thrower).close_code(), 1011);
  // A peer that never answers the close frame is let go.
  for (int i = 0; i < 500 && !thrower.readable(20); ++i) clock.advance(std::chrono::seconds{6});
  EXPECT_TRUE(thrower.closed());
}

TEST_F(WebSocketTest, ASlowHandlerStallsItsPeerAndLosesNothing) {
  start({.max_received_messages = 4});
  SocketClient client = open("/sink");
  std::thread writer([&] {
    for (int i = 0; i < 2000; ++i) client.send(client_frame(0x82, std::string(16 * 1024, 'x')));
    client.send(client_frame(0x88, "\x03\xE8"));
  });
  while (!gate.has_waiting()) std::this_thread::yield();
  gate.open();
  writer.join();
  wait_until_over();
  EXPECT_EQ(counted.load(), 2000);
  EXPECT_EQ(ended->code, 1000);
}

TEST_F(WebSocketTest, APausedConnectionCanStillBeClosed) {
  start({.max_received_messages = 1});
  SocketClient client = open("/bye-later");
  for (int i = 0; i < 10; ++i) client.send(client_frame(0x81, "unread"));
  while (!gate.has_waiting()) std::this_thread::yield();
  gate.open();
  EXPECT_EQ(read_frame(client).close_code(), 4001);
  client.send(client_frame(0x88, "\x0F\xA1"));
  EXPECT_TRUE(client.closed());
}

TEST_F(WebSocketTest, ASlowReaderFillsOnlyItsQueueAndIsLetGo) {
  start({.queue_bytes = 64 * 1024});
  SocketClient client = open("/flood");
  while (most_queued.load() == 0) std::this_thread::yield();
  EXPECT_LE(most_queued.load(), 64u * 1024 + 16 * 1024 + 64);
  // It reads nothing: once the kernel's buffers are full nothing moves, and the write timeout ends it.
  while (!over.load()) {
    clock.advance(std::chrono::seconds{10});
    std::this_thread::yield();
  }
  EXPECT_LT(counted.load(), 2000);
}

TEST_F(WebSocketTest, ASilentPeerIsPingedAndThenCutOff) {
  start();
  SocketClient client = open("/echo");
  ASSERT_TRUE(advance_until_readable(client, std::chrono::seconds{5}));
  EXPECT_EQ(read_frame(client).opcode, 9);
  client.send(client_frame(0x8A, ""));
  client.send(client_frame(0x81, "still here"));
  EXPECT_EQ(read_frame(client).payload, "still here");
  ASSERT_TRUE(advance_until_readable(client, std::chrono::seconds{5}));
  EXPECT_EQ(read_frame(client).opcode, 9);
  // Half open: no pong this time.
  for (int i = 0; i < 500 && !over.load(); ++i) clock.advance(std::chrono::seconds{10});
  wait_until_over();
  EXPECT_EQ(ended->code, 1006);
  EXPECT_TRUE(client.closed());
}

TEST_F(WebSocketTest, DrainSaysGoingAway) {
  start();
  SocketClient client = open("/echo");
  client.send(client_frame(0x81, "x"));
  read_frame(client);
  std::thread drain([&] { sync_wait(server->drain(std::chrono::seconds{30})); });
  EXPECT_EQ(read_frame(client).close_code(), 1001);
  client.send(client_frame(0x88, "\x03\xE9"));
  EXPECT_TRUE(client.closed());
  client.half_close();
  drain.join();
  EXPECT_TRUE(over.load());
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(WebSocketTest, StopEndsTheHandlersToo) {
  start();
  SocketClient client = open("/echo");
  client.send(client_frame(0x81, "x"));
  read_frame(client);
  server->stop();
  wait_until_over();
  EXPECT_EQ(ended->code, 1006);
}

TEST_F(WebSocketTest, ThePeerVanishes) {
  start();
  {
    SocketClient client = open("/echo");
    client.send(client_frame(0x81, "x"));
    read_frame(client);
  }
  wait_until_over();
  EXPECT_EQ(ended->code, 1006);
}

TEST_F(WebSocketTest, WebSocketsCountAsConnections) {
  net::HttpServerOptions options;
  options.limits.connections = 8;
  start({}, std::move(options));
  std::vector<SocketClient> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(open("/echo"));
  SocketClient ninth = connect();
  ninth.send(get("/x"));
  EXPECT_FALSE(ninth.readable(50));
  clients.pop_back();
  EXPECT_EQ(ninth.read_response().status, 200);
}

}  // namespace
}  // namespace trunkline::testing
