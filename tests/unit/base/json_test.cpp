#include "runtime/base/json.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace trunkline {
namespace {

Error error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(ParseJson, GivesTheDocument) { EXPECT_EQ(parse_json(R"({"a":[1,true,null]})")["a"].size(), 3u); }

TEST(ParseJson, SaysWhereItWentWrong) {
  const Error error = error_of([] { parse_json(R"({"a": tru})"); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.details.at("offset"), "9");
  EXPECT_NE(error.message.find("at byte 9"), std::string::npos) << error.message;
  EXPECT_EQ(error.message.find("exception"), std::string::npos) << error.message;
}

TEST(ParseJson, RefusesBrokenInput) {
  for (const std::string_view text : {"", "{", "[1,]", "{\"a\":1} x", "\"\xff\"", "1e999", "nul", "'a'"})
    EXPECT_EQ(error_of([&] { parse_json(text); }).code, ErrorCode::kInvalidArgument) << text;
}

TEST(ParseJson, EnforcesItsLimits) {
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  EXPECT_EQ(error_of([&] { parse_json(deep); }).code, ErrorCode::kResourceExhausted);
  EXPECT_NO_THROW(parse_json(deep, {.max_depth = 65}));
  EXPECT_EQ(error_of([] { parse_json("[1, 2]", {.max_bytes = 5}); }).code, ErrorCode::kResourceExhausted);
  EXPECT_NO_THROW(parse_json(R"(["[[[[\"[[[["])", {.max_depth = 1}));  // brackets in strings do not nest
}

TEST(AppendJsonString, EscapesAndRepairs) {
  std::string out;
  append_json_string(out, std::string_view("a\"\\\n\x01\xff\u20ac\0", 10));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\u0001\uFFFD\u20ac\\u0000\"");
  EXPECT_NO_THROW(parse_json(out));
}

TEST(AppendJsonString, FindsWhatIsToBeEscapedAtEveryPlace) {
  for (std::size_t size = 0; size < 80; ++size) {
    std::string plain;
    for (std::size_t i = 0; i < size; ++i) plain += static_cast<char>('a' + i % 26);
    std::string out = "x";
    append_json_string(out, plain);
    EXPECT_EQ(out, "x\"" + plain + "\"");
    for (std::size_t at = 0; at < size; ++at) {
      std::string quoted = plain;
      quoted[at] = '"';
      out.clear();
      append_json_string(out, quoted);
      EXPECT_EQ(out, "\"" + plain.substr(0, at) + "\\\"" + plain.substr(at + 1) + "\"");
    }
  }
}

class JsonRefTest : public testing::Test {
 protected:
  const nlohmann::json document_ = parse_json(
      R"({"from":"+14255550100","smsRecipients":[{"to":"+1"},{"to":7}],"n":3.0,"f":2.5,"big":1e30,"no":null,"yes":true})");
  const JsonRef root_{document_};
};

TEST_F(JsonRefTest, ReadsTypedMembers) {
  EXPECT_EQ(root_.at("from").text(), "+14255550100");
  EXPECT_EQ(root_.at("smsRecipients").array_size(), 2u);
  EXPECT_EQ(root_.at("smsRecipients")[0].at("to").text(), "+1");
  EXPECT_EQ(root_.at("n").integer(), 3);
  EXPECT_EQ(root_.at("f").number(), 2.5);
  EXPECT_TRUE(root_.at("yes").boolean());
}

TEST_F(JsonRefTest, TreatsNullAsAbsent) {
  EXPECT_FALSE(root_.find("no"));
  EXPECT_FALSE(root_.find("nothing"));
  EXPECT_EQ(root_.text_or("no", "x"), "x");
  EXPECT_EQ(root_.integer_or("nothing", 4), 4);
  EXPECT_TRUE(root_.boolean_or("yes", false));
}

TEST_F(JsonRefTest, NamesThePathOfWhatIsWrong) {
  const Error wrong = error_of([&] { root_.at("smsRecipients")[1].at("to").text(); });
  EXPECT_EQ(wrong.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(wrong.target, "smsRecipients[1].to");
  EXPECT_EQ(wrong.message, "smsRecipients[1].to must be a string, found number");

  EXPECT_EQ(error_of([&] { root_.at("smsRecipients")[0].at("tag"); }).message, "smsRecipients[0].tag is missing");
  EXPECT_EQ(error_of([&] { root_.at("smsRecipients")[2]; }).target, "smsRecipients[2]");
  EXPECT_EQ(error_of([&] { root_.at("from").at("x"); }).message, "from must be an object, found string");
  EXPECT_EQ(error_of([&] { JsonRef(root_.at("yes").json()).at("x"); }).message, "the document must be an object, found boolean");
}

TEST_F(JsonRefTest, ChecksRanges) {
  EXPECT_EQ(error_of([&] { root_.at("n").integer(5, 9); }).message, "n must be between 5 and 9, found 3.0");
  EXPECT_EQ(error_of([&] { root_.at("f").integer(); }).message, "f must be a whole number, found 2.5");
  EXPECT_EQ(error_of([&] { root_.at("big").integer(); }).code, ErrorCode::kInvalidArgument);
}

TEST(JsonRef, SurvivesDeepDocuments) {
  const auto document = parse_json(std::string(30, '[') + std::string(30, ']'));
  JsonRef at(document);
  for (int i = 0; i < 29; ++i) at = at[0];
  const Error error = error_of([&] { at[0]; });
  EXPECT_EQ(error.target, "[0][0][0][0][0][0][0][0][0][0]…");
}

}  // namespace
}  // namespace trunkline
