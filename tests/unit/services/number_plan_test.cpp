#include "runtime/services/number_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/providers/country.h"
#include "runtime/services/number_lookup.h"
#include "runtime/services/phone_number.h"

namespace trunkline {
namespace {

using service::NumberCapability;
using service::NumberType;

TEST(NumberPlan, EveryNumberOfTheInventoryIsValidAndDistinct) {
  std::set<std::string> firsts;
  for (const NumberCountry& country : number_countries()) {
    ASSERT_FALSE(country.offers.empty()) << country.code;
    for (const NumberOffer& offer : country.offers) {
      ASSERT_FALSE(offer.areas.empty()) << country.code;
      EXPECT_GT(offer.monthly_cost_micros, 0) << country.code;
      for (const NumberArea& area : offer.areas) {
        const std::string first = nth_number(country, area, 0);
        EXPECT_TRUE(is_e164(first)) << country.code << " " << first << ": " << e164_fault(first);
        EXPECT_NE(first, nth_number(country, area, 1));
        EXPECT_EQ(first.size(), nth_number(country, area, 9999).size());
        // Toll-free numbers of North America belong to all of its countries.
        if (offer.type != NumberType::kTollFree || country.calling_code != "1") {
          EXPECT_TRUE(firsts.insert(first).second) << country.code << " " << first << " is another country's as well";
        }
      }
    }
  }
}

TEST(NumberPlan, EveryCountryWithACallingCodeIsThere) {
  EXPECT_GE(number_countries().size(), 240u);
  for (const char* code : {"US", "CA", "GB", "FR", "DE", "IE", "AU", "JP", "BR", "IN", "ZA", "NG", "TV", "PR", "XK", "VA"})
    EXPECT_TRUE(find_number_country(code)) << code;
  EXPECT_FALSE(find_number_country("XX"));
  EXPECT_FALSE(find_number_country(""));
}

TEST(NumberPlan, LinesThatGoOnAreReadAsOne) {
  const NumberCountry* us = find_number_country("US");
  ASSERT_TRUE(us);
  EXPECT_EQ(us->name, "United States");
  const NumberOffer* geographic = find_number_offer(*us, NumberType::kGeographic);
  ASSERT_TRUE(geographic);
  EXPECT_GT(geographic->areas.size(), 50u);
  const NumberArea* area = find_number_area(*geographic, "646");
  ASSERT_TRUE(area);
  EXPECT_EQ(area->locality, "New York");
  EXPECT_EQ(area->division, "NY");
  EXPECT_EQ(nth_number(*us, *area, 3), "+16465570003");
}

TEST(NumberPlan, TheRulesOfACountryAreKept) {
  const NumberCountry* fr = find_number_country("FR");
  ASSERT_TRUE(fr);
  const NumberOffer* toll_free = find_number_offer(*fr, NumberType::kTollFree);
  ASSERT_TRUE(toll_free);
  EXPECT_TRUE(toll_free->no_resell);
  EXPECT_EQ(toll_free->calling, NumberCapability::kBoth);
  EXPECT_EQ(toll_free->sms, NumberCapability::kNone);
  EXPECT_EQ(toll_free->monthly_cost_micros, 16'000'000);
}

TEST(NumberPlan, ALongerAreaCodeWins) {
  const NumberPlace rome = place_of("IT", "+390612345678");
  ASSERT_TRUE(rome.area);
  EXPECT_EQ(rome.area->locality, "Rome");
  const NumberPlace nowhere = place_of("US", "+12995550100");
  EXPECT_TRUE(nowhere.country);
  EXPECT_FALSE(nowhere.area);
  EXPECT_FALSE(place_of("XX", "+12995550100").country);
}

TEST(NumberPlan, NumbersAreWrittenAsPeopleWriteThem) {
  const auto written = [](const char* number) {
    const NumberPlace place = place_of(country_of(number), number);
    return national_format(place, number) + " / " + international_format(place, number);
  };
  EXPECT_EQ(written("+14255550123"), "(425) 555-0123 / +1 425-555-0123");
  EXPECT_EQ(written("+493055700000"), "030 5570 0000 / +49 30 5570 0000");
  EXPECT_EQ(written("+442079460100"), "020 7946 0100 / +44 20 7946 0100");
  EXPECT_EQ(written("+390612345678"), "06 1234 5678 / +39 06 1234 5678");
  EXPECT_EQ(written("+88312345678"), "+88312345678 / +88312345678") << "of no country";
}

TEST(NumberLookup, TellsWhatIsKnown) {
  const service::NumberInfo info = look_up_number("+18335550123");
  EXPECT_EQ(info.country_code, "US");
  EXPECT_EQ(info.type, NumberType::kTollFree);
  EXPECT_EQ(look_up_number("+12995550100").type, NumberType::kGeographic);
  EXPECT_EQ(look_up_number("+4915112345678").country_code, "DE");
  try {
    look_up_number("12");
    FAIL() << "it is no number";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.target, "phoneNumbers");
  }
}

}  // namespace
}  // namespace trunkline
