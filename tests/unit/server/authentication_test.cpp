// Every way in and every way to be refused.
#include <gmock/gmock.h>

#include "tests/unit/server/api_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AuthenticationTest : public ApiTest {
 protected:
  void expect_refused(const net::Response& response, std::string_view code, std::string_view message) {
    EXPECT_EQ(response.status, 401);
    EXPECT_THAT(response.body, StartsWith("{\"error\":{\"code\":\"" + std::string(code) + "\",\"message\":"));
    EXPECT_THAT(response.body, HasSubstr(std::string(message)));
    EXPECT_TRUE(response.headers.has("WWW-Authenticate"));
  }
};

TEST_F(AuthenticationTest, ThePrimaryKeyOpens) { EXPECT_EQ(call({.key = kMain}).body, "main|primary||2024-01-01"); }
TEST_F(AuthenticationTest, TheSecondaryKeyOpens) {
  EXPECT_EQ(call({.body = "{}", .key = kMainSecondary}).body, "main|secondary||2024-01-01");
}
TEST_F(AuthenticationTest, AKeyFindsItsResource) { EXPECT_EQ(call({.key = kOther}).body, "other|primary||2024-01-01"); }

TEST_F(AuthenticationTest, SignedHeadersMayComeInAnyOrderAndIncludeOthers) {
  EXPECT_EQ(call({.key = kMain, .signed_headers = "x-ms-content-sha256;host;x-ms-date"}).status, 200);
  EXPECT_EQ(call({.body = "{}", .key = kMain, .signed_headers = "host;x-ms-content-sha256;content-type;x-ms-date"}).status, 200);
  EXPECT_EQ(call({.key = kMain, .signed_headers = "date;host;x-ms-content-sha256"}).status, 200);
}

TEST_F(AuthenticationTest, WhatTheOfficialClientsSignIsAccepted) {
  const std::string target = "/things/8%3Aacs?locality=New%20York&api-version=2024-01-01";
  for (const char* canonical :
       {"/things/8%3Aacs?locality=New+York&api-version=2024-01-01", "things/8%3Aacs?locality=New%20York&api-version=2024-01-01",
        "/things/8:acs?locality=New York&api-version=2024-01-01", "things/8:acs?locality=New York&api-version=2024-01-01"})
    EXPECT_EQ(call({.method = "GET", .target = target, .key = kMain, .signed_target = canonical}).body,
              "main|primary||2024-01-01|8:acs")
        << canonical;
}

TEST_F(AuthenticationTest, RecordingsAreSignedForAnotherHost) {
  Signed recording{.method = "GET",
                   .target = "/things/r?api-version=2024-01-01",
                   .host = "storage.asm.skype.com",
                   .key = kMain,
                   .signed_target = "/things/r",
                   .signed_host = "localhost:4600"};
  net::Request request = recording.request();
  request.headers.add("x-ms-host", "localhost:4600");
  EXPECT_EQ(call(std::move(request)).status, 200);
  expect_refused(call(recording), "Unauthorized", "signature");
}

TEST_F(AuthenticationTest, AWrongKeyIsRefused) { expect_refused(call({.key = kWrong}), "Unauthorized", "signature"); }

TEST_F(AuthenticationTest, ATamperedRequestIsRefused) {
  expect_refused(call({.key = kMain, .signed_target = "/things?api-version=2023-01-01"}), "Unauthorized", "signature");
  expect_refused(call({.key = kMain, .signed_host = "example.invalid"}), "Unauthorized", "signature");
  net::Request method = Signed{.method = "GET", .target = "/things?api-version=2024-01-01", .key = kMain}.request();
  method.method = "POST";
  expect_refused(call(std::move(method)), "Unauthorized", "signature");
}

TEST_F(AuthenticationTest, ATamperedBodyIsDeniedAndNamesTheHeader) {
  net::Request request = Signed{.body = "{\"a\":1}", .key = kMain}.request();
  request.body = "{\"a\":2}";
  expect_refused(call(std::move(request)), "Denied", "'x-ms-content-sha256'");
}

