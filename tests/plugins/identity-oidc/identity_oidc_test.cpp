#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/plugin/http_transport.h"
#include "tests/plugins/host.h"
#include "trunkline/identity_client.hpp"
#include "trunkline/jose.hpp"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using identity::TokenScope;
using nlohmann::json;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kResource = "11111111-2222-4333-8444-555555555555";
constexpr const char* kFork = "11111111-2222-4333-8444-666666666666";
constexpr const char* kIssuer = "https://id.example/realm";

/// A small OpenID provider behind the host's HTTP.
class FakeIssuer final : public plugin::HttpTransport {
 public:
  FakeIssuer() { rotate(); }
  void rotate(jose::Algorithm algorithm = jose::Algorithm::kEs256) {
    const std::lock_guard lock(mutex);
    key = jose::PrivateKey::generate(algorithm);
    key_id = "key-" + std::to_string(++made);
  }
  std::string token(const json& claims) { return sign({{"alg", jose::name_of(key->algorithm())}, {"kid", key_id}}, claims); }
  std::string sign(const json& header, const json& claims) {
    std::string token = jose::base64url(header.dump()) + '.' + jose::base64url(claims.dump());
    key->append_signature(token);
    return token;
  }
  Task<host::HttpResponse> send(Call, host::HttpRequest request) override {
    const std::lock_guard lock(mutex);
    host::HttpResponse response;
    response.status = status;
    std::string body = "{}";
    if (request.url == std::string(kIssuer) + "/.well-known/openid-configuration") {
      body = json{{"issuer", issuer}, {"jwks_uri", "https://id.example/keys"}}.dump();
    } else if (request.url == "https://id.example/keys") {
      ++fetches;
      json jwk{{"kid", key_id}, {"use", "sig"}};
      const bool rsa = key->algorithm() == jose::Algorithm::kRs256;
      jwk["kty"] = rsa ? "RSA" : "EC";
      if (!rsa) jwk["crv"] = "P-256";
      for (const auto& [name, value] : key->numbers()) jwk[name] = jose::base64url(value);
      body = json{{"keys", json::array({json{{"kty", "oct"}, {"k", "AA"}}, jwk})}}.dump();
    } else {
      response.status = 404;
    }
    response.body = Bytes(body.begin(), body.end());
    co_return response;
  }

  std::mutex mutex;
  std::optional<jose::PrivateKey> key;
  std::string key_id;
  std::string issuer = kIssuer;
  int made = 0;
  int status = 200;
  int fetches = 0;
};

class IdentityOidc : public ::testing::Test {
 protected:
  IdentityOidc() {
    host_.add_resource(kResource);
    host_.add_resource(kFork);
    host_.context.http = &issuer_;
    open();
  }
  void open(const json& more = json::object()) {
    json config{{"issuer", kIssuer}, {"audience", "chat-app"}};
    config.update(more);
    instance_.reset();
    instance_ = host_.open("identity-oidc", config.dump());
    client_ = {instance_->interface("trunkline.identity/1"), instance_->calls()};
  }
  std::int64_t now() const { return std::chrono::floor<std::chrono::seconds>(host_.clock.now()).time_since_epoch().count(); }
  json claims(const std::string& subject = "alice") const {
    return {{"iss", kIssuer}, {"aud", "chat-app"}, {"sub", subject}, {"iat", now()}, {"exp", now() + 3600}};
  }
  json with(const char* name, json value) const {
    json out = claims();
    out[name] = std::move(value);
    return out;
  }
  identity::TokenClaims admitted(const std::string& token, const std::string& resource = kResource) {
    return client_.verify_token_sync(token, resource);
  }
  ErrorCode verify(const std::string& token, const std::string& resource = kResource) {
    return code_of([&] { admitted(token, resource); });
  }

  FakeIssuer issuer_;
  mutable testing::Host host_;
  std::unique_ptr<plugin::PluginInstance> instance_;
  identity::IdentityProviderClient client_;
};

