// What holds for everybody who sends requests: libcurl and our own.
#include "runtime/net/http_sender.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <future>
#include <thread>

#include "runtime/crypto/certificates.h"
#include "runtime/net/http_client.h"
#include "runtime/net/pooled_client.h"
#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

enum class Kind { kCurl, kPooled };

class HttpSenderTest : public ServerTest, public ::testing::WithParamInterface<Kind> {
 protected:
  ~HttpSenderTest() override {
    gate.open();
    pooled.reset();
    curl.reset();
  }
  void make_client(net::HttpClientOptions options = {}) {
    pooled.reset();
    curl.emplace(executor, options);
    if (GetParam() == Kind::kPooled) pooled.emplace(executor, *curl, std::move(options));
  }
  void start_both(net::HttpServerOptions server_options = {}, net::HttpClientOptions client_options = {}) {
    start(std::move(server_options));
    make_client(std::move(client_options));
  }
  net::HttpSender& client() {
    if (pooled) return *pooled;
    return *curl;
  }
  void stop_client() {
    if (pooled) pooled->stop();
    curl->stop();
  }
  net::ClientRequest request(std::string path, std::string method = "GET") const {
    net::ClientRequest out;
    out.method = std::move(method);
    out.url = "http://127.0.0.1:" + std::to_string(ports.http) + path;
    return out;
  }
  Result<net::ClientResponse> send(net::ClientRequest request) {
    const auto answer = std::make_shared<std::promise<Result<net::ClientResponse>>>();
    client().start_send(std::move(request),
                        [answer](Result<net::ClientResponse> result) { answer->set_value(std::move(result)); });
    return answer->get_future().get();
  }
  std::optional<net::HttpClient> curl;
  std::optional<net::PooledClient> pooled;
};

INSTANTIATE_TEST_SUITE_P(Net, HttpSenderTest, ::testing::Values(Kind::kCurl, Kind::kPooled),
                         [](const auto& kind) { return kind.param == Kind::kCurl ? "Curl" : "Pooled"; });

TEST_P(HttpSenderTest, SendsEveryMethodAndReusesTheConnection) {
  start_both();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    net::ClientRequest r = request("/m?x=%2B", method);
    if (std::string_view(method) != "GET") r.body = std::string("b\0c", 3);
    const auto result = send(std::move(r));
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result.value().status, 200);
    EXPECT_THAT(result.value().body, StartsWith(std::string(method) + " /m?x=%2B "));
    EXPECT_EQ(result.value().headers.get("content-type"), "text/plain");
  }
  EXPECT_EQ(server->connections(), 1u);
}

TEST_P(HttpSenderTest, HeadAndEmptyBodiesWork) {
  start_both();
  EXPECT_EQ(send(request("/h", "HEAD")).value().body, "");
  EXPECT_EQ(send(request("/p", "POST")).value().body, "POST /p ");
  EXPECT_EQ(send(request("/empty")).value().status, 204);
}

TEST_P(HttpSenderTest, AnyStatusIsASuccess) {
  start_both();
  EXPECT_EQ(send(request("/throw")).value().status, 500);
}

TEST_P(HttpSenderTest, IsNotSentOnElsewhere) {
  start_both();
  const auto result = send(request("/elsewhere"));
  EXPECT_EQ(result.value().status, 302);
  EXPECT_EQ(result.value().headers.get("Location"), "/");
  EXPECT_EQ(result.value().body, "");
}

TEST_P(HttpSenderTest, ManyRequestsAtOnce) {
  start_both();
  std::atomic<int> left{200};
  std::atomic<int> right{0};
  for (int i = 0; i < 200; ++i)
    client().start_send(request("/hop?" + std::to_string(i)), [&, i](Result<net::ClientResponse> result) {
      right += result.ok() && result.value().body == "GET /hop?" + std::to_string(i) + " ";
      if (--left == 0) left.notify_all();
    });
  for (int n = left; n != 0; n = left) left.wait(n);
  EXPECT_EQ(right, 200);
}

