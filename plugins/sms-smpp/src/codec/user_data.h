// The user data header (3GPP TS 23.040, 9.2.3.24) in front of a text: concatenation and national languages.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pdu.h"
#include "trunkline/sms_text.hpp"

namespace smpp {

/// Which part of which message.
struct Concatenation {
  std::uint16_t reference = 0;
  std::uint8_t total = 1;
  std::uint8_t number = 1;  // from 1
  bool wide = false;        // a 16-bit reference
  friend bool operator==(const Concatenation&, const Concatenation&) = default;
};

struct UserDataHeader {
  std::optional<Concatenation> concatenation;
  trunkline::gsm::Language locking = trunkline::gsm::Language::kDefault;
  trunkline::gsm::Language single = trunkline::gsm::Language::kDefault;
  std::size_t octets = 0;  // with its length octet; 0: none
};

/// Throws Malformed when the header is longer than the data or an element longer than the header. Elements it does not know, and
/// concatenations that cannot be (part 0, more parts than there are), are passed over.
UserDataHeader read_user_data_header(std::string_view user_data);
/// With its length octet; empty without elements.
std::string write_user_data_header(const UserDataHeader& header);

/// Concatenation of a message, from its header or its sar_ parameters.
std::optional<Concatenation> concatenation_of(const Message& message, const UserDataHeader& header);

}  // namespace smpp
