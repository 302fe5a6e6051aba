#include "runtime/events/event_expander.h"

#include <cstdio>

#include "runtime/base/ids.h"

namespace trunkline::events {

std::string part_id(std::string_view event_id, int part) {
  auto id = Uuid::parse(event_id);
  if (!id) return std::string(event_id) + "_" + std::to_string(part);
  id->bytes[14] ^= static_cast<std::uint8_t>(part >> 8);
  id->bytes[15] ^= static_cast<std::uint8_t>(part);
  return id->str();
}

}  // namespace trunkline::events
