// Users and tokens of a resource, over an identity provider.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/services/resource_service.h"
#include "trunkline/identity.hpp"
#include "trunkline/service.hpp"

namespace trunkline {

/// [any-thread] Stateless: users, tokens and keys are the provider's.
class IdentityService {
 public:
  explicit IdentityService(ServiceContext& context) : context_(context) {}

  /// Errors: kInvalidArgument (scopes, lifetime, custom id).
  Task<service::UserWithToken> create_user(ResourcePtr resource, std::vector<identity::TokenScope> scopes,
                                           std::optional<std::string> custom_id, Duration lifetime);
  /// Errors: kInvalidArgument, kNotFound; kUnauthenticated for a user of another resource.
  Task<identity::AccessToken> issue_token(ResourcePtr resource, std::string user_id, std::vector<identity::TokenScope> scopes,
                                          Duration lifetime);
  Task<void> revoke_tokens(ResourcePtr resource, std::string user_id);
  Task<void> delete_user(ResourcePtr resource, std::string user_id);
  /// What else a user takes with it when it is deleted. Before the first call. [lifecycle]
  void set_on_deleted(std::function<Task<void>(ResourcePtr, std::string)> forget) { on_deleted_ = std::move(forget); }
  /// Errors: kUnauthenticated (signature, lifetime, revocation, another resource).
  Task<identity::TokenClaims> verify_token(ResourcePtr resource, std::string token);
  /// The same for a caller who does not know the resource yet.
  Task<identity::TokenClaims> verify_any_token(std::string token);

 private:
  ServiceContext& context_;
  std::function<Task<void>(ResourcePtr, std::string)> on_deleted_;
};

/// REST words of scopes (`chat.join.limited`); parse gives nullopt for others.
std::string_view to_rest(identity::TokenScope scope);
std::optional<identity::TokenScope> parse_token_scope(std::string_view word);

}  // namespace trunkline
