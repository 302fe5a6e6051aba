#include "runtime/services/identity_service.h"

#include "runtime/providers/provider_registry.h"
#include "runtime/services/context.h"
#include "runtime/services/token_watch.h"
#include "trunkline/identity_client.hpp"

namespace trunkline {
namespace {

constexpr Duration kShortestLifetime = std::chrono::minutes{60};
constexpr Duration kLongestLifetime = std::chrono::minutes{1440};

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

/// Raw ids carry their resource: `8:acs:{resource}_{user}`.
void check_user(const Resource& resource, const std::string& user_id) {
  const std::string prefix = "8:acs:" + resource.id + "_";
  if (user_id.starts_with(prefix)) return;
  if (user_id.starts_with("8:acs:"))
    throw Error(ErrorCode::kUnauthenticated, "the user " + user_id + " belongs to another resource", "id");
  throw Error(ErrorCode::kInvalidArgument, "'" + user_id + "' is no communication user id", "id");
}

}  // namespace

Task<service::UserWithToken> IdentityService::create_user(ResourcePtr resource, std::vector<identity::TokenScope> scopes,
                                                          std::optional<std::string> custom_id, Duration lifetime) {
  check_lifetime(lifetime);
  if (custom_id && (custom_id->empty() || custom_id->size() > 256))
    throw Error(ErrorCode::kInvalidArgument, "a custom id has 1 to 256 bytes", "customId");
  if (!scopes.empty()) check_scopes(scopes);
  const ProviderPtr provider = context_.providers.require("trunkline.identity/1");
  identity::CreateUserRequest request;
  request.resource_id = resource->id;
  request.custom_id = std::move(custom_id);
  CallOptions options;
  options.resource = resource->name;
  service::UserWithToken created;
  created.user = co_await provider->identity().create_user(std::move(request), options);
  if (!scopes.empty()) created.token = co_await issue_token(resource, created.user.id, std::move(scopes), lifetime);
  co_return created;
}

Task<identity::AccessToken> IdentityService::issue_token(ResourcePtr resource, std::string user_id,
                                                         std::vector<identity::TokenScope> scopes, Duration lifetime) {
  check_lifetime(lifetime);
  check_scopes(scopes);
  check_user(*resource, user_id);
  const ProviderPtr provider = context_.providers.require("trunkline.identity/1");
  identity::TokenRequest request;
  request.user_id = std::move(user_id);
  request.scopes = std::move(scopes);
  request.lifetime = lifetime;
  request.data_location = data_location_claim(resource->data_location);
  CallOptions options;
  options.resource = resource->name;
  co_return co_await provider->identity().issue_token(std::move(request), options);
}

Task<void> IdentityService::revoke_tokens(ResourcePtr resource, std::string user_id) {
  check_user(*resource, user_id);
  const ProviderPtr provider = context_.providers.require("trunkline.identity/1");
  CallOptions options;
  options.resource = resource->name;
  co_await provider->identity().revoke_tokens(user_id, options);
  context_.tokens.ended(user_id);
}

Task<void> IdentityService::delete_user(ResourcePtr resource, std::string user_id) {
  check_user(*resource, user_id);
  const ProviderPtr provider = context_.providers.require("trunkline.identity/1");
  CallOptions options;
  options.resource = resource->name;
  co_await provider->identity().delete_user(user_id, options);
  context_.tokens.ended(user_id);
}

Task<identity::TokenClaims> IdentityService::verify_token(ResourcePtr resource, std::string token) {
  const ProviderPtr provider = context_.providers.require("trunkline.identity/1");
  CallOptions options;
  options.resource = resource->name;
  identity::TokenClaims claims = co_await provider->identity().verify_token(std::move(token), options);
  if (claims.resource_id != resource->id)
    throw Error(ErrorCode::kUnauthenticated, "the token belongs to another resource", "authorization");
  co_return claims;
}

Task<identity::TokenClaims> IdentityService::verify_any_token(std::string token) {
  const ProviderPtr provider = context_.providers.require("trunkline.identity/1");
  co_return co_await provider->identity().verify_token(std::move(token));
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
