#include "runtime/base/json_reader.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trunkline {
namespace {

using nlohmann::json;

TEST(JsonReader, GivesWhatNlohmannGives) {
  for (const std::string_view text : {R"({"a":[1,true,null],"b":{"c":"d"},"a":"again"})",
                                      R"( [ ] )",
                                      R"({ })",
                                      R"("")",
                                      R"("plain text, longer than a word")",
                                      R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00")",
                                      "\"caf\u00e9 \u20ac \U0001F600 and more of it\"",
                                      "\"a\x7f\"",
                                      "0",
                                      "-0",
                                      "7",
                                      "-7",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "9223372036854775808",
                                      "-9223372036854775808",
                                      "-9223372036854775809",
                                      "1.0",
                                      "-2.5e-3",
                                      "1E5",
                                      "1e+2",
                                      "0.1",
                                      "\t\r\n true ",
                                      "false",
                                      "null",
                                      "[[[[1]]]]",
                                      "[1,2,3,\"x\",{\"y\":[]}]"}) {
    const json expected = json::parse(text);
    json found;
    ASSERT_TRUE(JsonReader(text, 64).read(found)) << text;
    EXPECT_EQ(found, expected) << text;
    EXPECT_EQ(found.type(), expected.type()) << text;
    EXPECT_EQ(found.dump(), expected.dump()) << text;
  }
}

TEST(JsonReader, LeavesEverythingElseToNlohmann) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      " "sv,
                                      "{"sv,
                                      "["sv,
                                      "[1,]"sv,
                                      "[1 2]"sv,
                                      "{\"a\":1,}"sv,
                                      "{\"a\" 1}"sv,
                                      "{\"a\":}"sv,
                                      "{a:1}"sv,
                                      "{\"a\":1} x"sv,
                                      "nul"sv,
                                      "truer"sv,
                                      "'a'"sv,
                                      "01"sv,
                                      "-"sv,
                                      "-a"sv,
                                      "1."sv,
                                      ".5"sv,
                                      "1e"sv,
                                      "+1"sv,
                                      "1e999"sv,
                                      "\"open"sv,
                                      "\"\xff\""sv,
                                      "\"\xc0\xaf\""sv,
                                      "\"\xed\xa0\x80\""sv,
                                      "\"\n\""sv,
                                      "\"a\0b\""sv,
                                      "\"\\x\""sv,
                                      "\"\\u12\""sv,
                                      "\"\\u12g4\""sv,
                                      "\"\\ud800\""sv,
                                      "\"\\udc00\""sv,
                                      "\"\\ud800\\u0041\""sv,
                                      "\"\\"sv,
                                      "1\0"sv,
                                      "\xef\xbb\xbf{}"sv}) {
    json found;
    EXPECT_FALSE(JsonReader(text, 64).read(found)) << text;
  }
}

TEST(JsonReader, GoesNoDeeperThanItMay) {
  json found;
  EXPECT_TRUE(JsonReader("[[],[]]", 2).read(found));
  EXPECT_TRUE(JsonReader("{\"a\":[{}],\"b\":[{}]}", 3).read(found));
  EXPECT_FALSE(JsonReader("[[[]]]", 2).read(found));
  EXPECT_FALSE(JsonReader("{\"a\":{}}", 1).read(found));
}

TEST(PlainJsonPrefix, EndsBeforeWhatMustBeEscaped) {
  for (std::size_t at = 0; at < 20; ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text(20, 'x');
      text[at] = static_cast<char>(c);
      const bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
      ASSERT_EQ(plain_json_prefix(text), plain ? text.size() : at) << c << " at " << at;
    }
  }
}

}  // namespace
}  // namespace trunkline