TEST_F(IdentityOidc, ASubjectIsOneUserFromTheFirstSightOn) {
  const auto first = admitted(issuer_.token(claims()));
  EXPECT_THAT(first.user_id, ::testing::StartsWith(std::string("8:acs:") + kResource + "_"));
  EXPECT_EQ(first.resource_id, kResource);
  EXPECT_THAT(first.scopes, ElementsAre(TokenScope::kChat, TokenScope::kVoip));
  EXPECT_EQ(first.expires_at - first.issued_at, 1h);
  EXPECT_EQ(json::parse(first.claims)["sub"], "alice");
  host_.clock.advance(1min);
  EXPECT_EQ(admitted(issuer_.token(claims())).user_id, first.user_id);
  EXPECT_NE(admitted(issuer_.token(claims("bob"))).user_id, first.user_id);
  EXPECT_NE(admitted(issuer_.token(claims()), kFork).user_id, first.user_id) << "a resource of its own";
  open();
  EXPECT_EQ(admitted(issuer_.token(claims())).user_id, first.user_id) << "after a restart";
  EXPECT_EQ(client_.find_user_sync(kResource, "alice").id, first.user_id);
  EXPECT_EQ(client_.get_user_sync(kResource, first.user_id).custom_id, "alice");
  EXPECT_THAT(client_.list_users_sync(kResource, 10, {}).items, SizeIs(2));
}

TEST_F(IdentityOidc, RefusesWhatIsNotForUs) {
  const std::string good = issuer_.token(claims());
  EXPECT_EQ(verify(good), ErrorCode{});
  EXPECT_EQ(verify(good, ""), ErrorCode::kUnauthenticated) << "no resource was addressed";
  EXPECT_EQ(verify(good, "11111111-2222-4333-8444-777777777777"), ErrorCode::kUnauthenticated);
  json endless = claims();
  endless.erase("exp");
  for (const json& bad : {with("iss", "https://elsewhere.example"), with("aud", "other"), with("aud", json::array({"x", "y"})),
                          with("exp", now() - 60), with("exp", "soon"), with("nbf", now() + 120), with("sub", ""), with("sub", 7),
                          with("sub", std::string(600, 's')), endless})
    EXPECT_EQ(verify(issuer_.token(bad)), ErrorCode::kUnauthenticated) << bad;
  EXPECT_EQ(verify(issuer_.token(with("aud", json::array({"x", "chat-app"})))), ErrorCode{});
  EXPECT_EQ(verify(issuer_.token(with("exp", now() - 59))), ErrorCode{}) << "within the leeway";
  const std::string id = issuer_.key_id;
  for (const json& header : {json{{"alg", "none"}}, json{{"alg", "HS256"}, {"kid", id}}, json{{"alg", "RS256"}, {"kid", id}},
                             json{{"alg", "ES256"}, {"kid", "other"}}, json{{"alg", "ES256"}, {"kid", id}, {"crit", {"b64"}}}})
    EXPECT_EQ(verify(issuer_.sign(header, claims())), ErrorCode::kUnauthenticated) << header;
  EXPECT_EQ(verify(issuer_.sign({{"alg", "ES256"}}, claims())), ErrorCode{}) << "one key needs no name";
  for (const std::string& bad : {std::string(), std::string("x"), std::string("a.b.c"), good + "x", good + ".x",
                                 good.substr(0, good.rfind('.') + 1), std::string(20000, 'a')})
    EXPECT_EQ(verify(bad), ErrorCode::kUnauthenticated) << bad.substr(0, 40);
}

TEST_F(IdentityOidc, ScopesComeFromAClaim) {
  open({{"scopes_claim", "scope"}, {"default_scopes", {"chat.join"}}});
  EXPECT_THAT(admitted(issuer_.token(with("scope", "openid voip chat voip"))).scopes,
              ElementsAre(TokenScope::kVoip, TokenScope::kChat));
  EXPECT_THAT(admitted(issuer_.token(with("scope", json::array({"chat.join.limited", 7})))).scopes,
              ElementsAre(TokenScope::kChatJoinLimited));
  EXPECT_THAT(admitted(issuer_.token(with("scope", "openid"))).scopes, IsEmpty());
  EXPECT_THAT(admitted(issuer_.token(claims())).scopes, ElementsAre(TokenScope::kChatJoin));
}

TEST_F(IdentityOidc, TheSubjectMayBeAnotherClaim) {
  open({{"subject_claim", "email"}});
  const std::string user = admitted(issuer_.token(with("email", "a@example.com"))).user_id;
  EXPECT_EQ(client_.find_user_sync(kResource, "a@example.com").id, user);
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityOidc, ResourcesCanBeNamed) {
  open({{"resources", {kFork}}});
  EXPECT_EQ(verify(issuer_.token(claims()), kFork), ErrorCode{});
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode::kUnauthenticated);
}

