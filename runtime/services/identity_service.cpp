#include "runtime/services/identity_service.h"

#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/clock/system_time.h"
#include "runtime/oidc/development_issuer.h"
#include "runtime/oidc/issuer_set.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/call_options.h"
#include "runtime/services/context.h"
#include "runtime/services/teams_assignments.h"
#include "runtime/services/token_watch.h"
#include "trunkline/identity_client.hpp"

namespace trunkline {
namespace {

using identity::IdentityProviderClient;

constexpr std::string_view kInterface = "trunkline.identity/1";
constexpr Duration kShortestLifetime = std::chrono::minutes{60};
constexpr Duration kLongestLifetime = std::chrono::minutes{1440};
/// An exchanged token should not outlive the one that it was exchanged for by much.
constexpr Duration kExchangedLifetime = std::chrono::minutes{60};
constexpr std::string_view kUserPrefix = "8:acs:";
constexpr std::string_view kTeamsPrefix = "8:orgid:";

void check_lifetime(Duration lifetime) {
  if (lifetime >= kShortestLifetime && lifetime <= kLongestLifetime) return;
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(lifetime).count();
  throw Error(ErrorCode::kInvalidArgument, "a token lives 60 to 1440 minutes, not " + std::to_string(minutes),
              "expiresInMinutes");
}

void check_scopes(const std::vector<identity::TokenScope>& scopes) {
  if (scopes.empty()) throw Error(ErrorCode::kInvalidArgument, "a token needs at least one scope", "scopes");
  for (const identity::TokenScope scope : scopes)
    if (to_rest(scope).empty())
      throw Error(ErrorCode::kInvalidArgument, "scope number " + std::to_string(static_cast<int>(scope)) + " is not known",
                  "scopes");
}

void check_custom_id(const std::string& id) {
  if (id.empty() || id.size() > 256) throw Error(ErrorCode::kInvalidArgument, "a custom id has 1 to 256 bytes", "customId");
}

/// Raw ids carry the resource that the user was created in, `8:acs:{resource}_{user}`: this one, or one it was forked from.
/// Whether the user exists is the provider's to say.
void check_user(const Resource& resource, const std::string& user_id) {
  if (user_id.starts_with(kTeamsPrefix) && Uuid::parse(std::string_view(user_id).substr(kTeamsPrefix.size()))) return;
  const std::string_view rest = std::string_view(user_id).substr(std::min(user_id.size(), kUserPrefix.size()));
  const auto end = rest.find('_');
  if (!user_id.starts_with(kUserPrefix) || end == rest.npos || end + 1 == rest.size())
    throw Error(ErrorCode::kInvalidArgument, "'" + user_id.substr(0, 256) + "' is no communication user id", "id");
  const std::string_view of = rest.substr(0, end);
  if (iequals(of, resource.id) || std::any_of(resource.lineage.begin(), resource.lineage.end(),
                                              [&](const std::string& ancestor) { return iequals(of, ancestor); }))
    return;
  throw Error(ErrorCode::kUnauthenticated, "the user " + user_id.substr(0, 256) + " belongs to another resource", "id");
}

bool issues_tokens(const ProviderPtr& provider) { return provider->identity_capabilities().issues_tokens; }

}  // namespace

const ProviderPtr& IdentityService::issuer() const {
  // When it throws, the next call looks again.
  std::call_once(issuer_found_, [this] {
    for (const ProviderPtr& provider : context_.providers.all_of(kInterface))
      if (issues_tokens(provider)) {
        issuer_ = provider;
        return;
      }
    issuer_ = context_.providers.require(kInterface);  // its own refusal is the best answer
  });
  return issuer_;
}

template <class T, class F>
Task<T> IdentityService::ask_each(F call) {
  std::optional<Error> unknown;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    try {
      IdentityProviderClient at = co_await provider->identity();
      co_return co_await call(std::move(at));
    } catch (const Error& error) {
      // What a provider cannot do it does not know either.
      if (error.code != ErrorCode::kNotFound && error.code != ErrorCode::kUnimplemented) throw;
      if (!unknown || unknown->code == ErrorCode::kUnimplemented) unknown = error;
    }
  }
  if (!unknown) context_.providers.require(kInterface);
  throw *unknown;
}

Task<service::UserWithToken> IdentityService::create_user(ResourcePtr resource, std::vector<identity::TokenScope> scopes,
                                                          std::optional<std::string> custom_id, Duration lifetime) {
  check_lifetime(lifetime);
  if (custom_id) check_custom_id(*custom_id);
  if (!scopes.empty()) check_scopes(scopes);
  const ProviderPtr& provider = issuer();
  identity::CreateUserRequest request;
  request.resource_id = resource->id;
  request.custom_id = std::move(custom_id);
  service::UserWithToken created;
  CallOptions options = on_behalf_of(*resource);
  {
    const IdentityProviderClient at = co_await provider->identity();
    created.user = co_await at.create_user(std::move(request), std::move(options));
  }
  if (!scopes.empty()) created.token = co_await issue_token(resource, created.user.id, std::move(scopes), lifetime);
  co_return created;
}

