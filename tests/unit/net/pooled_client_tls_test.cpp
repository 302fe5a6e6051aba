// Our own client over TLS.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "runtime/crypto/certificates.h"
#include "runtime/net/http_client.h"
#include "runtime/net/pooled_client.h"
#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;

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
