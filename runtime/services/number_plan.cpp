#include "runtime/services/number_plan.h"

#include <algorithm>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

using service::NumberCapability;
using service::NumberType;

NumberType type_of(char letter) {
  switch (letter) {
    case 'T':
      return NumberType::kTollFree;
    case 'G':
      return NumberType::kGeographic;
    case 'M':
      return NumberType::kMobile;
    default:
      throw Error(ErrorCode::kInternal, std::string("number plan: no kind '") + letter + "'");
  }
}

NumberCapability capability_of(char letter) {
  switch (letter) {
    case 'B':
      return NumberCapability::kBoth;
    case 'I':
      return NumberCapability::kInbound;
    case 'O':
      return NumberCapability::kOutbound;
    default:
      return NumberCapability::kNone;
  }
}

std::uint64_t power_of_ten(int digits) {
  std::uint64_t power = 1;
  for (int i = 0; i < digits; ++i) power *= 10;
  return power;
}

/// `425=New_York/NY`.
NumberArea read_area(std::string_view text, int digits, std::uint64_t first) {
  NumberArea area;
  area.subscriber_digits = digits;
  area.first = first;
  const auto equals = text.find('=');
  area.code = text.substr(0, equals);
  if (equals == std::string_view::npos) return area;
  const std::string_view place = text.substr(equals + 1);
  const auto slash = place.find('/');
  area.locality = place.substr(0, slash);
  std::replace(area.locality.begin(), area.locality.end(), '_', ' ');
  if (slash != std::string_view::npos) area.division = place.substr(slash + 1);
  return area;
}

/// `G 100 BB 7/557 425=Bellevue/WA,206 8/557 2`.
NumberOffer read_offer(std::string_view text) {
  const std::vector<std::string_view> words = split(text, ' ');
  if (words.size() < 5 || words.size() % 2 == 0) throw Error(ErrorCode::kInternal, "number plan: '" + std::string(text) + "'");
  NumberOffer offer;
  offer.type = type_of(words[0].front());
  offer.monthly_cost_micros = parse_number<std::int64_t>(words[1]).value_or(0) * 10'000;
  offer.calling = capability_of(words[2][0]);
  offer.sms = capability_of(words[2][1]);
  offer.no_resell = words[2].size() > 2;
  for (std::size_t i = 3; i < words.size(); i += 2) {
    const auto slash = words[i].find('/');
    const int digits = parse_number<int>(words[i].substr(0, slash)).value_or(0);
    const auto first = parse_number<std::uint64_t>(words[i].substr(slash + 1)).value_or(0);
    for (const std::string_view area : split(words[i + 1], ','))
      offer.areas.push_back(read_area(area, digits, power_of_ten(digits) / 1000 * first));
  }
  return offer;
}

std::vector<NumberCountry> read_plan() {
  // Lines that go on are put together first; the views of the countries point into what stays.
  static const std::string text = [] {
    std::string joined;
    for (std::string_view rest = kNumberPlan; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.ends_with('\\'))
        joined += line.substr(0, line.size() - 1);
      else if (!line.empty())
        joined.append(line).push_back('\n');
    }
    return joined;
  }();
  std::vector<NumberCountry> countries;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const std::vector<std::string_view> cells = split(line, '|');
    if (cells.size() < 5) throw Error(ErrorCode::kInternal, "number plan: '" + std::string(line) + "'");
    NumberCountry country{cells[0], cells[1], cells[2], cells[3], {}};
    for (std::size_t i = 4; i < cells.size(); ++i) country.offers.push_back(read_offer(cells[i]));
    countries.push_back(std::move(country));
  }
  std::sort(countries.begin(), countries.end(), [](const auto& a, const auto& b) { return a.code < b.code; });
  return countries;
}

/// Threes and fours, the fours at the end: `5570000` is `557 0000`.
std::string grouped(std::string_view digits, char separator) {
  std::string out;
  while (!digits.empty()) {
    const std::size_t n = digits.size();
    const std::size_t take = n <= 4 ? n : n == 5 ? 2 : n == 6 || n == 7 || n == 9 ? 3 : 4;
    if (!out.empty()) out.push_back(separator);
    out += digits.substr(0, take);
    digits.remove_prefix(take);
  }
  return out;
}

}  // namespace

std::span<const NumberCountry> number_countries() {
  static const std::vector<NumberCountry> countries = read_plan();
  return countries;
}

const NumberCountry* find_number_country(std::string_view code) {
  const auto all = number_countries();
  const auto it =
      std::lower_bound(all.begin(), all.end(), code, [](const auto& c, std::string_view wanted) { return c.code < wanted; });
  return it == all.end() || it->code != code ? nullptr : &*it;
}

const NumberOffer* find_number_offer(const NumberCountry& country, service::NumberType type) {
  const auto it = std::find_if(country.offers.begin(), country.offers.end(), [&](const auto& o) { return o.type == type; });
  return it == country.offers.end() ? nullptr : &*it;
}

const NumberArea* find_number_area(const NumberOffer& offer, std::string_view code) {
  const auto it = std::find_if(offer.areas.begin(), offer.areas.end(), [&](const auto& a) { return a.code == code; });
  return it == offer.areas.end() ? nullptr : &*it;
}

std::string nth_number(const NumberCountry& country, const NumberArea& area, std::uint64_t n) {
  // In North America they begin at 557 0000: clear of 555, the exchange reserved for fiction, which our phones use.
  std::string digits = std::to_string((area.first + n) % power_of_ten(area.subscriber_digits));
  digits.insert(0, static_cast<std::size_t>(area.subscriber_digits) - digits.size(), '0');
  return "+" + std::string(country.calling_code) + std::string(area.code) + digits;
}

NumberPlace place_of(std::string_view country_code, std::string_view e164) {
  NumberPlace place;
  place.country = find_number_country(country_code);
  if (!place.country || e164.size() < place.country->calling_code.size() + 1) return place;
  const std::string_view national = e164.substr(place.country->calling_code.size() + 1);
  std::size_t longest = 0;
  for (const NumberOffer& offer : place.country->offers) {
    for (const NumberArea& area : offer.areas) {
      if (area.code.size() <= longest || !national.starts_with(area.code)) continue;
      longest = area.code.size();
      place.offer = &offer;
      place.area = &area;
    }
  }
  return place;
}

std::string national_format(const NumberPlace& place, std::string_view e164) {
  if (!place.country) return std::string(e164);
  const std::string_view national = e164.substr(place.country->calling_code.size() + 1);
  if (place.country->calling_code == "1" && national.size() == 10)
    return "(" + std::string(national.substr(0, 3)) + ") " + std::string(national.substr(3, 3)) + "-" +
           std::string(national.substr(6));
  const std::size_t area = place.area ? place.area->code.size() : 0;
  std::string out(place.country->trunk_prefix);
  out += national.substr(0, area);
  if (area > 0) out.push_back(' ');
  return out + grouped(national.substr(area), ' ');
}

std::string international_format(const NumberPlace& place, std::string_view e164) {
  if (!place.country) return std::string(e164);
  const std::string_view national = e164.substr(place.country->calling_code.size() + 1);
  std::string out = "+" + std::string(place.country->calling_code) + " ";
  if (place.country->calling_code == "1" && national.size() == 10)
    return out + std::string(national.substr(0, 3)) + "-" + std::string(national.substr(3, 3)) + "-" +
           std::string(national.substr(6));
  const std::size_t area = place.area ? place.area->code.size() : 0;
  out += national.substr(0, area);
  if (area > 0) out.push_back(' ');
  return out + grouped(national.substr(area), ' ');
}

}  // namespace trunkline
