// JSON text to values: what the quick reader takes, and what it leaves, is what the library would make of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "runtime/expression/value.h"
#include "trunkline/error.hpp"

namespace trunkline::expression {
namespace {

/// Nullopt: refused.
std::optional<Value> read(const std::string& text) {
  try {
    return parse_value(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void expect_same(const std::string& text) {
  const Value wanted = Value::parse(text, nullptr, false);
  const std::optional<Value> got = read(text);
  ASSERT_EQ(got.has_value(), !wanted.is_discarded()) << text;
  if (!got) return;
  EXPECT_EQ(*got, wanted) << text;
  EXPECT_EQ(to_json_text(*got), to_json_text(wanted)) << text;
}

TEST(ParseValue, TakesWhatTheLibraryTakes) {
  for (const char* text : {"null",
                           "true",
                           "false",
                           " 1 ",
                           "-0",
                           "-0.0",
                           "0.1e+2",
                           "1E400",
                           "1e-400",
                           "4.9e-324",
                           "9223372036854775807",
                           "9223372036854775808",
                           "18446744073709551615",
                           "18446744073709551616",
                           "-9223372036854775808",
                           "-9223372036854775809",
                           "01",
                           "1.",
                           ".5",
                           "-",
                           "1e",
                           "+1",
                           "tru",
                           "nulll",
                           "[]",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{}",
                           R"({"a":1,})",
                           R"({"a" 1})",
                           R"({a:1})",
                           R"({"a":1,"b":2,"a":3})",
                           R"("\u00e4\ud83d\ude00\/\b\f\n\r\t\"\\")",
                           R"("\ud83d")",
                           R"("\ude00")",
                           R"("\ud83d\u0041")",
                           R"("\u12g4")",
                           R"("\x")",
                           "\"\\",
                           "\"",
                           "\"a\nb\"",
                           "\"\xc3\xa4\"",
                           "\"\xc3\"",
                           "\"\xed\xa0\x80\"",
                           "\"\x7f\"",
                           "",
                           " ",
                           "\xef\xbb\xbf{}",
                           "1 2",
                           "[1]]",
                           R"({"":[{"":[]}]})",
                           "\"\\u0000\""})
    expect_same(text);
  expect_same(std::string("\"a\0b\"", 5));
}

TEST(ParseValue, OfEqualNamesTheLastWinsAtThePlaceOfTheFirst) {
  EXPECT_EQ(to_json_text(parse_value(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
  std::string many = "{";
  for (int i = 0; i < 40; ++i) many += "\"m" + std::to_string(i % 20) + "\":" + std::to_string(i) + ",";
  many.back() = '}';
  const Value value = parse_value(many);
  EXPECT_EQ(value.size(), 20u);
  EXPECT_EQ(value.begin().key(), "m0");
  EXPECT_EQ(value["m0"], 20);
  EXPECT_EQ(value["m19"], 39);
}

TEST(ParseValue, LimitsHoldToTheLastOne) {
  ParseLimits limits;
  limits.max_depth = 3;
  EXPECT_NO_THROW(parse_value("[[{}]]", limits));
  EXPECT_THROW(parse_value("[[[[]]]]", limits), Error);
  limits = {};
  limits.max_values = 4;
  EXPECT_NO_THROW(parse_value("[1,{\"a\":2}]", limits));
  EXPECT_THROW(parse_value("[1,{\"a\":2},3]", limits), Error);
  // Deeper than the quick reader goes, and as deep as was asked for.
  limits = {};
  limits.max_depth = 5'000;
  EXPECT_NO_THROW(parse_value(std::string(5'000, '[') + std::string(5'000, ']'), limits));
  EXPECT_THROW(parse_value(std::string(5'001, '[') + std::string(5'001, ']'), limits), Error);
}

TEST(ParseValue, SaysWhatIsWrongAndWhere) {
  try {
    parse_value(R"({"a":1,"b":})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.details.at("offset"), "11");
  }
}

TEST(ParseValue, DamagedTextIsJudgedAsTheLibraryJudgesIt) {
  const std::string whole =
      R"({"orderId":"A-1001","n":[0,-1,2.5e3,true,false,null,{"x":{},"y":[[]]}],"text":"\u00e4\ud83d\ude00 ä\n","big":18446744073709551615})";
  std::mt19937 random(7);
  constexpr std::string_view kBytes = "{}[],:\"\\0123456789.eE+-tfnu \n\xc3\xa4\x01";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < changes; ++i) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          text.erase(at, 1 + random() % 3);
          break;
        default:
          text.insert(at, 1, kBytes[random() % kBytes.size()]);
      }
    }
    expect_same(text);
  }
}

}  // namespace
}  // namespace trunkline::expression
