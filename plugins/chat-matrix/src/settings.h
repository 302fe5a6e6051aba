// The configuration.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"

namespace chat_matrix {

struct Settings {
  std::string homeserver;  // without a slash at the end
  std::string server_name;
  std::string user_prefix;
  std::string alias_prefix;
  std::vector<std::string> invite;
  bool public_rooms = false;
  bool directory = false;
  bool federate = false;
  std::string history_visibility;
  trunkline::Duration sync_wait{};  // 0: poll
  trunkline::Duration poll{};
  trunkline::Duration request_timeout{};
  std::size_t catch_up_events = 0;
  std::size_t max_participants = 0;
  std::size_t max_receipt_participants = 0;
  std::size_t cached_threads = 0;
};

/// Throws kInvalidArgument with the key at fault.
Settings parse_settings(std::string_view config_json);

}  // namespace chat_matrix
