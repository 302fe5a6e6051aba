// Texts in messages: character set, parts, and back.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdu.h"
#include "trunkline/sms.hpp"
#include "trunkline/sms_text.hpp"
#include "user_data.h"

namespace smpp {

/// What data_coding 0 means to the peer.
enum class DefaultAlphabet { kGsm7, kGsm7Packed, kLatin1 };
/// How a text of several parts is told.
enum class LongText { kUdh8, kUdh16, kSar, kPayload };

struct CodingRules {
  DefaultAlphabet default_alphabet = DefaultAlphabet::kGsm7;
  /// data_coding of texts in GSM 7-bit.
  std::uint8_t gsm7_data_coding = 0;
  /// Latin-1 (data_coding 3) is used where GSM 7-bit does not do and it takes fewer parts than UCS-2.
  bool latin1 = false;
  /// National tables that may be used before UCS-2.
  std::vector<trunkline::gsm::Language> languages;
  LongText long_text = LongText::kUdh8;
};

/// A text as octets, in the coding that takes the fewest parts.
struct CodedText {
  trunkline::gsm::Charset charset = trunkline::gsm::Charset::kGsm7;
  trunkline::gsm::Language locking = trunkline::gsm::Language::kDefault;
  trunkline::gsm::Language single = trunkline::gsm::Language::kDefault;
  std::uint8_t data_coding = 0;
  std::string octets;                   // one septet an octet in GSM 7-bit
  std::vector<std::size_t> part_sizes;  // in order; their sum is octets.size()
};

/// Immutable. [any-thread]
class TextCoder {
 public:
  explicit TextCoder(CodingRules rules);

  /// Throws kInvalidArgument with the target `text` for text that is not UTF-8, and kOutOfRange for more than 255 parts.
  CodedText encode(std::string_view text, trunkline::sms::Encoding encoding) const;
  /// `message` with the text in it: one for each part. `reference` tells messages to the same number apart.
  std::vector<Message> fill(const Message& message, const CodedText& text, std::uint16_t reference) const;
  /// The octets behind the header, in UTF-8.
  std::string decode(std::uint8_t data_coding, const UserDataHeader& header, std::string_view octets) const;

 private:
  CodedText in(trunkline::gsm::Charset charset, const trunkline::gsm::Alphabet& alphabet, std::string octets) const;
  std::size_t header_octets(const CodedText& text, bool several) const;
  trunkline::gsm::Charset charset_of(std::uint8_t data_coding) const;

  const CodingRules rules_;
  std::vector<std::unique_ptr<const trunkline::gsm::Alphabet>> alphabets_;  // of rules_.languages, in the order of their price
};

}  // namespace smpp
