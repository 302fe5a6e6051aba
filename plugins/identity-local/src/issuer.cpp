#include "issuer.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "ids.h"
#include "token.h"

namespace identity_local {

using trunkline::AsyncMutex;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Time;
using trunkline::identity::AccessToken;
using trunkline::identity::CreateUserRequest;
using trunkline::identity::ExchangeRequest;
using trunkline::identity::IdentityCapabilities;
using trunkline::identity::SigningKey;
using trunkline::identity::TokenClaims;
using trunkline::identity::TokenRequest;
using trunkline::identity::TokenScope;
using trunkline::identity::UserIdentity;
using trunkline::identity::UserPage;
namespace jose = trunkline::jose;

namespace {

constexpr trunkline::Duration kMinLifetime = std::chrono::minutes(60);
constexpr trunkline::Duration kMaxLifetime = std::chrono::minutes(1440);
constexpr std::size_t kMaxCustomIdBytes = 256;
constexpr std::size_t kMaxUserIdBytes = 256;  // more is no id of ours, and too long a key for the storage
constexpr std::size_t kMaxDataLocationBytes = 64;

[[noreturn]] void invalid(const std::string& target, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, target + ": " + text, target);
}

[[noreturn]] void no_user(const std::string& what) { throw Error(ErrorCode::kNotFound, "there is no user " + what, "userId"); }

bool is_utf8(std::string_view text) {
  // nlohmann's check; what it dumps can be read again.
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

/// Known scopes, each once, in the order of the request.
void check_scopes(std::vector<TokenScope>& scopes) {
  if (scopes.empty()) invalid("scopes", "found none, wanted at least one");
  std::size_t kept = 0;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (!scope_name(scopes[i]))
      invalid("scopes[" + std::to_string(i) + "]",
              "found " + std::to_string(static_cast<int>(scopes[i])) + ", which is no scope");
    const auto end = scopes.begin() + static_cast<std::ptrdiff_t>(kept);
    if (std::find(scopes.begin(), end, scopes[i]) == end) scopes[kept++] = scopes[i];
  }
  scopes.resize(kept);
}

void check_lifetime(trunkline::Duration lifetime) {
  using Minutes = std::chrono::duration<double, std::ratio<60>>;
  if (lifetime >= kMinLifetime && lifetime <= kMaxLifetime) return;
  const auto found = static_cast<std::int64_t>(Minutes(lifetime).count());
  invalid("lifetime", "found " + std::to_string(found) + " minutes, wanted 60 to 1440");
}

void check_resource(std::string_view id) {
  if (!is_uuid(id)) invalid("resourceId", "found \"" + std::string(id.substr(0, 64)) + "\", wanted a GUID");
}

void check_request(std::vector<TokenScope>& scopes, trunkline::Duration lifetime, std::string_view data_location,
                   std::string_view resource_id) {
  check_scopes(scopes);
  check_lifetime(lifetime);
  if (data_location.size() > kMaxDataLocationBytes || !is_plain(data_location))
    invalid("dataLocation", "wanted a data location such as unitedstates");
  check_resource(resource_id);
}

UserIdentity identity_of(const User& user) {
  UserIdentity identity;
  identity.id = user.id;
  identity.custom_id = user.custom_id;
  identity.created_at = user.created_at;
  if (const std::int64_t last = user.last_token_ns.load(); last != 0)
    identity.last_token_issued_at = Time{trunkline::Duration{last}};
  return identity;
}

std::vector<SigningKey> to_signing_keys(const KeyRing::Keys& keys) {
  std::vector<SigningKey> result;
  for (const RingKey& key : keys) {
    SigningKey& out = result.emplace_back();
    out.key_id = key.id;
    out.algorithm = std::string(jose::name_of(key.key.algorithm()));
    const std::string der = key.key.der();
    out.public_key.assign(der.begin(), der.end());
    out.created_at = key.created_at;
    out.retires_at = key.retires_at;
  }
  return result;
}

}  // namespace

Issuer::Issuer(trunkline::Host host, std::string_view config_json) : Issuer(host, parse_settings(config_json)) {}

Issuer::Issuer(trunkline::Host host, Settings settings)
    : clock_(host.clock()),
      events_(host.identity_events()),
      issuer_(std::move(settings.issuer)),
      users_(host.resource_store(), settings.cached_users),
      keys_(host, settings.keys),
      verified_(settings.cached_tokens) {}

Issuer::Settings Issuer::parse_settings(std::string_view config_json) {
  const auto config = nlohmann::json::parse(config_json.empty() ? "{}" : config_json, nullptr, false);
  if (!config.is_object()) invalid("config", "wanted a JSON object");
  Settings settings;
  try {
    const std::string algorithm = config.value("algorithm", "ES256");
    const auto parsed = jose::parse_algorithm(algorithm);
    if (!parsed) invalid("algorithm", "found \"" + algorithm + "\", wanted ES256 or RS256");
    settings.keys.algorithm = *parsed;
    settings.keys.rsa_bits = config.value("key_bits", settings.keys.rsa_bits);
    settings.keys.rotate_every = std::chrono::hours(config.value("rotate_hours", 720));
    settings.keys.longest_token = kMaxLifetime;
    settings.issuer = config.value("issuer", "");
    settings.cached_users = config.value("cached_users", settings.cached_users);
    settings.cached_tokens = config.value("cached_tokens", settings.cached_tokens);
  } catch (const nlohmann::json::exception& error) {
    invalid("config", error.what());
  }
  // The host has checked the schema; a smaller key must not slip through an older host.
  if (settings.keys.rsa_bits < jose::kMinRsaBits || settings.keys.rsa_bits > 4096)
    invalid("key_bits", "found " + std::to_string(settings.keys.rsa_bits) + ", wanted 2048 to 4096");
  return settings;
}

