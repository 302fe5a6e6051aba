// How many parts a text takes on the air.
#pragma once
#include <cstdint>
#include <string_view>

#include "trunkline/sms.hpp"

namespace sms_sandbox {

/// Parts of a text in its encoding (3GPP TS 23.038 and 23.040): 160 GSM-7 septets or 70 UCS-2 units in one message, 153 or 67
/// in each part of a longer one. A part never ends inside an escape pair or a surrogate pair. In forced GSM-7, a character
/// outside its alphabet counts as the one that replaces it. Throws kInvalidArgument for text that is not UTF-8.
std::int32_t count_segments(std::string_view text, trunkline::sms::Encoding encoding);

}  // namespace sms_sandbox