TEST_F(AuthenticationTest, MissingAndMalformedHeadersAreNamed) {
  for (const auto& [header, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Authorization", "no Authorization header"},
           {"x-ms-date", "'x-ms-date' header is missing"},
           {"x-ms-content-sha256", "'x-ms-content-sha256' header is missing"}}) {
    net::Request request = Signed{.key = kMain}.request();
    request.headers.remove(header);
    expect_refused(call(std::move(request)), "Unauthorized", message);
  }
  net::Request malformed = Signed{.key = kMain}.request();
  malformed.headers.set("Authorization", "HMAC-SHA256 nonsense");
  expect_refused(call(std::move(malformed)), "Unauthorized", "malformed");
  expect_refused(call({.key = kMain, .signed_headers = "x-ms-date;x-ms-content-sha256"}), "Unauthorized", "'host'");
  expect_refused(call({.key = kMain, .signed_headers = "x-ms-date;host"}), "Unauthorized", "'x-ms-content-sha256'");
  expect_refused(call({.key = kMain, .signed_headers = "host;x-ms-content-sha256"}), "Unauthorized", "'x-ms-date'");
}

TEST_F(AuthenticationTest, AStaleDateIsRefused) {
  EXPECT_EQ(call({.date = "Wed, 31 Dec 2025 23:55:30 GMT", .key = kMain}).status, 200);
  EXPECT_EQ(call({.date = "Thu, 01 Jan 2026 00:04:30 GMT", .key = kMain}).status, 200);
  expect_refused(call({.date = "Wed, 31 Dec 2025 23:54:59 GMT", .key = kMain}), "Unauthorized", "'x-ms-date'");
  expect_refused(call({.date = "Thu, 01 Jan 2026 00:05:01 GMT", .key = kMain}), "Unauthorized", "'x-ms-date'");
  expect_refused(call({.date = "yesterday", .key = kMain}), "Unauthorized", "RFC 1123");
}

TEST_F(AuthenticationTest, DatesMayFollowTheClientsInsteadOfTheClock) {
  options.auth.client_time = [] { return parse_rfc3339("2030-06-01T12:00:00Z").value(); };
  EXPECT_EQ(call({.date = "Sat, 01 Jun 2030 12:00:00 GMT", .key = kMain}).status, 200);
  EXPECT_EQ(call({.key = kMain}).status, 401);
}

TEST_F(AuthenticationTest, AHostNameMeansItsResourceAlone) {
  for (const char* host : {"other.localhost:4600", "OTHER.communication.azure.com", "other.communication.localhost"}) {
    EXPECT_EQ(call({.host = host, .key = kOther}).body, "other|primary||2024-01-01") << host;
    expect_refused(call({.host = host, .key = kMain}), "Unauthorized", "signature");
  }
}

TEST_F(AuthenticationTest, ARegeneratedKeyTakesEffectAtOnceOnOpenConnections) {
  net::Request request = Signed{.key = kMain}.request();
  build();
  EXPECT_EQ(sync_wait(api->handle(request)).status, 200);  // the connection remembers the resource now
  directory.replace(0, {.name = "main", .id = "11111111-1111-4111-8111-111111111111", .primary_key = Secret(kWrong)});
  EXPECT_EQ(sync_wait(api->handle(request)).status, 401);
  EXPECT_EQ(call({.key = kWrong}).status, 200);
}

TEST_F(AuthenticationTest, AConnectionThatNamesAnotherHostIsLookedUpAnew) {
  net::Request request = Signed{.key = kMain}.request();
  build();
  EXPECT_EQ(sync_wait(api->handle(request)).status, 200);
  net::Request other = Signed{.host = "other.localhost:4600", .key = kMain}.request();
  other.connection_state = request.connection_state;
  EXPECT_EQ(sync_wait(api->handle(other)).status, 401) << "the key of another resource than the host names";
  net::Request right = Signed{.host = "other.localhost:4600", .key = kOther}.request();
  right.connection_state = request.connection_state;
  EXPECT_EQ(sync_wait(api->handle(right)).status, 200);
  net::Request again = Signed{.key = kMain}.request();
  again.connection_state = right.connection_state;
  EXPECT_EQ(sync_wait(api->handle(again)).status, 200);
}

