// A server that wants to know who calls: OpenSSL's own.
#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <future>
#include <map>
#include <memory>

#include "runtime/crypto/certificates.h"
#include "runtime/crypto/pkcs12.h"
#include "runtime/net/http_client.h"
#include "runtime/net/pooled_client.h"
#include "tests/unit/crypto/pfx.h"
#include "tests/unit/net/scripted_server.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;

class ClientIdentityTest : public ::testing::Test {
 protected:
  static constexpr auto accept_any = [](int, X509_STORE_CTX*) { return 1; };

  ClientIdentityTest() {
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL's sockets have no MSG_NOSIGNAL, and clients of these tests leave when they like
    std::ofstream(ca_file_) << ca_.pem().certificate;
    const crypto::PemIdentity server = ca_.issue_server(now_);
    use_pem(server);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, +accept_any);
  }
  ~ClientIdentityTest() override {
    pooled_.stop();
    curl_.stop();
    executor_.stop();
    std::remove(ca_file_.c_str());
  }
  void use_pem(const crypto::PemIdentity& server) {
    BIO* const certificate = BIO_new_mem_buf(server.certificate.data(), static_cast<int>(server.certificate.size()));
    X509* const read = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context_.get(), read);
    X509_free(read);
    BIO_free(certificate);
    const std::string_view text = server.private_key.reveal();
    BIO* const key = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
    EVP_PKEY* const made = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
    SSL_CTX_use_PrivateKey(context_.get(), made);
    EVP_PKEY_free(made);
    BIO_free(key);
  }
  /// Answers each request with the name in the certificate of the client.
  void serve(ScriptedConnection& connection) {
    SSL* const ssl = SSL_new(context_.get());
    SSL_set_fd(ssl, connection.fd());
    if (SSL_accept(ssl) == 1) {
      char name[64] = "";
      X509* const peer = SSL_get1_peer_certificate(ssl);
      X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name, sizeof name);
      X509_free(peer);
      const std::string text = name;
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
      std::string read;
      char chunk[4096];
      for (int n; (n = SSL_read(ssl, chunk, sizeof chunk)) > 0;) {
        read.append(chunk, static_cast<std::size_t>(n));
        if (!read.ends_with("\r\n\r\n")) continue;
        read.clear();
        SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
      }
    }
    SSL_free(ssl);
  }
  Result<net::ClientResponse> get(net::HttpSender& sender, std::shared_ptr<const net::TlsIdentity> identity) {
    net::ClientRequest request;
    request.url = "https" + server_.url("/who").substr(4);
    request.identity = std::move(identity);
    const auto answer = std::make_shared<std::promise<Result<net::ClientResponse>>>();
    sender.start_send(std::move(request), [answer](Result<net::ClientResponse> result) { answer->set_value(std::move(result)); });
    return answer->get_future().get();
  }
  static std::shared_ptr<const net::TlsIdentity> identity(const char* name) {
    crypto::Pkcs12 read = crypto::read_pkcs12(make_pfx(name, "p").der, Secret("p"));
    return std::make_shared<net::TlsIdentity>(
        net::TlsIdentity{std::move(read.identity.certificate), std::move(read.identity.private_key)});
  }

  // Certificates are checked against the system's time.
  const Time now_ = std::chrono::system_clock::now();
  const crypto::CertificateAuthority ca_ = crypto::CertificateAuthority::create("Test CA", now_);
  const std::string ca_file_ = ::testing::TempDir() + "trunkline_client_identity_" + std::to_string(::getpid()) + ".pem";
  // Before the server: its threads use it until they are joined.
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
  ScriptedServer server_{[this](ScriptedConnection& connection, int) { serve(connection); }};
  Executor executor_{2};
  net::HttpClient curl_{executor_, {.ca_file = ca_file_}};
  net::PooledClient pooled_{executor_, curl_, {.ca_file = ca_file_}};
};

TEST_F(ClientIdentityTest, EachRequestShowsItsOwnCertificateAlsoOnKeptConnections) {
  const auto ada = identity("ada"), bob = identity("bob");
  for (net::HttpSender* const sender : {static_cast<net::HttpSender*>(&curl_), static_cast<net::HttpSender*>(&pooled_)}) {
    EXPECT_EQ(get(*sender, ada).value().body, "ada");
    EXPECT_EQ(get(*sender, bob).value().body, "bob");
    EXPECT_EQ(get(*sender, ada).value().body, "ada");
  }
  EXPECT_LE(server_.connections(), 4);
}

TEST_F(ClientIdentityTest, WithoutACertificateTheServerRefuses) {
  EXPECT_FALSE(get(curl_, nullptr).ok());
  get(curl_, identity("ada")).value();
  EXPECT_FALSE(get(curl_, nullptr).ok()) << "a kept connection that shows a certificate is nobody else's";
}

TEST_F(ClientIdentityTest, WhatIsNoCertificateIsTheCallersFault) {
  const auto result = get(curl_, std::make_shared<net::TlsIdentity>(net::TlsIdentity{"nonsense", Secret("nonsense")}));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().target, "identity");
}

}  // namespace
}  // namespace trunkline::testing
