// Amounts in millionths of a currency, as text.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/strings.h"

namespace trunkline {

inline constexpr std::int64_t kMicrosPerUnit = 1'000'000;

/// `0.0075` as millionths; nullopt when it is no amount from 0 to a million with at most six decimals.
inline std::optional<std::int64_t> parse_micros(std::string_view text) {
  const auto dot = text.find('.');
  const auto whole = parse_number<std::int64_t>(text.substr(0, dot));
  if (!whole || *whole < 0 || *whole > kMicrosPerUnit) return std::nullopt;
  if (dot == std::string_view::npos) return *whole * kMicrosPerUnit;
  std::string decimals(text.substr(dot + 1));
  if (decimals.empty() || decimals.size() > 6 || !std::all_of(decimals.begin(), decimals.end(), is_digit)) return std::nullopt;
  decimals.resize(6, '0');
  return *whole * kMicrosPerUnit + *parse_number<std::int64_t>(decimals);
}

/// `0.0075`; two decimals at least.
inline std::string format_micros(std::int64_t micros) {
  std::string out = micros < 0 ? "-" : "";
  const std::int64_t amount = micros < 0 ? -micros : micros;
  out += std::to_string(amount / kMicrosPerUnit);
  std::string decimals = std::to_string(kMicrosPerUnit + amount % kMicrosPerUnit).substr(1);
  while (decimals.size() > 2 && decimals.back() == '0') decimals.pop_back();
  return out + "." + decimals;
}

}  // namespace trunkline
