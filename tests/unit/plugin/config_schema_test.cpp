#include "runtime/plugin/config_schema.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace trunkline::plugin {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> lines(const Problems& problems) {
  std::vector<std::string> out;
  for (const Problem& problem : problems.list()) out.push_back(problem.path + ": " + problem.text);
  return out;
}
std::vector<std::string> schema_problems(const char* schema) {
  Problems problems;
  ConfigSchema(json::parse(schema), "s", problems);
  return lines(problems);
}
// Problems of a config, and the config with its defaults.
std::pair<std::vector<std::string>, json> check(const char* schema, const char* config) {
  Problems problems;
  const ConfigSchema compiled(json::parse(schema), "s", problems);
  EXPECT_THAT(lines(problems), IsEmpty());
  json value = json::parse(config);
  compiled.validate(value, "config", problems);
  return {lines(problems), value};
}

constexpr const char* kSchema = R"({
  "type": "object", "title": "t", "additionalProperties": false, "required": ["account", "limits"],
  "properties": {
    "account": {"type": "string", "description": "d"},
    "region": {"type": "string", "enum": ["us", "eu"], "default": "us"},
    "rate": {"type": "integer", "minimum": 1, "maximum": 100},
    "share": {"type": "number"},
    "numbers": {"type": "array", "items": {"type": "string"}},
    "limits": {"type": "object", "properties": {"deep": {"type": "boolean", "default": true}}}
  }})";

TEST(ConfigSchema, AcceptsAndFillsDefaults) {
  const auto [problems, config] = check(kSchema, R"({"account": "a", "limits": {}, "rate": 5.0, "share": 1, "numbers": ["x"]})");
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(config["region"], "us");
  EXPECT_EQ(config["limits"]["deep"], true);
  EXPECT_FALSE(config.contains("x"));
}

TEST(ConfigSchema, ReportsEveryProblemWithItsPath) {
  const auto [problems, config] =
      check(kSchema, R"({"region": "mars", "rate": 101, "share": "x", "numbers": ["a", 2], "limits": {"deep": 0}, "typo": 1})");
  EXPECT_THAT(problems,
              UnorderedElementsAre(
                  "config.account: missing, wanted string", "config.region: found string \"mars\", wanted one of \"us\", \"eu\"",
                  "config.rate: found 101, wanted at most 100.0", "config.share: found string \"x\", wanted number",
                  "config.numbers[1]: found integer 2, wanted string", "config.limits.deep: found integer 0, wanted boolean",
                  "config.typo: unknown key; wanted one of account, limits, numbers, rate, region, share"));
}

TEST(ConfigSchema, IntegerTakesWholeNumbersOnly) {
  const char* schema = R"({"type": "object", "properties": {"n": {"type": "integer", "minimum": -1}}})";
  EXPECT_THAT(check(schema, R"({"n": 2.0})").first, IsEmpty());
  EXPECT_THAT(check(schema, R"({"n": 2.5})").first, UnorderedElementsAre("config.n: found number 2.5, wanted integer"));
  EXPECT_THAT(check(schema, R"({"n": -2})").first, UnorderedElementsAre("config.n: found -2, wanted at least -1.0"));
  EXPECT_THAT(check(schema, R"({"n": null})").first, UnorderedElementsAre("config.n: found null, wanted integer"));
}

TEST(ConfigSchema, AdditionalKeysAreFineUnlessForbidden) {
  EXPECT_THAT(check(R"({"type": "object"})", R"({"a": [1, {"b": 2}]})").first, IsEmpty());
}

TEST(ConfigSchema, WithoutASchemaOnlyAnEmptyConfigIsRight) {
  Problems problems;
  json config;
  ConfigSchema().validate(config, "config", problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(config, json::object());
  config["a"] = 1;
  ConfigSchema().validate(config, "config", problems);
  EXPECT_THAT(lines(problems), UnorderedElementsAre("config.a: unknown key; wanted none"));
}

TEST(ConfigSchema, UnknownKeywordsAreRejected) {
  EXPECT_THAT(schema_problems(R"({"type": "object", "oneOf": [], "properties": {"a": {"type": "string", "format": "uri"}}})"),
              UnorderedElementsAre("s.oneOf: unknown keyword; wanted one of type, properties, required, additionalProperties, "
                                   "items, enum, minimum, maximum, default, title, description",
                                   "s.properties.a.format: unknown keyword; wanted one of type, properties, required, "
                                   "additionalProperties, items, enum, minimum, maximum, default, title, "
                                   "description"));
}

TEST(ConfigSchema, SchemasAreChecked) {
  EXPECT_THAT(schema_problems("{}"),
              UnorderedElementsAre("s: no \"type\", wanted one of object, array, string, integer, number, boolean"));
  EXPECT_THAT(schema_problems(R"({"type": "array"})"),
              UnorderedElementsAre("s.type: found \"array\", wanted \"object\": a configuration is an object"));
  EXPECT_THAT(schema_problems(R"({"type": "object", "required": ["a"]})"),
              UnorderedElementsAre("s.required: \"a\" is not one of the properties"));
  EXPECT_THAT(schema_problems(R"({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}})"),
              UnorderedElementsAre("s.properties.a.default: found string \"x\", wanted integer"));
  EXPECT_THAT(schema_problems(R"({"type": "object", "properties": {"a": {"type": "string", "enum": [1]}}})"),
              UnorderedElementsAre("s.properties.a.enum: found integer 1, wanted string"));
  EXPECT_THAT(schema_problems(R"({"type": "object", "properties": {"a": {"type": "text"}}})"),
              UnorderedElementsAre(
                  "s.properties.a.type: found string \"text\", wanted one of object, array, string, integer, number, boolean"));
}

TEST(ConfigSchema, DepthIsLimited) {
  json schema{{"type", "array"}};
  for (int i = 0; i < 40; ++i) schema = json{{"type", "array"}, {"items", std::move(schema)}};
  Problems problems;
  ConfigSchema(json{{"type", "object"}, {"properties", {{"a", schema}}}}, "s", problems);
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].text, "nested deeper than 32 levels");
}

}  // namespace
}  // namespace trunkline::plugin
