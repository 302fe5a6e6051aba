#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <nlohmann/json.hpp>

#include "tests/plugins/host.h"
#include "trunkline/identity_client.hpp"

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

std::string decode(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string bytes(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

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
  IdentityLocal() { open(); }
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
    request.user_id = user;
    request.scopes = {TokenScope::kChat, TokenScope::kVoip};
    request.lifetime = lifetime;
    return request;
  }
  std::string issue(const std::string& user, Duration lifetime = 24h) {
    return client_.issue_token_sync(token_request(user, lifetime)).token;
  }
  ErrorCode verify(const std::string& token) {
    return code_of([&] { client_.verify_token_sync(token); });
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
  EXPECT_EQ(header["alg"], "RS256");
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
  EXPECT_EQ(keys[0].algorithm, "RS256");
  EXPECT_EQ(json::parse(decode(Parts(token).header))["kid"], keys[0].key_id);
  const unsigned char* der = keys[0].public_key.data();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      d2i_PUBKEY(nullptr, &der, static_cast<long>(keys[0].public_key.size())), &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const Parts parts(token);
  const std::string data = parts.header + '.' + parts.payload, signature = decode(parts.signature);
  ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()), 1);
  EXPECT_EQ(EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                             reinterpret_cast<const unsigned char*>(data.data()), data.size()),
            1);
}

TEST_F(IdentityLocal, VerifiesItsTokens) {
  const UserIdentity user = create();
  const auto claims = client_.verify_token_sync(issue(user.id, 1h));
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
  client_.revoke_tokens_sync(user);
  const std::string after = issue(user);  // in the same instant
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(after), ErrorCode{});
  EXPECT_EQ(verify(other), ErrorCode{});
  client_.revoke_tokens_sync(user);
  EXPECT_EQ(verify(after), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityLocal, ADeletedUserHasNoTokensAndStaysDeletedForThemWhenMadeAgain) {
  const std::string user = create("alice").id;
  const std::string token = issue(user);
  client_.delete_user_sync(user);
  EXPECT_EQ(verify(token), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of([&] { issue(user); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.delete_user_sync(user); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.revoke_tokens_sync(user); }), ErrorCode::kNotFound);
  EXPECT_EQ(create("alice").id, user);
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
  // The last character of a 256-byte signature has bits that say nothing: there is one spelling only.
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
  client_.revoke_tokens_sync(revoked_user);
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
  client_.revoke_tokens_sync(first);
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

TEST_F(IdentityLocal, ExchangeIsNotOffered) {
  EXPECT_EQ(code_of([&] { client_.exchange_sync(identity::Credential::of_refresh_token("x")); }), ErrorCode::kUnimplemented);
  EXPECT_FALSE(client_.capabilities().teams_exchange);
  EXPECT_TRUE(client_.capabilities().custom_ids);
}

}  // namespace
}  // namespace trunkline
