// Addresses of text messages.
#pragma once
#include <string_view>

namespace trunkline {

/// E.164 with a leading `+`: 8 to 15 digits (3 to 7 are too short for a subscriber), and the length and shape that its
/// numbering plan fixes where we know it (North America).
bool is_e164(std::string_view text);
/// Why it is not; empty when it is.
std::string_view e164_fault(std::string_view text);
/// 3 to 8 digits.
bool is_short_code(std::string_view text);
/// 1 to 11 letters, digits, spaces and a few marks, with at least one letter (3GPP TS 23.038 alphanumeric address).
bool is_alphanumeric_sender(std::string_view text);

}  // namespace trunkline