Task<identity::AccessToken> IdentityService::issue_token(ResourcePtr resource, std::string user_id,
                                                         std::vector<identity::TokenScope> scopes, Duration lifetime) {
  check_lifetime(lifetime);
  check_scopes(scopes);
  check_user(*resource, user_id);
  const ProviderPtr& provider = issuer();
  identity::TokenRequest request;
  request.resource_id = resource->id;
  request.user_id = std::move(user_id);
  request.scopes = std::move(scopes);
  request.lifetime = lifetime;
  request.data_location = data_location_claim(resource->data_location);
  CallOptions options = on_behalf_of(*resource);
  const IdentityProviderClient at = co_await provider->identity();
  co_return co_await at.issue_token(std::move(request), std::move(options));
}

Task<void> IdentityService::revoke_tokens(ResourcePtr resource, std::string user_id) {
  check_user(*resource, user_id);
  auto call = [&](IdentityProviderClient provider) {
    return provider.revoke_tokens(resource->id, user_id, on_behalf_of(*resource));
  };
  co_await ask_each<void>(call);
  context_.tokens.ended(resource->key, user_id);
}

Task<void> IdentityService::delete_user(ResourcePtr resource, std::string user_id) {
  check_user(*resource, user_id);
  auto call = [&](IdentityProviderClient provider) {
    return provider.delete_user(resource->id, user_id, on_behalf_of(*resource));
  };
  co_await ask_each<void>(call);
  context_.tokens.ended(resource->key, user_id);
  if (on_deleted_) co_await on_deleted_(resource, user_id);
}

Task<identity::UserIdentity> IdentityService::get_user(ResourcePtr resource, std::string user_id) {
  check_user(*resource, user_id);
  auto call = [&](IdentityProviderClient provider) { return provider.get_user(resource->id, user_id, on_behalf_of(*resource)); };
  co_return co_await ask_each<identity::UserIdentity>(call);
}

Task<identity::UserIdentity> IdentityService::find_by_custom_id(ResourcePtr resource, std::string custom_id) {
  check_custom_id(custom_id);
  auto call = [&](IdentityProviderClient provider) {
    return provider.find_user(resource->id, custom_id, on_behalf_of(*resource));
  };
  co_return co_await ask_each<identity::UserIdentity>(call);
}

Task<identity::UserPage> IdentityService::list_users(ResourcePtr resource, std::int32_t limit,
                                                     std::optional<std::string> continuation) {
  const ProviderPtr& provider = issuer();
  CallOptions options = on_behalf_of(*resource);
  const IdentityProviderClient at = co_await provider->identity();
  co_return co_await at.list_users(resource->id, limit, std::move(continuation), std::move(options));
}

Task<identity::TokenClaims> IdentityService::verify_token(ResourcePtr resource, std::string token) {
  identity::TokenClaims claims = co_await verify_any_token(std::move(token), resource);
  if (!iequals(claims.resource_id, resource->id))
    throw Error(ErrorCode::kUnauthenticated, "the token belongs to another resource", "authorization");
  co_return claims;
}

Task<identity::TokenClaims> IdentityService::verify_any_token(std::string token, ResourcePtr addressed) {
  const std::string resource_id = addressed ? addressed->id : std::string();
  std::optional<Error> refusal;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    CallOptions options;
    if (addressed) options.resource = addressed->name;
    try {
      const IdentityProviderClient at = co_await provider->identity();
      co_return co_await at.verify_token(token, resource_id, std::move(options));
    } catch (const Error& error) {
      if (error.code != ErrorCode::kUnauthenticated && error.code != ErrorCode::kUnimplemented) throw;
      if (!refusal || refusal->code == ErrorCode::kUnimplemented) refusal = error;
    }
  }
  if (!refusal) context_.providers.require(kInterface);
  throw *refusal;
}

Task<identity::AccessToken> IdentityService::exchange_teams_token(ResourcePtr resource, std::string token, std::string app_id,
                                                                  std::string user_id) {
  const oidc::Principal who = co_await issuers_.verify(token, oidc::Purpose::kUser);
  const auto check = [](const char* name, const std::string& given, const std::string& claimed, const char* claim) {
    if (!Uuid::parse(given)) throw Error(ErrorCode::kInvalidArgument, std::string(name) + " is no GUID", name);
    if (!iequals(given, claimed))
      throw Error(ErrorCode::kInvalidArgument, std::string(name) + " is not the token's " + claim, name);
  };
  check("appId", app_id, who.app_id, "appid");
  check("userId", user_id, who.object_id, "oid");
  const ProviderPtr& provider = issuer();
  identity::TeamsCredential credential;
  credential.token = std::move(token);
  credential.app_id = to_lower(app_id);
  credential.user_id = to_lower(user_id);
  identity::ExchangeRequest request;
  request.resource_id = resource->id;
  request.credential = identity::Credential::of_teams(std::move(credential));
  request.scopes = {identity::TokenScope::kChat, identity::TokenScope::kVoip};
  request.lifetime = kExchangedLifetime;
  request.data_location = data_location_claim(resource->data_location);
  CallOptions options = on_behalf_of(*resource);
  const IdentityProviderClient at = co_await provider->identity();
  co_return co_await at.exchange(std::move(request), std::move(options));
}

