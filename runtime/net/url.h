// URLs and addresses that we are asked to call.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace trunkline::net {

struct Url {
  std::string scheme;  // lower case
  std::string host;    // lower case, without brackets
  std::string port;    // empty: the scheme's
  std::string target;  // path and query, at least `/`
  bool has_credentials = false;
};

/// An absolute URL; nullopt when malformed.
std::optional<Url> parse_url(std::string_view text);

/// `localhost`, `*.localhost`, 127.0.0.0/8 and ::1 as text.
bool is_loopback_host(std::string_view host);
/// A numeric address that is not a public one: loopback, private, shared, link-local, unique local, multicast, unspecified, and
/// IPv6 forms of such IPv4 addresses. False for names.
bool is_private_address(std::string_view address);

}  // namespace trunkline::net
