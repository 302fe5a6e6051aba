#include "runtime/realtime/socketio.h"

#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/base/strings.h"

namespace trunkline::realtime {
namespace {

constexpr JsonLimits kLimits{.max_bytes = 64 * 1024, .max_depth = 8};
constexpr std::size_t kMaxIdDigits = 18;

std::optional<nlohmann::json> parse_object(std::string_view data) {
  try {
    nlohmann::json value = parse_json(data, kLimits);
    if (value.is_object()) return value;
  } catch (const Error&) {
  }
  return std::nullopt;
}

}  // namespace

std::optional<Packet> parse_packet(std::string_view text) {
  if (text.size() < 2 || text[0] < '0' || text[0] > '8' || text[1] != ':') return std::nullopt;
  Packet packet;
  packet.type = static_cast<PacketType>(text[0] - '0');
  text.remove_prefix(2);
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (digits > kMaxIdDigits) return std::nullopt;
  packet.id = text.substr(0, digits);
  text.remove_prefix(digits);
  if (text.starts_with('+')) {
    packet.wants_ack = true;
    text.remove_prefix(1);
  }
  if (text.empty()) return packet;  // `2:` and `2::` are the same
  if (text[0] != ':') return std::nullopt;
  text.remove_prefix(1);
  const auto colon = text.find(':');
  packet.endpoint = text.substr(0, colon);
  if (colon != std::string_view::npos) packet.data = text.substr(colon + 1);
  return packet;
}

std::string event_name(std::string_view data) {
  const auto event = parse_object(data);
  if (!event) return {};
  const auto name = event->find("name");
  return name != event->end() && name->is_string() ? name->get<std::string>() : std::string();
}

std::optional<NotificationAnswer> parse_answer(std::string_view data) {
  const auto answer = parse_object(data);
  if (!answer) return std::nullopt;
  const auto id = answer->find("id");
  const auto status = answer->find("status");
  if (id == answer->end() || !id->is_number_integer()) return std::nullopt;
  NotificationAnswer out;
  out.id = id->get<std::int64_t>();
  if (status != answer->end() && status->is_number_integer()) {
    const auto value = status->get<std::int64_t>();
    out.status = value >= 0 && value <= 999 ? static_cast<int>(value) : 0;
  }
  return out;
}

}  // namespace trunkline::realtime
