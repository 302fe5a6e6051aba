#include "runtime/base/strings.h"

#include <gmock/gmock.h>

#include <array>

namespace trunkline {
namespace {

using testing::ElementsAre;

TEST(Strings, ComparesWithoutCase) {
  EXPECT_TRUE(iequals("Content-Type", "content-TYPE"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("[", "{"));  // differ by 32 as letters do
  EXPECT_TRUE(istarts_with("Bearer abc", "bearer "));
  EXPECT_EQ(ifind("xxAccessKey=", "accesskey"), 2u);
  EXPECT_EQ(ifind("abc", "d"), std::string_view::npos);
  EXPECT_EQ(to_lower("ÄBC-1"), "Äbc-1");
}

TEST(Strings, TrimsAndSplits) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_EQ(join(std::array<std::string_view, 3>{"a", "b", "c"}, ", "), "a, b, c");
}

TEST(Strings, ParsesWholeNumbersOnly) {
  EXPECT_EQ(parse_number<int>("-12"), -12);
  EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);
  for (const char* text : {"", "1 ", " 1", "+1", "1x", "0x1"}) EXPECT_FALSE(parse_number<int>(text)) << text;
}

TEST(Strings, SuggestsTheWordThatWasMeant) {
  const std::array<std::string_view, 4> keys{"providers", "plugins", "resources", "runtime"};
  EXPECT_EQ(closest_word("provders", keys), "providers");
  EXPECT_EQ(closest_word("pluigns", keys), "plugins");
  EXPECT_EQ(closest_word("Runtime", keys), "runtime");
  EXPECT_EQ(closest_word("banana", keys), "");
}

TEST(ToLower, ChangesLettersOfAsciiOnly) {
  for (std::size_t at = 0; at < 20; ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text(20, 'Q'), lower(20, 'q');
      text[at] = static_cast<char>(c);
      lower[at] = ascii_lower(static_cast<char>(c));
      ASSERT_EQ(to_lower(text), lower) << c << " at " << at;
    }
  }
}

}  // namespace
}  // namespace trunkline
