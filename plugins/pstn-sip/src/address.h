// Addresses of hosts, IPv4 and IPv6.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

struct sockaddr;

namespace pstn_sip {

/// IPv4 as IPv6 has it (::ffff:a.b.c.d), so that both compare alike.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v4() const;
  bool operator==(const IpAddress&) const = default;

  /// In figures, without brackets. Nullopt: it is none.
  static std::optional<IpAddress> of(const std::string& text);
  /// Nullopt: another family.
  static std::optional<IpAddress> of(const sockaddr* address);
};

/// Addresses that begin alike.
struct Network {
  IpAddress address;
  int bits = 128;  // of the IPv6 form
  bool contains(const IpAddress& other) const;
};

/// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. Throws kInvalidArgument naming `target`.
Network parse_network(const std::string& text, const std::string& target);
/// As a host stands in a URI: IPv6 in brackets.
std::string uri_host(const std::string& host);

}  // namespace pstn_sip
