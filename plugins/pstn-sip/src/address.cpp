#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "trunkline/error.hpp"

namespace pstn_sip {
namespace {
constexpr std::size_t kV4Prefix = 12;  // ::ffff:
}

bool IpAddress::is_v4() const {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) && bytes[10] == 0xff &&
         bytes[11] == 0xff;
}

std::optional<IpAddress> IpAddress::of(const std::string& text) {
  IpAddress out;
  if (inet_pton(AF_INET6, text.c_str(), out.bytes.data()) == 1) return out;
  out.bytes.fill(0);
  out.bytes[10] = out.bytes[11] = 0xff;
  if (inet_pton(AF_INET, text.c_str(), out.bytes.data() + kV4Prefix) == 1) return out;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::of(const sockaddr* address) {
  IpAddress out;
  if (address && address->sa_family == AF_INET) {
    out.bytes[10] = out.bytes[11] = 0xff;
    std::memcpy(out.bytes.data() + kV4Prefix, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
    return out;
  }
  if (!address || address->sa_family != AF_INET6) return std::nullopt;
  std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, out.bytes.size());
  return out;
}

bool Network::contains(const IpAddress& other) const {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole), other.bytes.begin()))
    return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return (address.bytes[whole] & mask) == (other.bytes[whole] & mask);
}

Network parse_network(const std::string& text, const std::string& target) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = IpAddress::of(text.substr(0, slash));
  const bool v4 = text.find(':') == text.npos;
  const int most = v4 ? 32 : 128;
  int bits = most;
  if (slash < text.size()) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
    if (error != std::errc() || stop != end) bits = -1;
  }
  if (!address || bits < 0 || bits > most)
    throw trunkline::Error(
        trunkline::ErrorCode::kInvalidArgument,
        target + ": found '" + text.substr(0, 60) + "', wanted an address or a network such as 192.0.2.0/24 or 2001:db8::/32",
        target);
  return {*address, v4 ? bits + 96 : bits};
}

std::string uri_host(const std::string& host) { return host.find(':') == host.npos ? host : "[" + host + "]"; }

}  // namespace pstn_sip
