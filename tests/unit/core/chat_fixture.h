// A runtime with chat, and people who talk.
#pragma once
#include <gmock/gmock.h>

#include "runtime/services/chat_service.h"
#include "runtime/services/identity_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {

inline const std::string kChatProviders = "[{name: id, plugin: identity-local}, {name: talk, plugin: chat-local}]";

class ChatTest : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kChatProviders)); }
  ChatService& chat() { return runtime_->chat(); }

  std::string user() {
    return sync_wait(runtime_->identity().create_user(resource_, {}, std::nullopt, std::chrono::hours{24})).user.id;
  }
  static ChatActor as(const std::string& user) { return ChatActor::trusted(user); }
  std::string thread(const std::string& creator, std::vector<std::string> others = {}, std::int32_t retention = 0) {
    chat::CreateThreadRequest request;
    request.topic = "topic";
    request.retention_days = retention;
    for (std::string& id : others) request.participants.emplace_back().id = std::move(id);
    return sync_wait(chat().create_thread(resource_, as(creator), std::move(request))).thread.id;
  }
  chat::ChatMessage send(const std::string& user, const std::string& thread, const std::string& text) {
    chat::SendMessageRequest request;
    request.content = text;
    return sync_wait(chat().send_message(resource_, as(user), thread, std::move(request)));
  }
  chat::MessagePage page(const std::string& user, const std::string& thread, std::int32_t limit = 100,
                         std::optional<std::string> cursor = {}) {
    chat::PageRequest request;
    request.limit = limit;
    request.cursor = std::move(cursor);
    return sync_wait(chat().list_messages(resource_, as(user), thread, std::move(request)));
  }
  /// Texts of the text messages, newest first.
  std::vector<std::string> texts(const std::string& user, const std::string& thread) {
    std::vector<std::string> found;
    for (const chat::ChatMessage& message : page(user, thread, 200).items)
      if (message.kind == chat::MessageKind::kText) found.push_back(message.content.value_or("(deleted)"));
    return found;
  }
  void add(const std::string& actor, const std::string& thread, const std::string& user, std::optional<Time> history = {}) {
    std::vector<chat::Participant> participants(1);
    participants[0].id = user;
    participants[0].share_history_time = history;
    sync_wait(chat().add_participants(resource_, as(actor), thread, std::move(participants)));
  }
  std::vector<ChatDeliveryPtr> next(ChatListener& listener, std::uint32_t max = 64) { return sync_wait(listener.next(max)); }
};

}  // namespace trunkline
