// The country of a phone number.
#pragma once
#include <cstdint>
#include <string_view>

namespace trunkline {

/// ISO 3166-1 alpha-2 of an E.164 number (`+` and digits) by its calling code, and by area code where countries share one (+1,
/// +7); empty: no country, such as satellite networks. Countries that share a code without a rule we know (+39 with the Vatican,
/// +44 with Jersey) count as the larger one. Constant time, no allocation.
std::string_view country_of(std::string_view e164) noexcept;

/// `US` as a number that compares fast; 0 unless it is two letters A to Z.
constexpr std::uint16_t country_key(std::string_view iso) noexcept {
  if (iso.size() != 2 || iso[0] < 'A' || iso[0] > 'Z' || iso[1] < 'A' || iso[1] > 'Z') return 0;
  return static_cast<std::uint16_t>(iso[0] << 8 | iso[1]);
}

}  // namespace trunkline
