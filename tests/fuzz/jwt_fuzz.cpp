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
  static const crypto::RsaPrivateKey key = crypto::RsaPrivateKey::generate();
  static const std::array<crypto::RsaPublicKey, 1> keys{key};
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const crypto::JwtChecks checks{.now = Time{}};
  try {
    switch (data[0] % 5) {
      case 0: {
        crypto::verify_jwt(keys, text, checks);
        std::abort();  // a forged token
      }
      case 1: {  // rightly signed, so that the claims are reached
        const std::string header = R"({"alg":"RS256","kid":")" + key.id() + "\"}";
        std::string token = base64url_encode(header) + '.' + base64url_encode(text);
        token += '.' + base64url_encode(key.sign(token));
        crypto::verify_jwt(keys, token, checks);
        break;
      }
      case 2:
        crypto::RsaPublicKey::from_jwk(parse_json(text)).verify("data", "signature");
        break;
      case 3:
        crypto::RsaPublicKey::from_pem(text);
        break;
      case 4:
        crypto::certificate_valid_at(text, Time{});
        break;
    }
  } catch (const Error&) {
  }
  return 0;
}
