#include "issuer.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "ids.h"
#include "token.h"

namespace identity_local {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Time;
using trunkline::identity::AccessToken;
using trunkline::identity::CreateUserRequest;
using trunkline::identity::IdentityCapabilities;
using trunkline::identity::SigningKey;
using trunkline::identity::TokenClaims;
using trunkline::identity::TokenRequest;
using trunkline::identity::TokenScope;
using trunkline::identity::UserIdentity;

namespace {

constexpr trunkline::Duration kMinLifetime = std::chrono::minutes(60);
constexpr trunkline::Duration kMaxLifetime = std::chrono::minutes(1440);
constexpr std::size_t kMaxCustomIdBytes = 256;
constexpr std::size_t kMaxUserIdBytes = 256;  // more is no id of ours, and too long a key for the storage
constexpr std::size_t kMaxDataLocationBytes = 64;

[[noreturn]] void invalid(const std::string& target, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + text, target);
}

/// Known scopes, each once, in the order of the request.
std::vector<TokenScope> check_scopes(const std::vector<TokenScope>& scopes) {
  if (scopes.empty()) invalid("scopes", "found none, wanted at least one");
  std::vector<TokenScope> unique;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (!scope_name(scopes[i]))
      invalid("scopes[" + std::to_string(i) + "]",
              "found " + std::to_string(static_cast<int>(scopes[i])) + ", which is no scope");
    if (std::find(unique.begin(), unique.end(), scopes[i]) == unique.end()) unique.push_back(scopes[i]);
  }
  return unique;
}

void check_lifetime(trunkline::Duration lifetime) {
  using Minutes = std::chrono::duration<double, std::ratio<60>>;
  if (lifetime >= kMinLifetime && lifetime <= kMaxLifetime) return;
  const auto found = static_cast<std::int64_t>(Minutes(lifetime).count());
  invalid("lifetime", "found " + std::to_string(found) + " minutes, wanted 60 to 1440");
}

UserIdentity identity_of(const User& user) {
  UserIdentity identity;
  identity.id = user.id;
  identity.custom_id = user.custom_id;
  identity.created_at = user.created_at;
  return identity;
}

}  // namespace

Issuer::Issuer(trunkline::Host host, std::string_view config_json) : Issuer(host, parse_settings(config_json)) {}

Issuer::Issuer(trunkline::Host host, Settings settings)
    : clock_(host.clock()),
      users_(host.store(), settings.cached_users),
      keys_(host.store(), host.executor(), settings.key_bits) {}

Issuer::Settings Issuer::parse_settings(std::string_view config_json) {
  const auto config = nlohmann::json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) invalid("config", "wanted a JSON object");
  Settings settings;
  try {
    settings.key_bits = config.value("key_bits", settings.key_bits);
    settings.cached_users = config.value("cached_users", settings.cached_users);
  } catch (const nlohmann::json::exception& error) {
    invalid("config", error.what());
  }
  // The host has checked the schema; a smaller key must not slip through an older host.
  if (settings.key_bits < 2048 || settings.key_bits > 4096)
    invalid("key_bits", "found " + std::to_string(settings.key_bits) + ", wanted 2048 to 4096");
  return settings;
}

trunkline::Task<UserIdentity> Issuer::create_user(Call, CreateUserRequest request) {
  if (!is_uuid(request.resource_id)) invalid("resourceId", "found \"" + request.resource_id + "\", wanted a GUID");
  const auto& custom = request.custom_id;
  if (custom && (custom->empty() || custom->size() > kMaxCustomIdBytes))
    invalid("customId", "found " + std::to_string(custom->size()) + " bytes, wanted 1 to " + std::to_string(kMaxCustomIdBytes));
  // A custom id always leads to the same user id, so finding the user needs no index.
  const std::string uuid = custom ? uuid_of(request.resource_id + '/' + *custom) : random_uuid();
  User user;
  user.id = "8:acs:" + request.resource_id + "_" + uuid;
  user.custom_id = request.custom_id;
  const AsyncMutex::Lock lock = co_await users_.lock(user.id);
  if (custom) {
    const std::optional<User> found = co_await users_.find(user.id);
    if (found) co_return identity_of(*found);
  }
  user.created_at = clock_.now();
  user.generation = random_number();
  co_await users_.put(user);
  co_return identity_of(user);
}

