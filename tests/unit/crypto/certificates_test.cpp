#include "runtime/crypto/certificates.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

namespace trunkline::crypto {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{std::chrono::seconds{1767225600}};

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

// All certificates of a PEM text.
std::vector<X509Ptr> read(const std::string& pem) {
  std::vector<X509Ptr> out;
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  while (X509* const certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) out.emplace_back(certificate, &X509_free);
  BIO_free(bio);
  return out;
}

// What a client does: builds the chain to the trusted authority at a time.
bool chain_holds(X509* server, X509* authority, Time at) {
  X509_STORE* const store = X509_STORE_new();
  X509_STORE_add_cert(store, authority);
  X509_STORE_CTX* const context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, server, nullptr);
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count());
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  const bool ok = X509_verify_cert(context) == 1;
  if (!ok) SCOPED_TRACE(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return ok;
}

TEST(CertificateAuthority, IssuesServersThatStrictClientsTrust) {
  const auto authority = CertificateAuthority::create("Test CA", kNow);
  const std::array<std::string, 2> extra{"trunkline.example", "192.0.2.7"};
  const PemIdentity server = authority.issue_server(kNow, extra);
  const auto chain = read(server.certificate);
  ASSERT_EQ(chain.size(), 2u);
  X509* const own = chain[0].get();
  EXPECT_TRUE(chain_holds(own, chain[1].get(), kNow));
  EXPECT_FALSE(chain_holds(own, chain[1].get(), kNow + 398 * 24h));
  for (const char* host : {"localhost", "eu.asm.skype.com", "trunkline.example"})
    EXPECT_EQ(X509_check_host(own, host, 0, 0, nullptr), 1) << host;
  for (const char* ip : {"127.0.0.1", "::1", "192.0.2.7"}) EXPECT_EQ(X509_check_ip_asc(own, ip, 0), 1) << ip;
  EXPECT_NE(X509_check_host(own, "example.com", 0, 0, nullptr), 1);
  EXPECT_NE(X509_check_host(own, "a.b.asm.skype.com", 0, 0, nullptr), 1);
}

TEST(CertificateAuthority, SaysWhenACertificateEnds) {
  const Time now{std::chrono::seconds{1767225600}};
  const auto facts = certificate_facts(CertificateAuthority::create("Test CA", now).pem().certificate);
  EXPECT_EQ(facts.expires_at, now + std::chrono::days(3650));
  EXPECT_EQ(facts.sha256.size(), 64u);
  EXPECT_THROW(certificate_facts("nonsense"), Error);
}

TEST(CertificateAuthority, TravelsAsPem) {
  const auto authority = CertificateAuthority::create("Test CA", kNow);
  const auto copy = CertificateAuthority::from_pem(authority.pem());
  const auto server = read(copy.issue_server(kNow).certificate);
  const auto root = read(authority.pem().certificate);
  EXPECT_TRUE(chain_holds(server[0].get(), root[0].get(), kNow));
  EXPECT_TRUE(copy.valid_at(kNow + 3600 * 24h));
  EXPECT_FALSE(copy.valid_at(kNow + 3651 * 24h));
  EXPECT_TRUE(certificate_valid_at(authority.pem().certificate, kNow));
}

TEST(CertificateAuthority, RefusesPemThatDoesNotFit) {
  const PemIdentity one = CertificateAuthority::create("One", kNow).pem(), two = CertificateAuthority::create("Two", kNow).pem();
  EXPECT_THROW(CertificateAuthority::from_pem({one.certificate, two.private_key}), Error);
  EXPECT_THROW(CertificateAuthority::from_pem({"", one.private_key}), Error);
  EXPECT_THROW(CertificateAuthority::from_pem({one.certificate, Secret("x")}), Error);
  EXPECT_THROW(CertificateAuthority::from_pem(CertificateAuthority::from_pem(one).issue_server(kNow)), Error);
  EXPECT_THROW(certificate_valid_at("nonsense", kNow), Error);
}

TEST(CertificateAuthority, RefusesImpossibleNames) {
  const auto authority = CertificateAuthority::create("Test CA", kNow);
  EXPECT_THROW(authority.issue_server(kNow, std::array<std::string, 1>{""}), Error);
  EXPECT_THROW(authority.issue_server(kNow, std::array<std::string, 1>{std::string(300, 'a')}), Error);
}

TEST(CertificateAuthority, TakesANameAsOneName) {
  const auto authority = CertificateAuthority::create("Test CA", kNow);
  const auto chain = read(authority.issue_server(kNow, std::array<std::string, 1>{"x,DNS:evil.example"}).certificate);
  EXPECT_NE(X509_check_host(chain[0].get(), "evil.example", 0, 0, nullptr), 1);
}

}  // namespace
}  // namespace trunkline::crypto
