#include "runtime/delivery/webhook_target.h"

#include <gmock/gmock.h>

#include <future>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"
#include "runtime/clock/clock.h"
#include "runtime/net/http_client.h"
#include "runtime/net/pooled_client.h"
#include "tests/unit/net/scripted_server.h"

namespace trunkline::delivery {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Keeps the request and answers at once.
class FakeSender final : public net::HttpSender {
 public:
  void start_send(net::ClientRequest request, UniqueFunction<void(Result<net::ClientResponse>)> done) override {
    sent = std::move(request);
    done(answer);
  }
  net::ClientRequest sent;
  Result<net::ClientResponse> answer = net::ClientResponse{200, {}, ""};
};

class WebhookTargetTest : public ::testing::Test {
 protected:
  WebhookTargetTest() {
    spec.name = "My-hook";
    spec.endpoint = "https://example.com/hook?code=1";
  }
  static events::EventPtr event(const std::string& id = "e1", const std::string& data = R"({"n":1,"name":"Zoe\nX"})") {
    auto out = std::make_shared<Event>();
    out->id = id;
    out->type = "Test.Type";
    out->subject = "s";
    out->topic = "/topic";
    out->data_version = "2.0";
    out->data = data;
    out->traceparent = "00-11";
    return out;
  }
  net::ClientRequest render(std::vector<events::EventPtr> events, int delivery_count = 0) {
    if (!shared) shared = std::make_shared<const SubscriptionSpec>(spec);
    DeliveryRequest request;
    request.spec = shared;
    request.events = std::move(events);
    request.delivery_count = delivery_count;
    return target.render(request);
  }
  DeliveryAnswer deliver() {
    DeliveryRequest request;
    request.spec = std::make_shared<const SubscriptionSpec>(spec);
    request.events = {event()};
    DeliveryAnswer out;
    target.deliver(std::move(request), [&](DeliveryAnswer answer) { out = std::move(answer); });
    return out;
  }
  /// All headers of a request by name in lower case; each may be there once.
  static std::map<std::string, std::string> headers_of(const net::ClientRequest& request) {
    std::map<std::string, std::string> out;
    const auto add = [&](const net::Headers& headers) {
      for (const auto& [name, value] : headers)
        EXPECT_TRUE(out.emplace(to_lower(name), value).second) << "more than once: " << name;
    };
    add(request.headers);
    if (request.fixed) add(request.fixed->headers());
    return out;
  }
  void attribute(const std::string& name, const std::string& value, bool dynamic = false) {
    spec.attributes.push_back({name, dynamic, value, false});
  }

  Executor executor{1};
  Clock clock{executor, Clock::Mode::kVirtual};
  FakeSender sender;
  WebhookTarget target{sender, clock, std::chrono::seconds{30}, "runtime.example"};
  SubscriptionSpec spec;
  SpecPtr shared;
};

TEST_F(WebhookTargetTest, EventGridRequestsSayWhatTheyCarry) {
  const net::ClientRequest request = render({event()}, 3);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, spec.endpoint);
  auto headers = headers_of(request);
  EXPECT_EQ(headers["content-type"], "application/json; charset=utf-8");
  EXPECT_EQ(headers["aeg-event-type"], "Notification");
  EXPECT_EQ(headers["aeg-subscription-name"], "MY-HOOK");
  EXPECT_EQ(headers["aeg-delivery-count"], "3");
  EXPECT_EQ(headers["aeg-data-version"], "2.0");
  EXPECT_EQ(headers["aeg-output-event-id"], "e1");
  EXPECT_EQ(headers["traceparent"], "00-11");
  EXPECT_FALSE(headers.contains("webhook-request-origin"));
  EXPECT_EQ(nlohmann::json::parse(request.body)[0]["id"], "e1");
  // The next one shares what is the same, and says its own.
  const net::ClientRequest next = render({event("e2"), event("e3")});
  EXPECT_EQ(next.fixed, request.fixed);
  headers = headers_of(next);
  EXPECT_EQ(headers["aeg-delivery-count"], "0");
  EXPECT_FALSE(headers.contains("aeg-output-event-id"));
  EXPECT_EQ(nlohmann::json::parse(next.body).size(), 2u);
}

