// Our own client among peers that do as they like. What holds for every sender: http_sender_test.cpp.
#include "runtime/net/pooled_client.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <optional>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "runtime/crypto/certificates.h"
#include "runtime/net/http_client.h"
#include "tests/unit/net/scripted_server.h"
#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

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

TEST_F(PooledClientTest, SendsWhatItWasGivenAndWhatHttpAsksFor) {
  std::promise<std::string> seen;
  serve([&](ScriptedConnection& peer, int) {
    seen.set_value(peer.read_request());
    peer.send(kOk);
  });
  make_client({.user_agent = "Tester"});
  net::ClientRequest request = post("[1]");
  request.url = server->url("/a/b?code=%2B1#fragment");
  request.headers.add("Content-Type", "application/json");
  request.headers.add("X-Empty", "");
  request.headers.add("content-length", "99");
  request.headers.add("Transfer-Encoding", "chunked");
  EXPECT_EQ(send(std::move(request)).value().body, "ok");
  const std::string text = seen.get_future().get();
  EXPECT_THAT(text,
              StartsWith("POST /a/b?code=%2B1 HTTP/1.1\r\nContent-Type: application/json\r\nX-Empty: \r\nHost: 127.0.0.1:"));
  EXPECT_THAT(text, HasSubstr("\r\nUser-Agent: Tester\r\nAccept: */*\r\nContent-Length: 3\r\n\r\n[1]"));
  EXPECT_THAT(text, Not(HasSubstr("ength: 99")));
  EXPECT_THAT(text, Not(HasSubstr("chunked")));
}

