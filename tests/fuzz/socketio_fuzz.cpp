// Packets of the notification client: any bytes give a packet whose parts lie inside them, or nothing.
#include <cstdint>
#include <cstdlib>

#include "runtime/realtime/socketio.h"

using namespace trunkline::realtime;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto packet = parse_packet(text);
  if (!packet) return 0;
  for (const std::string_view part : {packet->id, packet->endpoint, packet->data})
    if (!part.empty() && (part.data() < text.data() || part.data() + part.size() > text.data() + text.size())) std::abort();
  if (packet->id.size() > 18) std::abort();
  event_name(packet->data);
  if (const auto answer = parse_answer(packet->data); answer && (answer->status < 0 || answer->status > 999)) std::abort();
  return 0;
}
