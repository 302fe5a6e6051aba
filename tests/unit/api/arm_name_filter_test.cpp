// The filter language of Event Grid's lists.
#include "runtime/api/arm_name_filter.h"

#include <gmock/gmock.h>

#include "trunkline/error.hpp"

namespace trunkline::api {
namespace {

bool fits(std::string_view filter, std::string_view name) { return NameFilter::parse(filter).matches(name); }

TEST(NameFilter, ComparesWithoutCase) {
  EXPECT_TRUE(fits("", "orders"));
  EXPECT_TRUE(fits("  ", "orders"));
  EXPECT_TRUE(fits("name eq 'Orders'", "oRDERS"));
  EXPECT_FALSE(fits("NAME eq 'order'", "orders"));
  EXPECT_TRUE(fits("namE ne 'order'", "orders"));
  EXPECT_FALSE(fits("name ne 'orders'", "ORDERS"));
  EXPECT_TRUE(fits("contains(namE, 'DER')", "orders"));
  EXPECT_FALSE(fits("Contains( name ,'dex')", "orders"));
  EXPECT_TRUE(fits("contains(name, '')", "orders"));
  EXPECT_TRUE(fits("name eq 'o''s'", "O's"));
}

TEST(NameFilter, CombinesInTheUsualOrder) {
  EXPECT_TRUE(fits("contains(name,'a') and name ne 'b'", "a"));
  EXPECT_TRUE(fits("name eq 'a' or name eq 'b' and name eq 'c'", "a")) << "and binds closer";
  EXPECT_FALSE(fits("(name eq 'a' or name eq 'b') and name eq 'c'", "a"));
  EXPECT_TRUE(fits("not name eq 'b'", "a"));
  EXPECT_FALSE(fits("not(name eq 'a') or name eq 'b'", "a"));
  EXPECT_TRUE(fits("not not name eq 'a'", "a"));
}

TEST(NameFilter, SaysWhereItIsWrong) {
  const auto why = [](const std::string& filter) -> std::string {
    try {
      NameFilter::parse(filter);
    } catch (const Error& error) {
      EXPECT_EQ(error.http_status, 400);
      EXPECT_EQ(error.service_code, "InvalidFilter");
      EXPECT_EQ(error.target, "$filter");
      return error.message;
    }
    return "nothing";
  };
  using testing::HasSubstr;
  EXPECT_THAT(why("location eq 'westus'"), HasSubstr("only 'name'"));
  EXPECT_THAT(why("name eq westus"), HasSubstr("at character 8"));
  EXPECT_THAT(why("name eq 'a"), HasSubstr("not closed"));
  EXPECT_THAT(why("name gt 'a'"), HasSubstr("eq or ne"));
  EXPECT_THAT(why("name eq 'a' name"), HasSubstr("not understood"));
  EXPECT_THAT(why("(name eq 'a'"), HasSubstr("')'"));
  EXPECT_THAT(why("contains name"), HasSubstr("'('"));
  EXPECT_THAT(why("contains(name 'a')"), HasSubstr("','"));
  EXPECT_THAT(why("contains(name,'a'"), HasSubstr("')'"));
  EXPECT_THAT(why("name eq 'a' and"), HasSubstr("only 'name'"));
  EXPECT_THAT(why(std::string(100, '(')), HasSubstr("too deeply"));
  EXPECT_THAT(why(std::string(3000, ' ')), HasSubstr("2048"));
  EXPECT_THAT(why("names eq 'a'"), HasSubstr("only 'name'"));
}

}  // namespace
}  // namespace trunkline::api
