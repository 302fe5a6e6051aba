// How a text travels: character set and parts.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "trunkline/sms.hpp"

namespace trunkline {

struct SmsTextInfo {
  sms::Encoding encoding = sms::Encoding::kGsm7;
  std::int32_t segments = 1;
  /// Unicode code points.
  std::int32_t characters = 0;
  /// The first character that does not fit GSM-7; empty when all do.
  std::string costly_character;
};

/// Counts by 3GPP TS 23.038 (GSM-7 with its extension table) and TS 23.040 (153 septets or 67 UCS-2 units in each part of a
/// longer text; a part never splits an escape or a surrogate pair). `text` must be valid UTF-8.
SmsTextInfo measure_sms_text(std::string_view text);

}  // namespace trunkline
