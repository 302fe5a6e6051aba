// The JSON Web Tokens of this provider (RFC 7519).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "key_ring.h"
#include "trunkline/identity.hpp"

namespace identity_local {

/// What goes into a token. Borrows.
struct TokenContent {
  std::string_view user_id;
  std::string_view resource_id;
  const std::vector<trunkline::identity::TokenScope>& scopes;
  std::string_view data_location;
  std::string_view issuer;  // empty: none
  trunkline::Time issued_at;
  trunkline::Time expires_at;
  /// Of the user when the token was issued; a revocation changes it. `iat` alone has only seconds.
  std::int64_t generation = 0;
};

/// The payload is put together by hand: a JSON library would cost as much as the rest beside the signature.
std::string write_token(const TokenContent& content, const RingKey& key);

/// What a token says that one of `keys` has signed.
struct VerifiedToken {
  trunkline::identity::TokenClaims claims;
  std::int64_t generation = 0;
};
/// Throws kUnauthenticated unless it is a JWT of at most 16 KiB with a right signature. Nothing of the payload is read before the
/// signature has been checked.
VerifiedToken check_token(const KeyRing::Keys& keys, std::string_view token);

/// `chat`, `voip`, `chat.join`, …; nullopt for values this version does not know.
std::optional<std::string_view> scope_name(trunkline::identity::TokenScope scope);

/// Letters, digits, space, `-` and `_`: nothing that JSON would have to escape.
bool is_plain(std::string_view text);

}  // namespace identity_local
