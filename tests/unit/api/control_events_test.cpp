// Events through the control API: found, explained, sent again.
#include <gmock/gmock.h>

#include "runtime/services/chat_service.h"
#include "runtime/services/identity_service.h"
#include "tests/unit/api/control_fixture.h"

namespace trunkline {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kReport = "Microsoft.Communication.SMSDeliveryReportReceived";
constexpr const char* kReceived = "Microsoft.Communication.SMSReceived";

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out.push_back(json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

class ControlEventsTest : public ControlTest {
 protected:
  std::vector<json> exported(const std::string& query = {}) {
    const net::Response response = call("GET", "/_control/events/export" + query);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, "application/x-ndjson");
    const auto body = std::make_shared<CollectingBody>();
    sync_wait(response.stream->run(body));
    return lines_of(body->text);
  }
};

TEST_F(ControlEventsTest, PositionsGoOnAsBefore) {
  const json now = ask("GET", "/_control/events?limit=1");
  EXPECT_EQ(now["next"], 0);
  text();
  EXPECT_TRUE(ask("GET", "/_control/events")["items"].empty()) << "without a position: from now on";
  const json page = ask("GET", "/_control/events?after=0&wait_ms=1000&type=smsdeliveryreportreceived");
  ASSERT_EQ(page["items"].size(), 1U);
  EXPECT_EQ(page["items"][0]["type"], kReport);
  EXPECT_EQ(page["next"], page["items"][0]["sequence"]);
  EXPECT_TRUE(ask("GET", "/_control/events?after=0&type=SMSReceived")["items"].empty());
  EXPECT_TRUE(ask("GET", "/_control/events?after=0&subject=/elsewhere")["items"].empty());
}

TEST_F(ControlEventsTest, SearchesInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(text());
  json page = ask("GET", "/_control/events?order=newest&limit=2");
  ASSERT_EQ(page["items"].size(), 2U);
  EXPECT_EQ(page["items"][0]["data"]["messageId"], ids[4]);
  EXPECT_EQ(page["items"][1]["data"]["messageId"], ids[3]);
  std::vector<std::string> seen;
  std::string after;
  for (int i = 0; i < 20; ++i) {
    page = ask("GET", "/_control/events?order=oldest&limit=2" + after);
    for (const json& item : page["items"]) seen.push_back(item["data"]["messageId"]);
    if (!page.contains("next")) break;
    after = "&after=" + page["next"].dump();
  }
  EXPECT_EQ(seen, ids);
  const json one = ask("GET", "/_control/events?correlation=" + ids[2]);
  ASSERT_EQ(one["items"].size(), 1U);
  EXPECT_EQ(one["items"][0]["data"]["messageId"], ids[2]);
  EXPECT_EQ(ask("GET", "/_control/events?from=2500ms&order=oldest")["items"].size(), 2U) << "the reports of the last seconds";
  EXPECT_EQ(ask("GET", "/_control/events?to=2500ms")["items"].size(), 3U);
  EXPECT_EQ(ask("GET", "/_control/events?order=oldest&type=SMSReceived&type=SMSDeliveryReportReceived")["items"].size(), 5U);
}

TEST_F(ControlEventsTest, RefusalsNameTheParameter) {
  EXPECT_EQ(refused("GET", "/_control/events?order=sideways"), "order");
  EXPECT_EQ(refused("GET", "/_control/events?from=yesterday"), "from");
  EXPECT_EQ(refused("GET", "/_control/events?order=newest&limit=0"), "limit");
  EXPECT_EQ(refused("GET", "/_control/events?order=newest&wait_ms=5"), "wait_ms");
  EXPECT_EQ(refused("GET", "/_control/events?state=retrying"), "subscription");
  subscribe("orders");
  EXPECT_EQ(refused("GET", "/_control/events?subscription=orders&state=lost"), "state");
  EXPECT_EQ(call("GET", "/_control/events?subscription=nobody").status, 404);
  EXPECT_EQ(call("GET", "/_control/events/no-such-event").status, 404);
  EXPECT_EQ(call("GET", "/_control/events/export?schema=xml").status, 400);
  EXPECT_EQ(call("GET", "/_control/events/export?subscription=nobody").status, 404) << "before the head is sent";
}

TEST_F(ControlEventsTest, SaysWhatBecameOfAnEvent) {
  subscribe("orders");
  subscribe("inbound", {{"handler", true}, {"types", {"SMSReceived"}}});
  text();
  const json taken = take("orders");
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0]["attempt"], 1);
  const std::string id = taken[0]["event"]["id"];
  EXPECT_EQ(at(id, "orders")["state"], "waiting");

  const json refusal = at(id, "inbound");
  EXPECT_EQ(refusal["state"], "filtered");
  EXPECT_EQ(refusal["verdict"],
            json({{"matched", false}, {"rule", "includedEventTypes"}, {"wanted", kReceived}, {"found", kReport}}));
  EXPECT_EQ(refusal["summary"], std::string("not sent: includedEventTypes wants ") + kReceived + ", found " + kReport);

  ask("POST", "/_control/event-subscriptions/orders/reject",
      {{"delivery_ids", {taken[0]["delivery_id"]}}, {"reason", "the till is closed"}});
  settle();
  const json retrying = at(id, "orders");
  EXPECT_EQ(retrying["state"], "retrying");
  ASSERT_EQ(retrying["attempts"].size(), 1U);
  EXPECT_EQ(retrying["attempts"][0]["number"], 1);
  EXPECT_EQ(retrying["attempts"][0]["reply"], "the till is closed");
  EXPECT_TRUE(retrying["attempts"][0]["status"].is_null());
  EXPECT_THAT(retrying["summary"].get<std::string>(), HasSubstr("1 attempt failed (the till is closed); the next one at "));
  EXPECT_LT(retrying["attempts"][0]["at"].get<std::string>(), retrying["next_attempt_at"].get<std::string>());
  EXPECT_LT(retrying["next_attempt_at"].get<std::string>(), retrying["expires_at"].get<std::string>());
  const json found = ask("GET", "/_control/events?subscription=orders&state=retrying");
  ASSERT_EQ(found["items"].size(), 1U);
  EXPECT_EQ(found["items"][0]["state"], "retrying");
  EXPECT_EQ(found["items"][0]["summary"], retrying["summary"]);

  advance(std::chrono::hours{1});
  const json again = take("orders");
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0]["attempt"], 2);
  acknowledge("orders", again);
  const json delivered = at(id, "orders");
  EXPECT_EQ(delivered["state"], "delivered");
  ASSERT_EQ(delivered["attempts"].size(), 2U);
  EXPECT_EQ(delivered["attempts"][1]["outcome"], "Delivered");
  EXPECT_THAT(delivered["summary"].get<std::string>(), HasSubstr("by attempt 2"));
  EXPECT_FALSE(delivered.contains("next_attempt_at"));
  EXPECT_EQ(ask("GET", "/_control/events/1")["id"], id) << "by its position";
}

