// What strangers hand to the identity plugins: tokens and key sets. Nothing but an Error leaves, and no token passes that we have
// not signed. The first byte picks what the rest is.
#include <cstdlib>

#include "plugins/identity-local/src/token.h"
#include "plugins/identity-oidc/src/key_set.h"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const identity_local::KeyRing::Keys keys = [] {
    identity_local::RingKey key{jose::PrivateKey::generate(jose::Algorithm::kEs256), "K", "", {}, {}, ""};
    key.token_header = jose::base64url(R"({"alg":"ES256","kid":"K"})") + '.';
    return identity_local::KeyRing::Keys{key};
  }();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 3) {
      case 0: {
        identity_local::check_token(keys, text);
        std::abort();  // a forged token
      }
      case 1: {  // rightly signed, so that the claims are reached
        std::string token = keys[0].token_header + jose::base64url(text);
        keys[0].key.append_signature(token);
        identity_local::check_token(keys, token);
        break;
      }
      case 2:
        for (const identity_oidc::Key& key : identity_oidc::parse_jwks(text)) key.key.verify("data", "signature");
        break;
    }
  } catch (const Error&) {
  }
  return 0;
}
