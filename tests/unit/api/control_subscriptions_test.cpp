// Event subscriptions and custom topics through the control API.
#include <gmock/gmock.h>

#include "tests/unit/api/control_fixture.h"

namespace trunkline {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

using ControlSubscriptionsTest = ControlTest;

TEST_F(ControlSubscriptionsTest, AreWrittenInShortForm) {
  const json made = subscribe("orders", {{"handler", true},
                                         {"types", {"SMSReceived", "Contoso.Order"}},
                                         {"subject_begins_with", "/phonenumber/"},
                                         {"schema", "cloudevents"},
                                         {"max_attempts", 5},
                                         {"labels", {"till"}}});
  EXPECT_EQ(made["state"], "active");
  EXPECT_EQ(made["provisioning_state"], "Succeeded");
  EXPECT_EQ(made["kind"], "handler");
  EXPECT_EQ(made["source"], "world");
  EXPECT_EQ(made["schema"], "CloudEventSchemaV1_0");
  const json& properties = made["properties"];
  EXPECT_EQ(properties["filter"]["includedEventTypes"], json({"Microsoft.Communication.SMSReceived", "Contoso.Order"}));
  EXPECT_EQ(properties["filter"]["subjectBeginsWith"], "/phonenumber/");
  EXPECT_EQ(properties["retryPolicy"]["maxDeliveryAttempts"], 5);
  const json listed = ask("GET", "/_control/event-subscriptions")["items"];
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["activity"]["retrying"], 0);
}

TEST_F(ControlSubscriptionsTest, AreWrittenAsArmHasThem) {
  const json properties = {{"destination", {{"endpointType", "Handler"}, {"properties", json::object()}}},
                           {"filter", {{"subjectEndsWith", "0100"}}}};
  const json made = subscribe("orders", {{"properties", properties}});
  EXPECT_EQ(made["properties"]["filter"]["subjectEndsWith"], "0100");
  EXPECT_EQ(
      ask("PUT", "/_control/event-subscriptions/orders", {{"handler", true}}, 200)["properties"]["filter"]["subjectEndsWith"], "")
      << "a put replaces";
}

TEST_F(ControlSubscriptionsTest, ChangeInPart) {
  subscribe("orders",
            {{"handler", true}, {"types", {"SMSReceived"}}, {"subject_begins_with", "/a"}, {"ordering_key", "subject"}});
  json changed = ask("PATCH", "/_control/event-subscriptions/orders", {{"subject_begins_with", "/b"}, {"ttl_minutes", 7}});
  EXPECT_EQ(changed["properties"]["filter"]["subjectBeginsWith"], "/b");
  EXPECT_EQ(changed["properties"]["filter"]["includedEventTypes"], json::array({"Microsoft.Communication.SMSReceived"}));
  EXPECT_EQ(changed["properties"]["retryPolicy"]["eventTimeToLiveInMinutes"], 7);
  EXPECT_EQ(changed["properties"]["trunkline"]["orderingKey"], "subject");
  changed = ask("PATCH", "/_control/event-subscriptions/orders", {{"types", nullptr}, {"ordering_key", nullptr}});
  EXPECT_FALSE(changed["properties"]["filter"].contains("includedEventTypes")) << changed.dump(2);
  EXPECT_FALSE(changed["properties"].contains("trunkline")) << changed.dump(2);
  EXPECT_EQ(call("PATCH", "/_control/event-subscriptions/nobody", {{"ttl_minutes", 7}}).status, 404);
}

TEST_F(ControlSubscriptionsTest, RefusalsNameTheMember) {
  const std::string path = "/_control/event-subscriptions/orders";
  EXPECT_EQ(refused("PUT", path, {{"handler", true}, {"colour", "red"}}), "colour");
  EXPECT_EQ(call("PUT", path, {{"types", {"A"}}}).status, 400) << "no destination";
  EXPECT_EQ(call("PUT", path, {{"handler", true}, {"endpoint", "http://127.0.0.1:1/"}}).status, 400);
  EXPECT_EQ(call("PUT", path, {{"properties", json::object()}, {"handler", true}}).status, 400);
  EXPECT_EQ(call("PUT", path, {{"handler", true}, {"max_attempts", 31}}).status, 400);
  EXPECT_EQ(call("PUT", path, {{"endpoint", "http://example.com/"}}).status, 400) << "plain http to another machine";
  EXPECT_EQ(call("PUT", "/_control/event-subscriptions/a", {{"handler", true}}).status, 400) << "too short a name";
  EXPECT_TRUE(ask("GET", "/_control/event-subscriptions")["items"].empty());
  EXPECT_EQ(call("GET", path).status, 404);
  EXPECT_EQ(call("DELETE", path).status, 404);
}

