#include "runtime/net/http.h"

#include <gtest/gtest.h>

namespace trunkline::net {
namespace {

TEST(HeadersTest, NamesCompareWithoutCaseAndSetReplacesAll) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("X", "1");
  headers.add("ACCEPT", "b");
  EXPECT_EQ(headers.get("accept"), "a");
  EXPECT_EQ(headers.count("accept"), 2u);
  headers.set("aCCept", "c");
  EXPECT_EQ(headers.count("accept"), 1u);
  EXPECT_EQ(headers.get("Accept"), "c");
  EXPECT_EQ(headers.get("x"), "1");
  EXPECT_FALSE(headers.has("y"));
  headers.remove("accept");
  EXPECT_EQ(headers.size(), 1u);
}

TEST(HeadersTest, ClearedFieldsAreGoneForReadersAndCopies) {
  Headers headers;
  headers.add("Authorization", "secret");
  headers.clear();
  EXPECT_FALSE(headers.has("Authorization"));
  EXPECT_EQ(headers.begin(), headers.end());
  headers.add("A", "1");
  const Headers copy = headers;
  EXPECT_EQ(copy.size(), 1u);
  EXPECT_EQ(copy.get("a"), "1");
  Headers moved = std::move(headers);
  EXPECT_EQ(moved.get("a"), "1");
}

TEST(PercentTest, DecodesAndRefusesBrokenEscapes) {
  EXPECT_EQ(percent_decode("%2B1425%20a+b"), "+1425 a+b");
  EXPECT_EQ(percent_decode("a+b%2b", true), "a b+");
  EXPECT_EQ(percent_decode("8%3Aacs%3Ax"), "8:acs:x");
  for (const char* bad : {"%", "%2", "a%zz", "%2x"}) EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(PercentTest, EncodesAllButUnreserved) {
  EXPECT_EQ(percent_encode("8:acs:a-b_c.d~e/ü"), "8%3Aacs%3Aa-b_c.d~e%2F%C3%BC");
  EXPECT_EQ(percent_decode(percent_encode("any \t\n%text+")), "any \t\n%text+");
}

TEST(QueryTest, FindsParametersWithoutCase) {
  EXPECT_EQ(query_parameter("a=1&Api-Version=2021-03-07&b", "api-version"), "2021-03-07");
  EXPECT_EQ(query_parameter("locality=New%20York&x=New+York", "locality"), "New York");
  EXPECT_EQ(query_parameter("x=New+York", "X"), "New York");
  EXPECT_EQ(query_parameter("a&b", "b"), "");
  EXPECT_EQ(query_parameter("%61=1", "a"), "1");
  EXPECT_EQ(query_parameter("ab=1", "a"), std::nullopt);
  EXPECT_EQ(query_parameter("", "a"), std::nullopt);
  EXPECT_EQ(query_parameter("a=%zz", "a"), "%zz");
}

TEST(QueryTest, GivesAllValuesOfARepeatedParameter) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(query_parameters("type=A&x=1&Type=B%26C&type=&type=D", "type"), (Texts{"A", "B&C", "D"}));
  EXPECT_EQ(query_parameters("x=1", "type"), Texts{});
  EXPECT_EQ(query_parameters("", "type"), Texts{});
}

TEST(EnvelopeTest, EscapesBothTexts) {
  EXPECT_EQ(error_envelope("Code", "say \"no\"\n"), R"({"error":{"code":"Code","message":"say \"no\"\n"}})");
}

}  // namespace
}  // namespace trunkline::net
