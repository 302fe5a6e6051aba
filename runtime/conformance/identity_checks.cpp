// What an identity provider promises: see IdentityProvider in bindings/idl/identity.tsp.
#include "runtime/conformance/check.h"
#include "runtime/conformance/one_call.h"
#include "trunkline/identity_client.hpp"

namespace trunkline::conformance {
namespace {

constexpr const char* kNobody = "8:acs:11111111-2222-4333-8444-555555555555_00000000-0000-0000-0000-000000000000";

identity::IdentityProviderClient identity_client(const Subject& subject) {
  return {subject->interface(identity::IdentityProviderClient::kInterfaceId), subject->calls()};
}

template <class T>
void require_error(const Result<T>& result, ErrorCode wanted, const std::string& what) {
  CheckContext::require(!result.ok(), what + ": wanted " + error_name(wanted) + ", but it succeeded");
  CheckContext::require(result.error().code == wanted, what + ": wanted " + error_name(wanted) + ", found " +
                                                           error_name(result.error().code) + ": " + result.error().message);
}

identity::UserIdentity create_user(CheckContext& kit, const Subject& subject) {
  identity::CreateUserRequest request;
  request.resource_id = kTestResource;
  const auto begin = [&](auto done) { identity_client(subject).start_create_user(request, {}, std::move(done)); };
  auto result = call<identity::UserIdentity>(kit, "create_user", begin);
  if (!result.ok() && result.error().code == ErrorCode::kUnimplemented) kit.skip("it creates no users");
  return value_of(std::move(result), "create_user");
}

Result<identity::AccessToken> issue(CheckContext& kit, const Subject& subject, const std::string& user,
                                    std::vector<identity::TokenScope> scopes = {identity::TokenScope::kChat}) {
  identity::TokenRequest request;
  request.resource_id = kTestResource;
  request.user_id = user;
  request.scopes = std::move(scopes);
  return call<identity::AccessToken>(
      kit, "issue_token", [&](auto done) { identity_client(subject).start_issue_token(request, {}, std::move(done)); });
}

Result<identity::TokenClaims> verify(CheckContext& kit, const Subject& subject, const std::string& token) {
  return call<identity::TokenClaims>(kit, "verify_token", [&](auto done) {
    identity_client(subject).start_verify_token(token, kTestResource, {}, std::move(done));
  });
}

void life_of_a_user(CheckContext& kit) {
  Subject subject = kit.open();
  const identity::IdentityProviderClient client = identity_client(subject);
  const identity::UserIdentity user = create_user(kit, subject);
  kit.require(!user.id.empty(), "create_user gave an empty id");
  const auto get = [&] {
    return call<identity::UserIdentity>(kit, "get_user",
                                        [&](auto done) { client.start_get_user(kTestResource, user.id, {}, std::move(done)); });
  };
  kit.require(value_of(get(), "get_user").id == user.id, "get_user gave another user");
  const auto page =
      value_of(call<identity::UserPage>(kit, "list_users",
                                        [&](auto done) { client.start_list_users(kTestResource, 100, {}, {}, std::move(done)); }),
               "list_users");
  kit.require(std::any_of(page.items.begin(), page.items.end(), [&](const auto& one) { return one.id == user.id; }),
              "list_users does not have the user that was created");
  value_of(
      call<void>(kit, "delete_user", [&](auto done) { client.start_delete_user(kTestResource, user.id, {}, std::move(done)); }),
      "delete_user");
  require_error(get(), ErrorCode::kNotFound, "get_user of a deleted user");
  kit.close(subject);
}

void life_of_a_token(CheckContext& kit) {
  Subject subject = kit.open();
  const identity::IdentityCapabilities capabilities = identity_client(subject).capabilities();
  if (!capabilities.issues_tokens) kit.skip("capabilities say that it issues no tokens");
  const identity::UserIdentity user = create_user(kit, subject);
  const identity::AccessToken token = value_of(issue(kit, subject, user.id), "issue_token");
  kit.require(token.expires_at > kit.host.clock.now(), "the token has expired already");
  const identity::TokenClaims claims = value_of(verify(kit, subject, token.token), "verify_token");
  kit.require(claims.user_id == user.id, "verify_token names the user " + claims.user_id + ", wanted " + user.id);
  require_error(verify(kit, subject, token.token + "x"), ErrorCode::kUnauthenticated, "verify_token of an altered token");
  if (capabilities.revocation) {
    kit.host.let_pass(std::chrono::seconds(2));
    value_of(
        call<void>(kit, "revoke_tokens",
                   [&](auto done) { identity_client(subject).start_revoke_tokens(kTestResource, user.id, {}, std::move(done)); }),
        "revoke_tokens");
    require_error(verify(kit, subject, token.token), ErrorCode::kUnauthenticated, "verify_token of a revoked token");
  }
  const identity::AccessToken other = value_of(issue(kit, subject, user.id), "issue_token");
  kit.host.let_pass(other.expires_at - kit.host.clock.now() + std::chrono::minutes(10));
  require_error(verify(kit, subject, other.token), ErrorCode::kUnauthenticated, "verify_token of an expired token");
  kit.close(subject);
}

void identity_not_found(CheckContext& kit) {
  Subject subject = kit.open();
  create_user(kit, subject);
  const identity::IdentityProviderClient client = identity_client(subject);
  require_error(call<identity::UserIdentity>(
                    kit, "get_user", [&](auto done) { client.start_get_user(kTestResource, kNobody, {}, std::move(done)); }),
                ErrorCode::kNotFound, "get_user of nobody");
  require_error(
      call<void>(kit, "delete_user", [&](auto done) { client.start_delete_user(kTestResource, kNobody, {}, std::move(done)); }),
      ErrorCode::kNotFound, "delete_user of nobody");
  if (client.capabilities().issues_tokens)
    require_error(issue(kit, subject, kNobody), ErrorCode::kNotFound, "issue_token for nobody");
  kit.close(subject);
}

void bad_tokens(CheckContext& kit) {
  Subject subject = kit.open();
  for (const std::string& token :
       {std::string(), std::string("x"), std::string("a.b.c"), std::string("a\0b.c.d", 7), std::string(100'000, 'e')})
    require_error(verify(kit, subject, token), ErrorCode::kUnauthenticated,
                  "verify_token of " + std::to_string(token.size()) + " bytes that are no token");
  kit.close(subject);
}

void identity_unknown_enum(CheckContext& kit) {
  constexpr int kFromTheFuture = 9999;
  Subject subject = kit.open();
  if (!identity_client(subject).capabilities().issues_tokens) kit.skip("capabilities say that it issues no tokens");
  const identity::UserIdentity user = create_user(kit, subject);
  const auto result = issue(kit, subject, user.id, {static_cast<identity::TokenScope>(kFromTheFuture)});
  if (!result.ok()) {
    kit.remark(error_name(result.error().code) + ": " + result.error().message);
    kit.require(result.error().code == ErrorCode::kInvalidArgument,
                "an unknown scope: wanted invalid_argument or a token, found " + error_name(result.error().code));
  }
  kit.close(subject);
}

void custom_ids(CheckContext& kit) {
  Subject subject = kit.open();
  if (!identity_client(subject).capabilities().custom_ids) kit.skip("capabilities say that it has no custom ids");
  identity::CreateUserRequest request;
  request.resource_id = kTestResource;
  request.custom_id = std::string("kit\0id", 6);
  const auto create = [&] {
    return value_of(
        call<identity::UserIdentity>(
            kit, "create_user", [&](auto done) { identity_client(subject).start_create_user(request, {}, std::move(done)); }),
        "create_user");
  };
  const identity::UserIdentity first = create();
  kit.require(create().id == first.id, "the same custom id gave two users");
  request.custom_id = "kit";
  kit.require(create().id != first.id, "a custom id with a NUL is taken for its beginning");
  kit.close(subject);
}

}  // namespace

std::vector<Check> identity_checks(NormalCall& normal) {
  normal = [](CheckContext&, plugin::PluginInstance& instance, int, CallOptions options, Settled done) {
    identity::IdentityProviderClient(instance.interface(identity::IdentityProviderClient::kInterfaceId), instance.calls())
        .start_signing_keys(std::move(options), settle(std::move(done)));
  };
  return {{"identity.life_of_a_user", life_of_a_user},      {"identity.life_of_a_token", life_of_a_token},
          {"identity.not_found", identity_not_found},       {"identity.verify_token.bad_tokens", bad_tokens},
          {"identity.unknown_enum", identity_unknown_enum}, {"identity.custom_ids", custom_ids}};
}

}  // namespace trunkline::conformance
