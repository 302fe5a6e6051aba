// Base64 with the URL alphabet and no padding (RFC 4648 section 5).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace identity_local {

std::string base64url(std::string_view bytes);
/// Strict: no padding, no white space, no bits beyond the last byte. nullopt when malformed.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace identity_local
