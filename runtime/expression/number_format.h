// Numbers as text by .NET's formats, and text as numbers by .NET's styles.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/expression/culture.h"
#include "runtime/expression/value.h"

namespace trunkline::expression {

/// `number` must be a number or a decimal. A standard letter with a precision (C2, N0, E3, X4, …) or a custom pattern; nullopt:
/// the format does not fit.
std::optional<std::string> format_number(const Value& number, std::string_view format, const Culture& culture);

/// Blanks around it and one sign before it; nullopt: no 64-bit integer.
std::optional<std::int64_t> parse_integer(std::string_view text);
/// Sign before or after, thousands separators anywhere before the point, exponent. nullopt: none.
std::optional<double> parse_float(std::string_view text, const Culture& culture);

}  // namespace trunkline::expression
