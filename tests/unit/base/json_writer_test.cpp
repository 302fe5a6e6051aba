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
