#include "support/text.hpp"

#include <cstdint>
#include <cstring>

namespace trunkline::node {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Length of the ASCII prefix, eight bytes at a time.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    if (word & 0x8080808080808080u) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

/// Length of the well-formed sequence at the start of `text`, or 0 (RFC 3629: no overlong forms, surrogates or values past
/// U+10FFFF).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned char low = 0x80, unsigned char high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned char low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void append_code_point(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

}  // namespace

Appended append_utf8(std::string& out, std::string_view text) {
  const std::size_t plain = ascii_prefix(text);
  out.append(text.substr(0, plain));
  if (plain == text.size()) return {plain, true};
  std::size_t units = plain;
  for (std::string_view rest = text.substr(plain); !rest.empty();) {
    const std::size_t length = sequence_length(rest);
    if (length == 0) {
      out.append(kReplacement);
      units += 1;
      rest.remove_prefix(1);
      continue;
    }
    out.append(rest.substr(0, length));
    units += length == 4 ? 2 : 1;
    rest.remove_prefix(length);
  }
  return {units, false};
}

std::string to_utf8(std::u16string_view text) {
  std::string out(text.size(), '\0');
  std::size_t plain = 0;
  for (; plain < text.size() && text[plain] < 0x80; ++plain) out[plain] = static_cast<char>(text[plain]);
  out.resize(plain);
  for (std::size_t i = plain; i < text.size(); ++i) {
    const char16_t unit = text[i];
    if (unit < 0x80) {
      out.push_back(static_cast<char>(unit));
    } else if (unit < 0xD800 || unit > 0xDFFF) {
      append_code_point(out, unit);
    } else if (unit < 0xDC00 && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] <= 0xDFFF) {
      append_code_point(out, 0x10000 + ((unit - 0xD800u) << 10) + (text[++i] - 0xDC00u));
    } else {
      out.append(kReplacement);
    }
  }
  return out;
}

}  // namespace trunkline::node
