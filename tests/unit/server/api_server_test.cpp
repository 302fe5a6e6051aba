#include "runtime/server/api_server.h"

#include <gmock/gmock.h>

#include "runtime/server/error_response.h"
#include "tests/unit/net/socket_client.h"
#include "tests/unit/server/api_fixture.h"

namespace trunkline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class ApiServerTest : public ApiTest {};

TEST_F(ApiServerTest, HealthAndMetricsAreOpen) {
  EXPECT_EQ(get("/health").body, R"({"status":"ok"})");
  get("/open/1");
  get("/open/2");
  const net::Response response = get("/metrics");
  EXPECT_THAT(response.content_type, StartsWith("text/plain"));
  EXPECT_THAT(response.body, HasSubstr(R"(trunkline_http_requests_total{method="GET",route="/open/{id}",status="200"} 2)"));
}

TEST_F(ApiServerTest, UnknownRoutesAndWrongMethods) {
  const net::Response unknown = get("/nope");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, StartsWith(R"({"error":{"code":"NotFound","message":)"));
  const net::Response wrong = get("/things");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.get("Allow"), "POST");
  EXPECT_THAT(wrong.body, HasSubstr(R"("code":"MethodNotAllowed")"));
  EXPECT_EQ(get("/open/%zz").status, 400);
}

TEST_F(ApiServerTest, VersionsAreToleratedButNotMissing) {
  EXPECT_THAT(call({.target = "/things?api-version=2031-01-01", .key = kMain}).body, HasSubstr("|2024-01-01"));
  EXPECT_THAT(call({.target = "/things?api-version=2020-01-01", .key = kMain}).body, HasSubstr("|2023-01-01"));
  const net::Response missing = call({.target = "/things", .key = kMain});
  EXPECT_EQ(missing.status, 400);
  EXPECT_THAT(missing.body, HasSubstr(R"("code":"ApiVersionUnspecified")"));
  const net::Response malformed = call({.target = "/things?api-version=new", .key = kMain});
  EXPECT_EQ(malformed.status, 400);
  EXPECT_THAT(malformed.body, HasSubstr(R"("code":"UnsupportedApiVersion")"));
}

TEST_F(ApiServerTest, ContentTypesAreChecked) {
  const auto with_type = [&](std::string method, std::string target, std::string_view type, std::string body = "{}") {
    net::Request request =
        Signed{.method = std::move(method), .target = std::move(target), .body = std::move(body), .key = kMain}.request();
    request.headers.remove("Content-Type");
    if (!type.empty()) request.headers.add("Content-Type", type);
    return call(std::move(request)).status;
  };
  const std::string post = "/things?api-version=2024-01-01";
  const std::string patch = "/things/1?api-version=2024-01-01";
  EXPECT_EQ(with_type("POST", post, "application/json"), 200);
  EXPECT_EQ(with_type("POST", post, "Application/JSON; charset=utf-8"), 200);
  EXPECT_EQ(with_type("POST", post, "application/cloudevents+json"), 200);
  EXPECT_EQ(with_type("POST", post, "text/plain"), 415);
  EXPECT_EQ(with_type("POST", post, ""), 415);
  EXPECT_EQ(with_type("POST", post, "", ""), 200);
  EXPECT_EQ(with_type("POST", post, "application/merge-patch+json"), 415);
  EXPECT_EQ(with_type("PATCH", patch, "application/merge-patch+json"), 200);
  EXPECT_EQ(with_type("PATCH", patch, "application/json"), 200);
  EXPECT_EQ(with_type("PATCH", patch, "text/plain"), 415);
  EXPECT_EQ(with_type("GET", patch, "text/plain"), 200);  // a body nobody asked for
}

TEST_F(ApiServerTest, ErrorsBecomeTheEnvelope) {
  fail_with = Error(ErrorCode::kInvalidArgument, "found \"x\"", "smsRecipients[0].to");
  fail_with.details["smsRecipients[0].to"] = "no number";
  net::Response response = get("/fails");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(
      response.body,
      R"({"error":{"code":"BadRequest","message":"found \"x\"","target":"smsRecipients[0].to","details":[{"code":"BadRequest","message":"no number","target":"smsRecipients[0].to"}]}})");
  EXPECT_EQ(response.headers.get("x-ms-error-code"), "BadRequest");

  fail_with = Error(ErrorCode::kResourceExhausted, "slow down").with_retry(std::chrono::milliseconds{1500});
  response = get("/fails");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.get("Retry-After"), "2");

  fail_with = Error(ErrorCode::kNotFound, "no such number").with_http_status(422).with_service_code("PhoneNumberNotFound");
  response = get("/fails");
  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.body, HasSubstr("PhoneNumberNotFound"));
}

