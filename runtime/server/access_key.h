// The access key scheme: HMAC-SHA256 over method, target and signed headers. Pure functions of a request; keys and resources are
// the authenticator's.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/crypto/hash.h"
#include "runtime/net/http.h"

namespace trunkline::server {

/// `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=<base64>`, taken apart.
struct AccessKeyAuthorization {
  std::vector<std::string_view> signed_headers;  // views into the header, in its order
  std::string signature;                         // 32 bytes

  bool signs(std::string_view header) const;
};

/// nullopt when malformed; `problem` then says how.
std::optional<AccessKeyAuthorization> parse_access_key_authorization(std::string_view value, std::string& problem);

/// What the official clients sign in place of the target that they send, best first. The first is the target itself.
///  * JavaScript signs the query as URLSearchParams prints it and sends it as it was.
///  * Python over http cuts the leading slash off; its asynchronous clients sign the URL percent-decoded.
///  * Requests for recordings (header x-ms-host) are signed without their query.
std::vector<std::string> signed_target_candidates(const net::Request& request);

/// What follows the target in the string that is signed: `\n` and the values of the signed headers, joined by `;`. `host`
/// stands for the Host header.
std::string signed_tail(const net::Request& request, const AccessKeyAuthorization& authorization, std::string_view host);

/// A query as JavaScript's URLSearchParams prints it.
std::string reencode_query(std::string_view query);

}  // namespace trunkline::server
