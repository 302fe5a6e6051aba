// An ApiServer with a few routes and resources, without sockets unless a test starts it.
#pragma once
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/net/websocket.h"
#include "runtime/server/api_server.h"
#include "runtime/server/error_response.h"
#include "tests/unit/server/signing.h"

namespace trunkline::testing {

class Directory : public server::ResourceDirectory {
 public:
  std::uint64_t version() const override { return version_; }
  std::vector<std::shared_ptr<const server::ResourceKeys>> list() const override {
    ++listed;
    return all_;
  }
  void add(server::ResourceKeys keys) {
    all_.push_back(std::make_shared<const server::ResourceKeys>(std::move(keys)));
    ++version_;
  }
  void replace(std::size_t at, server::ResourceKeys keys) {
    all_[at] = std::make_shared<const server::ResourceKeys>(std::move(keys));
    ++version_;
  }
  mutable std::atomic<int> listed{0};

 private:
  std::uint64_t version_ = 1;
  std::vector<std::shared_ptr<const server::ResourceKeys>> all_;
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() : log_path_(::testing::TempDir() + "trunkline_api_test_" + std::to_string(::getpid()) + ".log") {
    std::ofstream(log_path_).close();
    log.emplace(LogOptions{.level = LogLevel::kDebug, .path = log_path_});
    directory.add({.name = "main",
                   .id = "11111111-1111-4111-8111-111111111111",
                   .primary_key = Secret(kMain),
                   .secondary_key = Secret(kMainSecondary)});
    directory.add({.name = "other", .id = "22222222-2222-4222-8222-222222222222", .primary_key = Secret(kOther)});
    options.auth.control_token = Secret("control-token");
    options.auth.verify_bearer = [this](server::BearerKind kind, std::string token,
                                        std::shared_ptr<const server::ResourceKeys>) -> Task<server::BearerClaims> {
      co_await executor.schedule();
      server::BearerClaims claims;
      if (kind == server::BearerKind::kUser && token == "user-of-other") {
        claims.resource_id = "22222222-2222-4222-8222-222222222222";
        claims.user_id = "8:acs:1_2";
        claims.scopes = {"chat"};
        co_return claims;
      }
      if (kind == server::BearerKind::kUser && token == "user-of-nobody") {
        claims.resource_id = "33333333-3333-4333-8333-333333333333";
        co_return claims;
      }
      if (kind == server::BearerKind::kArm && token == "arm") co_return claims;
      if (kind == server::BearerKind::kEntra && token == "entra") co_return claims;
      throw Error(ErrorCode::kUnauthenticated, "The token is not valid.");
    };
  }
  ~ApiTest() override {
    api.reset();
    executor.stop();
    log.reset();
    ::unlink(log_path_.c_str());
  }

  server::Route route(std::string method, std::string path, server::Auth auth, server::BodyRule body = server::BodyRule::kNone,
                      bool versioned = true) {
    server::Route out;
    out.method = std::move(method);
    out.path = std::move(path);
    out.auth = auth;
    out.body = body;
    if (versioned) out.versions = {"2023-01-01", "2024-01-01"};
    out.handler = [](server::RouteContext& context) -> Task<net::Response> {
      net::Response response;
      response.body = (context.caller.resource ? context.caller.resource->name : "-") + "|" + context.caller.credential + "|" +
                      context.caller.user_id + "|" + std::string(context.api_version);
      for (const auto& [name, value] : context.params) response.body += "|" + value;
      response.headers.add("x-trace", context.traceparent());
      co_return response;
    };
    return out;
  }

  void build() {
    api.emplace(executor, clock, *log, metrics, ids, std::move(options), directory);
    std::vector<server::Route> routes;
    routes.push_back(route("POST", "/things", server::Auth::kAccessKey, server::BodyRule::kJson));
    routes.push_back(route("GET", "/things/{id}", server::Auth::kAccessKey));
    routes.push_back(route("PATCH", "/things/{id}", server::Auth::kAccessKey, server::BodyRule::kMergePatch));
    routes.push_back(route("GET", "/chat/threads", server::Auth::kUserToken));
    routes.push_back(route("GET", "/subscriptions/{id}", server::Auth::kArmBearer));
    routes.push_back(route("POST", "/control/clock", server::Auth::kControl, server::BodyRule::kJson, false));
    routes.push_back(route("GET", "/observed", server::Auth::kObserver, server::BodyRule::kNone, false));
    routes.push_back(route("GET", "/open/{id}", server::Auth::kNone, server::BodyRule::kNone, false));
    server::Route fails = route("GET", "/fails", server::Auth::kNone, server::BodyRule::kNone, false);
    fails.handler = [this](server::RouteContext&) -> Task<net::Response> {
      throw fail_with;
      co_return net::Response{};
    };
    routes.push_back(std::move(fails));
    server::Route shaped = route("POST", "/shaped", server::Auth::kNone, server::BodyRule::kJson, false);
    shaped.on_error = [](const Error& error) {
      net::Response response;
      response.status = server::http_status_of(error);
      response.body = "sorry: " + error.message;
      return response;
    };
    routes.push_back(std::move(shaped));
    server::Route socket = route("GET", "/socket", server::Auth::kUserToken, server::BodyRule::kNone, false);
    socket.websocket = true;
    socket.token_header = "X-Token";
    socket.handler = [](server::RouteContext& context) -> Task<net::Response> {
      net::WebSocketOptions ws;
      ws.protocol = context.protocol();
      EXPECT_EQ(context.token().reveal(), "user-of-other");
      co_return net::accept_websocket(context.request, ws, [](std::shared_ptr<net::WebSocket>) -> Task<void> { co_return; });
    };
    routes.push_back(std::move(socket));
    api->add_routes(std::move(routes));
  }

  net::Response call(net::Request request) {
    if (!api) build();
    return sync_wait(api->handle(request));
  }
  net::Response call(const Signed& what) { return call(what.request()); }
  net::Response get(std::string target, std::string authorization = {}) {
    net::Request request;
    request.method = "GET";
    request.target = std::move(target);
    request.remote = "127.0.0.1";
    request.headers.add("Host", "127.0.0.1:4600");
    if (!authorization.empty()) request.headers.add("Authorization", authorization);
    return call(std::move(request));
  }
  /// All that has been logged.
  std::string logged() {
    log.reset();  // writes what is queued
    std::ostringstream text;
    text << std::ifstream(log_path_).rdbuf();
    return text.str();
  }

  static constexpr const char* kMain = "bWFpbi1wcmltYXJ5LWtleQ==";
  static constexpr const char* kMainSecondary = "bWFpbi1zZWNvbmRhcnkta2V5";
  static constexpr const char* kOther = "b3RoZXIta2V5";
  static constexpr const char* kWrong = "d3Jvbmcta2V5";

  const std::string log_path_;
  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  std::optional<Log> log;
  Metrics metrics;
  IdSource ids{7};
  Directory directory;
  server::ServerOptions options;
  Error fail_with;
  std::optional<server::ApiServer> api;
};

}  // namespace trunkline::testing
