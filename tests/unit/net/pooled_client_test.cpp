// Our own client among peers that do as they like. What holds for every sender: http_sender_test.cpp.
#include "runtime/net/pooled_client.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/unit/net/pooled_client_fixture.h"

namespace trunkline::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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

}  // namespace
}  // namespace trunkline::testing
