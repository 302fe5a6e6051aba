// A runtime with a webhook receiver beside it.
#pragma once
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/delivery/engine.h"
#include "runtime/eventgrid/event_history.h"
#include "runtime/eventgrid/subscription_service.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/net/http_server.h"
#include "tests/unit/core/runtime_fixture.h"
#include "tests/unit/store/store_fixture.h"

namespace trunkline {

/// Listens on a port of its own. Proves itself unless told otherwise, and takes every event.
class WebhookReceiver {
 public:
  WebhookReceiver()
      : server_(executor_, clock_, log_, net::HttpServerOptions{}, [this](net::Request& request) { return answer(request); }),
        port_(server_.start().http) {}
  ~WebhookReceiver() {
    server_.stop();
    executor_.stop();
  }

  std::string url(const std::string& path = "/hook") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  /// Requests with events, oldest first.
  std::vector<net::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<net::Request> handshakes() const {
    const std::lock_guard lock(mutex_);
    return handshakes_;
  }
  /// All events of all requests, in either schema.
  std::vector<nlohmann::json> events() const {
    std::vector<nlohmann::json> all;
    for (const net::Request& request : requests()) {
      nlohmann::json body = nlohmann::json::parse(request.body);
      if (body.is_array())
        for (auto& event : body) all.push_back(event);
      else
        all.push_back(body);
    }
    return all;
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const auto& event : events()) all.push_back(event["id"]);
    return all;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    requests_.clear();
  }

  /// For requests with events; nullptr: 200.
  std::function<int(const net::Request&)> status;
  /// For handshakes; nullptr: as documented.
  std::function<net::Response(const net::Request&)> prove;

 private:
  Task<net::Response> answer(net::Request& request) {
    net::Response response;
    const bool handshake = request.method == "OPTIONS" || request.headers.get("aeg-event-type") == "SubscriptionValidation";
    {
      const std::lock_guard lock(mutex_);
      (handshake ? handshakes_ : requests_).push_back(request);
    }
    if (!handshake) {
      if (status) response.status = status(request);
    } else if (prove) {
      response = prove(request);
    } else if (request.method == "OPTIONS") {
      response.headers.add("WebHook-Allowed-Origin", std::string(request.headers.get("WebHook-Request-Origin")));
      response.headers.add("Allow", "POST");
    } else {
      nlohmann::json body;
      body["validationResponse"] = nlohmann::json::parse(request.body)[0]["data"]["validationCode"];
      response.body = body.dump();
    }
    co_return response;
  }

  Executor executor_{1};
  Clock clock_{executor_, Clock::Mode::kVirtual};
  Log log_{{.level = LogLevel::kOff}};
  mutable std::mutex mutex_;
  std::vector<net::Request> requests_;
  std::vector<net::Request> handshakes_;
  net::HttpServer server_;
  const std::uint16_t port_;
};

class EventTest : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox, "[]", more_)); }

  eventgrid::EventSubscriptionService& subscriptions() { return runtime_->event_subscriptions(); }
  eventgrid::EventHistory& history() { return runtime_->event_history(); }
  eventgrid::EventSource source() const { return eventgrid::source_of(*resource_); }

  /// Properties of a webhook; `more` is merged in.
  nlohmann::json webhook(const std::string& url, const std::string& more = "{}") {
    nlohmann::json properties;
    properties["destination"]["endpointType"] = "WebHook";
    properties["destination"]["properties"]["endpointUrl"] = url;
    properties.merge_patch(nlohmann::json::parse(more));
    return properties;
  }
  eventgrid::EventSubscriptionPtr subscribe_to(const std::string& name, nlohmann::json properties) {
    auto written = sync_wait(subscriptions().put(source(), name, std::move(properties)));
    settle();
    return written.subscription;
  }
  eventgrid::EventSubscriptionPtr subscribe(const std::string& name, const std::string& more = "{}") {
    return subscribe_to(name, webhook(receiver_.url(), more));
  }
  /// Logs an event of the resource; returns its id.
  std::string publish(const std::string& subject = "s", const std::string& data = R"({"n":1})",
                      const std::string& type = "Microsoft.Communication.SMSReceived") {
    NewEvent event;
    event.id = runtime_->ids().uuid4().str();
    event.type = type;
    event.subject = subject;
    event.topic = resource_->arm_id;
    event.time = runtime_->clock().now();
    event.data = data;
    const std::string id = event.id;
    sync_wait(runtime_->events().publish(*resource_->database, resource_->key, std::move(event)));
    settle();
    return id;
  }
  delivery::Explanation explain(const std::string& subscription, const std::string& id) {
    for (auto& at : history().explain(source(), history().get(source(), id)))
      if (at.subscription->row.name == subscription) return at.explanations.at(0);
    throw Error(ErrorCode::kNotFound, "no such subscription");
  }
  template <class F>
  Error error_of(F call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return {};
  }

  std::string more_;
  WebhookReceiver receiver_;
};

}  // namespace trunkline
