#include "token.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base64url.h"

namespace identity_local {
namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Time;
using trunkline::identity::TokenScope;

constexpr std::size_t kMaxTokenBytes = 16 * 1024;
constexpr std::string_view kRawPrefix = "8:acs:";
// A bit mask that clients of the service hand on but do not read; tokens of the service carry this value.
constexpr int kScp = 1792;

constexpr std::array<std::pair<TokenScope, std::string_view>, 5> kScopes = {{{TokenScope::kChat, "chat"},
                                                                             {TokenScope::kVoip, "voip"},
                                                                             {TokenScope::kChatJoin, "chat.join"},
                                                                             {TokenScope::kChatJoinLimited, "chat.join.limited"},
                                                                             {TokenScope::kVoipJoin, "voip.join"}}};

[[noreturn]] void refuse(const char* why) { throw Error(ErrorCode::kUnauthenticated, why, "token"); }

std::int64_t seconds(Time time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }
Time from_seconds(std::int64_t value) { return Time{std::chrono::seconds(value)}; }

std::string_view region(std::string_view data_location) {
  constexpr std::array<std::string_view, 8> kEmea = {"africa", "europe",      "france", "germany",
                                                     "norway", "switzerland", "uae",    "uk"};
  constexpr std::array<std::string_view, 5> kApac = {"asiapacific", "australia", "india", "japan", "korea"};
  if (std::find(kEmea.begin(), kEmea.end(), data_location) != kEmea.end()) return "emea";
  if (std::find(kApac.begin(), kApac.end(), data_location) != kApac.end()) return "apac";
  return "amer";
}

/// JSON that came with a token: an object, not deep.
json parse_object(const std::string& text) {
  bool too_deep = false;
  const json::parser_callback_t limit = [&](int depth, json::parse_event_t, json&) { return !(too_deep |= depth > 8); };
  json object = json::parse(text, limit, false);
  if (too_deep || !object.is_object()) refuse("the token is malformed");
  return object;
}

}  // namespace

std::optional<std::string_view> scope_name(TokenScope scope) {
  for (const auto& [known, name] : kScopes)
    if (known == scope) return name;
  return std::nullopt;
}

std::optional<std::string_view> resource_of(std::string_view user_id) {
  if (!user_id.starts_with(kRawPrefix)) return std::nullopt;
  user_id.remove_prefix(kRawPrefix.size());
  const std::size_t end = user_id.find('_');
  if (end == 0 || end == std::string_view::npos || end + 1 == user_id.size()) return std::nullopt;
  return user_id.substr(0, end);
}

std::string write_token(const TokenContent& content, const RsaKey& key) {
  std::string scopes;
  for (const TokenScope scope : content.scopes) {
    if (!scopes.empty()) scopes += ',';
    scopes += scope_name(scope).value();
  }
  const json header = {{"alg", "RS256"}, {"kid", key.id()}, {"x5t", key.thumbprint()}, {"typ", "JWT"}};
  const json payload = {
      {"skypeid", content.user_id.substr(2)},  // without "8:"
      {"scp", kScp},
      {"csi", std::to_string(seconds(content.issued_at))},
      {"iat", seconds(content.issued_at)},
      {"exp", seconds(content.expires_at)},
      {"rgn", region(content.data_location)},
      {"acsScope", scopes},
      {"resourceId", content.resource_id},
      {"resourceLocation", content.data_location},
      {"gen", content.generation},
  };
  std::string token = base64url(header.dump()) + '.' + base64url(payload.dump(-1, ' ', false, json::error_handler_t::replace));
  const std::string signature = key.sign(token);
  return token + '.' + base64url(signature);
}

ParsedToken parse_token(std::string_view token) {
  if (token.size() > kMaxTokenBytes) refuse("the token is too long");
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) refuse("the token is malformed");
  const auto header_text = from_base64url(token.substr(0, first));
  auto payload = from_base64url(token.substr(first + 1, second - first - 1));
  auto signature = from_base64url(token.substr(second + 1));
  if (!header_text || !payload || !signature) refuse("the token is malformed");
  const json header = parse_object(*header_text);
  // Only what we issue; above all not "none", and no key of another kind.
  const auto algorithm = header.find("alg");
  if (algorithm == header.end() || *algorithm != "RS256") refuse("the token is not signed with RS256");
  const auto kid = header.find("kid");
  if (kid == header.end() || !kid->is_string()) refuse("the token names no key");
  return {kid->get<std::string>(), token.substr(0, second), std::move(*signature), std::move(*payload)};
}

VerifiedToken read_payload(const std::string& payload) {
  const json object = parse_object(payload);
  VerifiedToken token;
  try {
    token.claims.user_id = "8:" + object.at("skypeid").get<std::string>();
    token.claims.resource_id = object.at("resourceId").get<std::string>();
    token.claims.issued_at = from_seconds(object.at("iat").get<std::int64_t>());
    token.claims.expires_at = from_seconds(object.at("exp").get<std::int64_t>());
    token.generation = object.at("gen").get<std::int64_t>();
    const std::string scopes = object.at("acsScope").get<std::string>();
    for (std::size_t at = 0; at <= scopes.size();) {
      const std::size_t end = std::min(scopes.find(',', at), scopes.size());
      const std::string_view name = std::string_view(scopes).substr(at, end - at);
      for (const auto& [scope, known] : kScopes)
        if (known == name) token.claims.scopes.push_back(scope);
      at = end + 1;
    }
  } catch (const json::exception&) {
    refuse("the token lacks a claim");
  }
  token.claims.claims = payload;
  return token;
}

}  // namespace identity_local
