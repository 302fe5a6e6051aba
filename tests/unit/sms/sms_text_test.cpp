#include "runtime/sms/sms_text.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

std::string repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

struct Case {
  const char* name;
  std::string text;
  sms::Encoding encoding;
  std::int32_t segments;
};

class SmsText : public testing::TestWithParam<Case> {};

TEST_P(SmsText, CountsParts) {
  const SmsTextInfo info = measure_sms_text(GetParam().text);
  EXPECT_EQ(info.encoding, GetParam().encoding);
  EXPECT_EQ(info.segments, GetParam().segments);
}

INSTANTIATE_TEST_SUITE_P(
    Boundaries, SmsText,
    testing::Values(
        Case{"Empty", "", sms::Encoding::kGsm7, 1}, Case{"Gsm160", repeat("a", 160), sms::Encoding::kGsm7, 1},
        Case{"Gsm161", repeat("a", 161), sms::Encoding::kGsm7, 2}, Case{"Gsm306", repeat("a", 306), sms::Encoding::kGsm7, 2},
        Case{"Gsm307", repeat("a", 307), sms::Encoding::kGsm7, 3},
        // An extension character takes two septets and is never split: 152 + it leaves a septet unused.
        Case{"Extension80", repeat("€", 80), sms::Encoding::kGsm7, 1},
        Case{"Extension81", repeat("€", 81), sms::Encoding::kGsm7, 2},
        Case{"ExtensionNotSplit", repeat("€", 152), sms::Encoding::kGsm7, 2},
        Case{"ExtensionNotSplitOver", repeat("€", 153), sms::Encoding::kGsm7, 3},
        Case{"Ucs70", repeat("你", 70), sms::Encoding::kUcs2, 1}, Case{"Ucs71", repeat("你", 71), sms::Encoding::kUcs2, 2},
        Case{"Ucs134", repeat("你", 134), sms::Encoding::kUcs2, 2}, Case{"Ucs135", repeat("你", 135), sms::Encoding::kUcs2, 3},
        Case{"Emoji35", repeat("😀", 35), sms::Encoding::kUcs2, 1}, Case{"Emoji36", repeat("😀", 36), sms::Encoding::kUcs2, 2},
        // A surrogate pair is never split: 33 pairs fill 66 of 67 units.
        Case{"Emoji66", repeat("😀", 66), sms::Encoding::kUcs2, 2}, Case{"Emoji67", repeat("😀", 67), sms::Encoding::kUcs2, 3}),
    [](const auto& info) { return info.param.name; });

TEST(SmsTextInfo, NamesTheCharacterThatCosts) {
  EXPECT_EQ(measure_sms_text("Grüße @ 10 € [ok]").costly_character, "");
  EXPECT_EQ(measure_sms_text("naïve").costly_character, "ï");
  EXPECT_EQ(measure_sms_text("a `quote`").costly_character, "`");
  EXPECT_EQ(measure_sms_text("ok 😀 你").costly_character, "😀");
}

}  // namespace
}  // namespace trunkline
