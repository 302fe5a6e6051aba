// Which pages of which origins may call from a browser.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/net/http.h"

namespace trunkline::server {

/// A list of origins: `https://app.example` (scheme, host and port must match), `localhost` (any page of this machine, whatever
/// scheme and port), `*` (every page). Immutable; [any-thread].
class CorsPolicy {
 public:
  /// Throws Error kInvalidArgument for an entry that is no origin.
  explicit CorsPolicy(const std::vector<std::string>& origins);

  bool enabled() const { return any_ || local_ || !origins_.empty(); }
  bool allows(std::string_view origin) const;
  /// A WebSocket handshake of a page: browsers send no preflight for it, so the server has to look at the origin itself. True
  /// for callers that are no pages, for allowed origins and for the server's own pages.
  bool allows_websocket(const net::Request& request) const;
  bool is_preflight(const net::Request& request) const;
  /// Answer to a preflight; the origin's headers are add_headers()'s.
  net::Response preflight(const net::Request& request) const;
  /// What lets the page see the answer, when its origin is allowed.
  void add_headers(const net::Request& request, net::Headers& headers) const;

 private:
  bool any_ = false;
  bool local_ = false;
  std::vector<std::string> origins_;  // lower case
};

}  // namespace trunkline::server
