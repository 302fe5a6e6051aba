#include "runtime/realtime/notification.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/time_text.h"
#include "runtime/realtime/render_cache.h"

namespace trunkline::realtime {
namespace {

using chat::ChatChange;
using nlohmann::json;

constexpr const char* kAnn = "8:acs:r_ann";
constexpr const char* kBob = "8:acs:r_bob";
const Time kNow = *parse_rfc3339("2026-01-01T00:00:01.5Z");

ChatDeliveryPtr delivery(ChatChange change) {
  auto out = std::make_shared<ChatDelivery>();
  out->cursor = 17;
  out->change = std::move(change);
  return out;
}

chat::ChatMessage message() {
  chat::ChatMessage out;
  out.id = "1767225601500";
  out.thread_id = "19:t@thread.v2";
  out.version = 1767225601500;
  out.kind = chat::MessageKind::kText;
  out.content = "say \"hi\" & 100% <b>\n";
  out.sender_id = kAnn;
  out.sender_display_name = "Ann";
  out.created_on = kNow;
  out.metadata = {{"m", "1"}};
  return out;
}

/// What arrives at the client: the notification, and its body parsed as the client does.
json received(const ChatChange& change) {
  const net::SharedBytes shared = render_notification(*delivery(change));
  if (!shared) return nullptr;
  const std::string text = notification_head(7, "/f/x/", kBob) + *shared;
  EXPECT_TRUE(text.starts_with("3:::"));
  const json envelope = json::parse(text.substr(4));
  EXPECT_EQ(envelope["id"], 7);
  EXPECT_EQ(envelope["url"], "/f/x/");
  const json body = json::parse(envelope["body"].get<std::string>());
  EXPECT_EQ(body["recipientMri"], kBob);
  return body;
}

TEST(Notification, Message) {
  const json body = received(ChatChange::of_message_received({message()}));
  EXPECT_EQ(body["eventId"], 200);
  EXPECT_EQ(body["senderId"], kAnn);
  EXPECT_EQ(body["groupId"], "19:t@thread.v2");
  EXPECT_EQ(body["messageId"], "1767225601500");
  EXPECT_EQ(body["messageBody"], "say \"hi\" & 100% <b>\n");
  EXPECT_EQ(body["messageType"], "Text");
  EXPECT_EQ(body["version"], "1767225601500");
  EXPECT_EQ(body["originalArrivalTime"], "2026-01-01T00:00:01.500Z");
  EXPECT_EQ(json::parse(body["acsChatMessageMetadata"].get<std::string>()), (json{{"m", "1"}}));
  chat::ChatMessage edited = message();
  edited.edited_on = kNow;
  EXPECT_EQ(received(ChatChange::of_message_edited({edited}))["edittime"], "2026-01-01T00:00:01.500Z");
  edited.deleted_on = kNow;
  const json deleted = received(ChatChange::of_message_deleted({edited}));
  EXPECT_EQ(deleted["eventId"], 248);
  EXPECT_EQ(deleted["deletetime"], "2026-01-01T00:00:01.500Z");
  EXPECT_FALSE(deleted.contains("messageBody"));
}

TEST(Notification, WhatTheProviderWritesHasNoMessageEvent) {
  chat::ChatMessage topic = message();
  topic.kind = chat::MessageKind::kTopicUpdated;
  EXPECT_TRUE(received(ChatChange::of_message_received({topic})).is_null());
  EXPECT_EQ(render_notification(*delivery({})), nullptr);
}

TEST(Notification, TypingAndReceipt) {
  EXPECT_EQ(received(ChatChange::of_typing({"19:t@thread.v2", kAnn, "Ann", kNow}))["eventId"], 245);
  chat::ReceiptSent sent;
  sent.thread_id = "19:t@thread.v2";
  sent.receipt = {kAnn, "42", kNow};
  const json body = received(ChatChange::of_read_receipt(sent));
  EXPECT_EQ(body["messageId"], "42");
  EXPECT_EQ(json::parse(body["messageBody"].get<std::string>())["consumptionhorizon"], "42;1767225601500;42");
}

/// JavaScript's unescape, as far as our texts go.
std::string unescaped(const json& value) {
  std::string text = value.get<std::string>();
  for (std::size_t at = 0; (at = text.find("%25", at)) != std::string::npos; ++at) text.replace(at, 3, "%");
  return text;
}

TEST(Notification, Threads) {
  chat::ThreadCreated created;
  created.thread.id = "19:t@thread.v2";
  created.thread.topic = "50%41 \"off\"";
  created.thread.created_by = kAnn;
  created.thread.created_on = kNow;
  created.thread.retention_days = 40;
  created.thread.metadata = {{"x", "y"}};
  created.participants.resize(2);
  created.participants[0].id = kAnn;
  created.participants[1].id = kBob;
  created.participants[1].display_name = "B\"ob";
  created.participants[1].metadata = {{"k", "v"}};
  created.version = 5;
  const json body = received(ChatChange::of_thread_created(created));
  EXPECT_EQ(body["eventId"], 257);
  EXPECT_EQ(body["threadId"], "19:t@thread.v2");
  EXPECT_EQ(json::parse(unescaped(body["createdBy"]))["participantId"], kAnn);
  const json members = json::parse(unescaped(body["members"]));
  EXPECT_EQ(members[1]["displayName"], "B\"ob");
  EXPECT_EQ(members[1]["memberMetaData"], R"({"k":"v"})");
  const json properties = json::parse(unescaped(body["properties"]));
  EXPECT_EQ(properties["topic"], "50%41 \"off\"");
  EXPECT_EQ(json::parse(properties["retentionPolicy"].get<std::string>())["executeAfter"], "40.00:00:00");

  chat::ThreadDeleted deleted;
  deleted.thread = created.thread;
  deleted.deleted_on = kNow;
  EXPECT_EQ(received(ChatChange::of_thread_deleted(deleted))["reason"], "deletedByPolicy");
  deleted.deleted_by = kAnn;
  EXPECT_EQ(received(ChatChange::of_thread_deleted(deleted))["reason"], "deletedByUser");

  chat::ThreadUpdated updated;
  updated.thread = created.thread;
  updated.updated_by = kBob;
  updated.updated_on = kNow;
  EXPECT_EQ(json::parse(unescaped(received(ChatChange::of_thread_updated(updated))["editedBy"]))["participantId"], kBob);

  chat::ParticipantsAdded added;
  added.participants = created.participants;
  added.added_by = kAnn;
  EXPECT_EQ(json::parse(unescaped(received(ChatChange::of_participants_added(added))["participantsAdded"])).size(), 2u);
  chat::ParticipantsRemoved removed;
  removed.participants = created.participants;
  removed.removed_by = kAnn;
  EXPECT_EQ(received(ChatChange::of_participants_removed(removed))["eventId"], 261);
}

TEST(RenderCache, RendersOnceForAll) {
  RenderCache cache(render_notification);
  const ChatDeliveryPtr one = delivery(ChatChange::of_message_received({message()}));
  const net::SharedBytes first = cache.get(one);
  for (int i = 0; i < 250; ++i) EXPECT_EQ(cache.get(one), first);
  EXPECT_EQ(cache.renderings(), 1u);
  EXPECT_NE(cache.get(delivery(ChatChange::of_message_received({message()}))), first);
}

}  // namespace
}  // namespace trunkline::realtime
