// Hostile input: nothing here may crash, hang or take much memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/expression/test_context.h"

namespace trunkline::expression {
namespace {

using ::testing::HasSubstr;

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Limits, LengthOfAnExpressionInCharacters) {
  const auto of_length = [](std::size_t characters) {
    return "@concat('" + repeated("ü", static_cast<int>(characters) - 11) + "')";
  };
  EXPECT_EQ(failure_of(of_length(8192)).code, "none");
  EXPECT_THAT(failure_of(of_length(8193)).message, HasSubstr("longer than 8192 characters"));
  // Plain text may be as long as it likes.
  EXPECT_EQ(failure_of(repeated("x", 100'000)).code, "none");
}

TEST(Limits, DepthOfCallsAndAccesses) {
  EXPECT_EQ(failure_of("@" + repeated("not(", 100) + "true" + repeated(")", 100)).code, "none");
  EXPECT_THAT(failure_of("@" + repeated("not(", 1000) + "true" + repeated(")", 1000)).message,
              HasSubstr("nested deeper than 128"));
  EXPECT_THAT(failure_of("@trigger()" + repeated("?.a", 1000)).message, HasSubstr("nested deeper than 128"));
  EXPECT_THAT(failure_of("@trigger()" + repeated("[trigger()", 400)).message, HasSubstr("nested deeper than 128"));
}

TEST(Limits, DepthOfTemplates) {
  Value deep = "x";
  for (int i = 0; i < 200; ++i) {
    Value outer = Value::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  EXPECT_THROW(Template::compile(deep), Failure);
}

TEST(Limits, TextThatDoubles) {
  // 2^40 bytes if it were let.
  std::string text = "concat('xxxxxxxx','xxxxxxxx')";
  for (int i = 0; i < 5; ++i) text = "replace(" + text + ",'x','" + repeated("x", 250) + "')";
  Limits limits;
  limits.max_text_length = 1'000'000;
  const Failure failure = failure_of("@" + text, "{}", limits);
  EXPECT_THAT(failure.message, HasSubstr("longer than 1000000"));
}

TEST(Limits, WorkOfAnEvaluation) {
  Limits limits;
  limits.max_work = 50'000;
  EXPECT_THAT(failure_of("@union(" + repeated("range(0,10000),", 20) + "range(0,1))", "{}", limits).message,
              HasSubstr("more than 50000 bytes and values"));
  limits = {};
  limits.max_calls = 3;
  EXPECT_THAT(failure_of("@createArray(rand(0,1),rand(0,1),rand(0,1))", "{}", limits).message, HasSubstr("more than 3 calls"));
}

TEST(Limits, JsonWithVeryManyMembersIsParsedInLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  text += "\"k5\":\"last\"}";
  const Value value = parse_value(text);
  EXPECT_EQ(value.size(), 200'000u);
  // Of equal names the last wins, at the place of the first.
  EXPECT_EQ((value.begin() + 5).key(), "k5");
  EXPECT_EQ(*(value.begin() + 5), "last");
}

TEST(Limits, JsonThatIsWrongOrTooDeep) {
  EXPECT_EQ(failure_of("@json('" + repeated("[", 100'000) + "')").code, kInvalidTemplate);
  EXPECT_THAT(failure_of("@json('{\"a\":}')").message, HasSubstr("byte 5"));
  EXPECT_EQ(failure_of("@json('')").code, kInvalidTemplate);
  EXPECT_EQ(failure_of("@json('1 2')").code, kInvalidTemplate);
  ParseLimits limits;
  limits.max_values = 10;
  EXPECT_THROW(parse_value("[1,2,3,4,5,6,7,8,9,10,11]", limits), Error);
}

TEST(Limits, XmlThatIsMadeToHurt) {
  std::string deep = repeated("<a>", 5000) + repeated("</a>", 5000);
  EXPECT_EQ(failure_of("@xml(variables('x'))", to_json_text({{"variables", {{"x", deep}}}})).code, kInvalidTemplate);
  // Entities of the document's own are not expanded, files are not read.
  const std::string bomb =
      "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY f SYSTEM "
      "\"file:///etc/passwd\">]><r>&b;&f;</r>";
  const std::string context = to_json_text({{"variables", {{"x", bomb}}}});
  EXPECT_THAT(json("@string(xml(variables('x')))", context), HasSubstr("<r>&b;&f;</r>"));
  // An expression that visits every node for every node for every node.
  std::string wide = "<r>";
  for (int i = 0; i < 3000; ++i) wide += "<a><b/></a>";
  wide += "</r>";
  EXPECT_THAT(failure_of("@xpath(xml(variables('x')), 'count(//*[count(//*[count(//*) > 1]) > 1])')",
                         to_json_text({{"variables", {{"x", wide}}}}))
                  .message,
              HasSubstr("too many steps"));
}

TEST(Limits, BytesThatAreNoUtf8) {
  EXPECT_NO_THROW(failure_of("@concat('\xff\xfe')"));
  EXPECT_NO_THROW(failure_of("\xff@{'\xc3'}"));
  EXPECT_NO_THROW(failure_of("@\xff(1)"));
  EXPECT_EQ(json("@base64ToString('/w==')"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(json("@toUpper('\xff')"), "\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace trunkline::expression