TEST_P(HttpSenderTest, BadRequestsAreRefusedBeforeTheyLeave) {
  start_both();
  net::ClientRequest header = request("/");
  header.headers.add("X", "a\r\nY: b");
  net::ClientRequest name = request("/");
  name.headers.add("a b", "c");
  net::ClientRequest scheme = request("/");
  scheme.url = "file:///etc/passwd";
  net::ClientRequest host = request("/");
  host.url = "http://";
  for (auto& [bad, target] : std::vector<std::pair<net::ClientRequest, const char*>>{
           {header, "headers"}, {name, "headers"}, {scheme, "url"}, {host, "url"}, {request("/", "GET /"), "method"}}) {
    const auto result = send(bad);
    ASSERT_FALSE(result.ok()) << target;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument) << result.error().message;
    EXPECT_EQ(result.error().target, target);
  }
}

TEST_P(HttpSenderTest, APeerThatIsNotThereIsUnavailable) {
  start_both();
  server->stop();
  const auto result = send(request("/"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(result.error().retryable);
}

TEST_P(HttpSenderTest, APeerThatDoesNotAnswerExceedsTheDeadline) {
  start_both();
  net::ClientRequest slow = request("/wait");
  slow.timeout = std::chrono::milliseconds{50};
  EXPECT_EQ(send(std::move(slow)).error().code, ErrorCode::kDeadlineExceeded);
}

TEST_P(HttpSenderTest, CancelEndsARequestInProgressAndOneNotBegun) {
  start_both();
  net::ClientRequest waits = request("/wait");
  waits.cancel = net::CancelToken::make();
  std::thread canceller([this, token = waits.cancel]() mutable {
    while (!gate.has_waiting()) std::this_thread::yield();
    token.cancel();
  });
  EXPECT_EQ(send(waits).error().code, ErrorCode::kCancelled);
  canceller.join();
  EXPECT_EQ(send(waits).error().code, ErrorCode::kCancelled);
}

TEST_P(HttpSenderTest, AnAnswerThatIsTooLargeIsCutOff) {
  start_both();
  net::ClientRequest big = request("/big");
  big.max_response_bytes = 1000;
  EXPECT_EQ(send(std::move(big)).error().code, ErrorCode::kResourceExhausted);
  net::ClientRequest fits = request("/big");
  fits.max_response_bytes = 8 * 1024 * 1024;
  EXPECT_EQ(send(std::move(fits)).value().body.size(), 8u * 1024 * 1024);
}

TEST_P(HttpSenderTest, AnAnswerThatIsTooLargeCountsInPartWhereThatIsAskedFor) {
  start_both();
  net::ClientRequest big = request("/big");
  big.truncate_body = true;
  for (const std::size_t bytes : {0u, 1000u, 100'000u}) {
    big.max_response_bytes = bytes;
    const auto result = send(big);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result.value().status, 200);
    EXPECT_EQ(result.value().body, std::string(bytes, 'x'));
  }
  // What is left of those answers is not mistaken for the next ones.
  big.max_response_bytes = 8 * 1024 * 1024;  // fits
  EXPECT_EQ(send(big).value().body.size(), 8u * 1024 * 1024);
  EXPECT_EQ(send(request("/a")).value().body, "GET /a ");
}

TEST_P(HttpSenderTest, StopEndsWhatIsInProgress) {
  start_both();
  std::atomic<int> code{0};
  client().start_send(request("/wait"), [&](Result<net::ClientResponse> result) {
    code = result.ok() ? -1 : static_cast<int>(result.error().code);
    code.notify_all();
  });
  while (!gate.has_waiting()) std::this_thread::yield();
  stop_client();
  code.wait(0);
  EXPECT_EQ(code, static_cast<int>(ErrorCode::kCancelled));
  EXPECT_EQ(send(request("/")).error().code, ErrorCode::kCancelled);
}

TEST_P(HttpSenderTest, TheClockWaitsForAnswersThatCountAsWork) {
  start_both();
  std::atomic<bool> answered{false};
  clock.schedule_after(std::chrono::seconds{1}, [&] {
    client().start_send(request("/hop"), [&](Result<net::ClientResponse> result) { answered = result.ok(); });
  });
  clock.advance(std::chrono::seconds{1});
  EXPECT_TRUE(answered);
}

TEST_P(HttpSenderTest, TheProxyGetsTheRequest) {
  start();
  make_client({.proxy = "http://127.0.0.1:" + std::to_string(ports.http)});
  net::ClientRequest r;
  r.url = "http://carrier.invalid/x";
  EXPECT_EQ(send(std::move(r)).value().body, "GET http://carrier.invalid/x ");
}

TEST_P(HttpSenderTest, AHostThatDoesNotExistIsNotResolved) {
  make_client();
  net::ClientRequest r;
  r.url = "http://nobody.invalid/";
  const auto result = send(std::move(r));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("resolve"));
  EXPECT_TRUE(net::is_resolution_failure(result.error()));
  EXPECT_TRUE(result.error().retryable);
}

TEST_P(HttpSenderTest, ANameOrPathWithTheWordInItIsNoResolutionFailure) {
  start_both();
  server->stop();
  const auto result = send(request("/resolve"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(net::is_resolution_failure(result.error()));
}

TEST_P(HttpSenderTest, AddressesThatAreNotAllowedAreNotConnectedTo) {
  std::mutex mutex;
  std::vector<std::string> asked;
  start_both({}, {.allow_address = [&](std::string_view address) {
               const std::lock_guard lock(mutex);
               asked.emplace_back(address);
               return false;
             }});
  for (const char* host : {"127.0.0.1", "localhost"}) {
    net::ClientRequest r;
    r.url = "http://" + std::string(host) + ":" + std::to_string(ports.http) + "/";
    const auto result = send(std::move(r));
    ASSERT_FALSE(result.ok()) << host;
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(server->connections(), 0u);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(asked, ::testing::Contains("127.0.0.1"));
}

TEST_P(HttpSenderTest, HeadersOfTheAnswerCanBeLeftOut) {
  start_both();
  net::ClientRequest r = request("/h");
  r.wants_headers = false;
  const auto result = send(std::move(r));
  EXPECT_EQ(result.value().headers.size(), 0u);
  EXPECT_EQ(result.value().body, "GET /h ");
}

TEST_P(HttpSenderTest, LargeBodiesArrive) {
  start_both();
  for (const std::size_t size : {16u * 1024, 16u * 1024 + 1, 900u * 1024}) {
    net::ClientRequest r = request("/b", "POST");
    r.body.assign(size, 'b');
    EXPECT_EQ(send(std::move(r)).value().body.size(), size + 8);
  }
}

TEST_P(HttpSenderTest, CertificatesAreVerified) {
  const Time now = std::chrono::system_clock::now();
  const auto ca = crypto::CertificateAuthority::create("Test CA", now);
  const crypto::PemIdentity identity = ca.issue_server(now);
  const std::string path = ::testing::TempDir() + "trunkline_http_client_ca_" + std::to_string(::getpid()) + ".pem";
  std::ofstream(path) << ca.pem().certificate;
  start_both({.tls_port = 0, .tls = {identity.certificate, identity.private_key}}, {.ca_file = path});
  net::ClientRequest r;
  r.url = "https://localhost:" + std::to_string(ports.https) + "/tls";
  EXPECT_EQ(send(r).value().body, "GET /tls ");
  make_client();  // trusts the system's authorities only
  const auto result = send(r);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("certificate"));
  make_client({.ca_file = path + ".none"});
  EXPECT_EQ(send(r).error().code, ErrorCode::kUnavailable);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace trunkline::testing