trunkline::Task<void> Issuer::delete_user(Call, std::string user_id) {
  const AsyncMutex::Lock lock = co_await users_.lock(user_id);
  co_await existing(user_id);
  co_await users_.remove(user_id);
}

trunkline::Task<AccessToken> Issuer::issue_token(Call, TokenRequest request) {
  TokenContent content;
  content.scopes = check_scopes(request.scopes);
  check_lifetime(request.lifetime);
  if (request.data_location.size() > kMaxDataLocationBytes)
    invalid("dataLocation", "found " + std::to_string(request.data_location.size()) + " bytes, wanted a data location");
  const User user = co_await existing(request.user_id);
  content.user_id = user.id;
  content.resource_id = resource_of(user.id).value();
  content.data_location = std::move(request.data_location);
  content.generation = user.generation;
  content.issued_at = clock_.now();
  content.expires_at = std::chrono::floor<std::chrono::seconds>(content.issued_at + request.lifetime);
  const auto keys = co_await keys_.keys();
  AccessToken token;
  token.token = write_token(content, keys->back());
  token.expires_at = content.expires_at;
  co_return token;
}

trunkline::Task<void> Issuer::revoke_tokens(Call, std::string user_id) {
  const AsyncMutex::Lock lock = co_await users_.lock(user_id);
  User user = co_await existing(user_id);
  user.generation = random_number();
  co_await users_.put(std::move(user));
}

trunkline::Task<TokenClaims> Issuer::verify_token(Call, std::string token) {
  const auto refuse = [](const char* why) { return Error(ErrorCode::kUnauthenticated, why, "token"); };
  const ParsedToken parsed = parse_token(token);
  const auto keys = co_await keys_.keys();
  const auto key = std::find_if(keys->begin(), keys->end(), [&](const RsaKey& k) { return k.id() == parsed.key_id; });
  if (key == keys->end()) throw refuse("the token is signed with a key that is not ours");
  if (!key->verify(parsed.signed_part, parsed.signature)) throw refuse("the token's signature is wrong");
  // From here on the content is our own.
  VerifiedToken verified = read_payload(parsed.payload);
  if (clock_.now() >= verified.claims.expires_at) throw refuse("the token has expired");
  const std::optional<User> user = co_await users_.find(verified.claims.user_id);
  if (!user || user->generation != verified.generation) throw refuse("the token was revoked");
  co_return std::move(verified.claims);
}

trunkline::Task<std::vector<SigningKey>> Issuer::signing_keys(Call) {
  const auto keys = co_await keys_.keys();
  std::vector<SigningKey> result;
  for (const RsaKey& key : *keys) {
    SigningKey& out = result.emplace_back();
    out.key_id = key.id();
    out.algorithm = "RS256";
    out.public_key.assign(key.public_der().begin(), key.public_der().end());
  }
  co_return result;
}

IdentityCapabilities Issuer::capabilities(const Call&) {
  IdentityCapabilities capabilities;
  capabilities.custom_ids = true;
  capabilities.revocation = true;
  return capabilities;
}

trunkline::Task<User> Issuer::existing(std::string user_id) {
  std::optional<User> user;
  if (user_id.size() <= kMaxUserIdBytes && resource_of(user_id)) user = co_await users_.find(user_id);
  if (!user) throw Error(ErrorCode::kNotFound, "there is no user " + user_id.substr(0, kMaxUserIdBytes), "userId");
  co_return std::move(*user);
}

}  // namespace identity_local
