// Text encodings of bytes: base64, base64url and hex.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trunkline {

/// Text as bytes, without a copy.
inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// RFC 4648 section 4, with padding.
std::string base64_encode(std::span<const std::uint8_t> bytes);
inline std::string base64_encode(std::string_view bytes) { return base64_encode(as_bytes(bytes)); }
/// Strict: exact padding, no other characters, zero spare bits. Every byte string has exactly one accepted form, so two texts
/// that decode alike are equal. nullopt when malformed.
std::optional<std::string> base64_decode(std::string_view text);

/// RFC 4648 section 5, without padding, as JWT wants it.
std::string base64url_encode(std::span<const std::uint8_t> bytes);
inline std::string base64url_encode(std::string_view bytes) { return base64url_encode(as_bytes(bytes)); }
/// As strict as base64_decode; padding is refused.
std::optional<std::string> base64url_decode(std::string_view text);

/// Lower case.
std::string hex_encode(std::span<const std::uint8_t> bytes);
/// Either case; nullopt for an odd length or another character.
std::optional<std::string> hex_decode(std::string_view text);

}  // namespace trunkline
