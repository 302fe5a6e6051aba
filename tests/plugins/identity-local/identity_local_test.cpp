#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/plugins/host.h"
#include "trunkline/identity_client.hpp"
#include "trunkline/jose.hpp"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using identity::CreateUserRequest;
using identity::TokenRequest;
using identity::TokenScope;
using identity::UserIdentity;
using nlohmann::json;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kResource = "11111111-2222-4333-8444-555555555555";
constexpr const char* kFork = "11111111-2222-4333-8444-666666666666";
constexpr const char* kNowhere = "11111111-2222-4333-8444-777777777777";

std::string decode(const std::string& text) { return jose::from_base64url(text).value(); }

struct Parts {
  explicit Parts(const std::string& token) {
    const std::size_t first = token.find('.'), second = token.rfind('.');
    header = token.substr(0, first);
    payload = token.substr(first + 1, second - first - 1);
    signature = token.substr(second + 1);
  }
  std::string header, payload, signature;
};

class IdentityLocal : public ::testing::Test {
 protected:
  IdentityLocal() {
    host_.add_resource(kResource);
    host_.add_resource(kFork);
    open();
  }
  void open(const std::string& config = "{}") {
    instance_.reset();
    instance_ = host_.open("identity-local", config);
    client_ = {instance_->interface("trunkline.identity/1"), instance_->calls()};
  }
  UserIdentity create(std::optional<std::string> custom_id = {}) {
    CreateUserRequest request;
    request.resource_id = kResource;
    request.custom_id = std::move(custom_id);
    return client_.create_user_sync(request);
  }
  static TokenRequest token_request(const std::string& user, Duration lifetime = 24h) {
    TokenRequest request;
    request.resource_id = kResource;
    request.user_id = user;
    request.scopes = {TokenScope::kChat, TokenScope::kVoip};
    request.lifetime = lifetime;
    return request;
  }
  std::string issue(const std::string& user, Duration lifetime = 24h) {
    return client_.issue_token_sync(token_request(user, lifetime)).token;
  }
  ErrorCode verify(const std::string& token) {
    return code_of([&] { client_.verify_token_sync(token, kResource); });
  }

  testing::Host host_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  identity::IdentityProviderClient client_;
};

TEST_F(IdentityLocal, CreatesUsers) {
  const UserIdentity user = create();
  EXPECT_THAT(user.id, MatchesRegex("8:acs:11111111-2222-4333-8444-555555555555_[0-9a-f-]+"));
  EXPECT_EQ(user.created_at, host_.clock.now());
  EXPECT_NE(create().id, user.id);
}

TEST_F(IdentityLocal, TheSameCustomIdIsTheSameUser) {
  const UserIdentity first = create("alice");
  host_.clock.advance(1h);
  EXPECT_EQ(create("alice"), first);
  EXPECT_NE(create("bob").id, first.id);
  EXPECT_EQ(first.custom_id, "alice");
}

TEST_F(IdentityLocal, ATokenCarriesTheDocumentedClaims) {
  const UserIdentity user = create();
  TokenRequest request = token_request(user.id, 2h);
  request.data_location = "europe";
  const auto token = client_.issue_token_sync(request);
  const std::int64_t now = std::chrono::floor<std::chrono::seconds>(host_.clock.now()).time_since_epoch().count();
  EXPECT_EQ(token.expires_at, host_.clock.now() + 2h);
  const Parts parts(token.token);
  const json header = json::parse(decode(parts.header));
  EXPECT_EQ(header["alg"], "ES256");
  EXPECT_EQ(header["typ"], "JWT");
  EXPECT_THAT(header["kid"].get<std::string>(), MatchesRegex("[0-9A-F]+"));
  EXPECT_THAT(header["kid"].get<std::string>(), SizeIs(40));
  EXPECT_THAT(decode(header["x5t"].get<std::string>()), SizeIs(20));
  const json payload = json::parse(decode(parts.payload));
  EXPECT_EQ(payload["skypeid"], user.id.substr(2));
  EXPECT_EQ(payload["scp"], 1792);
  EXPECT_EQ(payload["csi"], std::to_string(now));
  EXPECT_EQ(payload["iat"], now);
  EXPECT_EQ(payload["exp"], now + 7200);
  EXPECT_EQ(payload["rgn"], "emea");
  EXPECT_EQ(payload["acsScope"], "chat,voip");
  EXPECT_EQ(payload["resourceId"], kResource);
  EXPECT_EQ(payload["resourceLocation"], "europe");
}

