#include "settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace pstn_sip {
namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

constexpr std::size_t kMaxTrunks = 250;

[[noreturn]] void refuse(const std::string& target, const std::string& problem) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + problem, target);
}

/// What goes into addresses of messages must not end them.
void check_host(const std::string& text, const std::string& target) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  if (IpAddress::of(text)) return;
  if (text.empty() || text.size() > 253 || !std::all_of(text.begin(), text.end(), fine))
    refuse(target, "found '" + text.substr(0, 80) + "', wanted a name or an address in figures");
}

Transport transport_of(const std::string& word) {
  if (word == "tcp") return Transport::kTcp;
  return word == "tls" ? Transport::kTls : Transport::kUdp;
}

TrunkSettings parse_trunk(const json& object, const std::string& at) {
  TrunkSettings trunk;
  trunk.host = object.at("host").get<std::string>();
  check_host(trunk.host, at + "host");
  std::transform(trunk.host.begin(), trunk.host.end(), trunk.host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  trunk.address = object.value("address", trunk.host);
  check_host(trunk.address, at + "address");
  trunk.transport = transport_of(object.value("transport", "udp"));
  trunk.port = object.value("port", trunk.transport == Transport::kTls ? 5061 : 5060);
  trunk.username = object.value("username", "");
  if (trunk.username.find_first_of("\"\\:\r\n<>@ ") != trunk.username.npos)
    refuse(at + "username", "found a character that cannot stand in an address");
  trunk.secret = object.value("secret", "password");
  trunk.registers = object.value("register", false);
  if (trunk.registers && trunk.username.empty()) refuse(at + "register", "wanted a username to register");
  trunk.register_seconds = object.value("register_seconds", 300);
  trunk.domain = object.value("domain", trunk.registers ? trunk.host : "");
  if (!trunk.domain.empty()) check_host(trunk.domain, at + "domain");
  if (const auto list = object.find("allow_from"); list != object.end())
    for (std::size_t i = 0; i < list->size(); ++i)
      trunk.allow_from.push_back(parse_network((*list)[i].get<std::string>(), at + "allow_from[" + std::to_string(i) + "]"));
  trunk.plus_sign = object.value("plus_sign", true);
  const std::string dtmf = object.value("dtmf", "rfc4733");
  trunk.dtmf = dtmf == "info" ? DtmfWay::kInfo : dtmf == "inband" ? DtmfWay::kInband : DtmfWay::kEvents;
  const std::string srtp = object.value("srtp", "off");
  trunk.srtp = srtp == "required" ? SrtpUse::kRequired : srtp == "optional" ? SrtpUse::kOptional : SrtpUse::kOff;
  trunk.nat = object.value("nat", false);
  trunk.refers = object.value("transfer", "bridge") == "refer";
  trunk.accepts_refer = object.value("accept_refer", false);
  trunk.tells_hold = object.value("hold", "local") == "reinvite";
  return trunk;
}

}  // namespace

std::string_view name_of(Transport transport) {
  if (transport == Transport::kTcp) return "tcp";
  return transport == Transport::kTls ? "tls" : "udp";
}

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) refuse("config", "wanted a JSON object");
  Settings settings;
  try {
    settings.address = config.value("address", "127.0.0.1");
    settings.advertise = config.value("advertise", settings.address);
    for (const auto& [name, value] : {std::pair("address", settings.address), std::pair("advertise", settings.advertise)})
      if (!IpAddress::of(value)) refuse(name, "found '" + value.substr(0, 80) + "', wanted an IPv4 or IPv6 address in figures");
    if (settings.advertise == "0.0.0.0" || settings.advertise == "::")
      refuse("advertise", "trunks must be told an address: " + settings.advertise + " is none");
    if (settings.is_v6() != (settings.advertise.find(':') != std::string::npos))
      refuse("advertise", "wanted an address of the same family as address");
    settings.port = config.value("port", settings.port);
    settings.tls_port = config.value("tls_port", settings.tls_port);
    settings.tls_certificate_dir = config.value("tls_certificate_dir", "");
    for (const json& name : config.value("codecs", json::array({"PCMU", "PCMA", "G722"})))
      if (const auto id = codec_of_name(name.get<std::string>())) settings.codecs.push_back(*id);
    if (settings.codecs.empty() || settings.codecs.size() > kCodecs.size()) refuse("codecs", "wanted one to four codecs");
    settings.rtp_port_first = static_cast<std::uint16_t>(config.value("rtp_port_first", 20000));
    settings.rtp_port_last = static_cast<std::uint16_t>(config.value("rtp_port_last", 21999));
    const int least_ms = config.value("jitter_least_ms", 40), most_ms = config.value("jitter_most_ms", 200);
    if (most_ms < least_ms) refuse("jitter_most_ms", "wanted at least jitter_least_ms");
    settings.least_packets = static_cast<std::size_t>(std::max(least_ms / kFrameMs, 1));
    settings.most_packets = static_cast<std::size_t>(std::max(most_ms / kFrameMs, 1));
    settings.mix_loudest = config.value("mix_loudest", settings.mix_loudest);
    settings.silence_seconds = config.value("silence_seconds", settings.silence_seconds);
    settings.answer_seconds = config.value("answer_seconds", settings.answer_seconds);
    settings.options_seconds = config.value("options_seconds", settings.options_seconds);
    settings.session_seconds = config.value("session_seconds", settings.session_seconds);
    if (settings.session_seconds != 0 && settings.session_seconds < 90) refuse("session_seconds", "wanted 0, or 90 and more");
    settings.max_calls = config.value("max_calls", settings.max_calls);
    std::set<std::string> hosts;
    if (const auto trunks = config.find("trunks"); trunks != config.end() && trunks->size() > kMaxTrunks)
      refuse("trunks", "found " + std::to_string(trunks->size()) + ", wanted at most 250");
    if (const auto trunks = config.find("trunks"); trunks != config.end())
      for (std::size_t i = 0; i < trunks->size(); ++i) {
        const std::string at = "trunks[" + std::to_string(i) + "].";
        settings.trunks.push_back(parse_trunk((*trunks)[i], at));
        if (!hosts.insert(settings.trunks.back().host).second) refuse(at + "host", "there are two trunks of this name");
        if (settings.trunks.back().transport == Transport::kTls && settings.tls_certificate_dir.empty())
          refuse(at + "transport", "tls needs tls_certificate_dir");
      }
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("config: ") + error.what(), "config");
  }
  return settings;
}

}  // namespace pstn_sip
