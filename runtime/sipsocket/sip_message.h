// Messages of SIP (RFC 3261) as pages send them over a WebSocket: one in each message of the socket (RFC 7118).
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trunkline::sipsocket {

struct SipMessage {
  static constexpr std::size_t kMaxBytes = 64 * 1024;
  static constexpr std::size_t kMaxHeaders = 100;

  std::string method;  // of a request; empty: a response
  std::string uri;
  int status = 0;
  std::string phrase;
  /// In order. Names in lower case, never the compact form.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  bool is_request() const { return !method.empty(); }
  /// The first of that name; empty: none.
  std::string_view get(std::string_view name) const;
  void add(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
  /// With Content-Length.
  std::string text() const;
};

/// Throws kInvalidArgument, naming the line.
SipMessage parse_sip(std::string_view text);

/// `INVITE` and 7 of `7 INVITE`. Throws kInvalidArgument.
std::pair<std::uint32_t, std::string> parse_cseq(std::string_view value);
/// `sip:alice@example.com` of `"Alice" <sip:alice@example.com>;tag=1`, or of the same without brackets.
std::string uri_of(std::string_view address);
/// A parameter of the header, not of the address in it; nullopt: it has none.
std::optional<std::string> parameter_of(std::string_view address, std::string_view name);
/// The same without a parameter.
std::string without_parameter(std::string_view address, std::string_view name);
/// Whom an address calls, decoded: `+14255550100`, `8:acs:…`, `room:99…`; what stands before the @.
std::string user_of(std::string_view uri);

}  // namespace trunkline::sipsocket
