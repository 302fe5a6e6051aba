// The JSON Web Tokens of this provider (RFC 7519).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rsa_key.h"
#include "trunkline/identity.hpp"

namespace identity_local {

/// What goes into a token.
struct TokenContent {
  std::string user_id;
  std::string resource_id;
  std::vector<trunkline::identity::TokenScope> scopes;
  std::string data_location;
  trunkline::Time issued_at;
  trunkline::Time expires_at;
  /// Of the user when the token was issued; a revocation changes it. `iat` alone has only seconds.
  std::int64_t generation = 0;
};

std::string write_token(const TokenContent& content, const RsaKey& key);

/// A token in its parts, not verified.
struct ParsedToken {
  std::string key_id;
  std::string_view signed_part;  // of the text that was parsed
  std::string signature;
  std::string payload;  // JSON
};

/// Throws kUnauthenticated unless it is a JWT with RS256 of at most 16 KiB.
ParsedToken parse_token(std::string_view token);

/// What a payload says that has been verified. Throws kUnauthenticated when a claim is missing.
struct VerifiedToken {
  trunkline::identity::TokenClaims claims;
  std::int64_t generation = 0;
};
VerifiedToken read_payload(const std::string& payload);

/// The resource in a user's raw id, `8:acs:{resource}_{user}`; nullopt when it is none.
std::optional<std::string_view> resource_of(std::string_view user_id);

/// `chat`, `voip`, `chat.join`, …; nullopt for values this version does not know.
std::optional<std::string_view> scope_name(trunkline::identity::TokenScope scope);

}  // namespace identity_local
