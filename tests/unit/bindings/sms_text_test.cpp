// Alphabets of text messages and where a text is cut: every character of every table, and the edges.
#include "trunkline/sms_text.hpp"

#include <gtest/gtest.h>

namespace trunkline::gsm {
namespace {

std::string utf8(char16_t c) {
  std::string out;
  append_utf8(out, c);
  return out;
}

std::string times(int n, std::string_view text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

TEST(SmsText, EveryCharacterOfEveryTableComesBack) {
  for (std::uint8_t i = 0; i < kLanguages; ++i) {
    const auto language = static_cast<Language>(i);
    const Alphabet alphabet(language, language);
    std::size_t characters = 0;
    const auto check = [&](char16_t c) {
      if (c == kNone) return;
      std::string octets, back;
      ASSERT_TRUE(encode_gsm7(utf8(c), alphabet, octets)) << int{i} << " U+" << std::hex << int{c};
      decode_gsm7(octets, alphabet, back);
      EXPECT_EQ(back, utf8(c)) << int{i} << " U+" << std::hex << int{c};
      ++characters;
    };
    for (std::uint8_t septet = 0; septet < 128; ++septet) {
      check(alphabet.basic(septet));
      check(alphabet.shifted(septet));
    }
    EXPECT_GE(characters, 120u) << int{i};
  }
}

TEST(SmsText, TheStandardAlphabetIsTheOneOfTheSpecification) {
  const Alphabet& standard = Alphabet::standard();
  EXPECT_EQ(standard.find(U'@'), 0);
  EXPECT_EQ(standard.find(U'\u0394'), 0x10);
  EXPECT_EQ(standard.find(U'\u20AC'), Alphabet::kShifted | 0x65);
  EXPECT_EQ(standard.find(U'['), Alphabet::kShifted | 0x3C);
  EXPECT_EQ(standard.find(U'`'), Alphabet::kMissing);
  EXPECT_EQ(standard.find(U'\u00E7'), Alphabet::kMissing);  // small c with cedilla: only the capital one is there
  EXPECT_EQ(standard.find(0x1F44B), Alphabet::kMissing);
  const Alphabet turkish(Language::kTurkish, Language::kTurkish);
  EXPECT_EQ(turkish.find(U'\u011F'), 0x0C);  // one septet where both tables have it
}

TEST(SmsText, SeptetsArePackedAsOnTheAir) {
  EXPECT_EQ(pack_septets("hellohello"), "\xE8\x32\x9B\xFD\x46\x97\xD9\xEC\x37");
  EXPECT_EQ(unpack_septets("\xE8\x32\x9B\xFD\x46\x97\xD9\xEC\x37", 10), "hellohello");
  for (unsigned fill = 0; fill < 7; ++fill)
    for (std::size_t length = 0; length < 20; ++length) {
      const std::string septets = std::string("\x01\x7F\x40\x3F\x00 abcdefghijklmnopq", 22).substr(0, length);
      EXPECT_EQ(unpack_septets(pack_septets(septets, fill), length, fill), septets);
    }
}

TEST(SmsText, PartsBeginWhereOneIsFull) {
  const auto parts = [](std::string_view text) {
    std::string octets;
    if (encode_gsm7(text, Alphabet::standard(), octets)) return count_parts(octets, Charset::kGsm7);
    encode_ucs2(text, octets);
    return count_parts(octets, Charset::kUcs2);
  };
  EXPECT_EQ(parts(""), 1u);
  EXPECT_EQ(parts(std::string(160, 'a')), 1u);
  EXPECT_EQ(parts(std::string(161, 'a')), 2u);
  EXPECT_EQ(parts(std::string(306, 'a')), 2u);
  EXPECT_EQ(parts(std::string(307, 'a')), 3u);
  EXPECT_EQ(parts(times(80, "\xE2\x82\xAC")), 1u);   // 80 escape pairs
  EXPECT_EQ(parts(times(153, "\xE2\x82\xAC")), 3u);  // 76 in a part: a pair is not cut
  EXPECT_EQ(parts(times(70, "\xD1\x8F")), 1u);
  EXPECT_EQ(parts(times(71, "\xD1\x8F")), 2u);
  EXPECT_EQ(parts(times(67, "\xF0\x9F\x91\x8B")), 3u);  // 33 in a part
  EXPECT_EQ(part_octets(Charset::kGsm7, 6), 153u);
  EXPECT_EQ(part_octets(Charset::kGsm7, 7), 152u);
  EXPECT_EQ(part_octets(Charset::kUcs2, 7), 132u);
  EXPECT_EQ(part_octets(Charset::kLatin1, 6), 134u);
  std::string octets;
  encode_gsm7(std::string(152, 'a') + "\xE2\x82\xAC" + "b", Alphabet::standard(), octets);
  const auto cut = split(octets + std::string(10, 'c'), Charset::kGsm7, 160, 153);
  ASSERT_EQ(cut.size(), 2u);
  EXPECT_EQ(cut[0].size(), 152u);
}

TEST(SmsText, BytesThatAreNoTextAreRefused) {
  std::string out = "before";
  for (const char* bad : {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\x80"}) {
    EXPECT_THROW(encode_ucs2(bad, out), Error);
    out = "before";
    EXPECT_THROW(encode_gsm7(bad, Alphabet::standard(), out), Error);
    out = "before";
  }
  EXPECT_FALSE(encode_gsm7("a\xD1\x8F", Alphabet::standard(), out));
  EXPECT_EQ(out, "before");
  EXPECT_FALSE(encode_latin1("a\xD1\x8F", out));
  EXPECT_EQ(out, "before");
  encode_gsm7_lossy("a\xD1\x8F", Alphabet::standard(), out);
  EXPECT_EQ(out, "beforea?");
}

}  // namespace
}  // namespace trunkline::gsm
