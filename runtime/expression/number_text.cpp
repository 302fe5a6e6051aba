#include "runtime/expression/number_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace trunkline::expression {
namespace {

// Beyond these exponents .NET writes scientific notation.
constexpr int kSmallestPlainExponent = -5;
constexpr int kFirstScientificExponent = 15;

}  // namespace

void append_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  if (value == 0) {
    out += std::signbit(value) ? "-0" : "0";
    return;
  }
  // d.ddde±xx: the shortest digits and their exponent.
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size() - 1, value, std::chars_format::scientific).ptr;
  *end = '\0';  // for atoi
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  const int exponent = std::atoi(text.data() + e + 1);  // NOLINT(cert-err34-c): to_chars wrote it
  std::array<char, 20> digits;
  std::size_t count = 0;
  for (const char c : text.substr(0, e))
    if (c != '.') digits[count++] = c;
  if (exponent < kSmallestPlainExponent + 1 || exponent >= kFirstScientificExponent) {
    out += digits[0];
    if (count > 1) {
      out += '.';
      out.append(digits.data() + 1, count - 1);
    }
    out += exponent < 0 ? "E-" : "E+";
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) out += '0';
    out += std::to_string(magnitude);
  } else if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out.append(digits.data(), count);
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (count <= whole) {
      out.append(digits.data(), count);
      out.append(whole - count, '0');
    } else {
      out.append(digits.data(), whole);
      out += '.';
      out.append(digits.data() + whole, count - whole);
    }
  }
}

void append_json_double(std::string& out, double value) {
  // JSON has no such numbers; the service writes them as text.
  if (!std::isfinite(value)) {
    out += '"';
    append_double(out, value);
    out += '"';
    return;
  }
  const std::size_t begin = out.size();
  append_double(out, value);
  if (out.find_first_of(".E", begin) == std::string::npos) out += ".0";
}

}  // namespace trunkline::expression
