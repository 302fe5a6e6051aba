#include "runtime/base/encoding.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

TEST(Base64, EncodesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
}

TEST(Base64, RoundTripsEveryByteAndLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    EXPECT_EQ(hex_decode(hex_encode(as_bytes(bytes))), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(Base64, RefusesEveryNonCanonicalForm) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zm=v", "Zm9v\n", " Zm9", "Zm9-", "Zh==", "Zm9="})
    EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(Base64Url, UsesItsOwnAlphabetAndNoPadding) {
  const std::string bytes = "\xfb\xff\xfe";
  EXPECT_EQ(base64_encode(bytes), "+//+");
  EXPECT_EQ(base64url_encode(bytes), "-__-");
  EXPECT_EQ(base64url_decode("-__-"), bytes);
  for (const char* text : {"+//+", "Zg==", "Zh", "A"}) EXPECT_FALSE(base64url_decode(text)) << text;
}

TEST(Hex, TakesEitherCaseAndNothingElse) {
  EXPECT_EQ(hex_encode(as_bytes("\x01\xab")), "01ab");
  EXPECT_EQ(hex_decode("01aB"), std::string("\x01\xab"));
  for (const char* text : {"0", "0g", "0x", " 1"}) EXPECT_FALSE(hex_decode(text)) << text;
}

}  // namespace
}  // namespace trunkline
