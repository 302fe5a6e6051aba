#include "runtime/oidc/issuer_set.h"

#include <gmock/gmock.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/net/http_client.h"
#include "runtime/net/http_server.h"
#include "runtime/oidc/development_issuer.h"

namespace trunkline::oidc {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A small OpenID provider on this machine.
class Provider {
 public:
  Provider(Executor& executor, Clock& clock, Log& log) {
    net::HttpServerOptions options;
    server_.emplace(executor, clock, log, std::move(options), [this](net::Request& request) { return answer(request.target); });
    base = "http://127.0.0.1:" + std::to_string(server_->start().http);
    rotate();
  }
  void rotate() {
    const std::lock_guard lock(mutex_);
    key_ = jose::PrivateKey::generate(jose::Algorithm::kEs256);
    id_ = "key-" + std::to_string(++made_);
  }
  std::string token(json claims) const {
    const std::lock_guard lock(mutex_);
    claims.emplace("iss", base);
    claims.emplace("aud", "https://communication.azure.com");
    claims.emplace("exp", 1767225600 + 3600);
    return crypto::sign_jwt(*key_, id_, claims);
  }

  std::string base;
  std::string claimed_issuer;  // in the discovery document; empty: the right one
  std::atomic<int> fetches{0};
  std::atomic<int> status{200};

 private:
  Task<net::Response> answer(std::string target) {
    net::Response response;
    response.status = status;
    const std::lock_guard lock(mutex_);
    json body;
    if (target == "/.well-known/openid-configuration") {
      body["issuer"] = claimed_issuer.empty() ? base : claimed_issuer;
      body["jwks_uri"] = base + "/keys";
    } else {
      ++fetches;
      body["keys"] = json::array({crypto::to_jwk({id_, *key_})});
    }
    response.body = body.dump();
    co_return response;
  }

  mutable std::mutex mutex_;
  std::optional<jose::PrivateKey> key_;
  std::string id_;
  int made_ = 0;
  std::optional<net::HttpServer> server_;
};

class IssuerSetTest : public ::testing::Test {
 protected:
  ~IssuerSetTest() override {
    http.stop();
    provider.reset();
    executor.stop();
  }
  void open(IssuerConfig config = {}) {
    config.issuer = provider->base;
    IssuerSetOptions options;
    options.now = [this] { return now; };
    set.emplace(std::vector<IssuerConfig>{config}, &development, http, log, std::move(options));
  }
  Principal verify(const std::string& token, Purpose purpose = Purpose::kData) { return sync_wait(set->verify(token, purpose)); }
  ErrorCode refusal(const std::string& token, Purpose purpose = Purpose::kData) {
    try {
      verify(token, purpose);
      return ErrorCode{};
    } catch (const Error& error) {
      return error.code;
    }
  }

