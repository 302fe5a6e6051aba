#include "runtime/crypto/pkcs12.h"

#include <gmock/gmock.h>
#include <openssl/sha.h>

#include "tests/unit/crypto/pfx.h"
#include "trunkline/jose.hpp"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(std::string_view der, const char* password) {
  try {
    crypto::read_pkcs12(der, Secret(password));
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.message;
  }
  return "";
}

TEST(Pkcs12, HoldsACertificateAndItsKey) {
  for (const char* const password : {"open sesame", ""}) {
    const Pfx pfx = make_pfx("workflow", password);
    const crypto::Pkcs12 read = crypto::read_pkcs12(pfx.der, Secret(password));
    EXPECT_THAT(read.identity.certificate, StartsWith("-----BEGIN CERTIFICATE-----"));
    EXPECT_THAT(std::string(read.identity.private_key.reveal()), StartsWith("-----BEGIN PRIVATE KEY-----"));
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char*>(pfx.certificate_der.data()), pfx.certificate_der.size(), digest);
    EXPECT_EQ(read.thumbprint, std::string(reinterpret_cast<const char*>(digest), sizeof digest));
    const jose::PrivateKey key = jose::PrivateKey::from_der(read.key_der.reveal());
    EXPECT_TRUE(jose::PublicKey::from_der(pfx.public_key_der).verify("text", key.sign("text")));
  }
}

TEST(Pkcs12, AFileWithoutAPasswordIsOpenedByNone) {
  const Pfx pfx = make_pfx("workflow", nullptr);
  EXPECT_EQ(crypto::read_pkcs12(pfx.der, Secret()).thumbprint.size(), 20u);
}

TEST(Pkcs12, SaysWhatIsWrongWithAFile) {
  const Pfx pfx = make_pfx("workflow", "right");
  EXPECT_THAT(refusal(pfx.der, "wrong"), HasSubstr("not opened by the password"));
  EXPECT_THAT(refusal(pfx.der, ""), HasSubstr("not opened by the password"));
  EXPECT_THAT(refusal(pfx.der.substr(0, pfx.der.size() / 2), "right"), HasSubstr("not PKCS #12"));
  EXPECT_THAT(refusal("", "right"), HasSubstr("not PKCS #12"));
  EXPECT_THAT(refusal(pfx.certificate_der, "right"), HasSubstr("not PKCS #12"));
  EXPECT_THAT(refusal(std::string(crypto::kMaxPkcs12Bytes + 1, '\x30'), "right"), HasSubstr("larger than"));
  EXPECT_THAT(refusal(make_pfx("workflow", "right", false).der, "right"), HasSubstr("no private key"));
}

}  // namespace
}  // namespace trunkline::testing
