#include "token.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

namespace identity_local {
namespace {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Time;
using trunkline::identity::TokenScope;
namespace jose = trunkline::jose;

// A bit mask that clients of the service hand on but do not read; tokens of the service carry this value.
constexpr std::string_view kScp = "1792";

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

void append(std::string& out, std::int64_t value) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

/// JSON that came with a token: an object, not deep.
json parse_object(const std::string& text) {
  bool too_deep = false;
  const json::parser_callback_t limit = [&](int depth, json::parse_event_t, json&) { return !(too_deep |= depth > 8); };
  json object = json::parse(text, limit, false);
  if (too_deep || !object.is_object()) refuse("the token is malformed");
  return object;
}

const RingKey& key_of(const KeyRing::Keys& keys, std::string_view encoded_header) {
  // Nearly every token has a header that is ours to the byte.
  for (const RingKey& key : keys)
    if (key.token_header.size() == encoded_header.size() + 1 && key.token_header.starts_with(encoded_header)) return key;
  const auto text = jose::from_base64url(encoded_header);
  if (!text) refuse("the token is malformed");
  const json header = parse_object(*text);
  const auto kid = header.find("kid");
  if (kid == header.end() || !kid->is_string()) refuse("the token names no key");
  for (const RingKey& key : keys) {
    if (*kid != key.id) continue;
    // Above all not "none", and no key with the algorithm of another.
    const auto algorithm = header.find("alg");
    if (algorithm == header.end() || *algorithm != jose::name_of(key.key.algorithm()))
      refuse("the token is signed with another algorithm than its key's");
    return key;
  }
  refuse("the token is signed with a key that is not ours");
}

VerifiedToken read_payload(std::string payload) {
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
  token.claims.claims = std::move(payload);
  return token;
}

}  // namespace

std::optional<std::string_view> scope_name(TokenScope scope) {
  for (const auto& [known, name] : kScopes)
    if (known == scope) return name;
  return std::nullopt;
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '-' || c == '_';
  });
}

std::string write_token(const TokenContent& content, const RingKey& key) {
  // Every text that goes in is plain, see is_plain(); user ids are our own.
  const std::int64_t issued = seconds(content.issued_at);
  std::string payload;
  payload.reserve(512);
  payload.append(R"({"skypeid":")").append(content.user_id.substr(2)).append(R"(","scp":)").append(kScp).append(R"(,"csi":")");
  append(payload, issued);
  payload += R"(","exp":)";
  append(payload, seconds(content.expires_at));
  payload.append(R"(,"rgn":")").append(region(content.data_location)).append(R"(","acsScope":")");
  for (std::size_t i = 0; i < content.scopes.size(); ++i) {
    if (i > 0) payload += ',';
    payload += scope_name(content.scopes[i]).value();
  }
  payload.append(R"(","resourceId":")").append(content.resource_id);
  payload.append(R"(","resourceLocation":")").append(content.data_location).append(R"(","iat":)");
  append(payload, issued);
  payload += R"(,"gen":)";
  append(payload, content.generation);
  if (!content.issuer.empty()) {
    const json issuer(content.issuer);
    payload.append(R"(,"iss":)").append(issuer.dump());
  }
  payload += '}';

  std::string token;
  token.reserve(key.token_header.size() + payload.size() * 4 / 3 + 400);
  token += key.token_header;
  jose::append_base64url(token, payload);
  key.key.append_signature(token);
  return token;
}

VerifiedToken check_token(const KeyRing::Keys& keys, std::string_view token) {
  const auto parts = jose::split_token(token);
  if (!parts) refuse("the token is malformed");
  const RingKey& key = key_of(keys, parts->header);
  const auto signature = jose::from_base64url(parts->signature);
  if (!signature) refuse("the token is malformed");
  if (!key.key.verify(parts->signed_part, *signature)) refuse("the token's signature is wrong");
  auto payload = jose::from_base64url(parts->payload);
  if (!payload) refuse("the token is malformed");
  return read_payload(std::move(*payload));
}

}  // namespace identity_local
