// Signed requests to a communication resource.
#pragma once
#include <string>
#include <string_view>

#include "trunkline/host_client.hpp"
#include "trunkline/task.hpp"

namespace email_azure {

struct Answer {
  int status = 0;
  trunkline::Properties headers;
  std::string body;
};

/// [any-thread]
class Client {
 public:
  /// Throws kInvalidArgument for an endpoint that is none, or a key that is not base64.
  Client(std::string endpoint, std::string_view access_key, trunkline::Duration timeout, trunkline::host::HttpClient http,
         trunkline::host::ClockClient clock);

  /// `target`: path and query. Errors: those of the host.
  trunkline::Task<Answer> request(std::string method, std::string target, std::string body, trunkline::Properties headers);

 private:
  const std::string endpoint_;  // without a trailing slash
  std::string host_;
  std::string key_;
  const trunkline::Duration timeout_;
  const trunkline::host::HttpClient http_;
  const trunkline::host::ClockClient clock_;
};

/// A GUID that is always the same for the same text.
std::string guid_of(std::string_view text);
/// Equal, in time that depends on the lengths only.
bool same_secret(std::string_view a, std::string_view b);
/// RFC 4648, for content.
std::string base64(std::string_view bytes);

}  // namespace email_azure