TEST_F(IdentityLocal, TheSigningKeyVerifiesTokensElsewhere) {
  const std::string token = issue(create().id);
  const auto keys = client_.signing_keys_sync();
  ASSERT_THAT(keys, SizeIs(1));
  EXPECT_EQ(keys[0].algorithm, "ES256");
  EXPECT_EQ(json::parse(decode(Parts(token).header))["kid"], keys[0].key_id);
  const std::string der(keys[0].public_key.begin(), keys[0].public_key.end());
  const Parts parts(token);
  EXPECT_TRUE(jose::PublicKey::from_der(der).verify(parts.header + '.' + parts.payload, decode(parts.signature)));
}

TEST_F(IdentityLocal, SignsWithRs256WhenAsked) {
  const std::string user = create("alice").id;
  const std::string es = issue(user);
  open(R"({"algorithm": "RS256"})");
  const std::string rs = issue(user);
  EXPECT_EQ(json::parse(decode(Parts(rs).header))["alg"], "RS256");
  EXPECT_THAT(decode(Parts(rs).signature), SizeIs(256));
  EXPECT_EQ(verify(rs), ErrorCode{});
  EXPECT_EQ(verify(es), ErrorCode{}) << "the former key still verifies";
  EXPECT_THAT(client_.signing_keys_sync(), SizeIs(2));
}

