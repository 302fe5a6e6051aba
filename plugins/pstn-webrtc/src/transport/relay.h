// Servers that help pages to reach us: STUN and TURN, with credentials that last for a while.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pstn_webrtc {

/// One entry of `ice_servers`.
struct RelayServer {
  std::vector<std::string> urls;  // stun:, turn:, turns:
  std::string username;           // empty: credentials are made for each page
  std::string secret;             // of the server, by value; empty: it wants no credentials

  bool relays() const { return !secret.empty(); }
};

/// What one page is told of a server.
struct RelayAccess {
  std::vector<std::string> urls;
  std::string username;
  std::string credential;
};

/// RFC 7064, RFC 7065: scheme, host, perhaps a port and `?transport=`.
bool is_relay_url(std::string_view url);
bool is_turn_url(std::string_view url);

/// Credentials of a TURN server that shares a secret with us (`use-auth-secret` of coturn, draft-uberti-behave-turn-rest): the
/// name says until when and for whom, the password is its HMAC-SHA1. Throws kInternal.
RelayAccess relay_access(const RelayServer& server, std::string_view user, std::int64_t expires_unix_seconds);

/// The same for the `Link` header of WHIP (RFC 9725, 4.6), all servers in one.
std::string relay_links(const std::vector<RelayAccess>& all);

}  // namespace pstn_webrtc
