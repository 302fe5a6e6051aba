#include "runtime/base/encoding.h"

#include <array>

namespace trunkline {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kBad = 0xff;

constexpr std::array<std::uint8_t, 256> reverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> table{};
  table.fill(kBad);
  for (std::size_t i = 0; i < alphabet.size(); ++i) table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}
constexpr auto kBase64Values = reverse(kBase64);
constexpr auto kBase64UrlValues = reverse(kBase64Url);

std::string encode(std::span<const std::uint8_t> bytes, std::string_view alphabet, bool pad) {
  const std::size_t rest = bytes.size() % 3;
  std::string out(bytes.size() / 3 * 4 + (rest == 0 ? 0 : pad ? 4 : rest + 1), '=');
  char* to = out.data();
  const std::uint8_t* from = bytes.data();
  const auto put = [&](std::uint32_t word, int count) {
    for (int i = 0; i < count; ++i) *to++ = alphabet[(word >> (18 - 6 * i)) & 63];
  };
  for (const std::uint8_t* const end = from + (bytes.size() - rest); from != end; from += 3)
    put(static_cast<std::uint32_t>(from[0] << 16 | from[1] << 8 | from[2]), 4);
  if (rest == 1) put(static_cast<std::uint32_t>(from[0] << 16), 2);
  if (rest == 2) put(static_cast<std::uint32_t>(from[0] << 16 | from[1] << 8), 3);
  return out;
}

// `text` carries no padding any more.
std::optional<std::string> decode(std::string_view text, const std::array<std::uint8_t, 256>& values) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out(text.size() * 3 / 4, '\0');
  char* to = out.data();
  const auto value = [&](char c) -> std::uint32_t { return values[static_cast<std::uint8_t>(c)]; };
  const char* from = text.data();
  for (const char* const end = from + text.size() / 4 * 4; from != end; from += 4) {
    const std::uint32_t a = value(from[0]), b = value(from[1]), c = value(from[2]), d = value(from[3]);
    if ((a | b | c | d) > 63) return std::nullopt;
    const std::uint32_t word = a << 18 | b << 12 | c << 6 | d;
    *to++ = static_cast<char>(word >> 16);
    *to++ = static_cast<char>(word >> 8);
    *to++ = static_cast<char>(word);
  }
  const std::size_t rest = text.size() % 4;
  if (rest == 0) return out;
  const std::uint32_t a = value(from[0]), b = value(from[1]), c = rest == 3 ? value(from[2]) : 0;
  if ((a | b | c) > 63) return std::nullopt;
  const std::uint32_t word = a << 18 | b << 12 | c << 6;
  if ((word & (rest == 2 ? 0xffff : 0xff)) != 0) return std::nullopt;  // spare bits must be zero
  *to++ = static_cast<char>(word >> 16);
  if (rest == 3) *to++ = static_cast<char>(word >> 8);
  return out;
}

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string base64_encode(std::span<const std::uint8_t> bytes) { return encode(bytes, kBase64, true); }
std::string base64url_encode(std::span<const std::uint8_t> bytes) { return encode(bytes, kBase64Url, false); }

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode(text, kBase64Values);
}

std::optional<std::string> base64url_decode(std::string_view text) { return decode(text, kBase64UrlValues); }

std::string hex_encode(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(bytes.size() * 2, '\0');
  char* to = out.data();
  for (const std::uint8_t b : bytes) {
    *to++ = kDigits[b >> 4];
    *to++ = kDigits[b & 15];
  }
  return out;
}

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

}  // namespace trunkline
