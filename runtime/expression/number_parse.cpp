// Text as numbers, by the styles of .NET.
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "runtime/expression/number_format.h"
#include "runtime/expression/text_units.h"

namespace trunkline::expression {

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view text, const Culture& culture) {
  text = trimmed(text);
  const auto take = [&](std::string_view token) {
    if (token.empty() || !text.starts_with(token)) return false;
    text.remove_prefix(token.size());
    return true;
  };
  // A blank as separator is written in several ways.
  const bool blank_groups = culture.group_separator == "\u202F" || culture.group_separator == "\u00A0";
  const auto take_group = [&] {
    if (blank_groups) return take("\u202F") || take("\u00A0") || take(" ");
    return take(culture.group_separator);
  };
  bool negative = false;
  bool has_sign = false;
  const auto take_sign = [&] {
    if (has_sign) return false;
    if (take("-") || take(culture.minus)) {
      negative = has_sign = true;
      return true;
    }
    has_sign = take("+");
    return has_sign;
  };
  const bool parenthesis = take("(");
  take_sign();
  std::string plain;
  bool any = false;
  bool point = false;
  while (!text.empty()) {
    if (text.front() >= '0' && text.front() <= '9') {
      plain += text.front();
      text.remove_prefix(1);
      any = true;
    } else if (!point && take(culture.decimal_separator)) {
      plain += '.';
      point = true;
    } else if (point || !any || !take_group()) {
      break;
    }
  }
  if (!any) return std::nullopt;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    plain += 'e';
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
      plain += text.front();
      text.remove_prefix(1);
    }
    const std::size_t before = plain.size();
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      plain += text.front();
      text.remove_prefix(1);
    }
    if (plain.size() == before) return std::nullopt;
  }
  text = trimmed(text);
  take_sign();
  if (parenthesis) {
    if (has_sign || !take(")")) return std::nullopt;
    negative = true;
  }
  if (!text.empty()) return std::nullopt;
  const double value = std::strtod(plain.c_str(), nullptr);
  if (!std::isfinite(value)) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace trunkline::expression
