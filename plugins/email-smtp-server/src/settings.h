// The plugin's settings, checked.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "email-smtp/src/client/settings.h"
#include "trunkline/error.hpp"

namespace email_smtp_server {

struct Settings {
  std::string host;
  std::uint16_t port = 587;    // 0: none
  std::uint16_t tls_port = 0;  // TLS from the first octet; 0: none
  std::string certificate_file, key_file;
  std::string smtp_usernames_url;
  std::string token_url;  // with {tenant} in it
  std::string management_client_id, management_tenant;
  std::string api_version;
  std::size_t max_connections = 100;
  std::size_t max_bytes = 0;
  trunkline::Duration names_for{};
  /// The mail server that takes reports for the senders; without one DSN is not offered. Its password comes from the secrets.
  std::optional<email_smtp::Settings> reports;

  bool tls() const { return !certificate_file.empty(); }
};

/// Throws kInvalidArgument that names the setting.
Settings parse_settings(std::string_view config_json);
/// Lines of `application id:secret`.
std::map<std::string, std::string> parse_applications(std::string_view text);

}  // namespace email_smtp_server
