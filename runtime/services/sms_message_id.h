// Ids of text messages: `Outgoing_<uuid v7>_<resource key>`. They rise with time, and tell whose they are, so that a carrier's
// report finds its row without a search.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"

namespace trunkline {

inline std::string make_outgoing_message_id(IdSource& ids, Time now, std::int64_t resource_key) {
  return "Outgoing_" + ids.uuid7(now).str() + "_" + std::to_string(resource_key);
}

inline std::string make_incoming_message_id(IdSource& ids, Time now, std::int64_t resource_key) {
  return "Incoming_" + ids.uuid7(now).str() + "_" + std::to_string(resource_key);
}

/// 0 when the id is not one of ours.
inline std::int64_t resource_key_of_message_id(std::string_view id) {
  const auto at = id.rfind('_');
  return at == std::string_view::npos ? 0 : parse_number<std::int64_t>(id.substr(at + 1)).value_or(0);
}

}  // namespace trunkline