Task<service::UserWithToken> IdentityService::exchange_person(ResourcePtr resource, oidc::Principal who) {
  if (who.object_id.empty() || who.tenant_id.empty())
    throw Error(ErrorCode::kUnauthenticated, "the token is not one of a person: it has no oid or no tid", "authorization");
  std::vector<identity::TokenScope> scopes{identity::TokenScope::kChat, identity::TokenScope::kVoip};
  std::string custom_id = "entra:" + to_lower(who.tenant_id) + ":" + to_lower(who.object_id);
  co_return co_await create_user(std::move(resource), std::move(scopes), std::move(custom_id), kExchangedLifetime);
}

Task<service::UserWithToken> IdentityService::exchange_teams_extension(ResourcePtr resource, oidc::Principal who) {
  const auto denied = [](const char* why) {
    return Error(ErrorCode::kPermissionDenied, why, "authorization").with_http_status(403).with_service_code("Forbidden");
  };
  const std::optional<TeamsAssignment> assignment = assignments_.find(*resource, who.tenant_id, who.object_id);
  if (!assignment) throw denied("Teams phone is not assigned to the user of the token.");
  const auto& clients = assignment->client_ids;
  if (!clients.empty() &&
      std::none_of(clients.begin(), clients.end(), [&](const std::string& id) { return iequals(id, who.app_id); }))
    throw denied("Teams phone is not assigned to the user for the application of the token.");
  const ProviderPtr& provider = issuer();
  identity::TeamsCredential credential;
  credential.app_id = to_lower(who.app_id);
  credential.user_id = to_lower(who.object_id);
  credential.tenant_id = to_lower(who.tenant_id);
  service::UserWithToken created;
  created.user.id = "8:acs:" + resource->id + "_" + *credential.tenant_id + "_" + credential.user_id;
  identity::ExchangeRequest request;
  request.resource_id = resource->id;
  request.credential = identity::Credential::of_teams(std::move(credential));
  request.scopes = {identity::TokenScope::kChat, identity::TokenScope::kVoip};
  request.lifetime = kExchangedLifetime;
  request.data_location = data_location_claim(resource->data_location);
  CallOptions options = on_behalf_of(*resource);
  const IdentityProviderClient at = co_await provider->identity();
  created.token = co_await at.exchange(std::move(request), std::move(options));
  co_return created;
}

identity::AccessToken IdentityService::development_teams_token(std::string app_id, std::string user_id) {
  if (!development_)
    throw Error(ErrorCode::kFailedPrecondition, "the development issuer is off; auth.development_issuer turns it on");
  oidc::DevelopmentGrant grant;
  grant.client_id = std::move(app_id);
  grant.object_id = std::move(user_id);
  grant.scope =
      "https://auth.msft.communication.azure.com/Teams.ManageCalls https://auth.msft.communication.azure.com/Teams.ManageChats";
  const Time now = system_time_now();
  identity::AccessToken token;
  token.token = development_->issue(grant, "trunkline-development", now);
  token.expires_at = std::chrono::floor<std::chrono::seconds>(now + grant.lifetime);
  return token;
}

Task<std::vector<identity::SigningKey>> IdentityService::signing_keys() {
  std::vector<identity::SigningKey> all;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    try {
      const IdentityProviderClient at = co_await provider->identity();
      const std::vector<identity::SigningKey> keys = co_await at.signing_keys();
      all.insert(all.end(), keys.begin(), keys.end());
    } catch (const Error& error) {
      if (error.code != ErrorCode::kUnimplemented) throw;
    }
  }
  co_return all;
}

Task<std::vector<identity::SigningKey>> IdentityService::rotate_keys(bool drop_others) {
  const ProviderPtr& provider = issuer();
  const IdentityProviderClient at = co_await provider->identity();
  co_return co_await at.rotate_keys(drop_others);
}

std::string IdentityService::token_issuer() const {
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface))
    if (const auto& capabilities = provider->identity_capabilities(); capabilities.issues_tokens)
      return capabilities.issuer.value_or("");
  return {};
}

std::string_view to_rest(identity::TokenScope scope) {
  using identity::TokenScope;
  switch (scope) {
    case TokenScope::kChat:
      return "chat";
    case TokenScope::kVoip:
      return "voip";
    case TokenScope::kChatJoin:
      return "chat.join";
    case TokenScope::kChatJoinLimited:
      return "chat.join.limited";
    case TokenScope::kVoipJoin:
      return "voip.join";
    default:
      return {};
  }
}

std::optional<identity::TokenScope> parse_token_scope(std::string_view word) {
  using identity::TokenScope;
  for (const TokenScope scope :
       {TokenScope::kChat, TokenScope::kVoip, TokenScope::kChatJoin, TokenScope::kChatJoinLimited, TokenScope::kVoipJoin})
    if (word == to_rest(scope)) return scope;
  return std::nullopt;
}

}  // namespace trunkline
