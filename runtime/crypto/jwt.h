// JSON Web Tokens signed with ES256 or RS256 (RFC 7515, 7517, 7518, 7519), and nothing else: no other algorithm, no encryption,
// no key from the token itself. Keys are those of the plugin SDK, trunkline/jose.hpp.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"
#include "trunkline/jose.hpp"

namespace trunkline::crypto {

/// A key that verifies, by the name that tokens call it.
struct JwtKey {
  std::string id;  // `kid`
  jose::PublicKey key;
};

/// {"kty", "use", "alg", "kid", …} with the numbers of the key.
nlohmann::json to_jwk(const JwtKey& key);
/// One without `kid` gets its thumbprint for a name (RFC 7638). Throws kInvalidArgument for keys of other kinds.
JwtKey parse_jwk(const nlohmann::json& jwk);
/// A JWK set from outside: at most 256 KiB and 200 keys. Keys that cannot check a signature of ours are left out. Throws
/// kInvalidArgument or kResourceExhausted.
std::vector<JwtKey> parse_jwks(std::string_view text);

/// `{"alg":…,"typ":"JWT","kid":…}.claims.signature`
std::string sign_jwt(const jose::PrivateKey& key, std::string_view key_id, const nlohmann::json& claims);

/// What a token says of itself, not verified: good for picking the keys to verify it with, and for nothing else.
struct JwtHint {
  std::string issuer;  // `iss`; empty: none
  std::string key_id;  // empty: none
};
/// Throws kUnauthenticated for what is no JWT.
JwtHint peek_jwt(std::string_view token);

struct JwtChecks {
  /// Time to compare `exp` and `nbf` with.
  Time now;
  /// How far the issuer's clock may be off.
  Duration leeway = std::chrono::minutes(1);
  /// Wanted `iss`; empty: any.
  std::string issuer;
  /// One of them must be the `aud` or among them, a slash at the end aside; empty: any.
  std::vector<std::string> audiences;
};

/// The claims of a token that one of `keys` has signed and that is valid now. `exp` is required. A token without `kid` is tried
/// with every key of its algorithm. Throws kUnauthenticated for everything else, with a message that holds nothing of the token.
nlohmann::json verify_jwt(std::span<const JwtKey> keys, std::string_view token, const JwtChecks& checks);

}  // namespace trunkline::crypto
