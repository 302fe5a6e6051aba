#include "runtime/net/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "runtime/base/strings.h"

namespace trunkline::net {
namespace {

struct Range4 {
  std::uint32_t network;
  int bits;
};
// Special-purpose blocks of the IANA registry that no webhook of the public internet lives in.
constexpr Range4 kPrivate4[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24},
    {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
};

bool is_private4(std::uint32_t address) {
  return std::any_of(std::begin(kPrivate4), std::end(kPrivate4),
                     [address](const Range4& r) { return (address >> (32 - r.bits)) == (r.network >> (32 - r.bits)); });
}

std::uint32_t word4(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_private6(const std::array<std::uint8_t, 16>& a) {
  const auto zero = [&](std::size_t from, std::size_t to) {
    return std::all_of(a.begin() + static_cast<std::ptrdiff_t>(from), a.begin() + static_cast<std::ptrdiff_t>(to),
                       [](std::uint8_t b) { return b == 0; });
  };
  if (zero(0, 10) && a[10] == 0xff && a[11] == 0xff) return is_private4(word4(&a[12]));                 // mapped
  if (zero(0, 12)) return true;                                                                         // ::, ::1, compatible
  if (a[0] == 0x00 && a[1] == 0x64 && a[2] == 0xff && a[3] == 0x9b) return is_private4(word4(&a[12]));  // NAT64
  if (a[0] == 0x20 && a[1] == 0x02) return is_private4(word4(&a[2]));                                   // 6to4
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return true;                        // documentation
  return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) >= 0x80) || a[0] == 0xff;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == text.npos || colon == 0) return std::nullopt;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return std::nullopt;
  Url url;
  url.scheme = to_lower(text.substr(0, colon));
  text.remove_prefix(colon + 3);
  const auto end = text.find_first_of("/?#");
  std::string_view authority = text.substr(0, end);
  std::string_view rest = end == text.npos ? std::string_view{} : text.substr(end);
  rest = rest.substr(0, rest.find('#'));
  url.target = (rest.empty() || rest.front() != '/' ? "/" : "") + std::string(rest);
  if (const auto at = authority.rfind('@'); at != authority.npos) {
    url.has_credentials = true;
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == authority.npos) return std::nullopt;
    url.host = to_lower(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    std::array<std::uint8_t, 16> ignored{};
    if (inet_pton(AF_INET6, url.host.c_str(), ignored.data()) != 1) return std::nullopt;
  } else {
    const auto at = authority.find(':');
    url.host = to_lower(authority.substr(0, at));
    port = at == authority.npos ? std::string_view{} : authority.substr(at);
    const bool good = std::all_of(url.host.begin(), url.host.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    });
    if (url.host.empty() || !good) return std::nullopt;
  }
  if (!port.empty()) {
    if (port.front() != ':') return std::nullopt;
    const auto number = parse_number<std::uint16_t>(port.substr(1));
    if (!number || *number == 0) return std::nullopt;
    url.port = port.substr(1);
  }
  return url;
}

bool is_loopback_host(std::string_view host) {
  if (iequals(host, "localhost") || host == "::1") return true;
  if (host.size() > 10 && iequals(host.substr(host.size() - 10), ".localhost")) return true;
  std::array<std::uint8_t, 4> bytes{};
  return inet_pton(AF_INET, std::string(host).c_str(), bytes.data()) == 1 && bytes[0] == 127;
}

bool is_private_address(std::string_view address) {
  const std::string text(address);
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, text.c_str(), four.data()) == 1) return is_private4(word4(four.data()));
  std::array<std::uint8_t, 16> six{};
  return inet_pton(AF_INET6, text.c_str(), six.data()) == 1 && is_private6(six);
}

}  // namespace trunkline::net
