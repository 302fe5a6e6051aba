// How our own client reads answers: their framing, their limits, and what is none.
#include <gmock/gmock.h>

#include "runtime/net/pooled_client.h"
#include "tests/unit/net/pooled_client_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::StartsWith;

TEST_F(PooledClientTest, Http10AnswersEndWithTheConnection) {
  const auto result = answer_with("HTTP/1.0 202 Accepted\r\nX-A: b\r\n\r\nuntil the end");
  EXPECT_EQ(result.value().status, 202);
  EXPECT_EQ(result.value().headers.get("x-a"), "b");
  EXPECT_EQ(result.value().body, "until the end");
}

TEST_F(PooledClientTest, Http10CanKeepTheConnection) {
  serve([](ScriptedConnection& peer, int) {
    while (!peer.read_request().empty()) peer.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
  });
  EXPECT_TRUE(send(post()).ok());
  EXPECT_TRUE(send(post()).ok());
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(PooledClientTest, ChunkedAnswersAndTheirTrailers) {
  const auto result = answer_with(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: not a "
      "header\r\n\r\n");
  EXPECT_EQ(result.value().body, "hello world");
  EXPECT_FALSE(result.value().headers.has("X-Trailer"));
}

TEST_F(PooledClientTest, AnswersInSinglePieces) {
  serve([](ScriptedConnection& peer, int) {
    peer.read_request();
    for (const char c : std::string_view("HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
      peer.send({&c, 1});
    peer.wait_for_end();
  });
  EXPECT_EQ(send(post()).value().body, "abc");
}

TEST_F(PooledClientTest, InterimAnswersArePassedOver) {
  const auto result = answer_with(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: "
      "0\r\n\r\n");
  EXPECT_EQ(result.value().status, 201);
  EXPECT_FALSE(result.value().headers.has("Link"));
}

TEST_F(PooledClientTest, AnAnswerBeforeTheRequestWasReadCounts) {
  serve([](ScriptedConnection& peer, int) {
    peer.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_end();
  });
  EXPECT_EQ(send(post(std::string(8 << 20, 'x'))).value().status, 413);
}

TEST_F(PooledClientTest, GarbageIsNoAnswer) {
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/3.7 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 099 Odd\r\n\r\n", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 200", ""}) {
    const auto result = answer_with(bytes);
    ASSERT_FALSE(result.ok()) << bytes;
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable) << bytes;
    EXPECT_THAT(result.error().message, StartsWith("POST http://127.0.0.1:"));
    server.reset();
  }
}

TEST_F(PooledClientTest, AnswersThatAreTooLargeAreCutOff) {
  net::ClientRequest small;
  small.max_response_bytes = 10;
  for (const std::string& bytes :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\n\r\n") + std::string(11, 'x'),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nX: " + std::string(300 * 1024, 'x') + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(300 * 1024, 'x')}) {
    const auto result = answer_with(bytes, small);
    ASSERT_FALSE(result.ok()) << bytes.substr(0, 60);
    EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted) << result.error().message;
    server.reset();
  }
  EXPECT_EQ(answer_with("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", small).value().body, "0123456789");
}

TEST_F(PooledClientTest, AnswersThatAreTooLargeCountInPartHoweverTheyAreFramed) {
  net::ClientRequest part;
  part.max_response_bytes = 10;
  part.truncate_body = true;
  for (const std::string& bytes :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n0123456789abc"),
        std::string("HTTP/1.1 200 OK\r\n\r\n0123456789abc"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n6789ab\r\n0\r\n\r\n"),
        std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a")}) {
    const auto result = answer_with(bytes, part);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result.value().status, 200);
    EXPECT_EQ(result.value().body, "0123456789");
    server.reset();
  }
  // A header has its limit all the same.
  const auto result = answer_with("HTTP/1.1 200 OK\r\nX: " + std::string(300 * 1024, 'x') + "\r\n\r\n", part);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted);
}

TEST_F(PooledClientTest, EndlessInterimAnswersAreTooLarge) {
  serve([](ScriptedConnection& peer, int) {
    peer.read_request();
    const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(2000, 'x') + "\r\n\r\n";
    for (int i = 0; i < 1000; ++i) peer.send(hint);
    peer.wait_for_end();
  });
  EXPECT_EQ(send(post()).error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace trunkline::testing