TEST_F(ApiServerTest, ARouteMayShapeItsRefusals) {
  net::Request request;
  request.method = "POST";
  request.target = "/shaped";
  request.body = "x";
  request.headers.add("Content-Type", "text/plain");
  const net::Response response = call(std::move(request));
  EXPECT_EQ(response.status, 415);
  EXPECT_THAT(response.body, StartsWith("sorry: "));
  EXPECT_TRUE(response.headers.has("x-ms-request-id"));
}

TEST_F(ApiServerTest, RefusalsOfRoutesThatLookAtCredentialsThemselvesAreKept) {
  fail_with = Error(ErrorCode::kUnauthenticated, "no key of ours", "aeg-sas-key");
  EXPECT_EQ(get("/fails").status, 401);
  const auto kept = api->rejections().list();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].reason, "no key of ours");
  EXPECT_EQ(kept[0].found, "aeg-sas-key");
  EXPECT_EQ(kept[0].path, "/fails");
  fail_with = Error(ErrorCode::kNotFound, "nothing there");
  get("/fails");
  EXPECT_EQ(api->rejections().list().size(), 1u);
}

TEST_F(ApiServerTest, EveryErrorCodeHasAStatus) {
  for (int code = 1; code <= 16; ++code) {
    const int status = server::http_status_of(Error(static_cast<ErrorCode>(code), ""));
    EXPECT_GE(status, 400);
    EXPECT_LT(status, 600);
  }
}

