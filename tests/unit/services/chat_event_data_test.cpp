// Changes go to the log as events that Azure's subscribers know, and come back whole.
#include "runtime/services/chat_event_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trunkline {
namespace {

using chat::ChatChange;
using nlohmann::json;

constexpr Time kNow{std::chrono::microseconds{1'767'225'600'123'456}};

chat::ChatMessage message() {
  chat::ChatMessage m;
  m.id = "1767225600123", m.thread_id = "19:t@thread.v2", m.sequence = 7, m.version = 1767225600123;
  m.kind = chat::MessageKind::kHtml, m.content = "<b>\"hi\"</b>", m.sender_id = "8:acs:r_alice", m.sender_display_name = "Alice";
  m.created_on = kNow, m.metadata = {{"k", "v"}};
  chat::Attachment file;
  file.id = "f", file.kind = chat::AttachmentKind::kImage, file.name = "n", file.url = "u", file.preview_url = "p";
  m.attachments = {file};
  return m;
}

chat::ChatThread thread() {
  chat::ChatThread t;
  t.id = "19:t@thread.v2", t.topic = "topic", t.created_on = kNow, t.created_by = "8:acs:r_alice", t.metadata = {{"a", "b"}};
  t.retention_days = 40;
  return t;
}

chat::Participant person(const std::string& id) {
  chat::Participant p;
  p.id = "8:acs:r_" + id, p.display_name = id, p.share_history_time = kNow, p.metadata = {{"role", "guest"}};
  return p;
}

std::vector<ChatChange> changes() {
  chat::ChatMessage edited = message(), deleted = message();
  edited.edited_on = kNow;
  deleted.deleted_on = kNow;
  deleted.content.reset(), deleted.metadata.clear(), deleted.attachments.clear();
  return {
      ChatChange::of_message_received({message()}),
      ChatChange::of_message_edited({edited}),
      ChatChange::of_message_deleted({deleted}),
      ChatChange::of_typing({"19:t@thread.v2", "8:acs:r_alice", "Alice", kNow}),
      ChatChange::of_read_receipt({"19:t@thread.v2", {"8:acs:r_alice", "1767225600123", kNow}}),
      ChatChange::of_thread_created({thread(), {person("alice"), person("bob")}, 9}),
      ChatChange::of_thread_updated({thread(), "8:acs:r_bob", kNow, 10}),
      ChatChange::of_thread_deleted({thread(), std::nullopt, kNow, 11}),
      ChatChange::of_thread_deleted({thread(), "8:acs:r_bob", kNow, 11}),
      ChatChange::of_participants_added({"19:t@thread.v2", kNow, {person("bob")}, "8:acs:r_alice", kNow, 12}),
      ChatChange::of_participants_removed({"19:t@thread.v2", kNow, {person("bob"), person("carol")}, "8:acs:r_alice", kNow, 13})};
}

TEST(ChatEventData, ComesBackWhole) {
  for (const ChatChange& change : changes()) {
    Event event;
    static_cast<NewEvent&>(event) = chat_event(change, "t");
    EXPECT_THAT(chat_event_types(), ::testing::Contains(event.type));
    EXPECT_TRUE(event.subject.starts_with("thread/19:t@thread.v2/")) << event.subject;
    EXPECT_EQ(event.time, kNow);
    const auto back = parse_chat_event(event);
    ASSERT_TRUE(back) << event.data;
    EXPECT_EQ(*back, change) << event.data;
  }
}

TEST(ChatEventData, HasTheMembersThatAzurePublishes) {
  const json received = json::parse(chat_event(changes()[0], "t").data);
  EXPECT_EQ(received["senderCommunicationIdentifier"]["communicationUser"]["id"], "8:acs:r_alice");
  EXPECT_EQ(received["messageBody"], "<b>\"hi\"</b>");
  EXPECT_EQ(received["type"], "Html");
  EXPECT_EQ(received["version"], 1767225600123);
  EXPECT_EQ(received["transactionId"], "t");
  const NewEvent added = chat_event(changes()[9], "t");
  EXPECT_EQ(added.type, "Microsoft.Communication.ChatThreadParticipantAdded");
  EXPECT_EQ(added.subject, "thread/19:t@thread.v2/participantadded/8:acs:r_bob");
  EXPECT_EQ(json::parse(added.data)["participantAdded"]["displayName"], "bob");
}

TEST(ChatEventData, TypingIsAMessageWithoutWords) {
  const json typing = json::parse(chat_event(changes()[3], "t").data);
  EXPECT_EQ(typing["messageId"], "1767225600123");
  EXPECT_EQ(typing["type"], "Control/Typing");
  EXPECT_EQ(typing["messageBody"], "");
  EXPECT_EQ(typing["metadata"], json::object());
}

TEST(ChatEventData, DamagedDataIsNoChange) {
  Event event;
  static_cast<NewEvent&>(event) = chat_event(changes()[0], "t");
  for (const char* data : {"", "{", "[]", "{}", R"({"threadId":7})", R"({"threadId":"x","messageId":{}})"}) {
    event.data = data;
    EXPECT_FALSE(parse_chat_event(event)) << data;
  }
}

TEST(ChatEventData, PeopleOfTheProvidersOwnComeBack) {
  chat::ChatMessage foreign = message();
  foreign.sender_id = "matrix:@carol:example.org";
  const ChatChange change = ChatChange::of_message_received({foreign});
  const NewEvent event = chat_event(change, "t");
  const json sender = json::parse(event.data)["senderCommunicationIdentifier"];
  EXPECT_EQ(sender, (json{{"rawId", "matrix:@carol:example.org"}})) << "an unknown identifier to Azure's clients";
}

}  // namespace
}  // namespace trunkline
