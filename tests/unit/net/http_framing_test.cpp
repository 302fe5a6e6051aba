// Requests that are wrong: each is answered by the server itself, and the connection ends.
#include <gmock/gmock.h>

#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;

struct BadRequest {
  const char* name;
  std::string bytes;
  int status;
};
void PrintTo(const BadRequest& bad, std::ostream* out) { *out << bad.name; }

class FramingTest : public ServerTest, public ::testing::WithParamInterface<BadRequest> {};

TEST_P(FramingTest, IsRefusedWithTheEnvelope) {
  std::atomic<int> told{0};
  net::HttpServerOptions options;
  options.limits.body_bytes = 1000;
  options.on_refused = [&](int status, std::string_view) { told = status; };
  start(std::move(options));
  SocketClient client = connect();
  client.send(get("/before") + GetParam().bytes);
  EXPECT_EQ(client.read_response().status, 200);  // what came before is answered
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_THAT(response.body, HasSubstr(R"({"error":{"code":")"));
  EXPECT_EQ(told, GetParam().status);
  client.half_close();
  EXPECT_TRUE(client.closed());
}

std::string many_headers() {
  std::string out = "GET / HTTP/1.1\r\nHost: t\r\n";
  for (int i = 0; i < 101; ++i) out += "X-" + std::to_string(i) + ": 1\r\n";
  return out + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Http, FramingTest,
    ::testing::Values(
        BadRequest{"no_method", " / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
        BadRequest{"no_target", "GET HTTP/1.1\r\nHost: t\r\n\r\n", 400},
        BadRequest{"binary", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
        BadRequest{"bad_target", "GET /\x01 HTTP/1.1\r\nHost: t\r\n\r\n", 400},
        BadRequest{"bad_field", "GET / HTTP/1.1\r\nHost: t\r\nA B: c\r\n\r\n", 400},
        BadRequest{"space_before_colon", "GET / HTTP/1.1\r\nHost : t\r\n\r\n", 400},
        BadRequest{"nul_in_value", std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 30), 400},
        BadRequest{"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
        BadRequest{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        BadRequest{"version_2", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505},
        BadRequest{"version_junk", "GET / HTTP/1.9\r\nHost: t\r\n\r\n", 505},
        BadRequest{"negative_length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400},
        BadRequest{"huge_length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
        BadRequest{"two_lengths", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
        BadRequest{"length_and_chunked",
                   "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        BadRequest{"other_encoding", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
        BadRequest{"encoding_twice", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        BadRequest{"bad_chunk", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        BadRequest{"endless_chunk_line",
                   "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'a'), 400},
        BadRequest{"other_expectation", "POST / HTTP/1.1\r\nHost: t\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\na", 417},
        BadRequest{"long_target", "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n", 414},
        BadRequest{"many_headers", many_headers(), 431},
        BadRequest{"large_header", "GET / HTTP/1.1\r\nHost: t\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n", 431},
        BadRequest{"endless_line", std::string(40'000, 'G'), 431},
        BadRequest{"large_body", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'b'), 413},
        BadRequest{"large_body_not_sent", "POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
                   413},
        BadRequest{
            "large_chunks",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'b') + "\r\n0\r\n\r\n",
            413}),
    [](const auto& info) { return info.param.name; });

class FramingLimitsTest : public ServerTest {};

TEST_F(FramingLimitsTest, AHeaderSentInPiecesIsCountedAsAWhole) {
  start({.limits = {.header_bytes = 2000}});
  SocketClient client = connect();
  client.send("GET / HTTP/1.1\r\nHost: t\r\n");
  for (int i = 0; i < 30 && client.send("X-" + std::to_string(i) + ": " + std::string(100, 'a') + "\r\n"); ++i) {
  }
  EXPECT_EQ(client.read_response().status, 431);
}

TEST_F(FramingLimitsTest, ALargeBodyIsRefusedWhileTheClientStillSends) {
  start();
  SocketClient client = connect();
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n");
  client.send(std::string(3'000'000, 'b'));
  EXPECT_EQ(client.read_response().status, 413);  // not lost to a reset
}

TEST_F(FramingLimitsTest, TheRouteDecidesHowLargeABodyMayBe) {
  net::HttpServerOptions options;
  options.body_limit = [](const net::Request& request) { return request.path() == "/large" ? 3'000'000u : 10u; };
  start(std::move(options));
  SocketClient client = connect();
  EXPECT_EQ(client.exchange(post("/large", std::string(2'000'000, 'b'))).body.size(), 2'000'000u + 12);
  EXPECT_EQ(client.exchange(post("/small", "0123456789")).status, 200);
  EXPECT_EQ(client.exchange(post("/small", "01234567890")).status, 413);
}

TEST_F(FramingLimitsTest, ATruncatedRequestIsAnswered400) {
  start();
  for (const std::string& bytes :
       {std::string("GET / HT"), std::string("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc"),
        std::string("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")}) {
    SocketClient client = connect();
    client.send(bytes);
    client.half_close();
    EXPECT_EQ(client.read_response().status, 400) << bytes;
    EXPECT_TRUE(client.closed());
  }
}

TEST_F(FramingLimitsTest, AnEmptyConnectionIsNobodysFault) {
  start();
  SocketClient client = connect();
  client.half_close();
  EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace trunkline::testing
