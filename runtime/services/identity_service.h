// Users and tokens of a resource, over the identity providers.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/services/resource_service.h"
#include "trunkline/identity.hpp"
#include "trunkline/service.hpp"

namespace trunkline {

class Provider;
using ProviderPtr = std::shared_ptr<const Provider>;
namespace oidc {
class DevelopmentIssuer;
class IssuerSet;
struct Principal;
}  // namespace oidc

/// [any-thread] Stateless: users, tokens and keys are the providers'. The first provider that issues tokens makes users and
/// tokens; every provider is asked about users and tokens that the ones before it do not know.
class IdentityService {
 public:
  /// `development` may be null.
  IdentityService(ServiceContext& context, oidc::IssuerSet& issuers, const oidc::DevelopmentIssuer* development)
      : context_(context), issuers_(issuers), development_(development) {}

  /// Errors: kInvalidArgument (scopes, lifetime, custom id).
  Task<service::UserWithToken> create_user(ResourcePtr resource, std::vector<identity::TokenScope> scopes,
                                           std::optional<std::string> custom_id, Duration lifetime);
  /// Errors of all that take a user id: kNotFound; kUnauthenticated for a user of another resource; kInvalidArgument for what is
  /// no user id.
  Task<identity::AccessToken> issue_token(ResourcePtr resource, std::string user_id, std::vector<identity::TokenScope> scopes,
                                          Duration lifetime);
  Task<void> revoke_tokens(ResourcePtr resource, std::string user_id);
  Task<void> delete_user(ResourcePtr resource, std::string user_id);
  /// What else a user takes with it when it is deleted. Before the first call. [lifecycle]
  void set_on_deleted(std::function<Task<void>(ResourcePtr, std::string)> forget) { on_deleted_ = std::move(forget); }
  Task<identity::UserIdentity> get_user(ResourcePtr resource, std::string user_id);
  /// Errors: kNotFound.
  Task<identity::UserIdentity> find_by_custom_id(ResourcePtr resource, std::string custom_id);
  /// Of the provider that issues tokens.
  Task<identity::UserPage> list_users(ResourcePtr resource, std::int32_t limit, std::optional<std::string> continuation);

  /// Errors: kUnauthenticated (signature, lifetime, revocation, another resource).
  Task<identity::TokenClaims> verify_token(ResourcePtr resource, std::string token);
  /// The same for a caller who does not know the resource yet; `addressed` (may be null) is the one of tokens that name none.
  Task<identity::TokenClaims> verify_any_token(std::string token, ResourcePtr addressed);

  /// Errors: kUnauthenticated for a token that no issuer of ours has signed; kInvalidArgument when `appId` or `userId` is no GUID
  /// or not the token's.
  Task<identity::AccessToken> exchange_teams_token(ResourcePtr resource, std::string token, std::string app_id,
                                                   std::string user_id);
  /// A user access token for a person whose Entra token was verified; the user is made on first sight.
  Task<service::UserWithToken> exchange_person(ResourcePtr resource, oidc::Principal who);
  /// Errors: kFailedPrecondition unless the development issuer is on.
  identity::AccessToken development_teams_token(std::string app_id, std::string user_id);

  /// Of all providers.
  Task<std::vector<identity::SigningKey>> signing_keys();
  Task<std::vector<identity::SigningKey>> rotate_keys(bool drop_others);
  /// `iss` of tokens that are issued here; empty: they carry none.
  std::string token_issuer() const;

 private:
  ProviderPtr issuer() const;
  /// Calls one provider after the other until one knows the user.
  template <class T, class F>
  Task<T> ask_each(F call);

  ServiceContext& context_;
  std::function<Task<void>(ResourcePtr, std::string)> on_deleted_;
  oidc::IssuerSet& issuers_;
  const oidc::DevelopmentIssuer* const development_;
};

/// REST words of scopes (`chat.join.limited`); parse gives nullopt for others.
std::string_view to_rest(identity::TokenScope scope);
std::optional<identity::TokenScope> parse_token_scope(std::string_view word);

}  // namespace trunkline
