#include "runtime/services/number_plan.h"

#include <algorithm>

namespace trunkline {
namespace {

using service::NumberCapability;
using service::NumberType;
using enum service::NumberCapability;

constexpr std::string_view kNanpTollFree[] = {"833", "844", "855", "866", "877", "888", "800"};
constexpr std::string_view kUsGeographic[] = {"425", "206", "212", "646", "332", "415", "512", "303", "617"};
constexpr std::string_view kCaGeographic[] = {"416", "604", "514"};
constexpr std::string_view kGbGeographic[] = {"20", "121", "161"};
constexpr std::string_view kGbTollFree[] = {"800", "808"};
constexpr std::string_view kGbMobile[] = {"7400", "7401"};
constexpr std::string_view kFrGeographic[] = {"1", "4"};
constexpr std::string_view kFrTollFree[] = {"80"};
constexpr std::string_view kDeGeographic[] = {"30", "89"};
constexpr std::string_view kDeTollFree[] = {"800"};
constexpr std::string_view kAuGeographic[] = {"2", "3"};
constexpr std::string_view kAuMobile[] = {"480"};
constexpr std::string_view kIeMobile[] = {"83"};
constexpr std::string_view kIeGeographic[] = {"1"};

constexpr NumberOffer kUs[] = {
    {NumberType::kTollFree, 2'000'000, false, kNanpTollFree, 7, kBoth, kBoth},
    {NumberType::kGeographic, 1'000'000, false, kUsGeographic, 7, kBoth, kBoth},
};
constexpr NumberOffer kCa[] = {
    {NumberType::kTollFree, 2'000'000, false, kNanpTollFree, 7, kBoth, kBoth},
    {NumberType::kGeographic, 1'000'000, false, kCaGeographic, 7, kBoth, kBoth},
};
constexpr NumberOffer kGb[] = {
    {NumberType::kGeographic, 1'000'000, false, kGbGeographic, 8, kBoth, kNone},
    {NumberType::kTollFree, 2'000'000, false, kGbTollFree, 7, kInbound, kNone},
    {NumberType::kMobile, 1'500'000, false, kGbMobile, 6, kBoth, kBoth},
};
constexpr NumberOffer kFr[] = {
    {NumberType::kGeographic, 1'000'000, true, kFrGeographic, 8, kBoth, kNone},
    {NumberType::kTollFree, 16'000'000, true, kFrTollFree, 7, kBoth, kNone},
};
constexpr NumberOffer kDe[] = {
    {NumberType::kGeographic, 1'000'000, false, kDeGeographic, 8, kBoth, kNone},
    {NumberType::kTollFree, 2'000'000, false, kDeTollFree, 7, kInbound, kNone},
};
constexpr NumberOffer kAu[] = {
    {NumberType::kGeographic, 2'400'000, false, kAuGeographic, 8, kBoth, kNone},
    {NumberType::kMobile, 6'000'000, false, kAuMobile, 6, kNone, kBoth},
};
constexpr NumberOffer kIe[] = {
    {NumberType::kGeographic, 1'000'000, true, kIeGeographic, 7, kBoth, kNone},
    {NumberType::kMobile, 3'000'000, true, kIeMobile, 7, kBoth, kBoth},
};

constexpr NumberCountry kCountries[] = {
    {"AU", "Australia", "61", kAu},    {"CA", "Canada", "1", kCa},          {"DE", "Germany", "49", kDe},
    {"FR", "France", "33", kFr},       {"GB", "United Kingdom", "44", kGb}, {"IE", "Ireland", "353", kIe},
    {"US", "United States", "1", kUs},
};

}  // namespace

std::span<const NumberCountry> number_countries() { return kCountries; }

const NumberCountry* find_number_country(std::string_view code) {
  const auto it = std::find_if(std::begin(kCountries), std::end(kCountries), [&](const auto& c) { return c.code == code; });
  return it == std::end(kCountries) ? nullptr : it;
}

const NumberOffer* find_number_offer(const NumberCountry& country, service::NumberType type) {
  const auto it = std::find_if(country.offers.begin(), country.offers.end(), [&](const auto& o) { return o.type == type; });
  return it == country.offers.end() ? nullptr : &*it;
}

std::string nth_number(const NumberCountry& country, const NumberOffer& offer, std::string_view area_code, std::uint64_t n) {
  std::uint64_t space = 1;
  for (int i = 0; i < offer.subscriber_digits; ++i) space *= 10;
  // Begins at 557 0000 and the like: clear of 555, the exchange that North America reserves for fiction and our phones use.
  std::string digits = std::to_string((space / 1000 * 557 + n) % space);
  digits.insert(0, static_cast<std::size_t>(offer.subscriber_digits) - digits.size(), '0');
  return "+" + std::string(country.calling_code) + std::string(area_code) + digits;
}

}  // namespace trunkline