trunkline::Task<UserIdentity> Issuer::create_user(Call, CreateUserRequest request) {
  check_resource(request.resource_id);
  const auto& custom = request.custom_id;
  if (custom && (custom->empty() || custom->size() > kMaxCustomIdBytes))
    invalid("customId", "found " + std::to_string(custom->size()) + " bytes, wanted 1 to " + std::to_string(kMaxCustomIdBytes));
  if (custom && !is_utf8(*custom)) invalid("customId", "is not UTF-8");
  auto user = std::make_shared<User>();
  user->id = "8:acs:" + request.resource_id + "_" + random_uuid();
  user->custom_id = request.custom_id;
  const std::string who = custom ? *custom : user->id;
  const AsyncMutex::Lock lock = co_await users_.lock(request.resource_id, who);
  if (custom) {
    const UserPtr found = co_await users_.find_custom(request.resource_id, *custom);
    if (found) co_return identity_of(*found);
  }
  user->created_at = clock_.now();
  user->generation = random_number();
  co_await users_.put(request.resource_id, user);
  co_return identity_of(*user);
}

trunkline::Task<UserIdentity> Issuer::get_user(Call, std::string resource_id, std::string user_id) {
  const UserPtr user = co_await existing(std::move(resource_id), std::move(user_id));
  co_return identity_of(*user);
}

trunkline::Task<UserIdentity> Issuer::find_user(Call, std::string resource_id, std::string custom_id) {
  UserPtr user;
  if (!custom_id.empty() && custom_id.size() <= kMaxCustomIdBytes) user = co_await users_.find_custom(resource_id, custom_id);
  if (!user)
    throw Error(ErrorCode::kNotFound, "there is no user with the custom id " + custom_id.substr(0, kMaxCustomIdBytes),
                "customId");
  co_return identity_of(*user);
}

trunkline::Task<UserPage> Issuer::list_users(Call, std::string resource_id, std::int32_t limit,
                                             std::optional<std::string> continuation) {
  if (limit < 1 || limit > 1000) invalid("limit", "found " + std::to_string(limit) + ", wanted 1 to 1000");
  std::string after = continuation.value_or("");
  if (after.size() > kMaxUserIdBytes) invalid("continuation", "is none of ours");
  const std::vector<UserPtr> users = co_await users_.list(std::move(resource_id), std::move(after), limit);
  UserPage page;
  for (const UserPtr& user : users) page.items.push_back(identity_of(*user));
  if (static_cast<std::int32_t>(users.size()) == limit) page.continuation = users.back()->id;
  co_return page;
}

trunkline::Task<void> Issuer::delete_user(Call, std::string resource_id, std::string user_id) {
  const AsyncMutex::Lock lock = co_await users_.lock(resource_id, user_id);
  UserPtr user = co_await existing(resource_id, std::move(user_id));
  co_await users_.remove(std::move(resource_id), std::move(user));
}

void Issuer::start_issue_token(const Call& call, trunkline::identity::TokenRequestView request,
                               trunkline::Completion<AccessToken> done) {
  std::vector<TokenScope> scopes;
  for (const TokenScope scope : request.scopes()) scopes.push_back(scope);
  check_request(scopes, request.lifetime(), request.data_location(), request.resource_id());
  const Time now = clock_.now();
  const std::string resource_id(request.resource_id());
  const UserPtr user = users_.cached(resource_id, request.user_id());
  const KeyRing::KeysPtr keys = keys_.ready(now);
  // The usual case: everything is at hand, and nothing has to be copied to wait for it.
  if (user && keys)
    return done.resolve(issue(resource_id, user, *keys, scopes, request.lifetime(), request.data_location(), now));
  IdentityProvider::start_issue_token(call, request, std::move(done));
}

trunkline::Task<AccessToken> Issuer::issue_token(Call, TokenRequest request) {
  check_request(request.scopes, request.lifetime, request.data_location, request.resource_id);
  const Time now = clock_.now();
  const UserPtr user = co_await existing(request.resource_id, request.user_id);
  const KeyRing::KeysPtr keys = co_await keys_.keys(now);
  co_return issue(request.resource_id, user, *keys, request.scopes, request.lifetime, request.data_location, now);
}

