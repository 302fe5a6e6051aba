// Small helpers over ASCII text. None of them looks at the locale.
#pragma once
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline {

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
/// Of ASCII.
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_letter_or_digit(char c) noexcept { return is_letter(c) || is_digit(c); }

std::string to_lower(std::string_view text);
/// Equal without regard to the case of ASCII letters.
bool iequals(std::string_view a, std::string_view b) noexcept;
bool istarts_with(std::string_view text, std::string_view prefix) noexcept;
/// Position of `needle` at or after `from` without regard to case; npos when absent.
std::size_t ifind(std::string_view text, std::string_view needle, std::size_t from = 0) noexcept;
/// Without white space at both ends.
std::string_view trim(std::string_view text) noexcept;
/// The parts between separators, empty ones included; "" gives one empty part. Views into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string join(std::span<const std::string_view> parts, std::string_view separator);

/// The whole text as a decimal number; nullopt when it is anything else or does not fit.
template <class T>
std::optional<T> parse_number(std::string_view text) noexcept {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The candidate a person most likely meant by `word`: few edits away for its length. Empty when none comes close.
std::string_view closest_word(std::string_view word, std::span<const std::string_view> candidates);

/// Transparent hash and equality, so that maps keyed by std::string can be asked with a std::string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

}  // namespace trunkline