// A host that means another resource from now on, while the one that the connection used before still exists.
TEST_F(AuthenticationTest, AHostThatComesToMeanAnotherResourceTakesEffectOnOpenConnections) {
  net::Request request = Signed{.host = "new.localhost:4600", .key = kMain}.request();
  build();
  EXPECT_EQ(sync_wait(api->handle(request)).status, 200) << "the host names nobody";
  directory.add({.name = "new", .id = "5", .primary_key = Secret(kWrong)});
  EXPECT_EQ(sync_wait(api->handle(request)).status, 401);
}

TEST_F(AuthenticationTest, DisabledKeysOpenNothing) {
  directory.replace(0, {.name = "main", .id = "1", .primary_key = Secret(kMain), .local_auth = false});
  expect_refused(call({.key = kMain}), "Unauthorized", "turned off");
}

TEST_F(AuthenticationTest, ManyResourcesAreReadOnceAndFound) {
  for (int i = 0; i < 2000; ++i)
    directory.add({.name = "r" + std::to_string(i),
                   .id = std::to_string(i),
                   .primary_key = Secret(base64_encode("key-" + std::to_string(i)))});
  for (int i : {1999, 0, 1000, 1999})
    EXPECT_THAT(call({.key = base64_encode("key-" + std::to_string(i))}).body, StartsWith("r" + std::to_string(i) + "|primary"));
  EXPECT_EQ(directory.listed, 1);
}

TEST_F(AuthenticationTest, TheSameSignatureIsAcceptedAgainUnlessGuarded) {
  EXPECT_EQ(call({.key = kMain}).status, 200);
  EXPECT_EQ(call({.key = kMain}).status, 200);
}

TEST_F(AuthenticationTest, TheReplayGuardRefusesWhatWasAnsweredForGood) {
  options.auth.replay_guard = true;
  EXPECT_EQ(call({.key = kMain}).status, 200);
  expect_refused(call({.key = kMain}), "Denied", "already");
  EXPECT_EQ(call({.date = "Thu, 01 Jan 2026 00:00:01 GMT", .key = kMain}).status, 200);
  const Signed read{.method = "GET", .target = "/things/1?api-version=2024-01-01", .key = kMain};
  EXPECT_EQ(call(read).status, 200);
  EXPECT_EQ(call(read).status, 200);
}

// Bearer tokens.

TEST_F(AuthenticationTest, ATokenOfAnotherResourceThanTheHostNamesIsRefused) {
  net::Request request;
  request.method = "GET";
  request.target = "/chat/threads?api-version=2024-01-01";
  request.headers.add("Authorization", "Bearer user-of-other");
  request.headers.add("Host", "other.localhost:4600");
  EXPECT_EQ(call(request).status, 200);
  request.headers.set("Host", "main.localhost:4600");
  expect_refused(call(request), "Unauthorized", "another resource");
}

TEST_F(AuthenticationTest, WhatWasTurnedAwayCanBeSeen) {
  get("/chat/threads?api-version=2024-01-01", "Bearer nonsense");
  Signed signed_request{.method = "GET", .target = "/things/1?api-version=2024-01-01", .key = kWrong};
  call(signed_request);
  fail_with = Error(ErrorCode::kPermissionDenied, "no right");
  get("/fails");  // nobody in particular
  const auto seen = api->rejections().list();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_GT(seen[0].sequence, seen[1].sequence);
  EXPECT_EQ(seen[0].path, "/things/1");
  EXPECT_THAT(seen[0].reason, HasSubstr("no key of"));
  EXPECT_THAT(seen[0].wanted, HasSubstr("GET\\n/things/1"));
  EXPECT_EQ(seen[1].reason, "the bearer token was refused");
  EXPECT_EQ(seen[1].found, "The token is not valid.");
  for (std::size_t i = 0; i < 2 * server::Rejections::kKept; ++i) get("/chat/threads?api-version=2024-01-01");
  EXPECT_EQ(api->rejections().list().size(), server::Rejections::kKept);
}

