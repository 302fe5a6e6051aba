// Characters that say the same in GSM-7.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/service.hpp"

namespace trunkline {

struct SwappedText {
  std::string text;
  /// In the order in which they first stand in the text.
  std::vector<service::SmsSwap> swaps;
};

/// Replaces typographic quotes, dashes, spaces, ligatures and decomposed letters by what says the same in GSM-7. What has no such
/// replacement stays. `text` must be valid UTF-8.
SwappedText swap_to_gsm7(std::string_view text);

}  // namespace trunkline
