#include "runtime/base/json_writer.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

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

// append_json_string() differs in DEL and in the short forms of two controls; answers stay what they were.
void append_text(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt";
  out += '"';
  for (;;) {
    const std::size_t plain = plain_json_prefix(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    if (const auto at = kNamed.find(c); at != std::string_view::npos) {
      out += '\\';
      out += kNames[at];
      text.remove_prefix(1);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
      text.remove_prefix(1);
    } else if (const std::string_view before = text; take_code_point(text)) {
      out.append(before.substr(0, before.size() - text.size()));
    } else {
      append_utf8(out, 0xfffd);
      text.remove_prefix(1);
    }
  }
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

std::size_t plain_json_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  std::uint64_t word = each(' ');
  for (; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (!all_plain(word)) break;
  }
  // What is left as a word too: with bytes that were looked at before, or with blanks.
  if (const std::size_t left = text.size() - at; left < sizeof word) {
    if (left == 0) return at;
    if (text.size() >= sizeof word)
      std::memcpy(&word, text.data() + (text.size() - sizeof word), sizeof word);
    else
      std::memcpy(&word, text.data(), left);
    if (all_plain(word)) return text.size();
  }
  while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

void append_json(std::string& out, const json& value) {
  switch (value.type()) {
    case json::value_t::object: {
      char before = '{';
      for (const auto& [key, member] : value.get_ref<const json::object_t&>()) {
        out += std::exchange(before, ',');
        append_text(out, key);
        out += ':';
        append_json(out, member);
      }
      out += before == '{' ? "{}" : "}";
      return;
    }
    case json::value_t::array: {
      char before = '[';
      for (const json& element : value.get_ref<const json::array_t&>()) {
        out += std::exchange(before, ',');
        append_json(out, element);
      }
      out += before == '[' ? "[]" : "]";
      return;
    }
    case json::value_t::string:
      return append_text(out, value.get_ref<const std::string&>());
    case json::value_t::number_integer:
      return append_number(out, value.get<std::int64_t>());
    case json::value_t::number_unsigned:
      return append_number(out, value.get<std::uint64_t>());
    default:
      out += value.dump();  // nothing in it can be malformed
  }
}

std::string write_json(const json& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace trunkline