TEST_F(WebhookTargetTest, CloudEventsInTheirModes) {
  spec.schema = events::EventSchema::kCloudEvents;
  auto headers = headers_of(render({event()}));
  EXPECT_EQ(headers["content-type"], "application/cloudevents+json; charset=utf-8");
  EXPECT_EQ(headers["webhook-request-origin"], "runtime.example");
  shared = nullptr;
  spec.max_events_per_batch = 2;
  const net::ClientRequest batch = render({event("a"), event("b")});
  EXPECT_EQ(headers_of(batch)["content-type"], "application/cloudevents-batch+json; charset=utf-8");
  EXPECT_EQ(nlohmann::json::parse(batch.body)[1]["id"], "b");
  shared = nullptr;
  spec.max_events_per_batch = 1;
  spec.binary = true;
  const net::ClientRequest binary = render({event()});
  headers = headers_of(binary);
  EXPECT_EQ(headers["ce-id"], "e1");
  EXPECT_THAT(headers["content-type"], StartsWith("application/json"));
  EXPECT_EQ(nlohmann::json::parse(binary.body)["n"], 1);
}

TEST_F(WebhookTargetTest, FixedAttributesAndSecretsAreShared) {
  attribute("X-Tenant", "42");
  attribute("X-Empty", "");
  spec.bearer = Secret("let-me-in");
  const net::ClientRequest request = render({event()});
  ASSERT_NE(request.fixed, nullptr);
  EXPECT_THAT(request.fixed->text(), HasSubstr("X-Tenant: 42\r\n"));
  auto headers = headers_of(request);
  EXPECT_EQ(headers["authorization"], "Bearer let-me-in");
  EXPECT_FALSE(headers.contains("x-empty"));
}

TEST_F(WebhookTargetTest, AttributesOfTheEventAreReadFromEach) {
  attribute("X-Name", "data.name", true);
  attribute("X-None", "data.none", true);
  spec.bearer = Secret("let-me-in");
  auto headers = headers_of(render({event()}));
  EXPECT_EQ(headers["x-name"], "Zoe X");
  EXPECT_FALSE(headers.contains("x-none"));
  EXPECT_EQ(headers["authorization"], "Bearer let-me-in");
  EXPECT_EQ(headers["aeg-subscription-name"], "MY-HOOK");
  headers = headers_of(render({event("e2", R"({"name":"Ann"})")}));
  EXPECT_EQ(headers["x-name"], "Ann");
}

TEST_F(WebhookTargetTest, AnAttributeMayReplaceAHeaderOfOurs) {
  attribute("traceparent", "00-22");
  EXPECT_EQ(headers_of(render({event()}))["traceparent"], "00-22");
}

TEST_F(WebhookTargetTest, AChangedSubscriptionSaysSomethingElse) {
  attribute("X-Tenant", "42");
  EXPECT_EQ(headers_of(render({event()}))["x-tenant"], "42");
  spec.attributes[0].value = "43";
  shared = nullptr;
  EXPECT_EQ(headers_of(render({event()}))["x-tenant"], "43");
}

TEST_F(WebhookTargetTest, BodiesAreSigned) {
  spec.hmac_secret = Secret("key");
  const net::ClientRequest request = render({event()});
  auto headers = headers_of(request);
  EXPECT_EQ(headers["trunkline-timestamp"], std::to_string(clock.now_unix_us() / 1'000'000));
  EXPECT_EQ(headers["trunkline-signature"], body_signature("key", headers["trunkline-timestamp"], request.body));
}

