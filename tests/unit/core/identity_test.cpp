// Users and tokens of resources, through the service.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/oidc/issuer_set.h"
#include "runtime/services/identity_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using identity::TokenScope;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Identities : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox, "[]", "auth: {development_issuer: true}\n")); }
  IdentityService& identity() { return runtime_->identity(); }
  service::UserWithToken create(const ResourcePtr& resource, std::optional<std::string> custom = {}) {
    return sync_wait(identity().create_user(resource, {TokenScope::kChat}, std::move(custom), 24h));
  }
  std::string issue(const ResourcePtr& resource, const std::string& user) {
    return sync_wait(identity().issue_token(resource, user, {TokenScope::kVoip}, 60min)).token;
  }
  ErrorCode verify(const ResourcePtr& resource, const std::string& token) {
    return code_of([&] { sync_wait(identity().verify_token(resource, token)); });
  }
  template <class F>
  static ErrorCode code_of(F f, std::string* target = nullptr) {
    try {
      f();
    } catch (const Error& error) {
      if (target) *target = error.target;
      return error.code;
    }
    return ErrorCode{};
  }
};

TEST_F(Identities, AUserBelongsToOneResource) {
  ResourceSpec spec;
  spec.name = "other";
  const ResourcePtr other = sync_wait(runtime_->resources().create(std::move(spec)));
  const auto made = create(resource_);
  EXPECT_EQ(verify(resource_, made.token->token), ErrorCode{});
  EXPECT_EQ(verify(other, made.token->token), ErrorCode::kUnauthenticated);
  for (const auto& f : std::vector<std::function<void()>>{
           [&] { issue(other, made.user.id); }, [&] { sync_wait(identity().revoke_tokens(other, made.user.id)); },
           [&] { sync_wait(identity().delete_user(other, made.user.id)); },
           [&] { sync_wait(identity().get_user(other, made.user.id)); }})
    EXPECT_EQ(code_of(f), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of([&] { issue(resource_, "8:acs:" + resource_->id + "_none"); }), ErrorCode::kNotFound);
  for (const char* bad : {"", "alice", "8:acs:", "8:acs:x", "8:acs:x_", "8:orgid:x", "4:+14255550100"})
    EXPECT_EQ(code_of([&] { issue(resource_, bad); }), ErrorCode::kInvalidArgument) << bad;
}

TEST_F(Identities, CustomIdsMapToUsers) {
  const auto alice = create(resource_, "alice");
  EXPECT_EQ(create(resource_, "alice").user.id, alice.user.id);
  EXPECT_EQ(sync_wait(identity().find_by_custom_id(resource_, "alice")).id, alice.user.id);
  EXPECT_EQ(sync_wait(identity().get_user(resource_, alice.user.id)).custom_id, "alice");
  EXPECT_EQ(code_of([&] { sync_wait(identity().find_by_custom_id(resource_, "bob")); }), ErrorCode::kNotFound);
  EXPECT_THAT(sync_wait(identity().list_users(resource_, 10, {})).items, SizeIs(1));
}

TEST_F(Identities, AForkHasTheUsersOfItsOrigin) {
  const auto alice = create(resource_, "alice");
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("world", "copy"));
  const ResourcePtr grandchild = sync_wait(runtime_->resources().fork("copy", "copy2"));
  EXPECT_EQ(sync_wait(identity().find_by_custom_id(fork, "alice")).id, alice.user.id);
  const std::string of_fork = issue(fork, alice.user.id);
  EXPECT_EQ(verify(fork, of_fork), ErrorCode{});
  EXPECT_EQ(verify(resource_, of_fork), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(fork, alice.token->token), ErrorCode::kUnauthenticated) << "the original's opens the original";
  EXPECT_EQ(verify(grandchild, issue(grandchild, alice.user.id)), ErrorCode{});
  sync_wait(identity().delete_user(fork, alice.user.id));
  EXPECT_EQ(verify(fork, of_fork), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(resource_, alice.token->token), ErrorCode{});
  const auto of_fork_only = create(fork);
  EXPECT_EQ(code_of([&] { issue(resource_, of_fork_only.user.id); }), ErrorCode::kUnauthenticated);
  sync_wait(runtime_->resources().drop("copy2"));
  EXPECT_EQ(verify(grandchild, of_fork), ErrorCode::kUnauthenticated);
}

TEST_F(Identities, TeamsTokensAreExchanged) {
  const std::string app = "11111111-2222-4333-8444-000000000001", oid = "11111111-2222-4333-8444-000000000002";
  const std::string theirs = identity().development_teams_token(app, oid).token;
  const auto exchange = [&](const std::string& token, const std::string& a, const std::string& u) {
    return sync_wait(identity().exchange_teams_token(resource_, token, a, u));
  };
  const auto ours = exchange(theirs, app, oid);
  EXPECT_EQ(sync_wait(identity().verify_token(resource_, ours.token)).user_id, "8:orgid:" + oid);
  sync_wait(identity().revoke_tokens(resource_, "8:orgid:" + oid));
  EXPECT_EQ(verify(resource_, ours.token), ErrorCode::kUnauthenticated);
  std::string target;
  EXPECT_EQ(code_of([&] { exchange("nonsense", app, oid); }), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of([&] { exchange(theirs, "app", oid); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "appId");
  EXPECT_EQ(code_of([&] { exchange(theirs, oid, oid); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "appId");
  EXPECT_EQ(code_of([&] { exchange(theirs, app, app); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "userId");
}

TEST_F(Identities, APersonIsMadeOnFirstSight) {
  oidc::Principal who;
  who.object_id = "O";
  who.tenant_id = "T";
  const auto first = sync_wait(identity().exchange_person(resource_, who));
  EXPECT_EQ(sync_wait(identity().exchange_person(resource_, who)).user.id, first.user.id);
  EXPECT_EQ(first.user.custom_id, "entra:t:o");
  EXPECT_EQ(verify(resource_, first.token->token), ErrorCode{});
  who.tenant_id.clear();
  EXPECT_EQ(code_of([&] { sync_wait(identity().exchange_person(resource_, who)); }), ErrorCode::kUnauthenticated);
}

TEST_F(Identities, KeysRotate) {
  const auto made = create(resource_);
  EXPECT_THAT(sync_wait(identity().signing_keys()), SizeIs(1));
  EXPECT_THAT(sync_wait(identity().rotate_keys(false)), SizeIs(2));
  EXPECT_EQ(verify(resource_, made.token->token), ErrorCode{});
  sync_wait(identity().rotate_keys(true));
  EXPECT_EQ(verify(resource_, made.token->token), ErrorCode::kUnauthenticated);
}

TEST_F(Identities, WithoutTheDevelopmentIssuerThereAreNoTokensOfIt) {
  runtime_->close();
  open(test_config(kSandbox));
  EXPECT_EQ(code_of([&] { identity().development_teams_token("a", "b"); }), ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace trunkline
