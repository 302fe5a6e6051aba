// Percent-encoding as .NET's Uri.EscapeDataString and UnescapeDataString do it.
#pragma once
#include <string>
#include <string_view>

namespace trunkline::expression {

/// Every byte but A-Z a-z 0-9 - _ . ~ as %XX.
std::string percent_encoded(std::string_view text);
/// The bytes; what is no escape stays.
std::string percent_decoded(std::string_view text);
/// The same as text: escapes that are no UTF-8 stay escapes.
std::string percent_decoded_text(std::string_view text);

}  // namespace trunkline::expression
