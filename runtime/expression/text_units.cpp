#include "runtime/expression/text_units.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "runtime/base/utf8.h"

namespace trunkline::expression {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
// In no culture, these two have no counterpart: they belong to Turkish.
constexpr char32_t kCapitalDottedI = 0x130;
constexpr char32_t kSmallDotlessI = 0x131;

char32_t next(std::string_view& text) {
  if (const auto point = take_code_point(text)) return *point;
  text.remove_prefix(1);
  return kReplacement;
}

void append_unit(std::u16string& out, char32_t point) {
  if (point < 0x10000) {
    out += static_cast<char16_t>(point);
  } else {
    out += static_cast<char16_t>(0xD7C0 + (point >> 10));
    out += static_cast<char16_t>(0xDC00 + (point & 0x3FF));
  }
}

char32_t upper(char32_t point) {
  if (point < 0x80) return point >= 'a' && point <= 'z' ? point - ('a' - 'A') : point;
  return point == kSmallDotlessI ? point : static_cast<char32_t>(u_toupper(static_cast<UChar32>(point)));
}

char32_t lower(char32_t point) {
  if (point < 0x80) return point >= 'A' && point <= 'Z' ? point + ('a' - 'A') : point;
  return point == kCapitalDottedI ? point : static_cast<char32_t>(u_tolower(static_cast<UChar32>(point)));
}

template <typename Map>
std::string mapped(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) append_utf8(out, map(next(text)));
  return out;
}

}  // namespace

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::u16string to_utf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  while (!text.empty()) append_unit(out, next(text));
  return out;
}

std::string to_utf8(std::u16string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t unit = text[i];
    if (unit < 0xD800 || unit > 0xDFFF) {
      append_utf8(out, unit);
    } else if (unit < 0xDC00 && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] <= 0xDFFF) {
      append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (text[i + 1] - 0xDC00));
      ++i;
    } else {
      append_utf8(out, kReplacement);
    }
  }
  return out;
}

std::size_t unit_count(std::string_view text) { return utf16_length(text); }

std::string unit_slice(std::string_view text, std::size_t begin, std::size_t count) {
  if (is_ascii(text)) return std::string(text.substr(begin, count));
  return to_utf8(std::u16string_view(to_utf16(text)).substr(begin, count));
}

std::string to_lower(std::string_view text) { return mapped(text, lower); }
std::string to_upper(std::string_view text) { return mapped(text, upper); }

std::u16string folded(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char32_t point = next(text);
    const char32_t big = upper(point);
    // A mapping that changes the number of units would shift indexes.
    append_unit(out, (point < 0x10000) == (big < 0x10000) ? big : point);
  }
  return out;
}

bool equal_folded(std::string_view left, std::string_view right) {
  if (is_ascii(left) && is_ascii(right)) {
    return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) {
             return upper(static_cast<unsigned char>(a)) == upper(static_cast<unsigned char>(b));
           });
  }
  return folded(left) == folded(right);
}

bool is_letter(char32_t code_point) { return u_isalpha(static_cast<UChar32>(code_point)) != 0; }

bool is_white_space(char32_t code_point) { return u_isUWhiteSpace(static_cast<UChar32>(code_point)) != 0; }

std::string_view trimmed(std::string_view text) {
  for (;;) {
    std::string_view rest = text;
    const auto point = take_code_point(rest);
    if (!point || !is_white_space(*point)) break;
    text = rest;
  }
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80 && text.size() - begin < 4) --begin;
    std::string_view last = text.substr(begin);
    const auto point = take_code_point(last);
    if (!point || !last.empty() || !is_white_space(*point)) break;
    text = text.substr(0, begin);
  }
  return text;
}

int compare_ordinal(std::string_view left, std::string_view right) {
  const auto [a, b] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  if (a == left.end() || b == right.end()) return a == left.end() ? (b == right.end() ? 0 : -1) : 1;
  const auto first = static_cast<unsigned char>(*a);
  const auto second = static_cast<unsigned char>(*b);
  // Only where a surrogate pair meets U+E000 to U+FFFF do bytes order differently from units.
  const bool first_pair = first >= 0xF0;
  const bool second_pair = second >= 0xF0;
  if (first_pair != second_pair && (first_pair ? second : first) >= 0xEE) return first_pair ? -1 : 1;
  return first < second ? -1 : 1;
}

}  // namespace trunkline::expression