TEST_F(ControlSubscriptionsTest, ConsumersTakeAndAcknowledge) {
  subscribe("orders");
  const std::string path = "/_control/event-subscriptions/orders/";
  EXPECT_TRUE(ask("POST", path + "take", json::object())["items"].empty()) << "returns at once when there is nothing";
  EXPECT_TRUE(ask("POST", path + "take", {{"wait_ms", 50}})["items"].empty())
      << "waits in real time, while the clock stands still";
  for (int i = 0; i < 3; ++i) text();
  const json two = take("orders", 2);
  EXPECT_EQ(two.size(), 2U);
  acknowledge("orders", two);
  const json late = ask("POST", path + "acknowledge", {{"delivery_ids", {two[0]["delivery_id"]}}});
  EXPECT_EQ(late["too_late"], json::array({two[0]["delivery_id"]}));
  EXPECT_EQ(refused("POST", path + "acknowledge", {{"delivery_ids", {"x"}}}), "delivery_ids[0]");
  EXPECT_EQ(refused("POST", path + "take", {{"lock", "soon"}}), "lock");
  EXPECT_EQ(refused("POST", path + "take", {{"lock", "25h"}}), "lock");

  const json third = ask("POST", path + "take", {{"lock", "5s"}})["items"];
  ASSERT_EQ(third.size(), 1U);
  advance(std::chrono::seconds{6});
  settle();
  EXPECT_EQ(at("3", "orders")["attempts"][0]["outcome"], "TimedOut") << "what is not acknowledged in time counts as failed";
}

TEST_F(ControlSubscriptionsTest, AreDeletedWithWhatTheyHadToDo) {
  subscribe("orders");
  text();
  ask("DELETE", "/_control/event-subscriptions/Orders", {}, 204);
  EXPECT_EQ(call("GET", "/_control/event-subscriptions/orders").status, 404);
  EXPECT_EQ(call("POST", "/_control/event-subscriptions/orders/take", json::object()).status, 404);
}

TEST_F(ControlSubscriptionsTest, TopicsAreSourcesOfTheirOwn) {
  json topic = ask("POST", "/_control/topics", {{"name", "shop"}, {"tags", {{"team", "till"}}}}, 201);
  EXPECT_EQ(topic["schema"], "EventGridSchema");
  EXPECT_EQ(topic["tags"]["team"], "till");
  EXPECT_EQ(call("POST", "/_control/topics", {{"name", "Shop"}}).status, 409);
  EXPECT_EQ(refused("POST", "/_control/topics", {{"name", "other"}, {"schema", "xml"}}), "schema");
  ask("PUT", "/_control/event-subscriptions/orders?topic=shop", {{"handler", true}}, 201);
  EXPECT_TRUE(ask("GET", "/_control/event-subscriptions")["items"].empty());

  const json event = {{"id", "1"},          {"eventType", "Contoso.Order"},          {"subject", "o/1"},
                      {"dataVersion", "1"}, {"eventTime", "2026-01-01T00:00:00.0Z"}, {"data", {{"n", 1}}}};
  EXPECT_EQ(ask("POST", "/_control/topics/shop/events", json::array({event}), 202)["ids"], json::array({"1"}));
  settle();
  const json items = ask("POST", "/_control/event-subscriptions/orders/take?topic=shop", json::object())["items"];
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0]["event"]["data"], event["data"]);
  EXPECT_EQ(ask("GET", "/_control/events?topic=shop&order=newest")["items"].size(), 1U);
  EXPECT_TRUE(ask("GET", "/_control/events?order=newest")["items"].empty());
  EXPECT_EQ(call("POST", "/_control/topics/shop/events", json::array({{{"id", "2"}}})).status, 400);

  const json renewed = ask("POST", "/_control/topics/shop/keys", {{"kind", "key1"}});
  EXPECT_NE(renewed["key1"], topic["key1"]);
  EXPECT_EQ(renewed["key2"], topic["key2"]);
  EXPECT_EQ(ask("PATCH", "/_control/topics/shop", {{"local_auth", false}})["local_auth"], false);
  ask("DELETE", "/_control/topics/shop", {}, 204);
  EXPECT_EQ(call("GET", "/_control/events?topic=shop").status, 404);
  EXPECT_EQ(call("DELETE", "/_control/topics/shop").status, 404);
}

TEST_F(ControlSubscriptionsTest, TopicsOfCloudEvents) {
  ask("POST", "/_control/topics", {{"name", "clouds"}, {"schema", "cloudevents"}}, 201);
  const json event = {{"id", "1"}, {"specversion", "1.0"}, {"type", "Contoso.Order"}, {"source", "/till"}, {"data", {{"n", 1}}}};
  ask("POST", "/_control/topics/clouds/events", event, 202);
  ask("POST", "/_control/topics/clouds/events", json::array({event, event}), 202);
  EXPECT_EQ(ask("GET", "/_control/events?topic=clouds&order=newest")["items"].size(), 3U);
}

}  // namespace
}  // namespace trunkline