TEST_F(IdentityOidc, RevocationHitsEarlierTokensOnly) {
  const std::string before = issuer_.token(claims());
  const std::string user = admitted(before).user_id;
  client_.revoke_tokens_sync(kResource, user);
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode::kUnauthenticated) << "of the same second";
  json no_time = claims();
  no_time.erase("iat");
  EXPECT_EQ(verify(issuer_.token(no_time)), ErrorCode::kUnauthenticated);
  open();
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated) << "after a restart";
  host_.clock.advance(1s);
  EXPECT_EQ(admitted(issuer_.token(claims())).user_id, user);
  EXPECT_EQ(code_of([&] { client_.revoke_tokens_sync(kResource, "8:acs:x_y"); }), ErrorCode::kNotFound);
}

TEST_F(IdentityOidc, ADeletedUserComesBackAsAnotherOne) {
  const std::string before = issuer_.token(claims());
  const std::string user = admitted(before).user_id;
  client_.delete_user_sync(kResource, user);
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of([&] { client_.get_user_sync(kResource, user); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { client_.delete_user_sync(kResource, user); }), ErrorCode::kNotFound);
  EXPECT_THAT(client_.list_users_sync(kResource, 10, {}).items, IsEmpty());
  host_.clock.advance(1s);
  const std::string again = admitted(issuer_.token(claims())).user_id;
  EXPECT_NE(again, user);
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated);
  open();
  EXPECT_EQ(verify(before), ErrorCode::kUnauthenticated);
  EXPECT_EQ(admitted(issuer_.token(claims())).user_id, again);
}

TEST_F(IdentityOidc, AForkHasTheSameUsers) {
  const std::string token = issuer_.token(claims());
  const std::string user = admitted(token).user_id;
  host_.copy_rows(kResource, kFork);
  EXPECT_EQ(admitted(token, kFork).user_id, user);
  client_.revoke_tokens_sync(kFork, user);
  EXPECT_EQ(verify(token, kFork), ErrorCode::kUnauthenticated);
  EXPECT_EQ(verify(token), ErrorCode{});
  host_.copy_rows(kResource, kFork);
  EXPECT_EQ(verify(token, kFork), ErrorCode{}) << "rows that were put back are read again";
}

TEST_F(IdentityOidc, KeysAreFetchedWhenNeededAndNotMoreOften) {
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode{});
  EXPECT_EQ(verify(issuer_.token(claims("bob"))), ErrorCode{});
  EXPECT_EQ(issuer_.fetches, 1);
  const std::string old = issuer_.token(claims());
  issuer_.rotate(jose::Algorithm::kRs256);
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode::kUnauthenticated) << "just fetched";
  host_.clock.advance(30s);
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode{});
  EXPECT_EQ(issuer_.fetches, 2);
  EXPECT_EQ(verify(old), ErrorCode::kUnauthenticated) << "its key was withdrawn";
  EXPECT_EQ(issuer_.fetches, 2);
}

TEST_F(IdentityOidc, AnIssuerThatCannotBeReachedIsNoReasonToForgetItsKeys) {
  issuer_.status = 503;
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode::kUnavailable);
  issuer_.status = 200;
  host_.clock.advance(30s);
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode{});
  issuer_.status = 503;
  host_.clock.advance(24h);
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode{});
}

TEST_F(IdentityOidc, TheDocumentMustBeTheIssuersOwn) {
  issuer_.issuer = "https://elsewhere.example";
  EXPECT_EQ(verify(issuer_.token(claims())), ErrorCode::kUnavailable);
}

TEST_F(IdentityOidc, IssuesNothing) {
  EXPECT_EQ(code_of([&] { client_.create_user_sync({kResource, {}}); }), ErrorCode::kUnimplemented);
  EXPECT_EQ(code_of([&] { client_.issue_token_sync({}); }), ErrorCode::kUnimplemented);
  EXPECT_THAT(client_.signing_keys_sync(), IsEmpty());
  EXPECT_FALSE(client_.capabilities().issues_tokens);
}

TEST_F(IdentityOidc, SaysWhatIsWrongWithItsConfiguration) {
  std::string target;
  const auto refused = [&](const json& more) { return code_of([&] { open(more); }, &target); };
  EXPECT_EQ(refused({{"issuer", "http://id.example"}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused({{"audience", ""}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused({{"jwks_url", "ftp://id.example"}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused({{"default_scopes", {"everything"}}}), ErrorCode::kInvalidArgument);
  open();
}

}  // namespace
}  // namespace trunkline