TEST_F(WebhookTargetTest, OddEventsMakeRequestsThatCanBeSent) {
  auto odd = std::make_shared<Event>(*event(std::string("e\r\nX-Evil: 1\0z", 14)));
  odd->data_version = "2\n0";
  odd->traceparent = std::string(1 << 20, 't') + "\r\n";
  odd->extra = R"({"datacontenttype":"text/plain\r\nX-Evil: 1","ext":"a\nb"})";
  for (const bool binary : {false, true}) {
    spec.schema = binary ? events::EventSchema::kCloudEvents : events::EventSchema::kEventGrid;
    spec.binary = binary;
    shared = nullptr;
    const net::ClientRequest request = render({odd});
    const auto refused = net::check(request);
    EXPECT_FALSE(refused) << refused->message;
    auto headers = headers_of(request);
    EXPECT_EQ(headers["aeg-output-event-id"], "e  X-Evil: 1 z");
    EXPECT_EQ(headers["aeg-data-version"], "2 0");
    EXPECT_EQ(headers["traceparent"], std::string(4096, 't'));
    if (binary) {
      EXPECT_EQ(headers["content-type"], "text/plain  X-Evil: 1");
    }
    for (const auto& [name, value] : headers) EXPECT_LE(value.size(), 4096u) << name;
  }
}

TEST_F(WebhookTargetTest, ARequestThatCannotBeSentSpeaksAgainstTheEventAndNotTheEndpoint) {
  sender.answer = Error(ErrorCode::kInvalidArgument, "the value of header 'X' has a line break or NUL in it", "headers");
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.rule.outcome, Outcome::kBadRequest);
  EXPECT_TRUE(answer.rule.final);
  EXPECT_FALSE(answer.rule.counts);
  EXPECT_EQ(answer.status, 0);
}

TEST_F(WebhookTargetTest, WhatAnErrorSaysIsUtf8) {
  sender.answer = Error(ErrorCode::kUnavailable, "bad \xff byte " + std::string(185, 'a') + "\u20ac");
  const DeliveryAnswer answer = deliver();
  EXPECT_TRUE(utf8_valid(answer.reply));
  EXPECT_THAT(answer.reply, StartsWith("bad \uFFFD byte aaa"));
}

TEST_F(WebhookTargetTest, ALongAnswerIsAnAnswer) {
  testing::ScriptedServer server([](testing::ScriptedConnection& peer, int) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + std::string(1 << 20, 'y'));
    peer.wait_for_end();
  });
  spec.endpoint = server.url();
  Executor io{1};
  net::HttpClient curl(io);
  net::PooledClient pooled(io, curl);
  for (net::HttpSender* http : std::initializer_list<net::HttpSender*>{&curl, &pooled}) {
    WebhookTarget real(*http, clock, std::chrono::seconds{30});
    DeliveryRequest request;
    request.spec = std::make_shared<const SubscriptionSpec>(spec);
    request.events = {event()};
    std::promise<DeliveryAnswer> given;
    real.deliver(std::move(request), [&](DeliveryAnswer answer) { given.set_value(std::move(answer)); });
    const DeliveryAnswer answer = given.get_future().get();
    EXPECT_EQ(answer.rule.outcome, Outcome::kDelivered);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.reply, std::string(200, 'y'));
  }
}

TEST_F(WebhookTargetTest, AnswersAreKeptInPart) {
  sender.answer = net::ClientResponse{503, {}, std::string(150, 'a') + "\xff" + std::string(150, 'b')};
  DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.rule.outcome, Outcome::kBusy);
  EXPECT_THAT(answer.reply, StartsWith(std::string(150, 'a') + "\uFFFDb"));
  EXPECT_LT(answer.reply.size(), 210u);
  sender.answer =
      net::with_resolution_failure(Error(ErrorCode::kUnavailable, "POST https://example.com: could not resolve host"));
  answer = deliver();
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.rule.outcome, Outcome::kResolutionError);
  // What is wrong is not read out of a message, in which names of others stand.
  sender.answer = Error(ErrorCode::kUnavailable, "POST https://resolver.example/resolve: could not connect");
  EXPECT_EQ(deliver().rule.outcome, Outcome::kSocketError);
}

}  // namespace
}  // namespace trunkline::delivery
