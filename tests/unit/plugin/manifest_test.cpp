#include "runtime/plugin/manifest.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "trunkline/abi.h"
#include "trunkline/error.hpp"

namespace trunkline::plugin {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

json good() {
  return json::parse(
      R"({"id": "com.example.sms", "name": "Example", "version": "1.2.3-rc.1", "abi_min": "1.0", "library": "sms.so",
    "interfaces": ["trunkline.sms/1", "trunkline.chat/draft-1"], "capabilities": ["inbound"], "secrets": ["auth_token"],
    "optional_secrets": ["proxy"], "threads": true,
    "config_schema": {"type": "object", "properties": {"account": {"type": "string"}}}})");
}

// The message of the error, or "" when the manifest is good.
std::string problem(const json& manifest) {
  try {
    parse_manifest(manifest.dump(), "/plugins/sms/plugin.json");
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.message;
  }
}
std::string problem_with(const char* key, json value) {
  json manifest = good();
  manifest[key] = std::move(value);
  return problem(manifest);
}
std::string problem_without(const char* key) {
  json manifest = good();
  manifest.erase(key);
  return problem(manifest);
}

TEST(Manifest, ReadsEveryMember) {
  const Manifest m = parse_manifest(good().dump(), "/plugins/sms/plugin.json");
  EXPECT_EQ(m.id, "com.example.sms");
  EXPECT_EQ(m.name, "Example");
  EXPECT_EQ(m.version, "1.2.3-rc.1");
  EXPECT_EQ(m.abi_min, TL_ABI_VERSION(1, 0));
  EXPECT_EQ(m.library, "/plugins/sms/sms.so");
  EXPECT_THAT(m.interfaces, ElementsAre("trunkline.sms/1", "trunkline.chat/draft-1"));
  EXPECT_THAT(m.capabilities, ElementsAre("inbound"));
  EXPECT_TRUE(m.may_read_secret("auth_token"));
  EXPECT_TRUE(m.may_read_secret("proxy"));
  EXPECT_FALSE(m.may_read_secret("other"));
  EXPECT_TRUE(m.threads);
  EXPECT_TRUE(m.offers("trunkline.sms/1"));
  EXPECT_FALSE(m.offers("trunkline.sms/2"));
}

TEST(Manifest, BuiltInNeedsNoLibrary) {
  json manifest = good();
  manifest.erase("library");
  EXPECT_TRUE(parse_manifest(manifest.dump(), {}).library.empty());
  EXPECT_THAT(problem_without("library"), HasSubstr("library: missing, wanted the name of a file beside the manifest"));
}

TEST(Manifest, NameDefaultsToTheId) {
  json manifest = good();
  manifest.erase("name");
  EXPECT_EQ(parse_manifest(manifest.dump(), "/p/plugin.json").name, "com.example.sms");
}

