// What the sandbox inventory offers: countries, kinds of numbers, places, prices. Our own table; fictitious prices in US dollars.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/service.hpp"

namespace trunkline {

/// An area code within a country, or a mobile or toll-free prefix.
struct NumberArea {
  std::string_view code;
  /// Empty for numbers without a place.
  std::string locality;
  /// State or province, such as `NY`; empty where the country has none.
  std::string_view division;
  /// Digits that follow the code.
  int subscriber_digits = 0;
  /// The subscriber number of the first number.
  std::uint64_t first = 0;
};

struct NumberOffer {
  service::NumberType type = service::NumberType::kUnknown;
  std::int64_t monthly_cost_micros = 0;
  /// Buyers must agree not to resell.
  bool no_resell = false;
  /// In the order of preference.
  std::vector<NumberArea> areas;
  service::NumberCapability calling = service::NumberCapability::kNone;
  service::NumberCapability sms = service::NumberCapability::kNone;
};

struct NumberCountry {
  std::string_view code;  // ISO 3166-1 alpha-2
  std::string_view name;
  std::string_view calling_code;
  /// What people dial before the area code within the country; may be empty.
  std::string_view trunk_prefix;
  std::vector<NumberOffer> offers;
};

/// Where a number stands in its country's plan. `offer` and `area` are null when the plan does not list its beginning.
struct NumberPlace {
  const NumberCountry* country = nullptr;
  const NumberOffer* offer = nullptr;
  const NumberArea* area = nullptr;
};

/// By code. Read once, then constant.
std::span<const NumberCountry> number_countries();
/// Null when the sandbox does not offer the country.
const NumberCountry* find_number_country(std::string_view code);
const NumberOffer* find_number_offer(const NumberCountry& country, service::NumberType type);
const NumberArea* find_number_area(const NumberOffer& offer, std::string_view code);
/// The n-th number of an area: fixed, so that equal seeds give equal numbers.
std::string nth_number(const NumberCountry& country, const NumberArea& area, std::uint64_t n);

/// The longest area code of the country that the number begins with. `country` is null for an unknown one.
NumberPlace place_of(std::string_view country_code, std::string_view e164);
/// As people write it within the country, such as `(425) 555-0123` or `030 5570 0000`.
std::string national_format(const NumberPlace& place, std::string_view e164);
/// As people write it elsewhere, such as `+1 425-555-0123` or `+49 30 5570 0000`.
std::string international_format(const NumberPlace& place, std::string_view e164);

/// The table as text, see number_plan_data.cpp.
extern const std::string_view kNumberPlan;

}  // namespace trunkline