TEST_F(IdentityLocal, TokensNameTheIssuerWhenThereIsOne) {
  open(R"({"issuer": "https://id.example"})");
  const std::string token = issue(create().id);
  EXPECT_EQ(json::parse(decode(Parts(token).payload))["iss"], "https://id.example");
  EXPECT_EQ(client_.capabilities().issuer, "https://id.example");
}

TEST_F(IdentityLocal, KeysRotateWithTime) {
  open(R"({"rotate_hours": 48})");
  const std::string user = create().id;
  const std::string first = issue(user);
  const std::string first_key = client_.signing_keys_sync()[0].key_id;
  host_.clock.advance(48h - 1ns);
  const std::string last_of_first = issue(user);
  host_.clock.advance(1ns);
  const std::string second = issue(user);
  const auto keys = client_.signing_keys_sync();
  ASSERT_THAT(keys, SizeIs(2));
  EXPECT_NE(keys[0].key_id, first_key);
  EXPECT_EQ(keys[1].key_id, first_key);
  EXPECT_EQ(keys[0].retires_at, std::nullopt);
  EXPECT_EQ(keys[1].retires_at, host_.clock.now() + 24h);
  EXPECT_EQ(verify(first), ErrorCode::kUnauthenticated) << "it has expired";
  EXPECT_EQ(verify(last_of_first), ErrorCode{});
  EXPECT_EQ(verify(second), ErrorCode{});
  open(R"({"rotate_hours": 48})");
  EXPECT_EQ(verify(last_of_first), ErrorCode{});
  host_.clock.advance(24h);
  EXPECT_THAT(client_.signing_keys_sync(), SizeIs(1));
}

TEST_F(IdentityLocal, KeysRotateOnDemand) {
  const std::string user = create().id;
  const std::string before = issue(user);
  EXPECT_THAT(client_.rotate_keys_sync(false), SizeIs(2));
  const std::string after = issue(user);
  EXPECT_NE(Parts(before).header, Parts(after).header);
  EXPECT_EQ(verify(before), ErrorCode{});
  EXPECT_THAT(client_.rotate_keys_sync(true), SizeIs(1));
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(after), ErrorCode::kUnauthenticated) << "though it was verified before";
  EXPECT_EQ(verify(issue(user)), ErrorCode{});
  open();
  EXPECT_THAT(client_.signing_keys_sync(), SizeIs(1));
  EXPECT_EQ(verify(after), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityLocal, FindsUsers) {
  const UserIdentity alice = create("alice"), nameless = create();
  EXPECT_EQ(client_.get_user_sync(kResource, alice.id), alice);
  EXPECT_EQ(client_.find_user_sync(kResource, "alice"), alice);
  EXPECT_EQ(code_of([&] { client_.find_user_sync(kResource, "bob"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.find_user_sync(kResource, ""); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.get_user_sync(kFork, alice.id); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.get_user_sync(kNowhere, alice.id); }), ErrorCode::kNotFound);
  auto page = client_.list_users_sync(kResource, 1, {});
  std::vector<UserIdentity> all = page.items;
  ASSERT_TRUE(page.continuation);
  page = client_.list_users_sync(kResource, 10, page.continuation);
  all.insert(all.end(), page.items.begin(), page.items.end());
  EXPECT_THAT(all, ::testing::UnorderedElementsAre(alice, nameless));
  EXPECT_FALSE(page.continuation);
}

TEST_F(IdentityLocal, SaysWhenATokenWasIssuedLast) {
  const std::string user = create().id;
  EXPECT_EQ(client_.get_user_sync(kResource, user).last_token_issued_at, std::nullopt);
  issue(user);
  const Time then = host_.clock.now();
  EXPECT_EQ(client_.get_user_sync(kResource, user).last_token_issued_at, then);
  client_.revoke_tokens_sync(kResource, user);
  sync_wait(host_.database.write([](store::Session&) {}));  // what nobody waited for is written
  open();
  EXPECT_EQ(client_.get_user_sync(kResource, user).last_token_issued_at, then);
}

TEST_F(IdentityLocal, AForkHasTheSameUsersAndTokensOfItsOwn) {
  const UserIdentity alice = create("alice");
  const std::string of_original = issue(alice.id);
  host_.copy_rows(kResource, kFork);
  EXPECT_EQ(client_.find_user_sync(kFork, "alice").id, alice.id);
  TokenRequest request = token_request(alice.id);
  request.resource_id = kFork;
  const std::string of_fork = client_.issue_token_sync(request).token;
  EXPECT_EQ(client_.verify_token_sync(of_fork, kFork).resource_id, kFork);
  EXPECT_EQ(client_.verify_token_sync(of_original, kFork).resource_id, kResource);
  client_.revoke_tokens_sync(kFork, alice.id);
  EXPECT_EQ(verify(of_fork), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(of_original), ErrorCode{}) << "the original goes its own way";
}

TEST_F(IdentityLocal, RowsThatWerePutBackAreReadAgain) {
  const UserIdentity alice = create("alice");
  const std::string token = issue(alice.id);
  host_.copy_rows(kResource, kFork);  // a snapshot
  client_.revoke_tokens_sync(kResource, alice.id);
  const UserIdentity later = create("later");
  EXPECT_EQ(verify(token), ErrorCode::kUnauthenticated);
  host_.copy_rows(kFork, kResource);
  EXPECT_EQ(verify(token), ErrorCode{});
  EXPECT_EQ(code_of([&] { client_.get_user_sync(kResource, later.id); }), ErrorCode::kNotFound);
}

TEST_F(IdentityLocal, ExchangesTheTokenOfATeamsUser) {
  identity::TeamsCredential credential;
  credential.token = "verified by the host";
  credential.app_id = "11111111-2222-4333-8444-000000000001";
  credential.user_id = "11111111-2222-4333-8444-000000000002";
  identity::ExchangeRequest request;
  request.resource_id = kResource;
  request.credential = identity::Credential::of_teams(credential);
  request.scopes = {TokenScope::kVoip};
  request.lifetime = 1h;
  const std::string token = client_.exchange_sync(request).token;
  EXPECT_EQ(json::parse(decode(Parts(token).payload))["skypeid"], "orgid:11111111-2222-4333-8444-000000000002");
  EXPECT_EQ(client_.verify_token_sync(token, kResource).user_id, "8:orgid:11111111-2222-4333-8444-000000000002");
  client_.revoke_tokens_sync(kResource, "8:orgid:11111111-2222-4333-8444-000000000002");
  EXPECT_EQ(verify(token), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(client_.exchange_sync(request).token), ErrorCode{});
  credential.user_id = "somebody";
  request.credential = identity::Credential::of_teams(credential);
  EXPECT_EQ(code_of([&] { client_.exchange_sync(request); }), ErrorCode::kInvalidArgument);
  request.credential = identity::Credential::of_refresh_token("x");
  EXPECT_EQ(code_of([&] { client_.exchange_sync(request); }), ErrorCode::kUnimplemented);
  EXPECT_TRUE(client_.capabilities().teams_exchange);
  EXPECT_TRUE(client_.capabilities().custom_ids);
  EXPECT_TRUE(client_.capabilities().issues_tokens);
}

TEST_F(IdentityLocal, VerifiesItsTokens) {
  const UserIdentity user = create();
  const auto claims = client_.verify_token_sync(issue(user.id, 1h), kResource);
  EXPECT_EQ(claims.user_id, user.id);
  EXPECT_EQ(claims.resource_id, kResource);
  EXPECT_THAT(claims.scopes, ElementsAre(TokenScope::kChat, TokenScope::kVoip));
  EXPECT_EQ(claims.expires_at - claims.issued_at, 1h);
}

TEST_F(IdentityLocal, ATokenExpiresWithTheClock) {
  const std::string token = issue(create().id, 1h);
  host_.clock.advance(1h - 1ns);
  EXPECT_EQ(verify(token), ErrorCode{});
  host_.clock.advance(1ns);
  EXPECT_EQ(verify(token), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityLocal, RevocationHitsEarlierTokensOnly) {
  const std::string user = create().id;
  const std::string other = issue(create().id);
  const std::string before = issue(user);
  client_.revoke_tokens_sync(kResource, user);
  const std::string after = issue(user);  // in the same instant
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(after), ErrorCode{});
  EXPECT_EQ(verify(other), ErrorCode{});
  client_.revoke_tokens_sync(kResource, user);
  EXPECT_EQ(verify(after), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityLocal, ADeletedUserHasNoTokensAndStaysDeletedForThemWhenMadeAgain) {
  const std::string user = create("alice").id;
  const std::string token = issue(user);
  client_.delete_user_sync(kResource, user);
  EXPECT_EQ(verify(token), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of([&] { issue(user); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.delete_user_sync(kResource, user); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.revoke_tokens_sync(kResource, user); }), ErrorCode::kNotFound);
  EXPECT_NE(create("alice").id, user) << "a new user, who sees nothing of the deleted one's";
  EXPECT_EQ(verify(token), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityLocal, RefusesTokensThatItDidNotIssue) {
  const std::string token = issue(create().id);
  const Parts parts(token);
  const Parts other(issue(create().id));
  // alg=none, kid missing, another algorithm
  const std::string none = "eyJhbGciOiJub25lIn0", no_kid = "eyJhbGciOiJSUzI1NiJ9", hs256 = "eyJhbGciOiJIUzI1NiJ9";
  std::string changed = parts.payload;
  changed[10] = changed[10] == 'A' ? 'B' : 'A';
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string(".."), parts.header + '.' + parts.payload,
        parts.header + '.' + parts.payload + '.', parts.header + '.' + changed + '.' + parts.signature,
        parts.header + '.' + other.payload + '.' + parts.signature, none + '.' + parts.payload + '.',
        no_kid + '.' + parts.payload + '.' + parts.signature, hs256 + '.' + parts.payload + '.' + parts.signature, token + '=',
        token + '.' + parts.signature, std::string(20000, 'a')})
    EXPECT_EQ(verify(bad), ErrorCode::kUnauthenticated) << bad.substr(0, 80);
  // The last character of a 64-byte signature has bits that say nothing: there is one spelling only.
  std::string respelt = token;
  respelt.back() = respelt.back() == 'A' ? 'B' : static_cast<char>(respelt.back() + 1);
  EXPECT_EQ(verify(respelt), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityLocal, SaysWhatIsWrongWithARequest) {
  const std::string user = create().id;
  std::string target;
  const auto refused = [&](TokenRequest request) { return code_of([&] { client_.issue_token_sync(request); }, &target); };
  EXPECT_EQ(refused(token_request(user, 59min)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "lifetime");
  EXPECT_EQ(refused(token_request(user, 1441min)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "lifetime");
  TokenRequest request = token_request(user);
  request.scopes.clear();
  EXPECT_EQ(refused(request), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "scopes");
  request.scopes = {TokenScope::kChat, TokenScope{99}};
  EXPECT_EQ(refused(request), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "scopes[1]");
  for (const char* unknown : {"", "alice", "8:acs:", "8:acs:x_", "8:orgid:11111111-2222-4333-8444-555555555555"})
    EXPECT_EQ(refused(token_request(unknown)), ErrorCode::kNotFound) << unknown;
  EXPECT_EQ(refused(token_request("8:acs:x_" + std::string(10000, 'y'))), ErrorCode::kNotFound);
  CreateUserRequest bad;
  bad.resource_id = "acme";
  EXPECT_EQ(code_of([&] { client_.create_user_sync(bad); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "resourceId");
  EXPECT_EQ(code_of([&] { create(""); }, &target), ErrorCode::kInvalidArgument);
  EXPECT_EQ(target, "customId");
}

TEST_F(IdentityLocal, BoundsOfTheLifetimeAreFine) {
  const std::string user = create().id;
  EXPECT_EQ(verify(issue(user, 60min)), ErrorCode{});
  EXPECT_EQ(verify(issue(user, 1440min)), ErrorCode{});
}

TEST_F(IdentityLocal, UsersAndKeysOutliveTheInstance) {
  const std::string user = create("alice").id;
  const std::string token = issue(user);
  const std::string revoked_user = create().id;
  const std::string revoked = issue(revoked_user);
  client_.revoke_tokens_sync(kResource, revoked_user);
  open();
  EXPECT_EQ(verify(token), ErrorCode{});
  EXPECT_EQ(verify(revoked), ErrorCode::kUnauthenticated);
  EXPECT_EQ(create("alice").id, user);
  EXPECT_THAT(client_.signing_keys_sync(), SizeIs(1));
}

TEST_F(IdentityLocal, AUserThatIsNotCachedIsRead) {
  open(R"({"cached_users": 1})");
  const std::string first = create().id, second = create().id;
  const std::string first_token = issue(first), second_token = issue(second);
  EXPECT_EQ(verify(first_token), ErrorCode{});
  EXPECT_EQ(verify(second_token), ErrorCode{});
  client_.revoke_tokens_sync(kResource, first);
  EXPECT_EQ(verify(second_token), ErrorCode{});
  EXPECT_EQ(verify(first_token), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityLocal, ConcurrentFirstUsersGetOneKey) {
  const std::string user = create().id;
  constexpr int kCalls = 20;
  std::atomic<int> left{kCalls};
  std::mutex mutex;
  std::vector<std::string> kids;
  for (int i = 0; i < kCalls; ++i)
    client_.start_issue_token(token_request(user), {}, [&](Result<identity::AccessToken> result) {
      {
        const std::lock_guard lock(mutex);
        kids.push_back(json::parse(decode(Parts(result.value().token).header))["kid"]);
      }
      if (--left == 0) left.notify_one();
    });
  for (int now = left; now != 0; now = left) left.wait(now);
  EXPECT_THAT(kids, ::testing::Each(kids.front()));
}

TEST_F(IdentityLocal, ConcurrentCreatesWithOneCustomIdGiveOneUser) {
  constexpr int kCalls = 20;
  std::atomic<int> left{kCalls};
  std::mutex mutex;
  std::vector<UserIdentity> users;
  CreateUserRequest request;
  request.resource_id = kResource;
  request.custom_id = "alice";
  for (int i = 0; i < kCalls; ++i)
    client_.start_create_user(request, {}, [&](Result<UserIdentity> result) {
      {
        const std::lock_guard lock(mutex);
        users.push_back(std::move(result).value());
      }
      if (--left == 0) left.notify_one();
    });
  for (int now = left; now != 0; now = left) left.wait(now);
  EXPECT_THAT(users, ::testing::Each(users.front()));
}

}  // namespace
}  // namespace trunkline
