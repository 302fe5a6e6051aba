#include "user_data.h"

namespace smpp {
namespace {

using trunkline::gsm::Language;

constexpr std::uint8_t kConcatenation8 = 0x00, kConcatenation16 = 0x08, kSingleShift = 0x24, kLockingShift = 0x25;

bool possible(const Concatenation& c) { return c.total >= 1 && c.number >= 1 && c.number <= c.total; }

std::optional<Language> language(std::uint8_t value) {
  if (value == 0 || value >= trunkline::gsm::kLanguages) return std::nullopt;
  return static_cast<Language>(value);
}

}  // namespace

UserDataHeader read_user_data_header(std::string_view data) {
  UserDataHeader header;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(data[i]); };
  const auto fail = [](const char* what) { throw Malformed(status::kInvalidMessageLength, "user_data_header", what); };
  if (data.empty()) fail("it is announced and not there");
  header.octets = at(0) + std::size_t{1};
  if (header.octets > data.size()) fail("it is longer than the message");
  for (std::size_t i = 1; i < header.octets;) {
    if (i + 2 > header.octets) fail("an element ends within its length");
    const std::uint8_t id = at(i), length = at(i + 1);
    i += 2;
    if (i + length > header.octets) fail("an element is longer than the header");
    if (id == kConcatenation8 && length == 3) {
      const Concatenation c{at(i), at(i + 1), at(i + 2), false};
      if (possible(c)) header.concatenation = c;
    } else if (id == kConcatenation16 && length == 4) {
      const Concatenation c{static_cast<std::uint16_t>(at(i) << 8 | at(i + 1)), at(i + 2), at(i + 3), true};
      if (possible(c)) header.concatenation = c;
    } else if (id == kSingleShift && length == 1) {
      header.single = language(at(i)).value_or(Language::kDefault);
    } else if (id == kLockingShift && length == 1) {
      header.locking = language(at(i)).value_or(Language::kDefault);
    }
    i += length;
  }
  return header;
}

std::string write_user_data_header(const UserDataHeader& header) {
  std::string elements;
  const auto put = [&](unsigned value) { elements += static_cast<char>(value); };
  if (header.concatenation) {
    const Concatenation& c = *header.concatenation;
    put(c.wide ? kConcatenation16 : kConcatenation8);
    put(c.wide ? 4 : 3);
    if (c.wide) put(c.reference >> 8);
    put(c.reference & 0xFF);
    put(c.total);
    put(c.number);
  }
  if (header.single != Language::kDefault) {
    put(kSingleShift);
    put(1);
    put(static_cast<unsigned>(header.single));
  }
  if (header.locking != Language::kDefault) {
    put(kLockingShift);
    put(1);
    put(static_cast<unsigned>(header.locking));
  }
  if (elements.empty()) return elements;
  return static_cast<char>(elements.size()) + elements;
}

std::optional<Concatenation> concatenation_of(const Message& message, const UserDataHeader& header) {
  if (header.concatenation) return header.concatenation;
  const auto reference = find_number(message.tlvs, tag::kSarMsgRefNum);
  const auto total = find_number(message.tlvs, tag::kSarTotalSegments);
  const auto number = find_number(message.tlvs, tag::kSarSegmentSeqnum);
  if (!reference || !total || !number || *total > 255 || *number > 255) return std::nullopt;
  const Concatenation c{static_cast<std::uint16_t>(*reference), static_cast<std::uint8_t>(*total),
                        static_cast<std::uint8_t>(*number), true};
  return possible(c) ? std::optional(c) : std::nullopt;
}

}  // namespace smpp
