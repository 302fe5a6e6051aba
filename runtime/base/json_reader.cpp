#include "runtime/base/json_reader.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"

namespace trunkline {
namespace {

using nlohmann::json;

constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

constexpr std::uint64_t each(std::uint64_t byte) { return byte * 0x0101010101010101; }
/// Not zero when a byte of the word is zero.
constexpr std::uint64_t has_zero(std::uint64_t word) { return (word - each(0x01)) & ~word & each(0x80); }
constexpr bool all_plain(std::uint64_t word) {
  const std::uint64_t controls = (word - each(0x20)) & ~word & each(0x80);
  return (controls | (word & each(0x80)) | has_zero(word ^ each('"')) | has_zero(word ^ each('\\')) |
          has_zero(word ^ each(0x7f))) == 0;
}

}  // namespace

std::size_t plain_json_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::uint64_t word; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (!all_plain(word)) break;
  }
  while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

bool JsonReader::read(json& value) { return read_value(value) && peek() == '\0' && rest_.empty(); }

char JsonReader::peek() {
  std::size_t at = 0;
  while (at < rest_.size() && (rest_[at] == ' ' || rest_[at] == '\n' || rest_[at] == '\r' || rest_[at] == '\t')) ++at;
  rest_.remove_prefix(at);
  return rest_.empty() ? '\0' : rest_.front();
}

bool JsonReader::take(std::string_view word) {
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

bool JsonReader::read_value(json& value) {
  switch (peek()) {
    case '{':
      return read_object(value);
    case '[':
      return read_array(value);
    case '"': {
      rest_.remove_prefix(1);
      std::string text;
      if (!read_string(text)) return false;
      value = std::move(text);
      return true;
    }
    case 't':
      value = true;
      return take("true");
    case 'f':
      value = false;
      return take("false");
    case 'n':
      value = nullptr;
      return take("null");
    default:
      return read_number(value);
  }
}

bool JsonReader::read_object(json& value) {
  if (levels_ == 0) return false;
  --levels_;
  rest_.remove_prefix(1);
  value = json::object();
  auto& members = value.get_ref<json::object_t&>();
  if (peek() == '}') {
    rest_.remove_prefix(1);
  } else {
    for (;;) {
      if (peek() != '"') return false;
      rest_.remove_prefix(1);
      std::string key;
      if (!read_string(key) || peek() != ':') return false;
      rest_.remove_prefix(1);
      if (!read_value(members[std::move(key)])) return false;  // of two with one name the last counts
      const char next = peek();
      if (next != ',' && next != '}') return false;
      rest_.remove_prefix(1);
      if (next == '}') break;
    }
  }
  ++levels_;
  return true;
}

bool JsonReader::read_array(json& value) {
  if (levels_ == 0) return false;
  --levels_;
  rest_.remove_prefix(1);
  value = json::array();
  auto& elements = value.get_ref<json::array_t&>();
  if (peek() == ']') {
    rest_.remove_prefix(1);
  } else {
    for (;;) {
      if (!read_value(elements.emplace_back())) return false;
      const char next = peek();
      if (next != ',' && next != ']') return false;
      rest_.remove_prefix(1);
      if (next == ']') break;
    }
  }
  ++levels_;
  return true;
}

bool JsonReader::read_number(json& value) {
  const auto digits = [this](std::size_t& at) {
    const std::size_t first = at;
    while (at < rest_.size() && is_digit(rest_[at])) ++at;
    return at > first;
  };
  std::size_t at = 0;
  const bool negative = rest_.starts_with('-');
  if (negative) ++at;
  const std::size_t whole = at;
  if (!digits(at) || (rest_[whole] == '0' && at > whole + 1)) return false;
  bool fraction = false;
  if (at < rest_.size() && rest_[at] == '.') {
    fraction = true;
    if (!digits(++at)) return false;
  }
  if (at < rest_.size() && (rest_[at] == 'e' || rest_[at] == 'E')) {
    fraction = true;
    ++at;
    if (at < rest_.size() && (rest_[at] == '+' || rest_[at] == '-')) ++at;
    if (!digits(at)) return false;
  }
  const char* const begin = rest_.data();
  const char* const end = begin + at;
  const auto convert = [&](auto number) {
    if (std::from_chars(begin, end, number).ec != std::errc{}) return false;
    value = number;
    return true;
  };
  // Too large for 64 bits: as nlohmann does, as a floating point number. Too large for that as well: an error, which it words.
  const bool done = !fraction && (negative ? convert(std::int64_t{}) : convert(std::uint64_t{}));
  if (!done && !convert(double{})) return false;
  rest_.remove_prefix(at);
  return true;
}

bool JsonReader::read_string(std::string& text) {
  for (;;) {
    const std::size_t plain = plain_json_prefix(rest_);
    text.append(rest_.substr(0, plain));
    rest_.remove_prefix(plain);
    if (rest_.empty()) return false;
    const auto c = static_cast<unsigned char>(rest_.front());
    if (c == '"') {
      rest_.remove_prefix(1);
      return true;
    }
    if (c == '\\') {
      if (!read_escape(text)) return false;
      continue;
    }
    const std::string_view before = rest_;
    if (c < 0x20 || !take_code_point(rest_)) return false;
    text.append(before.substr(0, before.size() - rest_.size()));
  }
}

bool JsonReader::read_hex(char32_t& unit) {
  if (rest_.size() < 4) return false;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 4, number, 16);
  if (error != std::errc{} || end != rest_.data() + 4) return false;
  unit = number;
  rest_.remove_prefix(4);
  return true;
}

bool JsonReader::read_escape(std::string& text) {
  if (rest_.size() < 2) return false;
  const char c = rest_[1];
  rest_.remove_prefix(2);
  if (c == 'u') {
    char32_t unit = 0, low = 0;
    if (!read_hex(unit) || (unit >= 0xdc00 && unit < 0xe000)) return false;
    if (unit >= 0xd800 && unit < 0xdc00) {
      if (!take("\\u") || !read_hex(low) || low < 0xdc00 || low >= 0xe000) return false;
      unit = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
    }
    append_utf8(text, unit);
    return true;
  }
  constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  const auto at = kNames.find(c);
  if (at == std::string_view::npos) return false;
  text.push_back(kMeanings[at]);
  return true;
}

}  // namespace trunkline
