// The plugin's configuration.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "media/codec.h"
#include "transport/relay.h"
#include "trunkline/error.hpp"

namespace pstn_webrtc {

using namespace call_media;  // its words are ours here
using trunkline::Duration;

/// Immutable once parsed.
struct Settings {
  std::string address;
  std::string advertise;
  std::string second_address;  // of the other family; empty: none
  std::string second_advertise;
  std::uint16_t ice_tcp_port = 0;  // 0: none
  std::vector<CodecId> codecs;
  std::uint16_t rtp_port_first = 22000;
  std::uint16_t rtp_port_last = 23999;
  std::size_t least_packets = 2;
  std::size_t most_packets = 10;
  std::size_t mix_loudest = kMixLoudest;
  int connect_seconds = 15;
  int consent_seconds = 30;
  int wait_seconds = 20;
  std::size_t max_sessions = 100;
  std::size_t max_waiting = 5000;
  int ice_seconds = 86400;
  std::vector<RelayServer> ice_servers;  // `secret` is its name still
};

/// Throws kInvalidArgument with the member at fault.
Settings parse_settings(std::string_view config_json);

}  // namespace pstn_webrtc
