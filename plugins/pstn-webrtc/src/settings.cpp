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

void check_address(const std::string& name, const std::string& value) {
  if (!Endpoint::of(value, 0)) refuse(name, "found '" + value.substr(0, 80) + "', wanted an IPv4 or IPv6 address in figures");
}

bool family(const std::string& address) { return Endpoint::of(address, 0)->is_v6(); }

constexpr std::size_t kMostServers = 8;

RelayServer parse_server(const json& one, const std::string& target) {
  RelayServer server;
  server.urls = one.at("urls").get<std::vector<std::string>>();
  bool turn = false;
  for (const std::string& url : server.urls) {
    if (!is_relay_url(url))
      refuse(target + ".urls", "found '" + url.substr(0, 80) + "', wanted stun:, turn: or turns: and a host");
    turn = turn || is_turn_url(url);
  }
  if (server.urls.empty() || server.urls.size() > kMostServers)
    refuse(target + ".urls", "found " + std::to_string(server.urls.size()) + ", wanted one to eight");
  server.username = one.value("username", "");
  if (server.username.size() > 200) refuse(target + ".username", "wanted at most 200 bytes");
  if (turn) server.secret = one.value("secret", "turn");
  if (!turn && !server.username.empty()) refuse(target + ".username", "STUN has no credentials");
  return server;
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
      check_address(name, value);
    if (family(settings.advertise) != family(settings.address)) refuse("advertise", "wanted one of the same kind as address");
    settings.second_address = config.value("second_address", "");
    settings.second_advertise = config.value("second_advertise", settings.second_address);
    if (!settings.second_address.empty()) {
      check_address("second_address", settings.second_address);
      check_address("second_advertise", settings.second_advertise);
      if (family(settings.second_address) == family(settings.address) ||
          family(settings.second_advertise) != family(settings.second_address))
        refuse("second_address", "wanted IPv6 where address is IPv4, or the other way round");
    } else if (!settings.second_advertise.empty()) {
      refuse("second_advertise", "wanted second_address, too");
    }
    for (const auto& [name, value] :
         {std::pair("advertise", settings.advertise), std::pair("second_advertise", settings.second_advertise)})
      if (!value.empty() && Endpoint::of(value, 0)->is_unspecified())
        refuse(name, "pages must be told an address: " + value + " is none");
    settings.ice_tcp_port = static_cast<std::uint16_t>(config.value("ice_tcp_port", 0));
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
    settings.ice_seconds = config.value("ice_seconds", settings.ice_seconds);
    for (const json& one : config.value("ice_servers", json::array()))
      settings.ice_servers.push_back(parse_server(one, "ice_servers[" + std::to_string(settings.ice_servers.size()) + "]"));
    if (settings.ice_servers.size() > kMostServers) refuse("ice_servers", "wanted at most eight");
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  return settings;
}

}  // namespace pstn_webrtc
