#include "runtime/net/http_server.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServerTest : public ServerTest {};

TEST_F(HttpServerTest, AnswersManyRequestsOverOneConnection) {
  start();
  SocketClient client = connect();
  for (int i = 0; i < 3; ++i) {
    const RawResponse response = client.exchange(get("/a?b=%20"));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "GET /a?b=%20 ");
    EXPECT_EQ(response.header("content-type"), "text/plain");
    EXPECT_EQ(response.header("date"), "Thu, 01 Jan 2026 00:00:00 GMT");
    EXPECT_EQ(response.header("connection"), "");
  }
  EXPECT_EQ(client.exchange(post("/p", "hello")).body, "POST /p hello");
  EXPECT_EQ(client.exchange(get("/after")).body, "GET /after ");  // no body left over from the request before
}

TEST_F(HttpServerTest, TheDateFollowsTheClock) {
  start();
  SocketClient client = connect();
  client.exchange(get("/"));
  clock.advance(std::chrono::seconds{5});
  EXPECT_EQ(client.exchange(get("/")).header("date"), "Thu, 01 Jan 2026 00:00:05 GMT");
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  SocketClient client = connect();
  std::string batch;
  for (int i = 0; i < 200; ++i) batch += i % 3 == 0 ? post("/hop", std::to_string(i)) : get("/" + std::to_string(i));
  client.send(batch);
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(client.read_response().body, i % 3 == 0 ? "POST /hop " + std::to_string(i) : "GET /" + std::to_string(i) + " ");
}

TEST_F(HttpServerTest, AnAnswerDoesNotWaitForThePipelinedRequestBehindIt) {
  start();
  SocketClient client = connect();
  client.send(get("/first") + get("/wait") + get("/last"));
  EXPECT_EQ(client.read_response().body, "GET /first ");
  gate.open();
  EXPECT_EQ(client.read_response().body, "GET /wait ");
  EXPECT_EQ(client.read_response().body, "GET /last ");
}

TEST_F(HttpServerTest, ARequestMayArriveByteByByte) {
  start();
  SocketClient client = connect();
  for (const char c : "\r\n" + post("/slow", "12345")) client.send(std::string(1, c));
  EXPECT_EQ(client.read_response().body, "POST /slow 12345");
}

TEST_F(HttpServerTest, HeadAnswersTheLengthWithoutTheBody) {
  start();
  SocketClient client = connect();
  const RawResponse response = client.exchange("HEAD /h HTTP/1.1\r\nHost: t\r\n\r\n", true);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-length"), "8");
  EXPECT_EQ(client.exchange(get("/next")).body, "GET /next ");
}

TEST_F(HttpServerTest, NoContentHasNoLength) {
  start();
  SocketClient client = connect();
  const RawResponse response = client.exchange(get("/empty"));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.count("content-length"), 0u);
  EXPECT_EQ(client.exchange(get("/next")).status, 200);
}

