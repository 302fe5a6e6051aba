// An RSA key that signs and verifies (RFC 7518: RS256).
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "trunkline/values.hpp"

struct evp_pkey_st;

namespace identity_local {

/// Immutable; [any-thread].
class RsaKey {
 public:
  /// A new key. Takes up to some hundred milliseconds.
  static RsaKey generate(int bits);
  /// From PKCS #8 in DER; throws kDataLoss.
  static RsaKey from_private_der(std::string_view der);

  std::string private_der() const;
  /// SubjectPublicKeyInfo in DER.
  const std::string& public_der() const { return public_der_; }
  /// SHA-1 of the public key in hexadecimal, upper case: the `kid` of its tokens.
  const std::string& id() const { return id_; }
  /// The same, as the `x5t` of its tokens.
  const std::string& thumbprint() const { return thumbprint_; }

  /// RSASSA-PKCS1-v1_5 with SHA-256.
  std::string sign(std::string_view data) const;
  bool verify(std::string_view data, std::string_view signature) const;

 private:
  explicit RsaKey(evp_pkey_st* key);

  std::shared_ptr<evp_pkey_st> key_;
  std::string public_der_;
  std::string id_;
  std::string thumbprint_;
};

}  // namespace identity_local
