// Connection strings and signed requests of Azure Communication Services.
#pragma once
#include <string>
#include <string_view>

#include "trunkline/error.hpp"
#include "trunkline/host.hpp"

namespace http_carrier {

struct AzureConnection {
  std::string endpoint;  // without a slash at the end
  std::string key;       // decoded
};

/// `endpoint=https://…;accesskey=…`, in any order and case of the names. Throws kInvalidArgument with the target
/// `connection_string`.
AzureConnection parse_azure_connection(std::string_view text);
/// HMAC-SHA256 over method, path with query, date, host and the digest of the body, as the service wants it.
void sign_azure(const std::string& key, trunkline::Time now, trunkline::host::HttpRequest& request);
/// IMF-fixdate (RFC 9110).
std::string http_date(trunkline::Time time);

}  // namespace http_carrier
