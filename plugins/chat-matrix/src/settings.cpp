#include "settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace chat_matrix {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {

[[noreturn]] void invalid(const std::string& target, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + text, target);
}

/// The token goes along with every request.
void check_url(const std::string& url) {
  const std::size_t start = url.find("://");
  if (start == std::string::npos) invalid("homeserver", "wanted an URL, found \"" + url + "\"");
  const std::string scheme = url.substr(0, start);
  const std::size_t end = std::min(url.find('/', start + 3), url.size());
  std::string host = url.substr(start + 3, end - start - 3);
  if (host.find('@') != std::string::npos) invalid("homeserver", "the URL must have no user");
  if (url.find_first_of("?# ") != std::string::npos) invalid("homeserver", "wanted an URL without query, found \"" + url + "\"");
  if (const std::size_t port = host.rfind(':'); port != std::string::npos && host.find(']', port) == std::string::npos)
    host.resize(port);
  if (host.empty()) invalid("homeserver", "the URL names no host");
  const bool here = host == "127.0.0.1" || host == "localhost" || host == "[::1]";
  if (scheme != "https" && !(scheme == "http" && here))
    invalid("homeserver", "wanted an https URL (http only on this machine), found \"" + url + "\"");
}

/// Names that need no escaping in a user id or an alias.
void check_prefix(const std::string& target, const std::string& prefix) {
  const bool plain = std::all_of(prefix.begin(), prefix.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
  // Without one every account of the homeserver would be ours.
  if (prefix.empty() || prefix.size() > 64 || !plain)
    invalid(target, "wanted 1 to 64 of a-z, 0-9, _, . and -, found \"" + prefix + "\"");
}

}  // namespace

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) invalid("config", "wanted a JSON object");
  Settings settings;
  try {
    settings.homeserver = config.value("homeserver", "");
    settings.server_name = config.value("server_name", "");
    settings.user_prefix = config.value("user_prefix", "acs_");
    settings.alias_prefix = config.value("alias_prefix", "trunkline_");
    settings.invite = config.value("invite", std::vector<std::string>{});
    settings.public_rooms = config.value("join_rule", "invite") == "public";
    settings.directory = config.value("directory", false);
    settings.federate = config.value("federate", false);
    settings.history_visibility = config.value("history_visibility", "shared");
    settings.sync_wait = std::chrono::seconds(config.value("sync_seconds", 30));
    settings.poll = std::chrono::milliseconds(config.value("poll_ms", 1000));
    settings.request_timeout = std::chrono::seconds(config.value("request_seconds", 20));
    settings.catch_up_events = config.value("catch_up_events", std::size_t{5000});
    settings.max_participants = config.value("max_participants", std::size_t{250});
    settings.max_receipt_participants = config.value("max_receipt_participants", std::size_t{20});
    settings.cached_threads = config.value("cached_threads", std::size_t{10'000});
  } catch (const json::exception& error) {
    invalid("config", error.what());
  }
  check_url(settings.homeserver);
  while (settings.homeserver.ends_with('/')) settings.homeserver.pop_back();
  if (settings.server_name.empty()) invalid("server_name", "is missing");
  if (settings.server_name.find_first_of("/@# ") != std::string::npos)
    invalid("server_name", "wanted a host name, perhaps with a port, found \"" + settings.server_name + "\"");
  check_prefix("user_prefix", settings.user_prefix);
  check_prefix("alias_prefix", settings.alias_prefix);
  for (const std::string& user : settings.invite)
    if (user.size() < 4 || user[0] != '@' || user.find(':') == std::string::npos)
      invalid("invite", "wanted ids such as @carol:example.org, found \"" + user + "\"");
  return settings;
}

}  // namespace chat_matrix
