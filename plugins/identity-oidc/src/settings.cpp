#include "settings.h"

#include <nlohmann/json.hpp>

namespace identity_oidc {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::identity::TokenScope;

namespace {

[[noreturn]] void invalid(const std::string& target, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + text, target);
}

/// Keys that come over a line which others can change open everything.
void check_url(const std::string& target, const std::string& url) {
  for (const char* start : {"https://", "http://127.0.0.1", "http://localhost", "http://[::1]"})
    if (url.starts_with(start)) return;
  invalid(target, "wanted an https URL (http only on this machine), found \"" + url + "\"");
}

}  // namespace

TokenScope parse_scope(std::string_view name) {
  if (name == "chat") return TokenScope::kChat;
  if (name == "voip") return TokenScope::kVoip;
  if (name == "chat.join") return TokenScope::kChatJoin;
  if (name == "chat.join.limited") return TokenScope::kChatJoinLimited;
  if (name == "voip.join") return TokenScope::kVoipJoin;
  return TokenScope::kUnknown;
}

Settings parse_settings(std::string_view config_json) {
  const json config = json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) invalid("config", "wanted a JSON object");
  Settings settings;
  try {
    settings.issuer = config.value("issuer", "");
    settings.audience = config.value("audience", "");
    settings.jwks_url = config.value("jwks_url", "");
    settings.subject_claim = config.value("subject_claim", "sub");
    settings.scopes_claim = config.value("scopes_claim", "");
    for (const std::string& name : config.value("default_scopes", std::vector<std::string>{"chat", "voip"})) {
      const TokenScope scope = parse_scope(name);
      if (scope == TokenScope::kUnknown) invalid("default_scopes", "\"" + name + "\" is no scope");
      settings.default_scopes.push_back(scope);
    }
    settings.resources = config.value("resources", std::vector<std::string>{});
    settings.leeway = std::chrono::seconds(config.value("leeway_seconds", 60));
    settings.refresh = std::chrono::minutes(config.value("refresh_minutes", 720));
    settings.cached_tokens = config.value("cached_tokens", std::size_t{10000});
    settings.cached_users = config.value("cached_users", std::size_t{100000});
  } catch (const json::exception& error) {
    invalid("config", error.what());
  }
  if (settings.issuer.empty()) invalid("issuer", "is missing");
  // Without one, a token that the same issuer gave for another service would open this one.
  if (settings.audience.empty()) invalid("audience", "is missing");
  if (settings.jwks_url.empty())
    check_url("issuer", settings.issuer);
  else
    check_url("jwks_url", settings.jwks_url);
  return settings;
}

}  // namespace identity_oidc
