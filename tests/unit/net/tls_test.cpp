// HTTPS, seen by an OpenSSL client that verifies.
#include <gmock/gmock.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "runtime/crypto/certificates.h"
#include "tests/unit/net/server_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;

class TlsClient {
 public:
  TlsClient(std::uint16_t port, const std::string& ca_pem, const char* host, int max_version = TLS1_3_VERSION)
      : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, max_version);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    BIO* bio = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
    X509* ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), ca);
    X509_free(ca);
    BIO_free(bio);
    ssl_ = SSL_new(context_);
    SSL_set1_host(ssl_, host);
    SSL_set_fd(ssl_, socket_.fd());
    handshaken_ = SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  bool handshaken() const { return handshaken_; }
  std::string version() const { return SSL_get_version(ssl_); }
  void send(std::string_view bytes) { SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); }
  std::string read_until(std::string_view end) {
    std::string out;
    char chunk[4096];
    while (out.find(end) == std::string::npos) {
      const int n = SSL_read(ssl_, chunk, sizeof chunk);
      if (n <= 0) break;
      out.append(chunk, static_cast<std::size_t>(n));
    }
    return out;
  }
  /// The peer said close_notify.
  bool ended_cleanly() {
    char byte;
    const int n = SSL_read(ssl_, &byte, 1);
    return n <= 0 && SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN;
  }

 private:
  SocketClient socket_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  bool handshaken_ = false;
};

class TlsTest : public ServerTest {
 protected:
  // Clients check certificates against the system's time.
  TlsTest() : now_(std::chrono::system_clock::now()), ca_(crypto::CertificateAuthority::create("Test CA", now_)) {
    const crypto::PemIdentity identity = ca_.issue_server(now_);
    net::HttpServerOptions options;
    options.tls_port = 0;
    options.tls = {identity.certificate, identity.private_key};
    start(std::move(options));
  }
  TlsClient connect_tls(const char* host = "localhost", int max_version = TLS1_3_VERSION) {
    return TlsClient(ports.https, ca_.pem().certificate, host, max_version);
  }
  const Time now_;
  crypto::CertificateAuthority ca_;
};

TEST_F(TlsTest, AnswersOverAVerifiedConnectionAndSaysGoodbye) {
  TlsClient client = connect_tls();
  ASSERT_TRUE(client.handshaken());
  client.send(get("/one") + get("/two", "Connection: close\r\n"));
  const std::string text = client.read_until("GET /two ");
  EXPECT_THAT(text, HasSubstr("GET /one "));
  EXPECT_THAT(text, HasSubstr("GET /two "));
  EXPECT_TRUE(client.ended_cleanly());
}

TEST_F(TlsTest, PlainAndTlsAreServedSideBySide) {
  EXPECT_EQ(connect().exchange(get("/plain")).body, "GET /plain ");
  TlsClient client = connect_tls();
  client.send(post("/tls", std::string(100'000, 'b') + "end"));
  EXPECT_THAT(client.read_until("end"), HasSubstr("POST /tls bbb"));
}

TEST_F(TlsTest, SpeaksTls12AndNothingOlder) {
  TlsClient modern = connect_tls("localhost", TLS1_2_VERSION);
  EXPECT_TRUE(modern.handshaken());
  EXPECT_EQ(modern.version(), "TLSv1.2");
  EXPECT_FALSE(connect_tls("localhost", TLS1_1_VERSION).handshaken());
}

TEST_F(TlsTest, AWrongNameFailsVerification) { EXPECT_FALSE(connect_tls("example.com").handshaken()); }

TEST_F(TlsTest, PlainTextOnTheTlsPortIsDropped) {
  SocketClient client(ports.https);
  client.send(get("/"));
  client.read_to_end();
  EXPECT_EQ(connect().exchange(get("/still")).status, 200);
}

TEST_F(TlsTest, AHandshakeThatNeverComesTimesOut) {
  SocketClient client(ports.https);
  ASSERT_TRUE(advance_until_readable(client, std::chrono::seconds{16}));
  EXPECT_TRUE(client.closed());
}

TEST_F(TlsTest, AnUnusableCertificateIsReported) {
  for (const net::TlsIdentity& identity :
       {net::TlsIdentity{"junk", Secret("junk")}, net::TlsIdentity{ca_.pem().certificate, Secret("junk")}}) {
    net::HttpServer other(executor, clock, log, {.port = std::nullopt, .tls_port = 0, .tls = identity},
                          [this](net::Request& request) { return echo(request); });
    try {
      other.start();
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.target, ::testing::StartsWith("tls."));
    }
  }
}

TEST_F(TlsTest, ACertificateIsReplacedForConnectionsToCome) {
  TlsClient before = connect_tls();
  const auto other = crypto::CertificateAuthority::create("Other CA", now_);
  const crypto::PemIdentity identity = other.issue_server(now_);
  server->set_tls({identity.certificate, identity.private_key});
  EXPECT_FALSE(connect_tls().handshaken());
  EXPECT_TRUE(TlsClient(ports.https, other.pem().certificate, "localhost").handshaken());
  before.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(before.read_until("\r\n\r\n"), HasSubstr("HTTP/1.1")) << "who is connected stays";
  EXPECT_THROW(server->set_tls({"nonsense", Secret("nonsense")}), Error);
}

}  // namespace
}  // namespace trunkline::testing
