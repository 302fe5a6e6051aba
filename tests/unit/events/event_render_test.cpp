#include "runtime/events/event_render.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/events/event_expander.h"
#include "runtime/events/event_types.h"

namespace trunkline::events {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::Pair;

Event sample() {
  Event event;
  event.id = "e-1";
  event.type = "Microsoft.Communication.SMSReceived";
  event.subject = "/phonenumber/1 \"é\"";
  event.topic = "/subscriptions/s";
  event.time = Time{std::chrono::seconds{1767225600} + std::chrono::microseconds{123456}};
  event.data = R"({"a":[1,2]})";
  event.traceparent = "00-1-2-01";
  return event;
}

TEST(EventRender, EventGridSchema) {
  std::string text;
  append_event(text, EventSchema::kEventGrid, sample(), R"(,"more":1)");
  EXPECT_EQ(json::parse(text), json::parse(R"({"id":"e-1","topic":"/subscriptions/s","subject":"/phonenumber/1 \"é\"",
    "data":{"a":[1,2]},"eventType":"Microsoft.Communication.SMSReceived","dataVersion":"1.0","metadataVersion":"1",
    "eventTime":"2026-01-01T00:00:00.1234560Z","more":1})"));
}

TEST(EventRender, CloudEvent) {
  Event event = sample();
  event.extra = R"({"tenant":"x","datacontenttype":"application/json"})";
  std::string text;
  append_event(text, EventSchema::kCloudEvents, event);
  EXPECT_EQ(json::parse(text), json::parse(R"({"id":"e-1","source":"/subscriptions/s","specversion":"1.0",
    "type":"Microsoft.Communication.SMSReceived","subject":"/phonenumber/1 \"é\"","time":"2026-01-01T00:00:00.1234560Z",
    "traceparent":"00-1-2-01","tenant":"x","datacontenttype":"application/json","data":{"a":[1,2]}})"));
}

TEST(EventRender, CloudEventWithBinaryData) {
  Event event = sample();
  event.data = "null";
  event.extra = R"({"data_base64":"aGk=","datacontenttype":"application/octet-stream"})";
  std::string text;
  append_event(text, EventSchema::kCloudEvents, event);
  const json parsed = json::parse(text);
  EXPECT_FALSE(parsed.contains("data"));
  EXPECT_EQ(parsed["data_base64"], "aGk=");
  const BinaryEvent binary = render_binary(event);
  EXPECT_EQ(binary.body, "hi");
  EXPECT_THAT(binary.headers, Contains(Pair("Content-Type", "application/octet-stream")));
}

TEST(EventRender, Batch) {
  const auto event = std::make_shared<const Event>(sample());
  const std::vector<EventPtr> two{event, event};
  EXPECT_EQ(json::parse(render_batch(EventSchema::kEventGrid, two)).size(), 2u);
  EXPECT_EQ(json::parse(render_batch(EventSchema::kCloudEvents, {})).size(), 0u);
}

TEST(EventRender, BinaryModeEncodesHeaders) {
  Event event = sample();
  event.extra = R"({"priority":5,"ok":true})";
  const BinaryEvent binary = render_binary(event);
  EXPECT_EQ(binary.body, event.data);
  EXPECT_THAT(binary.headers, Contains(Pair("ce-subject", "/phonenumber/1%20%22%C3%A9%22")));
  EXPECT_THAT(binary.headers, Contains(Pair("ce-specversion", "1.0")));
  EXPECT_THAT(binary.headers, Contains(Pair("ce-priority", "5")));
  EXPECT_THAT(binary.headers, Contains(Pair("ce-ok", "true")));
  EXPECT_THAT(binary.headers, Contains(Pair("ce-time", "2026-01-01T00:00:00.1234560Z")));
}

TEST(EventTypes, KnowsTheTypesOfAzure) {
  EXPECT_EQ(communication_event_types().size(), 54u);
  ASSERT_NE(find_event_type("microsoft.communication.smsreceived"), nullptr);
  EXPECT_EQ(find_event_type("Microsoft.Communication.SMSReceived")->subject, "/phonenumber/{recipientNumber}");
  EXPECT_EQ(find_event_type("Microsoft.Communication.Nothing"), nullptr);
}

TEST(EventExpander, PartIdsDifferAndStay) {
  const std::string base = "0190f5fe-0d6b-7000-8000-0123456789ab";
  EXPECT_EQ(part_id(base, 1), part_id(base, 1));
  EXPECT_NE(part_id(base, 1), part_id(base, 2));
  EXPECT_NE(part_id(base, 1), base);
  EXPECT_EQ(part_id(base, 1).size(), base.size());
  EXPECT_EQ(part_id("Incoming_1", 2), "Incoming_1_2");
}

}  // namespace
}  // namespace trunkline::events
