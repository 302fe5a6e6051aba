#include "runtime/base/utf8.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

TEST(Utf8, CountsCodePointsAndUtf16Units) {
  const std::string text = "a\u00e4\u20ac\U0001F600";
  EXPECT_TRUE(utf8_valid(text));
  EXPECT_EQ(utf8_length(text), 4u);
  EXPECT_EQ(utf16_length(text), 5u);
  EXPECT_EQ(utf8_length(""), 0u);
}

TEST(Utf8, RefusesMalformedSequences) {
  for (const std::string_view text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "\xff", "a\xc3"})
    EXPECT_FALSE(utf8_valid(text));
  EXPECT_EQ(utf8_valid_prefix("ab\xff"), 2u);
}

TEST(Utf8, EncodesWhatItDecodes) {
  for (const char32_t c : {0x0u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xd7ffu, 0xe000u, 0xffffu, 0x10000u, 0x10ffffu}) {
    std::string text;
    append_utf8(text, c);
    std::string_view rest = text;
    EXPECT_EQ(take_code_point(rest), c);
    EXPECT_TRUE(rest.empty());
  }
}

TEST(Utf8, SanitizesOnlyTheBadBytes) {
  EXPECT_EQ(utf8_sanitized("a\xff"
                           "b\xe2\x82"),
            "a\uFFFDb\uFFFD\uFFFD");
  EXPECT_EQ(utf8_sanitized("\u20ac"), "\u20ac");
}

}  // namespace
}  // namespace trunkline