TEST_F(PooledClientTest, HeadersOfTheRequestWinOverOurs) {
  std::promise<std::string> seen;
  serve([&](ScriptedConnection& peer, int) {
    seen.set_value(peer.read_request());
    peer.send(kOk);
  });
  net::ClientRequest request = post();
  request.headers.add("host", "other.example");
  request.headers.add("user-agent", "mine");
  request.headers.add("accept", "text/plain");
  ASSERT_TRUE(send(std::move(request)).ok());
  const std::string text = seen.get_future().get();
  EXPECT_THAT(text, HasSubstr("host: other.example\r\nuser-agent: mine\r\naccept: text/plain\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("Host:")));
}

TEST_F(PooledClientTest, FixedHeadersAreSentAfterThoseOfTheRequest) {
  std::promise<std::string> seen;
  serve([&](ScriptedConnection& peer, int) {
    seen.set_value(peer.read_request());
    peer.send(kOk);
  });
  net::Headers fixed;
  fixed.add("X-Fixed", "1");
  fixed.add("User-Agent", "fixed");
  fixed.add("Content-Length", "99");
  net::ClientRequest request = post();
  request.headers.add("X-Own", "2");
  request.fixed = net::FixedHeaders::make(fixed);
  ASSERT_TRUE(send(std::move(request)).ok());
  const std::string text = seen.get_future().get();
  EXPECT_THAT(text, HasSubstr("\r\nX-Own: 2\r\nX-Fixed: 1\r\nUser-Agent: fixed\r\nHost: "));
  EXPECT_THAT(text, Not(HasSubstr("Content-Length: 99")));
  fixed.add("X", "a\r\nb");
  EXPECT_EQ(net::FixedHeaders::make(fixed), nullptr);
}

TEST_F(PooledClientTest, KeepsConnectionsAndOpensNoMoreThanItMay) {
  serve([](ScriptedConnection& peer, int) {
    while (!peer.read_request().empty()) peer.send(kOk);
  });
  make_client({.connections_per_host = 4, .connections = 100});
  std::vector<std::future<Result<net::ClientResponse>>> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(begin(post()));
  for (auto& answer : answers) EXPECT_EQ(answer.get().value().body, "ok");
  EXPECT_LE(server->connections(), 4);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(send(post()).ok());
  EXPECT_LE(server->connections(), 4);
}

TEST_F(PooledClientTest, ABusyHostWaitsForItsTurnAndAnotherGetsAPlace) {
  serve([](ScriptedConnection& peer, int) {
    while (!peer.read_request().empty()) peer.send(kOk);
  });
  ScriptedServer other([](ScriptedConnection& peer, int) {
    while (!peer.read_request().empty()) peer.send(kOk);
  });
  make_client({.connections_per_host = 8, .connections = 2});
  std::vector<std::future<Result<net::ClientResponse>>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(begin(post()));
    net::ClientRequest request = post();
    request.url = other.url();
    answers.push_back(begin(std::move(request)));
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
}

TEST_F(PooledClientTest, APeerThatClosedAKeptConnectionGetsTheRequestOnANewOne) {
  serve([](ScriptedConnection& peer, int number) {
    peer.read_request();
    peer.send(kOk);
    // The first connection ends with the next request unanswered, as if it had been closed just before.
    if (number == 0) {
      peer.read_request();
      peer.reset_at_end();
      return;
    }
    while (!peer.read_request().empty()) peer.send(kOk);
  });
  EXPECT_EQ(send(post()).value().body, "ok");
  EXPECT_EQ(send(post()).value().body, "ok");
  EXPECT_EQ(server->connections(), 2);
}

TEST_F(PooledClientTest, ANewConnectionThatBreaksIsAFailureAndNotTriedAgain) {
  serve([](ScriptedConnection& peer, int) { peer.read_request(); });
  const auto result = send(post());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(result.error().retryable);
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(PooledClientTest, OnceAnAnswerHasBegunNothingIsSentAgain) {
  serve([](ScriptedConnection& peer, int) {
    peer.read_request();
    peer.send(kOk);
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  });
  EXPECT_TRUE(send(post()).ok());
  EXPECT_EQ(send(post()).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(PooledClientTest, AConnectionIsNotKeptWhenThePeerSaysSo) {
  serve([](ScriptedConnection& peer, int) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer.wait_for_end();
  });
  EXPECT_EQ(send(post()).value().body, "ok");
  EXPECT_EQ(send(post()).value().body, "ok");
  EXPECT_EQ(server->connections(), 2);
}

TEST_F(PooledClientTest, BytesBehindAnAnswerEndTheConnection) {
  serve([](ScriptedConnection& peer, int) {
    peer.read_request();
    peer.send(std::string(kOk) + "HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_end();
  });
  EXPECT_EQ(send(post()).value().status, 200);
  EXPECT_EQ(send(post()).value().status, 200);
  EXPECT_EQ(server->connections(), 2);
}

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

TEST_F(PooledClientTest, APeerThatStopsInTheMiddleExceedsTheDeadline) {
  serve([](ScriptedConnection& peer, int) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    peer.wait_for_end();
  });
  net::ClientRequest request = post();
  request.timeout = milliseconds{50};
  EXPECT_EQ(send(std::move(request)).error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(PooledClientTest, WhoWaitsForAConnectionRunsOutOfTimeAsWell) {
  serve([](ScriptedConnection& peer, int) { peer.wait_for_end(); });
  make_client({.connections_per_host = 1});
  net::ClientRequest patient = post();
  patient.timeout = milliseconds{300};
  net::ClientRequest hasty = post();
  hasty.timeout = milliseconds{50};
  auto first = begin(std::move(patient));
  auto second = begin(std::move(hasty));
  EXPECT_EQ(second.get().error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(first.get().error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(PooledClientTest, CancelEndsWhatWaitsForAConnection) {
  serve([](ScriptedConnection& peer, int) { peer.wait_for_end(); });
  make_client({.connections_per_host = 1});
  auto first = begin(post());
  net::ClientRequest waits = post();
  waits.cancel = net::CancelToken::make();
  auto second = begin(waits);
  waits.cancel.cancel();
  EXPECT_EQ(second.get().error().code, ErrorCode::kCancelled);
  client->stop();
  EXPECT_EQ(first.get().error().code, ErrorCode::kCancelled);
}

TEST_F(PooledClientTest, AHandshakeThatNeverEndsExceedsTheConnectTimeout) {
  serve([](ScriptedConnection& peer, int) { peer.wait_for_end(); });
  net::ClientRequest request = post();
  request.url.replace(0, 4, "https");
  request.connect_timeout = milliseconds{50};
  EXPECT_EQ(send(std::move(request)).error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(PooledClientTest, APeerWithoutTlsIsUnavailable) {
  serve([](ScriptedConnection& peer, int) { peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  net::ClientRequest request = post();
  request.url.replace(0, 4, "https");
  EXPECT_EQ(send(std::move(request)).error().code, ErrorCode::kUnavailable);
}

TEST_F(PooledClientTest, ANewRequestFromACallbackUsesTheSameConnection) {
  serve([](ScriptedConnection& peer, int) {
    while (!peer.read_request().empty()) peer.send(kOk);
  });
  std::promise<void> done;
  std::atomic<int> left{1000};
  std::function<void()> next = [&] {
    client->start_send(post(), [&](Result<net::ClientResponse> result) {
      if (!result.ok() || --left == 0) return done.set_value();
      next();
    });
  };
  next();
  done.get_future().get();
  client->stop();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(PooledClientTest, WhatIsLeftForAfterTheAnswersRunsOnTheSameThread) {
  serve([](ScriptedConnection& peer, int) {
    while (!peer.read_request().empty()) peer.send(kOk);
  });
  EXPECT_TRUE(send(post()).ok());  // the next is answered on a kept connection
  std::promise<bool> same;
  client->start_send(post(), [&](Result<net::ClientResponse>) {
    client->after_answers([&, thread = std::this_thread::get_id()] {
      // Requests from there are sent as well.
      client->start_send(post(), [&, here = thread == std::this_thread::get_id()](Result<net::ClientResponse> result) {
        same.set_value(result.ok() && here);
      });
    });
  });
  EXPECT_TRUE(same.get_future().get());
  bool now = false;
  client->after_answers([&] { now = true; });  // not from an answer
  EXPECT_TRUE(now);
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(PooledClientTest, AnAnswerThatThePeerEndsAfterIsWholeAndItsConnectionIsNotUsedAgain) {
  serve([](ScriptedConnection& peer, int) {
    peer.read_request();
    peer.send(kOk);
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(post()).value().body, "ok");
  EXPECT_EQ(server->connections(), 20);
}

TEST_F(PooledClientTest, BodiesThatDoNotFitIntoTheSocketFollowAsThePeerReads) {
  std::promise<std::size_t> read;
  serve([&](ScriptedConnection& peer, int) {
    read.set_value(peer.read_request().size());
    peer.send(kOk);
    while (!peer.read_request().empty()) peer.send(kOk);
  });
  const std::size_t size = 16 << 20;
  EXPECT_TRUE(send(post(std::string(size, 'x'))).ok());
  EXPECT_GT(read.get_future().get(), size);
  EXPECT_TRUE(send(post()).ok());
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(PooledClientTest, FailuresFromACallbackDoNotNest) {
  std::promise<void> done;
  int left = 100'000;  // deep enough to overflow a stack; of one thread at a time
  net::ClientRequest bad;
  bad.url = "http://:80/";
  std::function<void()> next = [&] {
    client->start_send(bad, [&](Result<net::ClientResponse>) { --left == 0 ? done.set_value() : next(); });
  };
  next();
  done.get_future().get();
  client->stop();
}

TEST_F(PooledClientTest, NamesAndPasswordsGoToTheOtherClient) {
  std::promise<std::string> seen;
  serve([&](ScriptedConnection& peer, int) {
    seen.set_value(peer.read_request());
    peer.send(kOk);
  });
  net::ClientRequest request = post();
  request.url.insert(7, "user:secret@");
  EXPECT_EQ(send(std::move(request)).value().status, 200);
  EXPECT_THAT(seen.get_future().get(), HasSubstr("Authorization: Basic dXNlcjpzZWNyZXQ="));
}

class PooledClientTlsTest : public ServerTest {};

TEST_F(PooledClientTlsTest, KeepsTlsConnectionsAndChecksTheName) {
  const Time now = std::chrono::system_clock::now();
  const auto ca = crypto::CertificateAuthority::create("Test CA", now);
  const crypto::PemIdentity identity = ca.issue_server(now);
  const std::string path = ::testing::TempDir() + "trunkline_pooled_client_ca_" + std::to_string(::getpid()) + ".pem";
  std::ofstream(path) << ca.pem().certificate;
  start({.tls_port = 0, .tls = {identity.certificate, identity.private_key}});
  net::HttpClient curl(executor);
  net::PooledClient client(executor, curl, {.ca_file = path});
  const auto send = [&](const std::string& host, std::size_t bytes) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = "https://" + host + ":" + std::to_string(ports.https) + "/tls";
    request.body.assign(bytes, 'x');
    const auto answer = std::make_shared<std::promise<Result<net::ClientResponse>>>();
    client.start_send(std::move(request), [answer](Result<net::ClientResponse> result) { answer->set_value(std::move(result)); });
    return answer->get_future().get();
  };
  for (const std::size_t bytes : {0u, 10u, 100'000u, 10u}) {
    const auto result = send("127.0.0.1", bytes);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result.value().body.size(), bytes + 10);
  }
  EXPECT_EQ(server->connections(), 1u);
  // The same address by a name that the certificate does not have.
  const auto other = send("127.1", 10);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(other.error().retryable);
  EXPECT_THAT(other.error().message, HasSubstr("certificate"));
  std::remove(path.c_str());
}

/// A peer with TLS that answers, or not, before it reads. One connection after the other, each until the client closes it.
class EarlyTlsPeer {
 public:
  using Stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

  EarlyTlsPeer(const crypto::PemIdentity& identity, std::string answer) : answer_(std::move(answer)) {
    context_.use_certificate_chain(boost::asio::buffer(identity.certificate));
    context_.use_private_key(boost::asio::buffer(identity.private_key.reveal()), boost::asio::ssl::context::pem);
    thread_ = std::thread([this] { run(); });
  }
  ~EarlyTlsPeer() {
    stopping_ = true;
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket(io_).connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/hook"; }
  /// Bytes of requests that came, over all connections.
  std::atomic<std::size_t> received{0};

 private:
  void run() {
    while (!stopping_) {
      boost::system::error_code ec;
      Stream stream(io_, context_);
      acceptor_.accept(stream.next_layer(), ec);
      if (ec || stopping_) return;
      stream.handshake(Stream::server, ec);
      if (ec) continue;
      if (!answer_.empty()) boost::asio::write(stream, boost::asio::buffer(answer_), ec);
      std::vector<char> chunk(16 * 1024);
      while (!ec) received += stream.read_some(boost::asio::buffer(chunk), ec);
    }
  }
  const std::string answer_;
  boost::asio::io_context io_;
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Bodies that are still being written when their exchange ends; what goes wrong here is found by valgrind or AddressSanitizer.
class PooledClientEarlyEndTest : public ::testing::Test {
 protected:
  PooledClientEarlyEndTest() {
    const Time now = std::chrono::system_clock::now();
    const auto ca = crypto::CertificateAuthority::create("Test CA", now);
    identity = ca.issue_server(now);
    std::ofstream(path) << ca.pem().certificate;
  }
  ~PooledClientEarlyEndTest() override { std::remove(path.c_str()); }
  std::future<Result<net::ClientResponse>> begin(const EarlyTlsPeer& peer, net::CancelToken cancel = {}) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = peer.url();
    request.body.assign(1 << 20, 'x');
    request.cancel = std::move(cancel);
    const auto answer = std::make_shared<std::promise<Result<net::ClientResponse>>>();
    client.start_send(std::move(request), [answer](Result<net::ClientResponse> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }

  const std::string path = ::testing::TempDir() + "trunkline_early_end_ca_" + std::to_string(::getpid()) + ".pem";
  crypto::PemIdentity identity;
  Executor executor{2};
  net::HttpClient curl{executor};
  net::PooledClient client{executor, curl, {.ca_file = path}};
};

TEST_F(PooledClientEarlyEndTest, ATlsPeerThatAnswersBeforeItHasReadTheBody) {
  EarlyTlsPeer peer(identity, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    const auto result = begin(peer).get();
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result.value().status, 413);
  }
}

TEST_F(PooledClientEarlyEndTest, CancelInTheMiddleOfATlsWrite) {
  EarlyTlsPeer peer(identity, "");
  for (int i = 0; i < 20; ++i) {
    net::CancelToken cancel = net::CancelToken::make();
    const std::size_t before = peer.received;
    auto answer = begin(peer, cancel);
    while (peer.received == before) std::this_thread::yield();
    cancel.cancel();
    const auto result = answer.get();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace trunkline::testing
