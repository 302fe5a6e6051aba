#include "runtime/services/number_words.h"

namespace trunkline {

using service::NumberCapability;
using service::NumberType;

std::string_view to_rest(NumberType type) {
  switch (type) {
    case NumberType::kGeographic:
      return "geographic";
    case NumberType::kTollFree:
      return "tollFree";
    case NumberType::kMobile:
      return "mobile";
    default:
      return "unknown";
  }
}

std::string_view to_rest(NumberCapability capability) {
  switch (capability) {
    case NumberCapability::kInbound:
      return "inbound";
    case NumberCapability::kOutbound:
      return "outbound";
    case NumberCapability::kBoth:
      return "inbound+outbound";
    default:
      return "none";
  }
}

std::optional<NumberType> parse_number_type(std::string_view word) {
  for (const NumberType type : {NumberType::kGeographic, NumberType::kTollFree, NumberType::kMobile})
    if (word == to_rest(type)) return type;
  return std::nullopt;
}

std::optional<NumberCapability> parse_number_capability(std::string_view word) {
  for (const NumberCapability c :
       {NumberCapability::kNone, NumberCapability::kInbound, NumberCapability::kOutbound, NumberCapability::kBoth})
    if (word == to_rest(c)) return c;
  return std::nullopt;
}

}  // namespace trunkline