TEST_F(AuthenticationTest, AUserTokenOpensUserRoutesOnly) {
  EXPECT_EQ(get("/chat/threads?api-version=2024-01-01", "Bearer user-of-other").body, "other|bearer|8:acs:1_2|2024-01-01");
  expect_refused(get("/chat/threads?api-version=2024-01-01"), "Unauthorized", "no Authorization");
  expect_refused(get("/chat/threads?api-version=2024-01-01", "Bearer nonsense"), "Unauthorized", "token");
  expect_refused(get("/chat/threads?api-version=2024-01-01", "Bearer user-of-nobody"), "Unauthorized", "does not exist");
  expect_refused(call({.method = "GET", .target = "/chat/threads?api-version=2024-01-01", .key = kMain}), "Unauthorized",
                 "bearer token");
  expect_refused(get("/things/1?api-version=2024-01-01", "Bearer user-of-other"), "Unauthorized", "token");
}

TEST_F(AuthenticationTest, ArmAndEntraTokensOpenTheirs) {
  EXPECT_EQ(get("/subscriptions/s?api-version=2024-01-01", "Bearer arm").body, "main|bearer||2024-01-01|s");
  EXPECT_EQ(get("/things/1?api-version=2024-01-01", "Bearer entra").body, "main|bearer||2024-01-01|1");
  EXPECT_EQ(get("/subscriptions/s?api-version=2024-01-01", "Bearer entra").status, 401);
  EXPECT_EQ(get("/subscriptions/s?api-version=2024-01-01").status, 401);
}

TEST_F(AuthenticationTest, TheControlApiTakesAKeyOrTheControlToken) {
  EXPECT_THAT(call({.target = "/control/clock", .key = kMain}).body, StartsWith("main|primary"));
  net::Request request;
  request.method = "POST";
  request.target = "/control/clock";
  request.remote = "127.0.0.1";
  request.headers.add("Authorization", "Bearer control-token");
  EXPECT_THAT(call(request).body, StartsWith("main|control"));
  net::Request remote = request;
  remote.remote = "192.0.2.7";
  expect_refused(call(remote), "Denied", "loopback");
  request.headers.set("Authorization", "Bearer control-tokem");
  expect_refused(call(request), "Unauthorized", "control token");
  request.headers.remove("Authorization");
  EXPECT_EQ(call(request).status, 401);
}

TEST_F(AuthenticationTest, ObserversComeWithAKeyAnApplicationsTokenOrTheControlToken) {
  EXPECT_THAT(call({.method = "GET", .target = "/observed", .key = kMain}).body, StartsWith("main|primary"));
  EXPECT_THAT(get("/observed", "Bearer entra").body, StartsWith("main|bearer"));
  EXPECT_THAT(get("/observed", "Bearer control-token").body, StartsWith("main|control"));
  EXPECT_EQ(get("/observed", "Bearer control-tokem").status, 401);
  EXPECT_EQ(get("/observed").status, 401);
  net::Request remote;
  remote.method = "GET";
  remote.target = "/observed";
  remote.remote = "192.0.2.7";
  remote.headers.add("Authorization", "Bearer control-token");
  EXPECT_EQ(call(remote).status, 401) << "the control token is for this machine";
}

TEST_F(AuthenticationTest, TheLogSaysWhatWasWrongWithoutSecrets) {
  net::Request request = Signed{.body = "{}", .key = kMain}.request();
  const std::string hash(request.headers.get("x-ms-content-sha256"));
  request.body = "[]";
  call(std::move(request));
  call({.date = "Wed, 31 Dec 2025 00:00:00 GMT", .key = kMain});
  call({.key = kWrong});
  const std::string text = logged();
  EXPECT_THAT(text, HasSubstr(hash));                 // found
  EXPECT_THAT(text, HasSubstr(sha256_base64("[]")));  // wanted
  EXPECT_THAT(text, HasSubstr("within 300 s of Thu, 01 Jan 2026 00:00:00 GMT"));
  EXPECT_THAT(text, HasSubstr("no key of the 2 resources"));
  for (const char* secret : {kMain, kMainSecondary, kOther, kWrong, "control-token"}) EXPECT_THAT(text, Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace trunkline::testing
