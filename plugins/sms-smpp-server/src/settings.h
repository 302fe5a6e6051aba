// The plugin's configuration.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "codec/text_coding.h"
#include "trunkline/error.hpp"

namespace sms_smpp_server {

using trunkline::Duration;
using trunkline::Time;

/// The members of config_schema in plugin.json, checked. Immutable once parsed.
struct Settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 2775;
  std::string certificate_file, key_file;
  std::string system_id = "trunkline";
  std::string api_version;
  std::size_t max_connections = 100;
  std::size_t window = 50;
  Duration bind_patience{}, enquire{}, idle{}, deliver_patience{};
  smpp::CodingRules coding;
  std::size_t inbound_texts = 1000;
  std::map<std::string, std::string> client_of_number;
};

/// What a schema cannot say is checked here. Throws kInvalidArgument.
Settings parse_settings(std::string_view config_json);

/// The secret `clients`: a line `system_id:password` for each. Throws kInvalidArgument.
std::map<std::string, std::string> parse_clients(std::string_view text);

/// International numbers get their +.
std::string host_address(const smpp::Address& address);
smpp::Address client_address(std::string_view number);

}  // namespace sms_smpp_server
