#include "text_coding.h"

#include <algorithm>

namespace smpp {
namespace {

namespace gsm = trunkline::gsm;
using gsm::Charset;
using gsm::Language;
using trunkline::Error;
using trunkline::ErrorCode;

constexpr std::uint8_t kIa5 = 0x01, kOctets = 0x02, kLatin1 = 0x03, kOctetsToo = 0x04, kCyrillic = 0x06, kUcs2 = 0x08;
constexpr std::size_t kMaxPayload = 0xFFFF;

unsigned fill_bits(std::size_t header_octets) { return static_cast<unsigned>((7 - header_octets * 8 % 7) % 7); }

/// ISO 8859-5.
void decode_cyrillic(std::string_view octets, std::string& out) {
  for (const char c : octets) {
    const auto u = static_cast<unsigned char>(c);
    const char32_t character = u <= 0xA0 || u == 0xAD ? u : u == 0xF0 ? 0x2116 : u == 0xFD ? 0xA7 : 0x360 + u;
    gsm::append_utf8(out, character);
  }
}

}  // namespace

TextCoder::TextCoder(CodingRules rules) : rules_(std::move(rules)) {
  // One table costs three octets of every part, both cost six.
  for (const Language language : rules_.languages)
    alphabets_.push_back(std::make_unique<const gsm::Alphabet>(Language::kDefault, language));
  for (const Language language : rules_.languages) {
    if (gsm::tables::kLocking[static_cast<std::size_t>(language)] == &gsm::tables::kLockingDefault) continue;
    alphabets_.push_back(std::make_unique<const gsm::Alphabet>(language, Language::kDefault));
    alphabets_.push_back(std::make_unique<const gsm::Alphabet>(language, language));
  }
}

std::size_t TextCoder::header_octets(const CodedText& text, bool several) const {
  UserDataHeader header;
  header.locking = text.locking;
  header.single = text.single;
  // With sar_ parameters the peer writes the header itself: room is left for it.
  if (several) header.concatenation = Concatenation{0, 2, 1, rules_.long_text == LongText::kUdh16};
  return write_user_data_header(header).size();
}

CodedText TextCoder::in(Charset charset, const gsm::Alphabet& alphabet, std::string octets) const {
  CodedText text;
  text.charset = charset;
  if (charset == Charset::kGsm7) {
    text.locking = alphabet.locking();
    text.single = alphabet.single();
    text.data_coding = rules_.gsm7_data_coding;
  } else if (charset == Charset::kLatin1) {
    text.data_coding = rules_.default_alphabet == DefaultAlphabet::kLatin1 ? 0 : kLatin1;
  } else {
    text.data_coding = kUcs2;
  }
  text.octets = std::move(octets);
  const bool plain = text.locking == Language::kDefault && text.single == Language::kDefault;
  if (text.octets.size() <= gsm::part_octets(charset, plain ? 0 : header_octets(text, false))) {
    text.part_sizes.push_back(text.octets.size());
    return text;
  }
  const std::size_t limit = gsm::part_octets(charset, header_octets(text, true));
  for (std::size_t begin = 0; begin < text.octets.size();) {
    const std::size_t end = gsm::part_end(text.octets, begin, charset, limit);
    text.part_sizes.push_back(end - begin);
    begin = end;
  }
  return text;
}

CodedText TextCoder::encode(std::string_view text, trunkline::sms::Encoding encoding) const {
  using trunkline::sms::Encoding;
  std::vector<CodedText> candidates;
  std::string octets;
  octets.reserve(text.size());
  const gsm::Alphabet& standard = gsm::Alphabet::standard();
  const bool has_gsm7 = rules_.default_alphabet != DefaultAlphabet::kLatin1;
  if (encoding != Encoding::kUcs2) {
    if (has_gsm7 && gsm::encode_gsm7(text, standard, octets)) {
      candidates.push_back(in(Charset::kGsm7, standard, std::move(octets)));
    } else {
      if (has_gsm7)
        for (const auto& alphabet : alphabets_)
          if (octets.clear(); gsm::encode_gsm7(text, *alphabet, octets))
            candidates.push_back(in(Charset::kGsm7, *alphabet, octets));
      if (octets.clear(); (rules_.latin1 || !has_gsm7) && gsm::encode_latin1(text, octets))
        candidates.push_back(in(Charset::kLatin1, standard, octets));
      if (candidates.empty() && encoding == Encoding::kGsm7 && has_gsm7) {
        octets.clear();
        gsm::encode_gsm7_lossy(text, standard, octets);
        candidates.push_back(in(Charset::kGsm7, standard, octets));
      }
    }
  }
  const bool plain = !candidates.empty() && candidates[0].charset == Charset::kGsm7 &&
                     candidates[0].single == Language::kDefault && candidates[0].locking == Language::kDefault;
  if (candidates.empty() || (!plain && encoding == Encoding::kAuto)) {
    octets.clear();
    gsm::encode_ucs2(text, octets);
    candidates.push_back(in(Charset::kUcs2, standard, octets));
  }
  const auto best = std::min_element(candidates.begin(), candidates.end(), [](const CodedText& a, const CodedText& b) {
    return a.part_sizes.size() < b.part_sizes.size();
  });
  if (rules_.long_text != LongText::kPayload && best->part_sizes.size() > 255)
    throw Error(ErrorCode::kOutOfRange, "text: found " + std::to_string(best->part_sizes.size()) + " parts, wanted at most 255",
                "text");
  if (rules_.long_text == LongText::kPayload && best->octets.size() > kMaxPayload - 8)
    throw Error(ErrorCode::kOutOfRange, "text: found " + std::to_string(best->octets.size()) + " octets, wanted at most 65527",
                "text");
  return std::move(*best);
}

std::vector<Message> TextCoder::fill(const Message& message, const CodedText& text, std::uint16_t reference) const {
  std::vector<Message> messages;
  const std::size_t count = text.part_sizes.size();
  const bool as_payload = count > 1 && rules_.long_text == LongText::kPayload;
  const bool packed = text.charset == Charset::kGsm7 && rules_.default_alphabet == DefaultAlphabet::kGsm7Packed;
  std::size_t begin = 0;
  messages.reserve(as_payload ? 1 : count);
  for (std::size_t i = 0; i < (as_payload ? 1 : count); ++i) {
    Message& part = messages.emplace_back(message);
    const std::string_view octets =
        std::string_view(text.octets).substr(begin, as_payload ? std::string_view::npos : text.part_sizes[i]);
    begin += octets.size();
    UserDataHeader header;
    header.locking = text.locking;
    header.single = text.single;
    if (count > 1 && !as_payload) {
      if (rules_.long_text == LongText::kSar) {
        add_number(part.tlvs, tag::kSarMsgRefNum, reference, 2);
        add_number(part.tlvs, tag::kSarTotalSegments, static_cast<std::uint32_t>(count), 1);
        add_number(part.tlvs, tag::kSarSegmentSeqnum, static_cast<std::uint32_t>(i + 1), 1);
      } else {
        const bool wide = rules_.long_text == LongText::kUdh16;
        header.concatenation = Concatenation{static_cast<std::uint16_t>(wide ? reference : reference & 0xFF),
                                             static_cast<std::uint8_t>(count), static_cast<std::uint8_t>(i + 1), wide};
      }
    }
    std::string data = write_user_data_header(header);
    if (!data.empty()) part.esm_class |= kEsmUdhi;
    part.data_coding = text.data_coding;
    if (packed)
      data += gsm::pack_septets(octets, fill_bits(data.size()));
    else
      data += octets;
    if (as_payload)
      part.tlvs.push_back({tag::kMessagePayload, std::move(data)});
    else
      part.short_message = std::move(data);
  }
  return messages;
}

Charset TextCoder::charset_of(std::uint8_t data_coding) const {
  switch (data_coding) {
    case kIa5:
    case kOctets:
    case kLatin1:
    case kOctetsToo:
      return Charset::kLatin1;
    case kUcs2:
      return Charset::kUcs2;
    case 0:
      return rules_.default_alphabet == DefaultAlphabet::kLatin1 ? Charset::kLatin1 : Charset::kGsm7;
    default:
      // The groups of TS 23.038 that say where a message is kept: 0xE0 to 0xEF in UCS-2, 0xF4 to 0xF7 and 0xFC to 0xFF in octets.
      if (data_coding >= 0xF0) return data_coding & 0x04 ? Charset::kLatin1 : Charset::kGsm7;
      if (data_coding >= 0xE0) return Charset::kUcs2;
      return Charset::kGsm7;
  }
}

std::string TextCoder::decode(std::uint8_t data_coding, const UserDataHeader& header, std::string_view octets) const {
  std::string text;
  if (data_coding == kCyrillic) {
    decode_cyrillic(octets, text);
    return text;
  }
  switch (charset_of(data_coding)) {
    case Charset::kLatin1:
      gsm::decode_latin1(octets, text);
      break;
    case Charset::kUcs2:
      gsm::decode_ucs2(octets, text);
      break;
    case Charset::kGsm7: {
      std::string unpacked;
      if (rules_.default_alphabet == DefaultAlphabet::kGsm7Packed) {
        const unsigned fill = fill_bits(header.octets);
        const std::size_t bits = octets.size() * 8;
        unpacked = gsm::unpack_septets(octets, bits < fill ? 0 : (bits - fill) / 7, fill);
        // Seven bits that are left over in the last octet are zero, and read as one '@' too many.
        if (!unpacked.empty() && unpacked.back() == '\0' && (bits - fill) % 7 == 0) unpacked.pop_back();
        octets = unpacked;
      }
      if (header.locking == Language::kDefault && header.single == Language::kDefault)
        gsm::decode_gsm7(octets, gsm::Alphabet::standard(), text);
      else
        gsm::decode_gsm7(octets, gsm::Alphabet(header.locking, header.single), text);
      break;
    }
  }
  return text;
}

}  // namespace smpp