  Time now{std::chrono::seconds{1767225600}};
  Log log{LogOptions{LogLevel::kOff, false, ""}};
  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  net::HttpClient http{executor};
  DevelopmentIssuer development;
  std::optional<Provider> provider{std::in_place, executor, clock, log};
  std::optional<IssuerSet> set;
};

TEST_F(IssuerSetTest, TakesTokensOfAConfiguredIssuer) {
  open();
  const Principal who = verify(provider->token({{"sub", "s"}, {"appid", "a"}, {"oid", "o"}, {"tid", "t"}, {"roles", {"Admin"}}, {"scp", "Chat Voip"}}));
  EXPECT_EQ(who.issuer, provider->base);
  EXPECT_EQ(who.subject, "s");
  EXPECT_EQ(who.app_id, "a");
  EXPECT_EQ(who.object_id, "o");
  EXPECT_EQ(who.tenant_id, "t");
  EXPECT_THAT(who.roles, ElementsAre("Admin"));
  EXPECT_THAT(who.scopes, ElementsAre("Chat", "Voip"));
  verify(provider->token({{"azp", "a"}}));
  EXPECT_EQ(provider->fetches, 1) << "keys are kept";
}

TEST_F(IssuerSetTest, RefusesEverybodyElse) {
  open();
  EXPECT_EQ(refusal("nonsense"), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal(provider->token({{"iss", "https://elsewhere.example"}})), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal(provider->token({{"aud", "https://elsewhere.example"}})), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal(provider->token({{"exp", 1767225600 - 3600}})), ErrorCode::kUnauthenticated);
  const auto stranger = jose::PrivateKey::generate(jose::Algorithm::kEs256);
  const json claims{{"iss", provider->base}, {"aud", "https://communication.azure.com"}, {"exp", 1767225600 + 60}};
  EXPECT_EQ(refusal(crypto::sign_jwt(stranger, "key-1", claims)), ErrorCode::kUnauthenticated);
}

TEST_F(IssuerSetTest, EachPurposeHasItsAudiences) {
  open();
  const std::string data = provider->token({{"aud", "https://communication.azure.com//"}});
  const std::string management = provider->token({{"aud", "https://management.azure.com/"}});
  EXPECT_EQ(refusal(data), ErrorCode{});
  EXPECT_EQ(refusal(data, Purpose::kManagement), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refusal(management, Purpose::kManagement), ErrorCode{});
  EXPECT_EQ(refusal(management), ErrorCode::kUnauthenticated);
}

TEST_F(IssuerSetTest, ApplicationsAndRolesCanBeNamed) {
  IssuerConfig config;
  config.applications = {"good"};
  config.roles = {"Sender"};
  open(config);
  EXPECT_EQ(refusal(provider->token({{"appid", "good"}, {"roles", {"Sender"}}})), ErrorCode{});
  EXPECT_EQ(refusal(provider->token({{"appid", "good"}})), ErrorCode::kPermissionDenied);
  EXPECT_EQ(refusal(provider->token({{"appid", "bad"}, {"roles", {"Sender"}}})), ErrorCode::kPermissionDenied);
  EXPECT_EQ(refusal(provider->token({{"appid", "good"}}), Purpose::kUser), ErrorCode{}) << "people have no roles";
}

TEST_F(IssuerSetTest, AnUnknownKeyIsFetchedButNotTooOften) {
  open();
  verify(provider->token({}));
  provider->rotate();
  EXPECT_EQ(refusal(provider->token({})), ErrorCode::kUnauthenticated) << "just fetched";
  EXPECT_EQ(provider->fetches, 1);
  now += 31s;
  EXPECT_EQ(refusal(provider->token({})), ErrorCode{});
  EXPECT_EQ(provider->fetches, 2);
  now += 31s;
  const json claims{{"iss", provider->base}, {"exp", 1767225600 + 60}};
  const auto stranger = jose::PrivateKey::generate(jose::Algorithm::kEs256);
  for (int i = 0; i < 5; ++i) refusal(crypto::sign_jwt(stranger, "made up " + std::to_string(i), claims));
  EXPECT_EQ(provider->fetches, 3) << "strangers cannot make us fetch";
}

TEST_F(IssuerSetTest, KeysAreKeptWhenTheIssuerCannotBeReached) {
  open();
  provider->status = 500;
  EXPECT_EQ(refusal(provider->token({})), ErrorCode::kUnavailable);
  provider->status = 200;
  EXPECT_EQ(refusal(provider->token({})), ErrorCode::kUnavailable) << "not tried again at once";
  now += 31s;
  EXPECT_EQ(refusal(provider->token({})), ErrorCode{});
  provider->status = 500;
  now += 24h;
  EXPECT_EQ(refusal(provider->token({{"exp", 1767225600 + 90000}})), ErrorCode{});
}

TEST_F(IssuerSetTest, TheDiscoveryDocumentMustBeTheIssuersOwn) {
  provider->claimed_issuer = "https://elsewhere.example";
  open();
  EXPECT_EQ(refusal(provider->token({})), ErrorCode::kUnavailable);
}

TEST_F(IssuerSetTest, ManyAtOnceFetchOnce) {
  open();
  const std::string token = provider->token({});
  constexpr int kCalls = 20;
  std::atomic<int> left{kCalls};
  std::atomic<int> good{0};
  for (int i = 0; i < kCalls; ++i)
    spawn(set->verify(token, Purpose::kData), [&](Result<Principal> result) {
      if (result.ok()) ++good;
      if (--left == 0) left.notify_one();
    });
  for (int now_left = left; now_left != 0; now_left = left) left.wait(now_left);
  EXPECT_EQ(good, kCalls);
  EXPECT_EQ(provider->fetches, 1);
}

TEST_F(IssuerSetTest, TakesTokensOfTheDevelopmentIssuer) {
  open();
  DevelopmentGrant grant;
  grant.client_id = "app";
  grant.object_id = "person";
  grant.scope = "openid https://auth.msft.communication.azure.com/Teams.ManageCalls https://auth.msft.communication.azure.com/Teams.ManageChats";
  const std::string token = development.issue(grant, "anybody", now);
  const Principal who = verify(token, Purpose::kUser);
  EXPECT_EQ(who.app_id, "app");
  EXPECT_EQ(who.object_id, "person");
  EXPECT_THAT(who.scopes, ElementsAre("Teams.ManageCalls", "Teams.ManageChats"));
  now += 2h;
  EXPECT_EQ(refusal(token), ErrorCode::kUnauthenticated);
  IssuerSetOptions options;
  options.now = [this] { return now; };
  set.emplace(std::vector<IssuerConfig>{}, nullptr, http, log, std::move(options));
  EXPECT_EQ(refusal(development.issue(grant, "anybody", now)), ErrorCode::kUnauthenticated) << "it is off";
}

TEST(Scope, IsTakenApart) {
  for (const auto& [scope, audience, permission] : {std::array<const char*, 3>{"https://a.example/.default", "https://a.example", ""},
                                                    {"https://a.example//.default", "https://a.example", ""},
                                                    {"https://a.example/clients/VoIP", "https://a.example", "clients/VoIP"},
                                                    {"https://a.example", "https://a.example", ""},
                                                    {"plain", "plain", ""}}) {
    const ScopeParts parts = split_scope(scope);
    EXPECT_EQ(parts.audience, audience) << scope;
    EXPECT_EQ(parts.permission, permission) << scope;
  }
}

}  // namespace
}  // namespace trunkline::oidc