TEST_F(ApiServerTest, RequestsAreTraced) {
  net::Request request;
  request.method = "GET";
  request.target = "/open/1";
  request.headers.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  request.headers.add("x-ms-client-request-id", "mine");
  const net::Response response = call(request);
  EXPECT_THAT(std::string(response.headers.get("traceparent")), StartsWith("00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_NE(response.headers.get("traceparent"), request.headers.get("traceparent"));
  EXPECT_EQ(response.headers.get("x-trace"), response.headers.get("traceparent"));
  EXPECT_EQ(response.headers.get("x-ms-client-request-id"), "mine");
  EXPECT_THAT(std::string(response.headers.get("x-ms-request-id")), MatchesRegex("[0-9a-f-]{36}"));
  EXPECT_TRUE(get("/nope").headers.has("traceparent"));
}

TEST_F(ApiServerTest, BrowsersAreAnsweredWhenTheirOriginIsAllowed) {
  options.cors_origins = {"*"};
  net::Request request;
  request.method = "OPTIONS";
  request.target = "/things";
  request.headers.add("Origin", "http://localhost:3000");
  request.headers.add("Access-Control-Request-Method", "POST");
  request.headers.add("Access-Control-Request-Headers", "authorization,x-ms-date");
  const net::Response response = call(request);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Headers"), "authorization,x-ms-date");
}

TEST_F(ApiServerTest, OnlyAllowedOriginsSeeAnswers) {
  options.cors_origins = {"https://app.example", "localhost"};
  const auto allowed = [&](const char* origin) {
    net::Request request;
    request.method = "GET";
    request.target = "/open/1";
    request.headers.add("Origin", origin);
    const net::Response response = call(request);
    EXPECT_EQ(response.headers.get("Vary"), "Origin");
    return response.headers.get("Access-Control-Allow-Origin") == origin &&
           response.headers.get("Access-Control-Allow-Credentials") == "true";
  };
  EXPECT_TRUE(allowed("https://app.example"));
  EXPECT_TRUE(allowed("http://localhost:3000"));
  EXPECT_TRUE(allowed("https://127.0.0.1"));
  EXPECT_TRUE(allowed("http://[::1]:80"));
  for (const char* origin :
       {"http://app.example", "https://app.example.evil", "https://localhost.evil", "null", "http://localhost/"})
    EXPECT_FALSE(allowed(origin)) << origin;
}

TEST_F(ApiServerTest, AWebSocketRouteChecksHandshakeOriginAndToken) {
  options.cors_origins = {"localhost"};
  const auto open = [&](std::initializer_list<std::pair<const char*, const char*>> headers, const char* target = "/socket") {
    net::Request request;
    request.method = "GET";
    request.target = target;
    request.headers.add("Host", "127.0.0.1:4600");
    for (const auto& [name, value] :
         {std::pair{"Upgrade", "websocket"}, std::pair{"Connection", "Upgrade"}, std::pair{"Sec-WebSocket-Version", "13"},
          std::pair{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}})
      request.headers.add(name, value);
    for (const auto& [name, value] : headers) request.headers.set(name, value);
    return call(request);
  };
  EXPECT_EQ(open({{"Authorization", "Bearer user-of-other"}}).status, 101);
  EXPECT_EQ(open({{"X-Token", "user-of-other"}}).status, 101);
  EXPECT_EQ(open({}, "/socket?access_token=user-of-other").status, 101);
  const net::Response chosen = open({{"Sec-WebSocket-Protocol", "bearer.user-of-other, trunkline.v1"}});
  EXPECT_EQ(chosen.status, 101);
  EXPECT_EQ(chosen.headers.get("Sec-WebSocket-Protocol"), "trunkline.v1");
  EXPECT_EQ(open({}).status, 401);
  EXPECT_EQ(open({}, "/socket?access_token=wrong-secret").status, 401);
  EXPECT_EQ(open({{"Authorization", "Bearer user-of-other"}, {"Upgrade", "h2c"}}).status, 426);
  EXPECT_EQ(open({{"Authorization", "Bearer user-of-other"}, {"Origin", "http://localhost:1"}}).status, 101);
  EXPECT_EQ(open({{"Authorization", "Bearer user-of-other"}, {"Origin", "http://127.0.0.1:4600"}}).status, 101);
  EXPECT_EQ(open({{"Authorization", "Bearer user-of-other"}, {"Origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(get("/chat/threads?api-version=2024-01-01&access_token=user-of-other").status,
            401);  // ordinary routes take headers only
  EXPECT_THAT(logged(), ::testing::Not(::testing::HasSubstr("wrong-secret")));
}

TEST_F(ApiServerTest, WithoutAnOriginBrowsersGetNothing) {
  net::Request request;
  request.method = "OPTIONS";
  request.target = "/things";
  request.headers.add("Origin", "http://localhost:3000");
  request.headers.add("Access-Control-Request-Method", "POST");
  const net::Response response = call(request);
  EXPECT_EQ(response.status, 405);
  EXPECT_FALSE(response.headers.has("Access-Control-Allow-Origin"));
}

TEST_F(ApiServerTest, ARouteDeclaredTwiceIsRefused) {
  build();
  std::vector<server::Route> again;
  again.push_back(route("POST", "/THINGS", server::Auth::kNone));
  EXPECT_THROW(api->add_routes(std::move(again)), Error);
}

TEST_F(ApiServerTest, ServesOverASocketWithTheLimitOfTheRoute) {
  options.limits.body_bytes = 100;
  build();
  std::vector<server::Route> more;
  more.push_back(route("POST", "/large", server::Auth::kNone, server::BodyRule::kAny, false));
  more.back().max_body_bytes = 5000;
  more.push_back(route("POST", "/small", server::Auth::kNone, server::BodyRule::kAny, false));
  api->add_routes(std::move(more));
  const server::ApiServer::Ports ports = api->start();
  SocketClient client(ports.http);
  EXPECT_EQ(client.exchange(testing::get("/health")).body, R"({"status":"ok"})");
  EXPECT_EQ(client.exchange(testing::post("/large", std::string(5000, 'b'))).status, 200);
  EXPECT_EQ(client.exchange(testing::post("/small", std::string(100, 'b'))).status, 200);
  EXPECT_EQ(client.exchange("HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n", true).header("content-length"), "15");
  const RawResponse refused = client.exchange(testing::post("/small", std::string(101, 'b')));
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, StartsWith(R"({"error":{"code":)"));
  { const SocketClient gone = std::move(client); }
  sync_wait(api->drain(std::chrono::seconds{5}));
  EXPECT_FALSE(SocketClient(ports.http).connected());
  EXPECT_THAT(metrics.expose(), HasSubstr(R"(trunkline_http_refused_total{status="413"} 1)"));
}

}  // namespace
}  // namespace trunkline::testing
