// Identifiers and randomness.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace identity_local {

/// A random UUID (RFC 9562, version 4).
std::string random_uuid();
/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, hexadecimal.
bool is_uuid(std::string_view text);
/// A random number that JSON readers keep exactly: 1 to 2^53 - 1.
std::int64_t random_number();

}  // namespace identity_local
