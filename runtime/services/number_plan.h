// What the sandbox inventory offers: countries, kinds of numbers, prices. Our own table; fictitious prices in US dollars.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "trunkline/service.hpp"

namespace trunkline {

struct NumberOffer {
  service::NumberType type;
  std::int64_t monthly_cost_micros;
  /// Buyers must agree not to resell.
  bool no_resell;
  /// Area codes (or mobile prefixes) within the country, in the order of preference.
  std::span<const std::string_view> area_codes;
  /// Digits that follow the area code.
  int subscriber_digits;
  service::NumberCapability calling;
  service::NumberCapability sms;
};

struct NumberCountry {
  std::string_view code;  // ISO 3166-1 alpha-2
  std::string_view name;
  std::string_view calling_code;
  std::span<const NumberOffer> offers;
};

std::span<const NumberCountry> number_countries();
/// Null when the sandbox does not offer the country.
const NumberCountry* find_number_country(std::string_view code);
const NumberOffer* find_number_offer(const NumberCountry& country, service::NumberType type);
/// The n-th number of an area code: fixed, so that equal seeds give equal numbers.
std::string nth_number(const NumberCountry& country, const NumberOffer& offer, std::string_view area_code, std::uint64_t n);

}  // namespace trunkline
