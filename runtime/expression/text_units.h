// Text as the language counts it: in UTF-16 units, with .NET's ordinal rules.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trunkline::expression {

bool is_ascii(std::string_view text);
std::u16string to_utf16(std::string_view text);
/// Half a surrogate pair becomes U+FFFD.
std::string to_utf8(std::u16string_view text);

/// Number of UTF-16 units.
std::size_t unit_count(std::string_view text);
/// `count` units from unit `begin` on; both must lie inside.
std::string unit_slice(std::string_view text, std::size_t begin, std::size_t count);

/// Simple case mapping, character by character, by no culture's rules.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
/// Both in upper case, for comparing and searching without regard to case; indexes in it are indexes in the text.
std::u16string folded(std::string_view text);
bool equal_folded(std::string_view left, std::string_view right);

bool is_letter(char32_t code_point);
/// Unicode white space.
bool is_white_space(char32_t code_point);
std::string_view trimmed(std::string_view text);

/// By UTF-16 units: negative, zero, positive.
int compare_ordinal(std::string_view left, std::string_view right);

}  // namespace trunkline::expression
