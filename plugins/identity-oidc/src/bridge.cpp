#include "bridge.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "limited_json.h"

namespace identity_oidc {

using nlohmann::json;
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
using trunkline::identity::UserPage;
namespace jose = trunkline::jose;

namespace {

constexpr std::size_t kMaxToken = 16 * 1024;
constexpr std::size_t kMaxSubject = 512;

Error refused(const char* why) { return Error(ErrorCode::kUnauthenticated, std::string("the token ") + why, "token"); }

/// A part of the token as an object; malformed ones are the token's fault.
json decoded(std::string_view part, std::string* text = nullptr) {
  auto bytes = jose::from_base64url(part);
  if (!bytes) throw refused("is malformed");
  try {
    json object = parse_limited(*bytes, kMaxToken, 16);
    if (text) *text = std::move(*bytes);
    return object;
  } catch (const Error&) {
    throw refused("is malformed");
  }
}

std::string text_of(const json& object, const std::string& name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

/// NumericDate (RFC 7519): may have a fraction. Clamped to what the clock can hold.
std::optional<double> number_of(const json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end()) return std::nullopt;
  if (!member->is_number()) throw refused("has a time that is no number");
  return std::clamp(member->get<double>(), -9e9, 9e9);
}
Time time_of(double seconds) { return Time{std::chrono::seconds(static_cast<std::int64_t>(std::floor(seconds)))}; }

bool has_audience(const json& claims, const std::string& wanted) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return false;
  if (audience->is_string()) return *audience == wanted;
  return audience->is_array() && std::find(audience->begin(), audience->end(), wanted) != audience->end();
}

/// Words of a list, or of a text with spaces between; those that are no scopes of ours are left out.
std::vector<TokenScope> scopes_of(const json& value) {
  std::vector<TokenScope> scopes;
  const auto add = [&](std::string_view word) {
    const TokenScope scope = parse_scope(word);
    if (scope != TokenScope::kUnknown && std::find(scopes.begin(), scopes.end(), scope) == scopes.end()) scopes.push_back(scope);
  };
  if (value.is_array()) {
    for (const json& word : value)
      if (word.is_string()) add(word.get_ref<const std::string&>());
  } else if (value.is_string()) {
    const std::string_view text = value.get_ref<const std::string&>();
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      add(text.substr(at, end - at));
      at = end + 1;
    }
  }
  return scopes;
}

void check_signature(const KeySet::Keys& keys, const json& header, const jose::TokenParts& parts) {
  const auto algorithm = jose::parse_algorithm(text_of(header, "alg"));
  if (!algorithm) throw refused("is signed with another algorithm than ES256 and RS256");
  if (header.contains("crit")) throw refused("demands an extension");
  const auto signature = jose::from_base64url(parts.signature);
  if (!signature) throw refused("is malformed");
  const std::string id = text_of(header, "kid");
  bool known = false;
  for (const Key& key : keys) {
    if (key.key.algorithm() != *algorithm || (!id.empty() && key.id != id)) continue;
    known = true;
    if (key.key.verify(parts.signed_part, *signature)) return;
  }
  throw refused(known ? "has a wrong signature" : "is signed with an unknown key");
}

UserIdentity identity_of(const Person& person) {
  UserIdentity identity;
  identity.id = person.user_id;
  identity.custom_id = person.subject;
  identity.created_at = person.created_at;
  return identity;
}

}  // namespace

Bridge::Bridge(trunkline::Host host, std::string_view config_json)
    : settings_(parse_settings(config_json)),
      clock_(host.clock()),
      keys_(host, settings_),
      people_(host, settings_.cached_users),
      checked_(settings_.cached_tokens) {}

trunkline::Task<UserIdentity> Bridge::create_user(Call, CreateUserRequest) {
  throw Error(ErrorCode::kUnimplemented, "users are made when they first come with a token of " + settings_.issuer);
  co_return UserIdentity{};
}

trunkline::Task<AccessToken> Bridge::issue_token(Call, TokenRequest) {
  throw Error(ErrorCode::kUnimplemented, "tokens are issued by " + settings_.issuer + ", not here");
  co_return AccessToken{};
}

trunkline::Task<std::vector<SigningKey>> Bridge::signing_keys(Call) { co_return std::vector<SigningKey>{}; }

trunkline::Task<UserIdentity> Bridge::get_user(Call, std::string resource_id, std::string user_id) {
  const PersonPtr person = co_await people_.find_user(std::move(resource_id), user_id);
  if (!person) throw Error(ErrorCode::kNotFound, "there is no user " + user_id.substr(0, 256), "userId");
  co_return identity_of(*person);
}