AccessToken Issuer::issue(const std::string& resource_id, const UserPtr& user, const KeyRing::Keys& keys,
                          const std::vector<TokenScope>& scopes, trunkline::Duration lifetime, std::string_view data_location,
                          Time now) {
  AccessToken token;
  token.expires_at = std::chrono::floor<std::chrono::seconds>(now + lifetime);
  token.token = write_token({.user_id = user->id,
                             .resource_id = resource_id,
                             .scopes = scopes,
                             .data_location = data_location,
                             .issuer = issuer_,
                             .issued_at = now,
                             .expires_at = token.expires_at,
                             .generation = user->generation},
                            keys.front());
  users_.touch(resource_id, user, now);
  return token;
}

trunkline::Task<void> Issuer::revoke_tokens(Call, std::string resource_id, std::string user_id) {
  const AsyncMutex::Lock lock = co_await users_.lock(resource_id, user_id);
  const UserPtr before = co_await existing(resource_id, std::move(user_id));
  auto user = std::make_shared<User>(*before);
  user->generation = random_number();
  co_await users_.put(std::move(resource_id), std::move(user));
}

trunkline::Task<TokenClaims> Issuer::verify_token(Call, std::string token, std::string) {
  const auto refuse = [](const char* why) { return Error(ErrorCode::kUnauthenticated, why, "token"); };
  const Time now = clock_.now();
  std::shared_ptr<const VerifiedToken> verified = verified_.find(token);
  if (!verified) {
    const std::uint64_t clears = verified_.clears();
    KeyRing::KeysPtr keys = keys_.ready(now);
    if (!keys) keys = co_await keys_.keys(now);
    verified = std::make_shared<const VerifiedToken>(check_token(*keys, token));
    verified_.put(std::move(token), verified, clears);
  }
  const TokenClaims& claims = verified->claims;
  if (now >= claims.expires_at) throw refuse("the token has expired");
  UserPtr user;
  try {
    user = users_.cached(claims.resource_id, claims.user_id);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
    throw refuse("the token belongs to a resource that there is not any more");
  }
  if (!user) user = co_await users_.find(claims.resource_id, claims.user_id);
  if (!user) throw refuse("the token belongs to a user who was deleted");
  if (user->generation != verified->generation) throw refuse("the token was revoked");
  co_return claims;
}

trunkline::Task<AccessToken> Issuer::exchange(Call call, ExchangeRequest request) {
  const trunkline::identity::TeamsCredential* const teams = request.credential.teams();
  if (!teams) throw Error(ErrorCode::kUnimplemented, "only Teams users' tokens are exchanged here", "credential");
  const std::string oid = teams->user_id;
  if (!is_uuid(oid)) invalid("userId", "found \"" + oid.substr(0, 64) + "\", wanted a GUID");
  check_resource(request.resource_id);
  if (teams->tenant_id && !is_uuid(*teams->tenant_id)) invalid("tenantId", "wanted a GUID");
  // Kept like any other user, so that its tokens can be revoked.
  const std::string user_id =
      teams->tenant_id ? "8:acs:" + request.resource_id + "_" + *teams->tenant_id + "_" + oid : "8:orgid:" + oid;
  {
    const AsyncMutex::Lock lock = co_await users_.lock(request.resource_id, user_id);
    const UserPtr known = co_await users_.find(request.resource_id, user_id);
    if (!known) {
      auto user = std::make_shared<User>();
      user->id = user_id;
      user->created_at = clock_.now();
      user->generation = random_number();
      co_await users_.put(request.resource_id, std::move(user));
    }
  }
  TokenRequest token;
  token.resource_id = std::move(request.resource_id);
  token.user_id = user_id;
  token.scopes = std::move(request.scopes);
  token.lifetime = request.lifetime;
  token.data_location = std::move(request.data_location);
  co_return co_await issue_token(std::move(call), std::move(token));
}

trunkline::Task<std::vector<SigningKey>> Issuer::signing_keys(Call) {
  const KeyRing::KeysPtr keys = co_await keys_.keys(clock_.now());
  co_return to_signing_keys(*keys);
}

trunkline::Task<std::vector<SigningKey>> Issuer::rotate_keys(Call, bool drop_others) {
  const KeyRing::KeysPtr keys = co_await keys_.rotate(clock_.now(), drop_others);
  // After the change: a token that is verified now is verified with the keys that are left.
  if (drop_others) verified_.clear();
  std::vector<SigningKey> now = to_signing_keys(*keys);
  if (events_) events_.start_keys_rotated(now, {}, [](const Result<void>&) {});
  co_return now;
}

IdentityCapabilities Issuer::capabilities(const Call&) {
  IdentityCapabilities capabilities;
  capabilities.custom_ids = true;
  capabilities.revocation = true;
  capabilities.teams_exchange = true;
  capabilities.issues_tokens = true;
  if (!issuer_.empty()) capabilities.issuer = issuer_;
  return capabilities;
}

trunkline::Task<UserPtr> Issuer::existing(std::string resource_id, std::string user_id) {
  UserPtr user;
  if (user_id.size() <= kMaxUserIdBytes) user = co_await users_.find(std::move(resource_id), user_id);
  if (!user) no_user(user_id.substr(0, kMaxUserIdBytes));
  co_return user;
}

}  // namespace identity_local
