// System.Decimal: 96 bits of digits and a scale of 0 to 28; arithmetic that would lose the point keeps it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/expression/value.h"

namespace trunkline::expression {

struct Decimal {
  /// The value is (-1)^negative * digits / 10^scale; digits below 2^96, scale 0 to 28.
  unsigned __int128 digits = 0;
  std::uint8_t scale = 0;
  bool negative = false;

  static Decimal from_integer(std::int64_t value);
  /// Rounded to 15 significant digits, as .NET does; nullopt when out of range.
  static std::optional<Decimal> from_double(double value);
  /// Sign, digits, point, digits; thousands commas before the point. No exponent. nullopt: not one, or out of range.
  static std::optional<Decimal> parse(std::string_view text);

  std::string to_text() const;
  double to_double() const;
  bool is_zero() const { return digits == 0; }
};

/// nullopt: overflow, or division by zero (ask is_zero() first).
std::optional<Decimal> add(const Decimal& left, const Decimal& right);
std::optional<Decimal> multiply(const Decimal& left, const Decimal& right);
std::optional<Decimal> divide(const Decimal& left, const Decimal& right);
std::optional<Decimal> remainder(const Decimal& left, const Decimal& right);
Decimal negate(Decimal value);
int compare(const Decimal& left, const Decimal& right);

/// A decimal as a value of an evaluation, see Value.
bool is_decimal(const Value& value);
/// A number as JSON has it, or one of these.
inline bool is_numeric(const Value& value) { return value.is_number() || is_decimal(value); }
Value to_value(const Decimal& decimal);
/// `value` must be one.
Decimal decimal_of(const Value& value);
/// Turns every decimal inside into a double.
void settle_decimals(Value& value);
bool has_decimals(const Value& value);

}  // namespace trunkline::expression
