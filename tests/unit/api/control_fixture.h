// A runtime in memory behind the routes of the control API; requests without sockets.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runtime/api/control_api.h"
#include "runtime/api/directory.h"
#include "runtime/net/stream.h"
#include "runtime/server/api_server.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {

/// Takes a streamed body in.
class CollectingBody final : public net::BodyWriter {
 public:
  Task<bool> write(net::SharedBytes bytes) override {
    ++writes;
    text += *bytes;
    co_return writes < limit;
  }
  bool try_write(net::SharedBytes bytes) override {
    text += *bytes;
    return true;
  }
  bool closed() const override { return false; }
  void on_closed(UniqueFunction<void()>) override {}
  std::size_t queued_bytes() const override { return 0; }

  std::string text;
  int writes = 0;
  int limit = 1'000'000;  // the peer goes away after so many
};

class ControlTest : public RuntimeTest {
 protected:
  void SetUp() override {
    open(test_config(providers_));
    directory_.emplace(runtime_->resources());
    server::ServerOptions options;
    options.auth.control_token = Secret("control-token");
    server_.emplace(runtime_->executor(), runtime_->clock(), runtime_->log(), runtime_->metrics(), runtime_->ids(),
                    std::move(options), *directory_);
    std::vector<server::Route> routes;
    api::add_control_routes(routes, *runtime_, wall_.emplace(runtime_->executor(), Clock::Mode::kReal));
    server_->add_routes(std::move(routes));
  }
  void TearDown() override {
    wall_->stop();
    RuntimeTest::TearDown();
    server_.reset();
    wall_.reset();
  }

  net::Response call(const std::string& method, const std::string& target, const nlohmann::json& body = {}) {
    net::Request request;
    request.method = method;
    request.target = target;
    request.remote = "127.0.0.1";
    request.headers.add("Host", "127.0.0.1:4600");
    request.headers.add("Authorization", "Bearer control-token");
    if (!body.is_null()) {
      request.headers.add("Content-Type", "application/json");
      request.body = body.dump();
    }
    return sync_wait(server_->handle(request));
  }
  nlohmann::json ask(const std::string& method, const std::string& target, const nlohmann::json& body = {}, int expect = 200) {
    const net::Response response = call(method, target, body);
    EXPECT_EQ(response.status, expect) << method << " " << target << "\n" << response.body;
    return response.body.empty() ? nlohmann::json() : nlohmann::json::parse(response.body);
  }
  /// The member that a refusal names.
  std::string refused(const std::string& method, const std::string& target, const nlohmann::json& body = {}, int expect = 400) {
    const nlohmann::json answer = ask(method, target, body, expect);
    return answer.contains("error") ? answer["error"].value("target", "") : "no error";
  }
  /// Sends a text with a delivery report; that is one event.
  std::string text(const std::string& to = kPhone) {
    const std::string id = send(submission({to})).front().message_id.value();
    advance(std::chrono::seconds{1});
    settle();
    return id;
  }
  nlohmann::json subscribe(const std::string& name, nlohmann::json body = {{"handler", true}}) {
    return ask("PUT", "/_control/event-subscriptions/" + name, body, 201);
  }
  nlohmann::json take(const std::string& name, int max = 10) {
    settle();
    return ask("POST", "/_control/event-subscriptions/" + name + "/take", {{"max", max}})["items"];
  }
  void acknowledge(const std::string& name, const nlohmann::json& items) {
    nlohmann::json ids = nlohmann::json::array();
    for (const nlohmann::json& item : items) ids.push_back(item["delivery_id"]);
    const nlohmann::json answer = ask("POST", "/_control/event-subscriptions/" + name + "/acknowledge", {{"delivery_ids", ids}});
    EXPECT_EQ(answer["acknowledged"], ids);
    settle();
  }
  /// What became of an event at a subscription.
  nlohmann::json at(const std::string& event, const std::string& subscription) {
    const nlohmann::json shown = ask("GET", "/_control/events/" + event);
    for (const nlohmann::json& one : shown["subscriptions"])
      if (one["subscription"] == subscription) return one;
    ADD_FAILURE() << "nothing about " << subscription << " in " << shown.dump(2);
    return nlohmann::json::object();
  }

  std::string providers_ = kSandbox;
  std::optional<api::Directory> directory_;
  std::optional<Clock> wall_;
  std::optional<server::ApiServer> server_;
};

}  // namespace trunkline
