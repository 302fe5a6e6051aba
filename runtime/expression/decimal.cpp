#include "runtime/expression/decimal.h"

#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace trunkline::expression {
namespace {

using Wide = boost::multiprecision::uint256_t;
using U128 = unsigned __int128;

constexpr int kMaxScale = 28;
constexpr U128 kLimit = static_cast<U128>(1) << 96;
constexpr std::uint64_t kSubtype = 0x444543;  // "DEC"

Wide widen(U128 value) {
  Wide out = static_cast<std::uint64_t>(value >> 64);
  out <<= 64;
  out |= static_cast<std::uint64_t>(value);
  return out;
}

U128 narrow(const Wide& value) {
  return (static_cast<U128>(static_cast<std::uint64_t>(value >> 64)) << 64) |
         static_cast<std::uint64_t>(value & Wide(UINT64_MAX));
}

Wide power_of_ten(int exponent) {
  Wide out = 1;
  while (exponent-- > 0) out *= 10;
  return out;
}

/// The nearest decimal, halves to even. `sticky`: there were further digits, not all zero, behind.
std::optional<Decimal> fit(Wide digits, int scale, bool negative, bool sticky = false) {
  const Wide limit = widen(kLimit);
  int drop = scale > kMaxScale ? scale - kMaxScale : 0;
  for (Wide rest = drop ? Wide(digits / power_of_ten(drop)) : digits; rest >= limit; rest /= 10) drop++;
  for (;;) {
    Wide kept = digits;
    if (drop > 0) {
      const Wide unit = power_of_ten(drop);
      const Wide lost = digits % unit;
      kept = digits / unit;
      const Wide twice = lost * 2;
      if (twice > unit || (twice == unit && (sticky || (kept & 1) != 0))) kept += 1;
    }
    if (kept >= limit) {  // rounding carried over
      drop++;
      continue;
    }
    if (scale - drop < 0) return std::nullopt;
    return Decimal{narrow(kept), static_cast<std::uint8_t>(scale - drop), negative};
  }
}

}  // namespace

Decimal Decimal::from_integer(std::int64_t value) {
  const std::uint64_t magnitude = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  return {magnitude, 0, value < 0};
}

std::optional<Decimal> Decimal::from_double(double value) {
  if (!std::isfinite(value) || std::fabs(value) >= 7.9228162514264338e28) return std::nullopt;
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.14e", value);
  std::string digits;
  for (const char* c = text.data(); *c && *c != 'e'; ++c)
    if (*c >= '0' && *c <= '9') digits += *c;
  int exponent = std::atoi(std::strchr(text.data(), 'e') + 1) - 14;  // NOLINT(cert-err34-c): snprintf wrote it
  while (digits.size() > 1 && digits.back() == '0') {
    digits.pop_back();
    exponent++;
  }
  Wide wide = std::strtoull(digits.c_str(), nullptr, 10);
  if (exponent > 0) {
    wide *= power_of_ten(exponent);
    exponent = 0;
  }
  if (-exponent > 60) return Decimal{};
  return fit(wide, -exponent, value < 0);
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  } else if (text.size() > 1 && (text.back() == '+' || text.back() == '-')) {
    negative = text.back() == '-';
    text.remove_suffix(1);
  }
  Wide digits = 0;
  int scale = 0;
  int kept = 0;
  bool any = false;
  bool point = false;
  bool sticky = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
    } else if (c == ',' && any && !point) {
      continue;
    } else if (c >= '0' && c <= '9') {
      any = true;
      // More digits than can matter are only remembered as "something follows".
      if (kept >= 60) {
        sticky |= c != '0';
        if (!point) return std::nullopt;
        continue;
      }
      digits = digits * 10 + static_cast<unsigned>(c - '0');
      if (digits != 0) kept++;
      if (point) scale++;
      if (scale >= 70) return Decimal{0, kMaxScale, negative};
    } else {
      return std::nullopt;
    }
  }
  if (!any) return std::nullopt;
  return fit(digits, scale, negative, sticky);
}

