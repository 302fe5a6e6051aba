// Packets of Socket.IO 0.9, `type:id[+]:endpoint:data`, as the notification client of the official chat SDK speaks it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace trunkline::realtime {

enum class PacketType { kDisconnect, kConnect, kHeartbeat, kMessage, kJson, kEvent, kAck, kError, kNoop };

/// Views into the text it was parsed from.
struct Packet {
  PacketType type = PacketType::kNoop;
  std::string_view id;  // decimal digits; empty: none
  bool wants_ack = false;
  std::string_view endpoint;
  std::string_view data;
};

/// nullopt when malformed.
std::optional<Packet> parse_packet(std::string_view text);
/// Name of an event packet's data (`{"name":"ping","args":[]}`); empty when it is malformed or has none.
std::string event_name(std::string_view data);

/// How a client answered a notification.
struct NotificationAnswer {
  std::int64_t id = 0;
  int status = 0;
};
/// From the data of a message packet; nullopt when malformed.
std::optional<NotificationAnswer> parse_answer(std::string_view data);

}  // namespace trunkline::realtime
