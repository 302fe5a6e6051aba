#include "runtime/base/utf8.h"

namespace trunkline {
namespace {

template <class OnCodePoint, class OnBadByte>
void walk(std::string_view text, OnCodePoint on_code_point, OnBadByte on_bad_byte) {
  while (!text.empty()) {
    if (const auto c = take_code_point(text)) {
      on_code_point(*c);
    } else {
      on_bad_byte();
      text.remove_prefix(1);
    }
  }
}

}  // namespace

std::optional<char32_t> take_code_point(std::string_view& text) noexcept {
  if (text.empty()) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    text.remove_prefix(1);
    return first;
  }
  std::size_t length;
  char32_t value, smallest;
  if ((first & 0xe0) == 0xc0) {
    length = 2, value = first & 0x1f, smallest = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, value = first & 0x0f, smallest = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, value = first & 0x07, smallest = 0x10000;
  } else {
    return std::nullopt;
  }
  if (text.size() < length) return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (byte(i) & 0x3f);
  }
  if (value < smallest || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

std::size_t utf8_valid_prefix(std::string_view text) noexcept {
  std::string_view rest = text;
  while (take_code_point(rest)) {
  }
  return text.size() - rest.size();
}

bool utf8_valid(std::string_view text) noexcept { return utf8_valid_prefix(text) == text.size(); }

std::size_t utf8_length(std::string_view text) noexcept {
  std::size_t count = 0;
  walk(
      text, [&](char32_t) { ++count; }, [&] { ++count; });
  return count;
}

std::size_t utf16_length(std::string_view text) noexcept {
  std::size_t count = 0;
  walk(
      text, [&](char32_t c) { count += c >= 0x10000 ? 2 : 1; }, [&] { ++count; });
  return count;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  }
}

std::string utf8_sanitized(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  walk(
      text, [&](char32_t c) { append_utf8(out, c); }, [&] { append_utf8(out, 0xfffd); });
  return out;
}

}  // namespace trunkline