std::string Decimal::to_text() const {
  std::string out;
  U128 rest = digits;
  do {
    out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (scale > 0) {
    if (out.size() <= scale) out.insert(0, scale + 1 - out.size(), '0');
    out.insert(out.size() - scale, ".");
  }
  if (negative && digits != 0) out.insert(0, "-");
  return out;
}

double Decimal::to_double() const { return std::strtod(to_text().c_str(), nullptr); }

std::optional<Decimal> add(const Decimal& left, const Decimal& right) {
  const int scale = std::max(left.scale, right.scale);
  const Wide a = widen(left.digits) * power_of_ten(scale - left.scale);
  const Wide b = widen(right.digits) * power_of_ten(scale - right.scale);
  if (left.negative == right.negative) return fit(a + b, scale, left.negative);
  return a >= b ? fit(a - b, scale, left.negative) : fit(b - a, scale, right.negative);
}

std::optional<Decimal> multiply(const Decimal& left, const Decimal& right) {
  return fit(widen(left.digits) * widen(right.digits), left.scale + right.scale, left.negative != right.negative);
}

std::optional<Decimal> divide(const Decimal& left, const Decimal& right) {
  if (right.is_zero()) return std::nullopt;
  const bool negative = left.negative != right.negative;
  const Wide divisor = widen(right.digits);
  // The exact quotient with the fewest places, when 28 places suffice; else the rounded one.
  int scale = left.scale - right.scale;
  Wide dividend = widen(left.digits);
  if (scale < 0) {
    dividend *= power_of_ten(-scale);
    scale = 0;
  }
  while (dividend % divisor != 0 && scale < kMaxScale + 1) {
    dividend *= 10;
    scale++;
  }
  return fit(dividend / divisor, scale, negative, dividend % divisor != 0);
}

std::optional<Decimal> remainder(const Decimal& left, const Decimal& right) {
  if (right.is_zero()) return std::nullopt;
  const int scale = std::max(left.scale, right.scale);
  const Wide a = widen(left.digits) * power_of_ten(scale - left.scale);
  const Wide b = widen(right.digits) * power_of_ten(scale - right.scale);
  return fit(a % b, scale, left.negative);
}

Decimal negate(Decimal value) {
  value.negative = !value.negative;
  return value;
}

int compare(const Decimal& left, const Decimal& right) {
  const int scale = std::max(left.scale, right.scale);
  const Wide a = widen(left.digits) * power_of_ten(scale - left.scale);
  const Wide b = widen(right.digits) * power_of_ten(scale - right.scale);
  const bool left_negative = left.negative && !left.is_zero();
  const bool right_negative = right.negative && !right.is_zero();
  if (left_negative != right_negative) return left_negative ? -1 : 1;
  const int order = a < b ? -1 : a > b ? 1 : 0;
  return left_negative ? -order : order;
}

bool is_decimal(const Value& value) { return value.is_binary() && value.get_binary().subtype() == kSubtype; }

Value to_value(const Decimal& decimal) {
  std::vector<std::uint8_t> bytes(18);
  std::memcpy(bytes.data(), &decimal.digits, 16);
  bytes[16] = decimal.scale;
  bytes[17] = decimal.negative ? 1 : 0;
  return Value::binary(std::move(bytes), kSubtype);
}

Decimal decimal_of(const Value& value) {
  Decimal out;
  const auto& bytes = value.get_binary();
  std::memcpy(&out.digits, bytes.data(), 16);
  out.scale = bytes[16];
  out.negative = bytes[17] != 0;
  return out;
}

void settle_decimals(Value& value) {
  if (value.is_binary()) {
    value = is_decimal(value) ? Value(decimal_of(value).to_double()) : Value(nullptr);
  } else if (value.is_structured()) {
    for (auto& item : value) settle_decimals(item);
  }
}

bool has_decimals(const Value& value) {
  if (value.is_binary()) return true;
  if (!value.is_structured()) return false;
  for (const auto& item : value)
    if (has_decimals(item)) return true;
  return false;
}

}  // namespace trunkline::expression