TEST_F(HttpServerTest, Http10ClosesUnlessAskedToStay) {
  start();
  SocketClient once = connect();
  EXPECT_EQ(once.exchange("GET / HTTP/1.0\r\n\r\n").header("connection"), "close");
  EXPECT_TRUE(once.closed());
  SocketClient stays = connect();
  EXPECT_EQ(stays.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"), "keep-alive");
  EXPECT_EQ(stays.exchange("GET / HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(stays.closed());
}

TEST_F(HttpServerTest, ConnectionCloseIsHonoured) {
  start();
  SocketClient client = connect();
  client.send(get("/", "Connection: close\r\n") + get("/never"));
  EXPECT_EQ(client.read_response().header("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  start();
  SocketClient client = connect();
  client.send("POST /e HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_exactly(25), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.exchange("body").body, "POST /e body");
}

TEST_F(HttpServerTest, ChunkedBodiesAreJoinedAndTrailersDropped) {
  start();
  SocketClient client = connect();
  client.send("POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  client.send("6;ext=1\r\n world\r\n0\r\nAuthorization: no\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "POST /c hello world");
  EXPECT_EQ(client.exchange(get("/next")).status, 200);
}

TEST_F(HttpServerTest, ALargeAnswerReachesASlowReader) {
  start();
  SocketClient client = connect();
  client.send(get("/big") + get("/next"));
  EXPECT_EQ(client.read_response().body.size(), 8u * 1024 * 1024);
  EXPECT_EQ(client.read_response().body, "GET /next ");
}

TEST_F(HttpServerTest, AHandlerThatThrowsAnswers500AndTheConnectionLives) {
  start();
  SocketClient client = connect();
  const RawResponse response = client.exchange(get("/throw"));
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, HasSubstr(R"("code":"InternalServerError")"));
  EXPECT_EQ(client.exchange(get("/next")).status, 200);
}

TEST_F(HttpServerTest, HeaderValuesCannotBreakOut) {
  start();
  SocketClient client = connect();
  const RawResponse response = client.exchange(get("/inject"));
  EXPECT_EQ(response.headers.count("set-cookie"), 0u);
  EXPECT_EQ(response.header("x-evil"), "a  Set-Cookie: b");
}

TEST_F(HttpServerTest, ConnectionsBeyondTheLimitWaitUntilOneEnds) {
  start({.limits = {.connections = 2}});
  std::optional<SocketClient> first(connect());
  SocketClient second = connect();
  EXPECT_EQ(first->exchange(get("/1")).status, 200);
  EXPECT_EQ(second.exchange(get("/2")).status, 200);
  SocketClient third = connect();
  third.send(get("/3"));
  EXPECT_FALSE(third.readable(50));
  first.reset();
  EXPECT_EQ(third.read_response().body, "GET /3 ");
}

TEST_F(HttpServerTest, ServesManyConnectionsAtOnce) {
  start();
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&, c] {
      SocketClient client = connect();
      for (int i = 0; i < 100; ++i) {
        const std::string body = std::to_string(c * 1000 + i);
        right += client.exchange(post(i % 2 ? "/hop" : "/here", body)).body == (i % 2 ? "POST /hop " : "POST /here ") + body;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 800);
}

TEST_F(HttpServerTest, ATakenPortIsReported) {
  start();
  net::HttpServer other(executor, clock, log, {.port = ports.http}, [this](net::Request& request) { return echo(request); });
  try {
    other.start();
    FAIL() << "started on a port in use";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_THAT(error.message, HasSubstr(std::to_string(ports.http)));
  }
}

// Timeouts, on the virtual clock.

TEST_F(HttpServerTest, AnIdleConnectionIsClosedWithoutAWord) {
  start();
  SocketClient client = connect();
  client.exchange(get("/"));
  ASSERT_TRUE(advance_until_readable(client, std::chrono::seconds{76}));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, AHeaderThatTricklesInIsAnswered408) {
  start({.timeouts = {.idle = std::chrono::hours{1'000'000}}});
  SocketClient client = connect();
  client.send(get("/") + "GET /slow HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.read_response().status, 200);
  ASSERT_TRUE(advance_until_readable(client, std::chrono::seconds{16}));
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, ABodyThatDoesNotArriveIsAnswered408) {
  start({.timeouts = {.idle = std::chrono::hours{1'000'000}}});
  SocketClient client = connect();
  client.send("POST /e HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  client.read_exactly(25);
  ASSERT_TRUE(advance_until_readable(client, std::chrono::seconds{61}));
  EXPECT_EQ(client.read_response().status, 408);
}

TEST_F(HttpServerTest, ARequestBeingHandledNeverTimesOut) {
  start();
  SocketClient client = connect();
  client.send(get("/wait"));
  while (!gate.has_waiting()) std::this_thread::yield();
  clock.advance(std::chrono::hours{24});
  gate.open();
  EXPECT_EQ(client.read_response().status, 200);
}

// Drain.

TEST_F(HttpServerTest, DrainClosesIdleConnectionsAndLetsRequestsFinish) {
  start();
  SocketClient idle = connect();
  idle.exchange(get("/"));
  SocketClient busy = connect();
  busy.send(get("/wait"));
  while (!gate.has_waiting()) std::this_thread::yield();
  std::atomic<bool> drained{false};
  spawn(server->drain(std::chrono::seconds{30}), [&](Result<void>) {
    drained = true;
    drained.notify_all();
  });
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(connect().connected());
  EXPECT_FALSE(drained);
  gate.open();
  const RawResponse response = busy.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(busy.closed());
  { const SocketClient gone = std::move(busy); }
  drained.wait(false);
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(HttpServerTest, DrainGivesUpAtItsDeadline) {
  start();
  SocketClient busy = connect();
  busy.send(get("/wait"));
  while (!gate.has_waiting()) std::this_thread::yield();
  std::atomic<bool> drained{false};
  spawn(server->drain(std::chrono::seconds{30}), [&](Result<void>) {
    drained = true;
    drained.notify_all();
  });
  EXPECT_FALSE(drained);
  clock.advance(std::chrono::seconds{31});
  drained.wait(false);
  EXPECT_EQ(busy.read_to_end(), "");
  server.reset();
  gate.open();  // the handler ends long after its server: nothing to answer, nothing to break
}

TEST_F(HttpServerTest, StoppingWithRequestsInProgressIsSafe) {
  start();
  std::vector<SocketClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(connect());
    clients.back().send(i % 2 ? get("/wait") : get("/big"));
  }
  while (!gate.has_waiting()) std::this_thread::yield();
  server->stop();
  server.reset();
  gate.open();
}

}  // namespace
}  // namespace trunkline::testing