trunkline::Task<UserIdentity> Bridge::find_user(Call, std::string resource_id, std::string custom_id) {
  const PersonPtr person = co_await people_.find(std::move(resource_id), custom_id);
  if (!person) throw Error(ErrorCode::kNotFound, "there is no user with this subject", "customId");
  co_return identity_of(*person);
}

trunkline::Task<UserPage> Bridge::list_users(Call, std::string resource_id, std::int32_t limit,
                                             std::optional<std::string> continuation) {
  if (limit < 1 || limit > 1000) throw Error(ErrorCode::kInvalidArgument, "limit: wanted 1 to 1000", "limit");
  std::string after = continuation.value_or("");
  if (after.size() > 256) throw Error(ErrorCode::kInvalidArgument, "continuation: is none of ours", "continuation");
  const std::vector<PersonPtr> people = co_await people_.list(std::move(resource_id), std::move(after), limit);
  UserPage page;
  for (const PersonPtr& person : people) page.items.push_back(identity_of(*person));
  if (static_cast<std::int32_t>(people.size()) == limit) page.continuation = people.back()->user_id;
  co_return page;
}

trunkline::Task<void> Bridge::delete_user(Call, std::string resource_id, std::string user_id) {
  co_await people_.refuse(std::move(resource_id), std::move(user_id), true);
}

trunkline::Task<void> Bridge::revoke_tokens(Call, std::string resource_id, std::string user_id) {
  co_await people_.refuse(std::move(resource_id), std::move(user_id), false);
}

trunkline::Task<std::shared_ptr<const CheckedToken>> Bridge::check(std::string token) {
  const Time now = clock_.now();
  if (auto known = checked_.find(token); known && now - known->checked_at < settings_.refresh) co_return known;
  const auto parts = jose::split_token(token, kMaxToken);
  if (!parts) throw refused("is malformed");
  const json header = decoded(parts->header);
  // Read before the signature is checked: it decides whether these keys have anything to say about the token.
  if (text_of(decoded(parts->payload), "iss") != settings_.issuer) throw refused("is of another issuer");
  const KeySet::Ptr keys = co_await keys_.keys_for(text_of(header, "kid"));
  check_signature(*keys, header, *parts);

  auto checked = std::make_shared<CheckedToken>();
  checked->checked_at = now;
  const json claims = decoded(parts->payload, &checked->claims);
  if (!has_audience(claims, settings_.audience)) throw refused("is for another audience");
  checked->subject = text_of(claims, settings_.subject_claim);
  if (checked->subject.empty() || checked->subject.size() > kMaxSubject) throw refused("does not say who the user is");
  const auto expires = number_of(claims, "exp");
  if (!expires) throw refused("has no expiry");
  checked->expires_at = time_of(*expires);
  checked->not_before = time_of(number_of(claims, "nbf").value_or(-9e9));
  // Without a time of issue a token cannot be told from those that were revoked: it counts as old as can be.
  checked->issued_at = static_cast<std::int64_t>(number_of(claims, "iat").value_or(1));
  const auto scopes = settings_.scopes_claim.empty() ? claims.end() : claims.find(settings_.scopes_claim);
  checked->scopes = scopes == claims.end() ? settings_.default_scopes : scopes_of(*scopes);
  checked_.put(std::move(token), checked, checked_.clears());
  co_return checked;
}

trunkline::Task<TokenClaims> Bridge::verify_token(Call, std::string token, std::string resource_id) {
  if (resource_id.empty()) throw refused("names no resource, and the request none either");
  if (!settings_.resources.empty() &&
      std::find(settings_.resources.begin(), settings_.resources.end(), resource_id) == settings_.resources.end())
    throw refused("does not open this resource");
  const std::shared_ptr<const CheckedToken> checked = co_await check(std::move(token));
  const Time now = clock_.now();
  if (now - settings_.leeway >= checked->expires_at) throw refused("has expired");
  if (now + settings_.leeway < checked->not_before) throw refused("is not valid yet");
  PersonPtr person;
  try {
    person = co_await people_.admit(resource_id, checked->subject, checked->issued_at);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
    throw refused("is shown to a resource that there is not");
  }
  if (!person) throw refused("was revoked");
  TokenClaims claims;
  claims.user_id = person->user_id;
  claims.resource_id = std::move(resource_id);
  claims.scopes = checked->scopes;
  claims.issued_at = Time{std::chrono::seconds(checked->issued_at)};
  claims.expires_at = checked->expires_at;
  claims.claims = checked->claims;
  co_return claims;
}

IdentityCapabilities Bridge::capabilities(const Call&) {
  IdentityCapabilities capabilities;
  capabilities.revocation = true;
  return capabilities;
}

}  // namespace identity_oidc
