#include "runtime/net/stream.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;

class StreamTest : public ServerTest {
 protected:
  /// `/three` writes three events; `/wait` one, then waits for the peer to leave; `/flood` writes for ever; `/throw` writes one
  /// and throws.
  Task<void> write(std::string path, std::shared_ptr<net::BodyWriter> body) {
    const net::SharedBytes event = net::share(net::event_stream_event("7", "message", "one\ntwo"));
    if (path == "/flood") {
      const net::SharedBytes big = net::share(std::string(16 * 1024, 'x'));
      while (co_await body->write(big)) ++counted;
      over.store(true);
      co_return;
    }
    for (int i = 0; i < (path == "/three" ? 3 : 1); ++i) {
      const bool written = co_await body->write(event);
      EXPECT_TRUE(written);
    }
    if (path == "/throw") throw Error(ErrorCode::kInternal, "as told");
    if (path == "/wait") {
      auto left = from_callback<void>([&body](auto done) { body->on_closed([done]() mutable { done(Result<void>{}); }); });
      co_await left;
    }
    over.store(true);
  }
  void start(net::StreamOptions stream = {}) {
    server.emplace(executor, clock, log, net::HttpServerOptions{}, [this, stream](net::Request& request) -> Task<net::Response> {
      std::string path(request.path());
      co_return net::event_stream_response(
          [this, path](std::shared_ptr<net::BodyWriter> body) { return write(path, std::move(body)); }, stream);
    });
    ports = server->start();
  }
  void wait_until_over() {
    while (!over.load()) std::this_thread::yield();
  }

  std::atomic<int> counted{0};
  std::atomic<bool> over{false};
};

/// Until then the handler may not have written, and its first write would find the stream over.
void read_first_event(SocketClient& client) { client.read_exactly(4 + 42 + 2); }

constexpr const char* kEvent = "id: 7\nevent: message\ndata: one\ndata: two\n\n";

TEST_F(StreamTest, WritesChunksAndTheLast) {
  start();
  SocketClient client = connect();
  const RawResponse head = client.exchange(get("/three"));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-type"), "text/event-stream");
  EXPECT_EQ(head.header("transfer-encoding"), "chunked");
  const std::string chunk = std::string("2a\r\n") + kEvent + "\r\n";
  EXPECT_EQ(client.read_to_end(), chunk + chunk + chunk + "0\r\n\r\n");
}

TEST_F(StreamTest, OldPeersGetABodyUntilTheEnd) {
  start();
  SocketClient client = connect();
  client.send("GET /three HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_response().header("transfer-encoding"), "");
  EXPECT_EQ(client.read_to_end(), std::string(kEvent) + kEvent + kEvent);
}

TEST_F(StreamTest, HeadGetsTheHeadOnly) {
  start();
  SocketClient client = connect();
  EXPECT_EQ(client.exchange("HEAD /three HTTP/1.1\r\nHost: a\r\n\r\n", true).status, 200);
  EXPECT_FALSE(over.load());
}

TEST_F(StreamTest, AFailureLeavesTheBodyIncomplete) {
  start();
  SocketClient client = connect();
  client.exchange(get("/throw"));
  EXPECT_THAT(client.read_to_end(), ::testing::Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(StreamTest, KeepsAliveWithComments) {
  start();
  SocketClient client = connect();
  client.exchange(get("/wait"));
  read_first_event(client);
  ASSERT_TRUE(advance_until_readable(client, std::chrono::seconds{5}));
  EXPECT_EQ(client.read_exactly(3 + 14 + 2), "e\r\n: keep-alive\n\n\r\n");
}

TEST_F(StreamTest, TheHandlerHearsThatThePeerLeft) {
  start();
  {
    SocketClient client = connect();
    client.exchange(get("/wait"));
    read_first_event(client);
  }
  wait_until_over();
}

TEST_F(StreamTest, DrainEndsTheStream) {
  start();
  SocketClient client = connect();
  client.exchange(get("/wait"));
  read_first_event(client);
  std::thread drain([&] { sync_wait(server->drain(std::chrono::seconds{30})); });
  EXPECT_THAT(client.read_to_end(), HasSubstr("0\r\n\r\n"));
  client.half_close();
  drain.join();
  EXPECT_TRUE(over.load());
}

TEST_F(StreamTest, ASlowReaderHoldsTheWriterAndIsLetGo) {
  start({.queue_bytes = 64 * 1024});
  SocketClient client = connect();
  client.send(get("/flood"));
  while (!over.load()) {
    clock.advance(std::chrono::seconds{10});
    std::this_thread::yield();
  }
  EXPECT_LT(counted.load(), 2000);
}

TEST_F(StreamTest, StopEndsTheHandler) {
  start();
  SocketClient client = connect();
  client.exchange(get("/wait"));
  read_first_event(client);
  server->stop();
  wait_until_over();
}

TEST(EventStreamEvent, ItsFieldsCannotBreakOut) {
  EXPECT_EQ(net::event_stream_event("1\ndata: x", "e\r", "a\r\nb\rc"), "id: 1 data: x\nevent: e \ndata: a\ndata: b\ndata: c\n\n");
  EXPECT_EQ(net::event_stream_event({}, {}, ""), "data: \n\n");
}

}  // namespace
}  // namespace trunkline::testing
