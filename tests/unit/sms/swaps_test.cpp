#include "runtime/sms/swaps.h"

#include <gtest/gtest.h>

#include "runtime/sms/sms_text.h"

namespace trunkline {
namespace {

TEST(Swaps, TypographyBecomesGsm7) {
  const SwappedText out = swap_to_gsm7("“It’s here” – don’t wait…");
  EXPECT_EQ(out.text, "\"It's here\" - don't wait...");
  ASSERT_EQ(out.swaps.size(), 5u);
  EXPECT_EQ(out.swaps[1].found, "’");
  EXPECT_EQ(out.swaps[1].replacement, "'");
  EXPECT_EQ(out.swaps[1].count, 2);
  EXPECT_EQ(measure_sms_text(out.text).encoding, sms::Encoding::kGsm7);
}

TEST(Swaps, ADecomposedLetterBecomesTheOneThatGsm7Has) {
  const SwappedText out = swap_to_gsm7("cafe\xCC\x81");
  EXPECT_EQ(out.text, "café");
  EXPECT_EQ(measure_sms_text(out.text).encoding, sms::Encoding::kGsm7);
}

TEST(Swaps, WhatWouldBeALossStays) {
  for (const char* text : {"你好", "naïve", "žluťoučký", "\xF0\x9F\x98\x80", "plain text with @ and €"}) {
    const SwappedText out = swap_to_gsm7(text);
    EXPECT_EQ(out.text, text);
    EXPECT_TRUE(out.swaps.empty());
  }
}

}  // namespace
}  // namespace trunkline
