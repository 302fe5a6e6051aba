// What publishers send: both schemas, both modes, and everything that is refused.
#include "runtime/eventgrid/published_events.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/base/time_text.h"
#include "runtime/events/event_render.h"
#include "tests/unit/store/store_fixture.h"

namespace trunkline::eventgrid {
namespace {

using nlohmann::json;
using store::error_of;
using testing::HasSubstr;

const std::string kTopic =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.EventGrid/topics/orders";
const Time kNow = *parse_rfc3339("2026-01-02T03:04:05Z");

json grid(const json& change = json::object()) {
  json event = {{"id", "1"},
                {"eventType", "Order.Placed"},
                {"subject", "orders/1"},
                {"eventTime", "2026-01-01T00:00:00.5Z"},
                {"dataVersion", "2.1"},
                {"data", {{"total", 12.5}, {"items", {1, 2}}}}};
  event.merge_patch(change);
  return event;
}
json cloud(const json& change = json::object()) {
  json event = {{"specversion", "1.0"}, {"id", "1"}, {"source", "/shops/9"}, {"type", "Order.Placed"}};
  event.merge_patch(change);
  return event;
}
std::vector<NewEvent> read_grid(const json& body) { return parse_event_grid_events(body.dump(), kTopic, kNow); }
NewEvent read_cloud(const json& body) { return parse_cloud_events(body.dump(), false, kNow).at(0); }
std::string why(const json& body) {
  const Error error = error_of([&] { read_grid(body); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  return error.target + ": " + error.message;
}
std::string why_cloud(const json& body) {
  const Error error = error_of([&] { parse_cloud_events(body.dump(), true, kNow); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  return error.target + ": " + error.message;
}

TEST(PublishedEvents, AnEventGridEventIsReadWhole) {
  const auto events = read_grid(json::array({grid(), grid({{"id", "2"}, {"data", nullptr}, {"dataVersion", nullptr}})}));
  ASSERT_EQ(events.size(), 2u);
  const NewEvent& first = events[0];
  EXPECT_EQ(first.id, "1");
  EXPECT_EQ(first.type, "Order.Placed");
  EXPECT_EQ(first.subject, "orders/1");
  EXPECT_EQ(first.topic, kTopic);
  EXPECT_EQ(format_rfc3339(first.time), "2026-01-01T00:00:00.500Z");
  EXPECT_EQ(first.published, kNow);
  EXPECT_EQ(first.data_version, "2.1");
  EXPECT_EQ(json::parse(first.data), json({{"total", 12.5}, {"items", {1, 2}}}));
  EXPECT_TRUE(first.extra.empty());
  EXPECT_EQ(events[1].data, "null");
  EXPECT_EQ(events[1].data_version, "");
}

TEST(PublishedEvents, TimesOfShellsAndOtherLanguagesAreRead) {
  for (const auto& [text, wanted] :
       std::vector<std::pair<std::string, std::string>>{{"2026-01-01T02:00:00+0200", "2026-01-01T00:00:00Z"},
                                                        {"2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00Z"},
                                                        {"2026-01-01T00:00:00", "2026-01-01T00:00:00Z"},
                                                        {"2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.123456700Z"}})
    EXPECT_EQ(format_rfc3339(read_grid(json::array({grid({{"eventTime", text}})}))[0].time), wanted) << text;
  for (const char* text : {"yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00+020"})
    EXPECT_THAT(why(json::array({grid({{"eventTime", text}})})), HasSubstr("[0].eventTime")) << text;
}

TEST(PublishedEvents, TheTopicIsOursToSet) {
  std::string shouted = kTopic;
  for (char& c : shouted) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(read_grid(json::array({grid({{"topic", shouted}})}))[0].topic, kTopic);
  EXPECT_EQ(read_grid(json::array({grid({{"topic", ""}})}))[0].topic, kTopic);
  EXPECT_THAT(why(json::array({grid({{"topic", kTopic + "x"}})})), HasSubstr("[0].topic"));
}

TEST(PublishedEvents, TheMemberAtFaultIsNamed) {
  for (const char* member : {"id", "eventType", "subject", "eventTime"}) {
    EXPECT_THAT(why(json::array({grid(), grid({{member, nullptr}})})), HasSubstr(std::string("[1].") + member));
    EXPECT_THAT(why(json::array({grid({{member, 7}})})), HasSubstr(std::string("[0].") + member));
  }
  EXPECT_THAT(why(json::array({grid({{"id", ""}})})), HasSubstr("[0].id is empty"));
  EXPECT_EQ(read_grid(json::array({grid({{"subject", ""}})}))[0].subject, "");
  EXPECT_THAT(why(json::array({grid({{"metadataVersion", "2"}})})), HasSubstr("[0].metadataVersion"));
  EXPECT_THAT(why(json::array({grid(), 5})), HasSubstr("[1]"));
  EXPECT_THAT(why(grid()), HasSubstr("array"));
  EXPECT_THAT(why(json::array()), HasSubstr("no event"));
  EXPECT_THAT(why(json::array({cloud()})), HasSubstr("CloudEvent"));
}

TEST(PublishedEvents, MalformedJsonIsRefusedWithItsPosition) {
  const Error error = error_of([] { parse_event_grid_events(R"([{"id":1,}])", kTopic, kNow); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("at byte 9"));
  EXPECT_EQ(error_of([] { parse_cloud_events("", false, kNow); }).code, ErrorCode::kInvalidArgument);
  const std::string deep = "[" + std::string(200, '[') + std::string(200, ']') + "]";
  EXPECT_EQ(error_of([&] { parse_event_grid_events(deep, kTopic, kNow); }).http_status, 400);
}

TEST(PublishedEvents, WhatIsTooBigIsRefused) {
  const auto batch_of = [](std::size_t bytes) {
    json batch = json::array({grid()});
    batch[0]["data"] = "";
    batch[0]["data"] = std::string(bytes - batch.dump().size(), 'x');
    return batch.dump();
  };
  EXPECT_EQ(parse_event_grid_events(batch_of(kMaxBatchBytes), kTopic, kNow).size(), 1u);
  const Error error = error_of([&] { parse_event_grid_events(batch_of(kMaxBatchBytes + 1), kTopic, kNow); });
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(error.http_status, 413);
  EXPECT_THAT(error.message, HasSubstr("1048576"));
  const std::string big(kMaxEventBytes + 1, ' ');
  EXPECT_EQ(error_of([&] { parse_cloud_events(big, false, kNow); }).http_status, 413);
  EXPECT_EQ(error_of([&] { parse_cloud_events(big, true, kNow); }).http_status, 413);
  // Attributes count too.
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}};
  const std::string body(kMaxEventBytes - 10, '1');
  EXPECT_EQ(error_of([&] { parse_binary_cloud_event(headers, "text/plain", body, kNow); }).http_status, 413);
}

TEST(PublishedEvents, ACloudEventIsReadWhole) {
  const NewEvent event = read_cloud(cloud({{"subject", "orders/1"},
                                           {"time", "2026-01-01T00:00:00Z"},
                                           {"data", {{"a", 1}}},
                                           {"datacontenttype", "application/json"},
                                           {"dataschema", "https://schemas.example/order"},
                                           {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                                           {"shard", 7},
                                           {"urgent", true}}));
  EXPECT_EQ(event.topic, "/shops/9") << "the source is the publisher's";
  EXPECT_EQ(event.subject, "orders/1");
  EXPECT_EQ(event.data, R"({"a":1})");
  EXPECT_EQ(event.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(json::parse(event.extra), json({{"datacontenttype", "application/json"},
                                            {"dataschema", "https://schemas.example/order"},
                                            {"shard", 7},
                                            {"urgent", true}}));
  const NewEvent bare = read_cloud(cloud());
  EXPECT_EQ(bare.time, kNow);
  EXPECT_EQ(bare.data, "null");
  EXPECT_TRUE(bare.extra.empty());
}

TEST(PublishedEvents, ACloudEventComesOutAsItWentIn) {
  const json sent = cloud({{"subject", "s"},
                           {"time", "2026-01-01T00:00:00.0000000Z"},
                           {"datacontenttype", "application/octet-stream"},
                           {"data_base64", "AAEC"},
                           {"shard", "x"}});
  Event event;
  static_cast<NewEvent&>(event) = read_cloud(sent);
  std::string out;
  events::append_event(out, events::EventSchema::kCloudEvents, event);
  EXPECT_EQ(json::parse(out), sent);
}

TEST(PublishedEvents, CloudEventsAreCheckedMemberByMember) {
  for (const char* member : {"id", "source", "type", "specversion"})
    EXPECT_THAT(why_cloud(json::array({cloud({{member, nullptr}})})), HasSubstr(member));
  EXPECT_THAT(why_cloud(json::array({cloud(), cloud({{"specversion", "0.3"}})})), HasSubstr("[1].specversion"));
  EXPECT_THAT(why_cloud(json::array({cloud({{"Shard", 1}})})), HasSubstr("[0].Shard"));
  EXPECT_THAT(why_cloud(json::array({cloud({{"shard", {1}}})})), HasSubstr("[0].shard"));
  EXPECT_THAT(why_cloud(json::array({cloud({{"time", "noon"}})})), HasSubstr("[0].time"));
  EXPECT_THAT(why_cloud(json::array({cloud({{"subject", ""}})})), HasSubstr("[0].subject"));
  EXPECT_THAT(why_cloud(json::array({cloud({{"data_base64", "%%"}})})), HasSubstr("[0].data_base64"));
  EXPECT_THAT(why_cloud(json::array({cloud({{"data_base64", "AA=="}, {"data", 1}})})), HasSubstr("[0].data_base64"));
  EXPECT_THAT(why_cloud(json::array({cloud({{"datacontenttype", 5}})})), HasSubstr("[0].datacontenttype"));
  EXPECT_THAT(why_cloud(json::array({grid()})), HasSubstr("Event Grid schema"));
  EXPECT_THAT(why_cloud(json::array()), HasSubstr("no event"));
  EXPECT_THAT(why_cloud(cloud()), HasSubstr("array"));
}

TEST(PublishedEvents, BinaryModeHasItsAttributesInHeaders) {
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"Host", "x"},          {"ce-specversion", "1.0"},           {"CE-Id", "1"},      {"ce-source", "/shops/%C3%A4"},
      {"ce-type", "Ordered"}, {"ce-time", "2026-01-01T00:00:00Z"}, {"ce-shard", "a b"}, {"ce-subject", "s"}};
  const NewEvent event = parse_binary_cloud_event(headers, "application/json; charset=utf-8", R"({"a": [1]})", kNow);
  EXPECT_EQ(event.id, "1");
  EXPECT_EQ(event.topic, "/shops/ä");
  EXPECT_EQ(event.type, "Ordered");
  EXPECT_EQ(event.data, R"({"a":[1]})");
  EXPECT_EQ(json::parse(event.extra), json({{"datacontenttype", "application/json; charset=utf-8"}, {"shard", "a b"}}));

  const auto read = [&](std::string_view type, std::string_view body) {
    return parse_binary_cloud_event(headers, type, body, kNow);
  };
  EXPECT_EQ(read("text/plain", "say \"hi\"").data, R"("say \"hi\"")");
  EXPECT_EQ(json::parse(read("text/plain", "\xff").extra)["data_base64"], "/w==");
  EXPECT_EQ(json::parse(read("image/png", "abc").extra)["data_base64"], "YWJj");
  EXPECT_EQ(read("application/json", "").data, "null");
  EXPECT_EQ(error_of([&] { read("application/json", "{"); }).code, ErrorCode::kInvalidArgument);
  // And out again.
  Event again;
  static_cast<NewEvent&>(again) = read("text/plain", "say \"hi\"");
  EXPECT_EQ(events::render_binary(again).body, "say \"hi\"");
  static_cast<NewEvent&>(again) = read("image/png", "\"abc\"");
  EXPECT_EQ(events::render_binary(again).body, "\"abc\"");
}

TEST(PublishedEvents, BinaryHeadersAreChecked) {
  const auto read = [](std::vector<std::pair<std::string, std::string>> more) {
    std::vector<std::pair<std::string, std::string>> headers = {{"ce-specversion", "1.0"}, {"ce-source", "/s"}, {"ce-type", "t"}};
    headers.insert(headers.end(), more.begin(), more.end());
    return error_of([&] { parse_binary_cloud_event(headers, "application/json", "1", kNow); }).message;
  };
  EXPECT_THAT(read({}), HasSubstr("id"));
  EXPECT_THAT(read({{"ce-id", "%zz"}}), HasSubstr("ce-id"));
  EXPECT_THAT(read({{"ce-id", "%ff"}}), HasSubstr("ce-id"));
  EXPECT_THAT(read({{"ce-id", "1"}, {"ce-data_base64", "AA=="}}), HasSubstr("ce-data_base64"));
  EXPECT_THAT(read({{"ce-id", "1"}, {"ce-data", "1"}}), HasSubstr("ce-data"));
}

}  // namespace
}  // namespace trunkline::eventgrid
