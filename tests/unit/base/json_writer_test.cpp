#include "runtime/base/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace trunkline {
namespace {

using nlohmann::json;

TEST(WriteJson, GivesWhatDumpGives) {
  for (const char* text :
       {R"({"a":[1,true,null,false],"b":{"c":"d","e":{}},"f":[]})", R"([])", R"({})", R"("")",
        R"("\"\\\b\f\n\r\t\u0001\u001f\u007f")", "\"caf\u00e9 \u20ac \U0001F600 and more of it\"", "0", "-7",
        "18446744073709551615", "-9223372036854775808", "1.0", "-2.5e-3", "1e100", "0.1", "null", R"(["a","b",[["c"]]])"}) {
    const json value = json::parse(text);
    EXPECT_EQ(write_json(value), value.dump());
  }
  EXPECT_EQ(write_json(json(std::string("a\0b", 3))), R"("a\u0000b")");
  EXPECT_EQ(write_json(json(std::nan(""))), "null");
}

TEST(WriteJson, RepairsMalformedText) {
  EXPECT_EQ(write_json(json("a\xff"
                            "b\xe2\x82")),
            "\"a\uFFFDb\uFFFD\uFFFD\"");
}

TEST(AppendJson, Appends) {
  std::string out = "data: ";
  append_json(out, json{{"a", 1}});
  EXPECT_EQ(out, "data: {\"a\":1}");
}

}  // namespace
}  // namespace trunkline
