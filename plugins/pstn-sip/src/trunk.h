// One trunk and how it is. SIP thread alone.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "settings.h"

namespace pstn_sip {

struct Trunk {
  TrunkSettings settings;
  std::string password;
  std::vector<IpAddress> addresses;  // that its host resolves to
  bool up = true;                    // as far as OPTIONS tell
  std::optional<bool> registered;    // nullopt: not asked for
  std::string problem;               // of the last OPTIONS or REGISTER; empty: none

  bool sends_from(const IpAddress& address) const {
    for (const IpAddress& own : addresses)
      if (own == address) return true;
    for (const Network& network : settings.allow_from)
      if (network.contains(address)) return true;
    return false;
  }
  /// `sip:host`, the address of requests to the trunk itself.
  std::string uri() const { return "sip:" + uri_host(settings.host); }
  /// Where they go: `sip:192.0.2.1:5060;transport=udp`.
  std::string next_hop() const {
    return "sip:" + uri_host(settings.address) + ":" + std::to_string(settings.port) +
           ";transport=" + std::string(name_of(settings.transport));
  }
  /// For people.
  std::string peer() const {
    return uri_host(settings.address) + ":" + std::to_string(settings.port) + " over " + std::string(name_of(settings.transport));
  }
};

}  // namespace pstn_sip
