// Tokens and keys from outside: nothing but an Error leaves, and no token passes that we have not signed. The first byte picks
// what the rest is.
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/crypto/certificates.h"
#include "runtime/crypto/jwt.h"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const jose::PrivateKey key = jose::PrivateKey::generate(jose::Algorithm::kEs256);
  static const std::array<crypto::JwtKey, 1> keys{crypto::JwtKey{"k", key}};
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const crypto::JwtChecks checks{.now = Time{}};
  try {
    switch (data[0] % 7) {
      case 0: {
        crypto::verify_jwt(keys, text, checks);
        std::abort();  // a forged token
      }
      case 1: {  // rightly signed, so that the claims are reached
        std::string token = base64url_encode(R"({"alg":"ES256","kid":"k"})") + '.' + base64url_encode(text);
        key.append_signature(token);
        crypto::verify_jwt(keys, token, checks);
        break;
      }
      case 2:
        crypto::parse_jwk(parse_json(text)).key.verify("data", "signature");
        break;
      case 3:
        jose::PublicKey::from_der(text).numbers();
        break;
      case 4:
        crypto::certificate_valid_at(text, Time{});
        break;
      case 5:
        for (const crypto::JwtKey& one : crypto::parse_jwks(text)) crypto::to_jwk(one);
        break;
      case 6:
        crypto::peek_jwt(text);
        break;
    }
  } catch (const Error&) {
  }
  return 0;
}