class ControlChatEventsTest : public ControlEventsTest {
 protected:
  ControlChatEventsTest() {
    providers_ = "[{name: sim, plugin: sms-sandbox}, {name: id, plugin: identity-local}, {name: talk, plugin: chat-local}]";
  }
  std::string user() {
    return sync_wait(runtime_->identity().create_user(resource_, {}, std::nullopt, std::chrono::hours{24})).user.id;
  }
};

TEST_F(ControlChatEventsTest, OfAnEventThatStandsForSeveralTheOneThatWasSentIsTold) {
  std::vector<std::string> people;
  for (int i = 0; i < 4; ++i) people.push_back(user());
  chat::CreateThreadRequest request;
  request.topic = "topic";
  for (std::size_t i = 1; i < people.size(); ++i) request.participants.emplace_back().id = people[i];
  const std::string thread =
      sync_wait(runtime_->chat().create_thread(resource_, ChatActor::trusted(people[0]), std::move(request))).thread.id;
  const json filter = {{"handler", true}, {"types", {"ChatMessageReceived"}}, {"max_attempts", 1}};
  json last = filter, nobody = filter;
  last["subject_ends_with"] = people[3];
  nobody["subject_ends_with"] = "/recipient/nobody";
  subscribe("last", last);
  subscribe("nobody", nobody);
  chat::SendMessageRequest message;
  message.content = "hello";
  sync_wait(runtime_->chat().send_message(resource_, ChatActor::trusted(people[0]), thread, std::move(message)));
  const json taken = take("last");
  ASSERT_EQ(taken.size(), 1U);
  const auto told = [this](const std::string& query) {
    std::vector<std::string> states;
    const json answer = ask("GET", "/_control/events?order=newest&" + query);
    for (const json& item : answer["items"]) {
      states.push_back(item["state"]);
      EXPECT_EQ(item["type"], "Microsoft.Communication.ChatMessageReceivedInThread");
    }
    return states;
  };
  EXPECT_THAT(told("subscription=last"), ElementsAre("waiting"));
  ask("POST", "/_control/event-subscriptions/last/reject", {{"delivery_ids", {taken[0]["delivery_id"]}}, {"reason", "no"}});
  settle();
  EXPECT_THAT(told("subscription=last"), ElementsAre("dropped"));
  EXPECT_THAT(told("subscription=last&state=dropped"), ElementsAre("dropped"));
  EXPECT_THAT(told("subscription=nobody&state=filtered&type=ChatMessageReceivedInThread"), ElementsAre("filtered"));
}

