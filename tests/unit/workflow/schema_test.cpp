#include "runtime/workflow/schema.h"

#include <gmock/gmock.h>

#include "trunkline/error.hpp"

namespace trunkline::workflow {
namespace {

using expression::parse_value;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> validate(const char* schema, const char* value) {
  return Schema(parse_value(schema)).validate(parse_value(value));
}

TEST(Schema, ChecksTypesWithTheMessagesOfTheService) {
  EXPECT_THAT(validate(R"({"type":"object","properties":{"qty":{"type":"integer"}}})", R"({"qty":"three"})"),
              ElementsAre("Invalid type. Expected Integer but got String."));
  EXPECT_THAT(validate(R"({"type":"String"})", "3"), ElementsAre("Invalid type. Expected String but got Integer."));
  EXPECT_THAT(validate(R"({"type":["string","null"]})", "null"), IsEmpty());
  EXPECT_THAT(validate(R"({"type":"integer"})", "3.0"), IsEmpty());
  EXPECT_THAT(validate(R"({"type":"number"})", "3"), IsEmpty());
}

TEST(Schema, NamesWhatIsMissing) {
  EXPECT_THAT(validate(R"({"type":"object","required":["a","b"]})", R"({"b":1})"),
              ElementsAre("Required properties are missing from object: a."));
}

TEST(Schema, LetsUnknownPropertiesPassUnlessToldOtherwise) {
  EXPECT_THAT(validate(R"({"properties":{"a":{}}})", R"({"z":1})"), IsEmpty());
  EXPECT_THAT(validate(R"({"properties":{"a":{}},"additionalProperties":false})", R"({"z":1})"), ::testing::SizeIs(1));
}

TEST(Schema, ReadsEscapedNames) {
  EXPECT_THAT(
      validate(R"({"properties":{"@@odata.etag":{"type":"string"}},"required":["@@odata.etag"]})", R"({"@odata.etag":1})"),
      ElementsAre("Invalid type. Expected String but got Integer."));
}

TEST(Schema, ChecksNumbersTextsAndArrays) {
  EXPECT_THAT(validate(R"({"minimum":3})", "2"), ElementsAre("Integer 2 is less than minimum value of 3."));
  EXPECT_THAT(validate(R"({"maximum":3,"exclusiveMaximum":true})", "3"), ::testing::SizeIs(1));
  EXPECT_THAT(validate(R"({"multipleOf":0.1})", "0.3"), IsEmpty());
  EXPECT_THAT(validate(R"({"pattern":"^a+$"})", R"("b")"), ElementsAre("String 'b' does not match regex pattern '^a+$'."));
  EXPECT_THAT(validate(R"({"minLength":2})", R"("ä")"), ::testing::SizeIs(1));
  EXPECT_THAT(validate(R"({"items":{"type":"integer"},"maxItems":2,"uniqueItems":true})", "[1,1,\"x\"]"), ::testing::SizeIs(3));
  EXPECT_THAT(validate(R"({"enum":["a",1]})", "1.0"), IsEmpty());
}

TEST(Schema, CombinesSchemas) {
  EXPECT_THAT(validate(R"({"anyOf":[{"type":"string"},{"type":"integer"}]})", "true"), ::testing::SizeIs(1));
  EXPECT_THAT(validate(R"({"oneOf":[{"type":"number"},{"minimum":2}]})", "3"), ::testing::SizeIs(1));
  EXPECT_THAT(validate(R"({"not":{"type":"null"}})", "null"), ::testing::SizeIs(1));
  EXPECT_THAT(validate(R"({"definitions":{"t":{"type":"string"}},"properties":{"a":{"$ref":"#/definitions/t"}}})", R"({"a":1})"),
              ::testing::SizeIs(1));
}

TEST(Schema, RefusesWhatIsNone) {
  EXPECT_THROW(Schema(parse_value(R"({"type":"colour"})")), Error);
  EXPECT_THROW(Schema(parse_value(R"({"properties":{"a":{"pattern":"("}}})")), Error);
}

TEST(Schema, DoesNotFollowItsOwnTailForEver) {
  EXPECT_THAT(validate(R"({"$ref":"#"})", "1"), ElementsAre("The value is nested too deeply."));
}

}  // namespace
}  // namespace trunkline::workflow
