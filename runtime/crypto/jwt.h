// JSON Web Tokens signed with RS256 (RFC 7515, 7518, 7519), and nothing else: no other algorithm, no encryption, no key from
// the token itself.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/secret.h"
#include "trunkline/error.hpp"

struct evp_pkey_st;

namespace trunkline::crypto {

/// Checks signatures. Copies share the key. [any-thread]
class RsaPublicKey {
 public:
  /// SubjectPublicKeyInfo, PEM. Throws kInvalidArgument for anything but an RSA key of 2048 to 8192 bits.
  static RsaPublicKey from_pem(std::string_view pem);
  /// A JWK with `kty` RSA; other members than `n` and `e` are ignored.
  static RsaPublicKey from_jwk(const nlohmann::json& jwk);

  /// RFC 7638 thumbprint: the `kid` of tokens.
  const std::string& id() const noexcept { return id_; }
  std::string pem() const;
  /// {"kty", "use", "alg", "kid", "n", "e"}
  nlohmann::json jwk() const;
  /// RSASSA-PKCS1-v1_5 with SHA-256.
  bool verify(std::string_view data, std::string_view signature) const;

 protected:
  explicit RsaPublicKey(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;

 private:
  std::string id_;
};

/// Signs, too. Making one takes a tenth of a second or more: keep it.
class RsaPrivateKey : public RsaPublicKey {
 public:
  static RsaPrivateKey generate(int bits = 2048);
  /// PKCS #8 or PKCS #1, PEM, not encrypted.
  static RsaPrivateKey from_pem(const Secret& pem);

  Secret private_pem() const;
  std::string sign(std::string_view data) const;

 private:
  using RsaPublicKey::RsaPublicKey;
};

/// `{"alg":"RS256","typ":"JWT","kid":…}.claims.signature`
std::string sign_jwt(const RsaPrivateKey& key, const nlohmann::json& claims);

struct JwtChecks {
  /// Time to compare `exp` and `nbf` with.
  Time now;
  /// How far the issuer's clock may be off.
  Duration leeway = std::chrono::minutes(1);
  /// Wanted `iss`; empty: any.
  std::string issuer;
  /// Must be the `aud` or one of them; empty: any.
  std::string audience;
};

/// The claims of a token that one of `keys` has signed and that is valid now. `exp` is required. Throws kUnauthenticated for
/// everything else, with a message that holds nothing of the token.
nlohmann::json verify_jwt(std::span<const RsaPublicKey> keys, std::string_view token, const JwtChecks& checks);

}  // namespace trunkline::crypto