TEST_F(ControlEventsTest, ThatWhichWasThereBeforeIsNotSent) {
  text();
  subscribe("late");
  EXPECT_EQ(at("1", "late")["state"], "before_subscription");
  subscribe("all", {{"handler", true}, {"after", 0}});
  EXPECT_EQ(take("all").size(), 1U);
}

TEST_F(ControlEventsTest, SendsOnceMore) {
  subscribe("orders");
  subscribe("inbound", {{"handler", true}, {"types", {"SMSReceived"}}});
  for (int i = 0; i < 3; ++i) text();
  EXPECT_EQ(refused("POST", "/_control/events/1/redeliver", json::object(), 409), "subscription")
      << "its first attempt is to come";
  acknowledge("orders", take("orders"));
  EXPECT_TRUE(take("orders").empty());

  json answer = ask("POST", "/_control/events/2/redeliver", json::object(), 202);
  EXPECT_EQ(answer["subscriptions"], json::array({"orders"})) << "to those whose filter takes it";
  json items = take("orders");
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0]["event"]["sequence"], 2);
  acknowledge("orders", items);

  answer = ask("POST", "/_control/events/2/redeliver", {{"subscription", "inbound"}}, 202);
  items = take("inbound");
  ASSERT_EQ(items.size(), 1U) << "the filter is not asked";
  acknowledge("inbound", items);

  answer = ask("POST", "/_control/events/redeliver", {{"subscription", "orders"}, {"from", "2500ms"}}, 202);
  EXPECT_EQ(answer["count"], 2);
  EXPECT_EQ(take("orders").size(), 2U);
  EXPECT_EQ(refused("POST", "/_control/events/redeliver", {{"from", "1h"}}), "subscription");
  EXPECT_EQ(call("POST", "/_control/events/redeliver", {{"subscription", "nobody"}}).status, 404);
  EXPECT_EQ(call("POST", "/_control/events/nothing/redeliver", json::object()).status, 404);
}

TEST_F(ControlEventsTest, ReplaysToAnother) {
  for (int i = 0; i < 3; ++i) text();
  const json made = ask("POST", "/_control/events/replay", {{"handler", true}, {"name", "again"}, {"from", "2500ms"}}, 202);
  EXPECT_EQ(made["name"], "again");
  text();
  const json items = take("again");
  EXPECT_EQ(items.size(), 2U) << "what was there in that time, and not what comes";
  acknowledge("again", items);
  EXPECT_EQ(ask("GET", "/_control/event-subscriptions/again")["state"], "finished");
  EXPECT_THAT(ask("POST", "/_control/events/replay", {{"handler", true}}, 202)["name"].get<std::string>(), HasSubstr("replay-"));
  EXPECT_EQ(call("POST", "/_control/events/replay", {{"name", "nowhere"}}).status, 400);
}

TEST_F(ControlEventsTest, ExportsLineByLine) {
  for (int i = 0; i < 3; ++i) text();
  std::vector<json> all = exported();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["sequence"], 1);
  EXPECT_EQ(all[2]["type"], kReport);
  all = exported("?schema=cloudevents&order=newest&limit=2");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["specversion"], "1.0");
  EXPECT_EQ(all[0]["data"], exported()[2]["data"]);
  EXPECT_EQ(exported("?schema=eventgrid&after=2")[0]["eventType"], kReport);
  EXPECT_TRUE(exported("?type=SMSReceived").empty());
}

TEST_F(ControlEventsTest, ExportEndsWithItsReader) {
  auto work = [this](store::Session& session) {
    for (int i = 0; i < 2000; ++i) {
      NewEvent event;
      event.id = "e" + std::to_string(i);
      event.type = "Test.Type";
      event.time = runtime_->clock().now();
      runtime_->events().append(session, resource_->key, event);
    }
  };
  sync_wait(resource_->database->write(std::move(work)));
  const net::Response response = call("GET", "/_control/events/export");
  const auto body = std::make_shared<CollectingBody>();
  body->limit = 2;
  sync_wait(response.stream->run(body));
  EXPECT_EQ(body->writes, 2);
  EXPECT_EQ(exported().size(), 2000U);
}

}  // namespace
}  // namespace trunkline
