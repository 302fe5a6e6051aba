// The plugin's configuration.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "address.h"
#include "media/sdp.h"
#include "trunkline/error.hpp"

namespace pstn_sip {

using namespace call_media;  // its words are ours here

using trunkline::Duration;

enum class Transport { kUdp, kTcp, kTls };
enum class DtmfWay { kEvents, kInfo, kInband };

struct TrunkSettings {
  std::string host;
  std::string address;  // to send to
  int port = 5060;
  Transport transport = Transport::kUdp;
  std::string username;  // empty: none
  std::string secret;
  bool registers = false;
  int register_seconds = 300;
  std::string domain;  // empty: our own address
  std::vector<Network> allow_from;
  bool plus_sign = true;
  DtmfWay dtmf = DtmfWay::kEvents;
  SrtpUse srtp = SrtpUse::kOff;
  bool nat = false;
  bool refers = false;         // it is asked to transfer calls itself
  bool accepts_refer = false;  // it may ask us
  bool tells_hold = false;     // by an INVITE
};

/// Immutable once parsed.
struct Settings {
  std::string address;
  std::string advertise;
  int port = 5060;
  int tls_port = 5061;
  std::string tls_certificate_dir;  // empty: no TLS
  std::vector<CodecId> codecs;
  std::uint16_t rtp_port_first = 20000;
  std::uint16_t rtp_port_last = 21999;
  std::size_t least_packets = 2;
  std::size_t most_packets = 10;
  std::size_t mix_loudest = kMixLoudest;
  int silence_seconds = 60;
  int answer_seconds = 5;
  int options_seconds = 30;
  int session_seconds = 1800;
  std::size_t max_calls = 1000;
  std::vector<TrunkSettings> trunks;

  bool is_v6() const { return address.find(':') != std::string::npos; }
};

/// Throws kInvalidArgument with the member at fault.
Settings parse_settings(std::string_view config_json);
std::string_view name_of(Transport transport);

}  // namespace pstn_sip
