// Texts as parts, and parts as texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/reassembly.h"
#include "codec/text_coding.h"

namespace smpp {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;
using trunkline::Error;
using trunkline::Time;
using trunkline::gsm::Charset;
using trunkline::gsm::Language;
using trunkline::sms::Encoding;

constexpr Time kNow{std::chrono::seconds{1'790'000'000}};

std::string times(int n, std::string_view text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

/// Through parts, in the wrong order, and back.
std::string there_and_back(const CodingRules& rules, const std::string& text, std::size_t parts) {
  const TextCoder coder(rules);
  Message message;
  message.source.digits = "1";
  message.destination.digits = "2";
  std::vector<Message> messages = coder.fill(message, coder.encode(text, Encoding::kAuto), 0x1234);
  EXPECT_THAT(messages, SizeIs(parts));
  Reassembly texts(10, 1h);
  for (auto at = messages.rbegin(); at != messages.rend(); ++at) {
    std::string pdu;
    encode(pdu, command::kDeliverSm, 0, 1, *at);
    Fragment part = read_fragment(decode_message(command::kDeliverSm, std::string_view(pdu).substr(kHeaderOctets)));
    EXPECT_LE(at->short_message.size(), rules.default_alphabet == DefaultAlphabet::kGsm7 ? 160u : 140u);
    if (part.concatenation.total == 1) return join(coder, {part});
    if (const auto whole = texts.add(std::move(part), kNow)) return join(coder, *whole);
  }
  return "not whole";
}

TEST(TextCoder, EveryWayOfLongTextComesBackWhole) {
  const std::string gsm = times(30, "Line {€} [x] @home ");
  const std::string cyrillic = times(200, "я");
  const std::string emoji = times(70, "👋");
  for (const LongText way : {LongText::kUdh8, LongText::kUdh16, LongText::kSar}) {
    CodingRules rules;
    rules.long_text = way;
    const TextCoder coder(rules);
    for (const std::string& text : {gsm, cyrillic, emoji})
      EXPECT_EQ(there_and_back(rules, text, coder.encode(text, Encoding::kAuto).part_sizes.size()), text);
  }
  CodingRules rules;
  rules.long_text = LongText::kPayload;
  EXPECT_EQ(there_and_back(rules, gsm, 1), gsm);
  rules.long_text = LongText::kUdh8;
  rules.default_alphabet = DefaultAlphabet::kGsm7Packed;
  EXPECT_EQ(there_and_back(rules, gsm, 5), gsm);
  EXPECT_EQ(there_and_back(rules, "short {€}", 1), "short {€}");
}

TEST(TextCoder, ChoosesTheFewestParts) {
  CodingRules rules;
  const auto coded = [&](std::string_view text, Encoding encoding = Encoding::kAuto) {
    return TextCoder(rules).encode(text, encoding);
  };
  EXPECT_EQ(coded("plain").charset, Charset::kGsm7);
  EXPECT_EQ(coded("naïve").charset, Charset::kUcs2);
  EXPECT_EQ(coded("naïve").data_coding, 8);
  EXPECT_EQ(coded("plain", Encoding::kUcs2).charset, Charset::kUcs2);
  EXPECT_EQ(coded("naïve", Encoding::kGsm7).octets, "na?ve");
  rules.latin1 = true;
  EXPECT_EQ(coded("naïve").data_coding, 3);
  EXPECT_EQ(coded("я").data_coding, 8);
  EXPECT_THAT(coded(times(100, "ï")).part_sizes, SizeIs(1));
  rules.languages = {Language::kTurkish, Language::kSpanish};
  EXPECT_EQ(coded("ğş").single, Language::kTurkish);
  EXPECT_EQ(coded("á").single, Language::kSpanish);
  EXPECT_EQ(coded(times(100, "ğ")).locking, Language::kTurkish);  // one septet each: one part
  EXPECT_THAT(coded(times(100, "ğ")).part_sizes, SizeIs(1));
  EXPECT_EQ(coded("я").charset, Charset::kUcs2);
  rules = {};
  rules.default_alphabet = DefaultAlphabet::kLatin1;
  EXPECT_EQ(coded("plain").charset, Charset::kLatin1);
  EXPECT_EQ(coded("plain").data_coding, 0);
}

TEST(TextCoder, NationalTablesTravelInTheHeader) {
  CodingRules rules;
  rules.languages = {Language::kTurkish, Language::kPortuguese, Language::kHindi, Language::kUrdu};
  for (const std::string text : {"ğüşöçı İĞŞ", "ãõçê ÃÕ", "नमस्ते", "آپ کیسے"}) {
    const TextCoder coder(rules);
    EXPECT_EQ(coder.encode(text, Encoding::kAuto).charset, Charset::kGsm7) << text;
    EXPECT_EQ(there_and_back(rules, text, 1), text);
  }
  EXPECT_EQ(there_and_back(rules, times(100, "ğş"), 2), times(100, "ğş"));
}

TEST(TextCoder, PartsNeverCutACharacter) {
  const TextCoder coder({});
  // 153 septets: an escape pair would begin at the last one.
  const CodedText gsm = coder.encode(std::string(152, 'a') + "€" + std::string(20, 'b'), Encoding::kAuto);
  EXPECT_THAT(gsm.part_sizes, ::testing::ElementsAre(152, 22));
  const CodedText ucs2 = coder.encode(times(66, "я") + "👋" + "яяяя", Encoding::kAuto);
  EXPECT_THAT(ucs2.part_sizes, ::testing::ElementsAre(132, 12));
}

TEST(TextCoder, RefusesWhatItCannotSend) {
  const TextCoder coder({});
  EXPECT_THROW(coder.encode("\xff", Encoding::kAuto), Error);
  EXPECT_THROW(coder.encode(std::string(153 * 255 + 1, 'a'), Encoding::kAuto), Error);
  EXPECT_THAT(coder.encode(std::string(153 * 255, 'a'), Encoding::kAuto).part_sizes, SizeIs(255));
  CodingRules rules;
  rules.long_text = LongText::kPayload;
  EXPECT_THROW(TextCoder(rules).encode(std::string(70'000, 'a'), Encoding::kAuto), Error);
}

TEST(TextCoder, DecodesWhatOthersSend) {
  const TextCoder coder({});
  EXPECT_EQ(coder.decode(3, {}, "na\xEFve"), "naïve");
  EXPECT_EQ(coder.decode(8, {}, std::string("\x04\x4f\xD8\x3D\xDC\x4B\xD8", 7)), "я👋\uFFFD");
  EXPECT_EQ(coder.decode(6, {}, "\xBF\xE0\xD8"), "При");
  EXPECT_EQ(coder.decode(0xF1, {}, "\x1b\x65"), "€");
  EXPECT_EQ(coder.decode(0xF5, {}, "\xE9"), "é");
  EXPECT_EQ(coder.decode(0, {}, "\x1b"), "");       // an escape and nothing
  EXPECT_EQ(coder.decode(0, {}, "\x1b\x41"), "A");  // an escape and no character there
}

Fragment fragment(std::uint16_t reference, std::uint8_t total, std::uint8_t number, std::string octets) {
  Fragment part;
  part.source.digits = "1";
  part.concatenation = {reference, total, number, false};
  part.octets = std::move(octets);
  return part;
}

TEST(Reassembly, KeepsTextsApartAndTakesPartsAgain) {
  const TextCoder coder({});
  Reassembly texts(10, 1h);
  EXPECT_FALSE(texts.add(fragment(1, 2, 2, "b"), kNow));
  EXPECT_FALSE(texts.add(fragment(2, 2, 1, "c"), kNow));
  EXPECT_FALSE(texts.add(fragment(1, 2, 2, "B"), kNow));
  const auto first = texts.add(fragment(1, 2, 1, "a"), kNow);
  ASSERT_TRUE(first);
  EXPECT_EQ(join(coder, *first), "aB");
  EXPECT_EQ(texts.size(), 1u);
}

TEST(Reassembly, TellsWhatIsOverdueOrTooMuch) {
  const TextCoder coder({});
  Reassembly texts(2, 1h);
  texts.add(fragment(1, 3, 3, "c"), kNow);
  texts.add(fragment(1, 3, 1, "a"), kNow);
  EXPECT_EQ(texts.overdue(kNow + 59min), std::nullopt);
  EXPECT_EQ(texts.next_due(), kNow + 1h);
  const auto late = texts.overdue(kNow + 1h);
  ASSERT_TRUE(late);
  EXPECT_EQ(join(coder, *late), "ac");
  for (std::uint16_t i = 0; i < 3; ++i) texts.add(fragment(i, 2, 1, std::to_string(i)), kNow);
  const auto oldest = texts.overdue(kNow);
  ASSERT_TRUE(oldest);
  EXPECT_EQ(join(coder, *oldest), "0");
  EXPECT_EQ(texts.overdue(kNow), std::nullopt);
}

}  // namespace
}  // namespace smpp