TEST(Manifest, ReportsAllProblemsAtOnce) {
  json manifest = good();
  manifest.erase("id");
  manifest["version"] = "1";
  manifest["threads"] = "yes";
  manifest["color"] = "red";
  try {
    parse_manifest(manifest.dump(), "/plugins/sms/plugin.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, StartsWith("plugin manifest /plugins/sms/plugin.json: "));
    EXPECT_THAT(error.message, HasSubstr("\"color\": unknown key; wanted one of id, name"));
    EXPECT_THAT(error.message, HasSubstr("id: missing, wanted lower-case labels"));
    EXPECT_THAT(error.message, HasSubstr("version: found \"1\", wanted MAJOR.MINOR.PATCH"));
    EXPECT_THAT(error.message, HasSubstr("threads: found \"yes\", wanted true or false"));
    EXPECT_EQ(error.details.size(), 4u);
  }
}

TEST(Manifest, ChecksEveryMember) {
  EXPECT_EQ(problem(good()), "");
  for (const char* id : {"", "Sms", "a..b", ".a", "a.", "-a", "a-", "a.-b", "a b"})
    EXPECT_THAT(problem_with("id", id), HasSubstr("id: found")) << id;
  EXPECT_THAT(problem_with("id", std::string(129, 'a')), HasSubstr("id: found"));
  EXPECT_THAT(problem_with("id", 7), HasSubstr("id: found 7, wanted"));
  for (const char* version : {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-"})
    EXPECT_THAT(problem_with("version", version), HasSubstr("version: found")) << version;
  for (const char* abi : {"", "1", "1.", "1.x", "99999.0"})
    EXPECT_THAT(problem_with("abi_min", abi), HasSubstr("abi_min: found")) << abi;
  EXPECT_THAT(problem_with("abi_min", 1.0), HasSubstr("abi_min: found 1.0, wanted MAJOR.MINOR"));
  for (const char* file : {"", ".", "..", "../x.so", "/etc/x.so", "a/b.so", "a\\b.so"})
    EXPECT_THAT(problem_with("library", file), HasSubstr("library: found")) << file;
  EXPECT_THAT(problem_with("library", std::string("a\0b", 3)), HasSubstr("library: found \"a?b\""));
  EXPECT_THAT(problem_with("interfaces", json::array()),
              HasSubstr("interfaces: found an array of 0, wanted an array of 1 to 64 strings"));
  for (const char* id : {"trunkline.sms", "trunkline.sms/", "trunkline.sms/0", "trunkline.sms/v1", "/1", "trunkline.sms/draft-"})
    EXPECT_THAT(problem_with("interfaces", json::array({id})), HasSubstr("interfaces[0]: found")) << id;
  EXPECT_THAT(problem_with("interfaces", json::array({"a/1", "a/1"})), HasSubstr("interfaces[1]: found \"a/1\" a second time"));
  EXPECT_THAT(problem_with("secrets", json::array({"Auth Token"})), HasSubstr("secrets[0]: found \"Auth Token\""));
}

TEST(Manifest, BadSchemaIsReportedWithItsPath) {
  EXPECT_THAT(problem_with("config_schema",
                           json::parse(R"({"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}})")),
              HasSubstr("config_schema.properties.a.pattern: unknown keyword; wanted one of type, properties"));
  EXPECT_THAT(problem_with("config_schema", 1), HasSubstr("config_schema: found integer 1, wanted an object"));
}

TEST(Manifest, LimitsSizeAndDepth) {
  const auto text_problem = [](const std::string& text) {
    try {
      parse_manifest(text, "/p/plugin.json");
      return std::string();
    } catch (const Error& error) {
      return error.message;
    }
  };
  EXPECT_THAT(text_problem(std::string(kManifestMaxBytes + 1, ' ')), HasSubstr("longer than 262144 bytes"));
  EXPECT_THAT(text_problem(std::string(100000, '[')), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(text_problem("{\"id\": "), HasSubstr("JSON: "));
  EXPECT_THAT(text_problem("[]"), HasSubstr("found array, wanted an object"));
  EXPECT_THAT(text_problem("{\"id\": \"\xff\"}"), HasSubstr("JSON: "));
  EXPECT_NE(text_problem(""), "");
}

TEST(Manifest, MissingFileSaysWhatWasWanted) {
  try {
    read_manifest("/nonexistent/plugin.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.message, HasSubstr("/nonexistent/plugin.json: found no readable file"));
  }
}

TEST(Manifest, InterfaceIds) {
  EXPECT_TRUE(is_interface_id("trunkline.sms/1"));
  EXPECT_TRUE(is_interface_id("trunkline.pstn_sandbox/1"));
  EXPECT_TRUE(is_interface_id("trunkline.chat/draft-12"));
  EXPECT_TRUE(is_draft_interface("trunkline.chat/draft-12"));
  EXPECT_FALSE(is_draft_interface("trunkline.sms/1"));
  EXPECT_FALSE(is_interface_id("trunkline.sms/1/2"));
}

}  // namespace
}  // namespace trunkline::plugin
