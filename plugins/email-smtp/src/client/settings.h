// What the configuration of the provider says.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace email_smtp {

enum class Tls { kStartTls, kImplicit, kOpportunistic, kOff };
enum class Auth { kAuto, kOff, kPlain, kLogin, kXoauth2 };

struct DkimSettings {
  std::string domain;
  std::string selector;
  std::string secret;
};

struct Settings {
  std::string host;
  std::uint16_t port = 587;
  Tls tls = Tls::kStartTls;
  std::string ca_file;
  bool verify = true;
  Auth auth = Auth::kAuto;
  std::string username;
  std::string client_name = "localhost";
  std::size_t connections = 8;
  std::size_t mails_per_connection = 1000;
  std::chrono::seconds idle{30};
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds reply_timeout{20000};
  std::size_t max_recipients = 50;
  bool eight_bit = false;
  /// A mail counts as delivered once its report says so, not once the server has it.
  bool dsn = false;
  /// RET and NOTIFY of RFC 3461 for servers that offer DSN; without `notify` the server keeps to its custom.
  std::string returned = "HDRS";
  std::string notify;
  std::vector<DkimSettings> dkim;
  // Secrets; never logged.
  std::string password;
  std::string access_token;
};

/// Throws kInvalidArgument.
Settings parse_settings(std::string_view config_json);

}  // namespace email_smtp
