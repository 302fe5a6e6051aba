// UTF-8: validation and counting.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trunkline {

/// Takes the first code point off `text`. nullopt (and `text` unchanged) when it is empty or does not begin with a well-formed
/// sequence: no overlong forms, no surrogates, nothing above U+10FFFF.
std::optional<char32_t> take_code_point(std::string_view& text) noexcept;

bool utf8_valid(std::string_view text) noexcept;
/// Number of bytes before the first malformed one.
std::size_t utf8_valid_prefix(std::string_view text) noexcept;
/// Number of code points. Malformed bytes count as one each.
std::size_t utf8_length(std::string_view text) noexcept;
/// Number of UTF-16 code units, which is what UCS-2 messages and most published length limits count.
std::size_t utf16_length(std::string_view text) noexcept;
/// `code_point` must be a Unicode scalar value.
void append_utf8(std::string& out, char32_t code_point);
/// The text with every malformed byte replaced by U+FFFD.
std::string utf8_sanitized(std::string_view text);

}  // namespace trunkline
