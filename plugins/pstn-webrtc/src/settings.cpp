#include "settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "media/rtp_ports.h"

namespace pstn_webrtc {
namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

[[noreturn]] void refuse(const std::string& target, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + problem, target);
}

}  // namespace

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) refuse("config", "wanted a JSON object");
  Settings settings;
  try {
    settings.address = config.value("address", "127.0.0.1");
    settings.advertise = config.value("advertise", settings.address);
    for (const auto& [name, value] : {std::pair("address", settings.address), std::pair("advertise", settings.advertise)})
      if (!ipv4_address(value, 0)) refuse(name, "found '" + value.substr(0, 80) + "', wanted an IPv4 address in figures");
    if (settings.advertise == "0.0.0.0") refuse("advertise", "pages must be told an address: 0.0.0.0 is none");
    for (const json& name : config.value("codecs", json::array({"opus", "PCMU", "PCMA"})))
      if (const auto id = codec_of_name(name.get<std::string>())) settings.codecs.push_back(*id);
    if (settings.codecs.empty() || settings.codecs.size() > kCodecs.size()) refuse("codecs", "wanted one to four codecs");
    settings.rtp_port_first = static_cast<std::uint16_t>(config.value("rtp_port_first", 22000));
    settings.rtp_port_last = static_cast<std::uint16_t>(config.value("rtp_port_last", 23999));
    const int least_ms = config.value("jitter_least_ms", 40), most_ms = config.value("jitter_most_ms", 200);
    if (most_ms < least_ms) refuse("jitter_most_ms", "wanted at least jitter_least_ms");
    settings.least_packets = static_cast<std::size_t>(std::max(least_ms / kFrameMs, 1));
    settings.most_packets = static_cast<std::size_t>(std::max(most_ms / kFrameMs, 1));
    settings.mix_loudest = config.value("mix_loudest", settings.mix_loudest);
    settings.connect_seconds = config.value("connect_seconds", settings.connect_seconds);
    settings.consent_seconds = config.value("consent_seconds", settings.consent_seconds);
    settings.wait_seconds = config.value("wait_seconds", settings.wait_seconds);
    settings.max_sessions = config.value("max_sessions", settings.max_sessions);
    settings.max_waiting = config.value("max_waiting", settings.max_waiting);
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  return settings;
}

}  // namespace pstn_webrtc
