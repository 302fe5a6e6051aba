// The chat of the embedding API, over ChatService.
#pragma once
#include "runtime/core/object_scope.h"
#include "runtime/services/chat_rules.h"
#include "trunkline/service_provider.hpp"

namespace trunkline {

/// Callers are trusted with raw ids: they are the process. A token is verified, and limits what may be done. [any-thread]
class ChatObject final : public service::ChatService {
 public:
  explicit ChatObject(const Scope& scope) : scope_(scope) {}

  Task<chat::CreateThreadResult> create_thread(Call call, service::NewChatThread thread) override;
  Task<chat::ChatThread> get_thread(Call call, std::string as_user, std::string thread_id) override;
  Task<chat::ThreadPage> list_threads(Call call, std::string as_user, std::int32_t limit, std::optional<std::string> continuation,
                                      std::optional<Time> start_time) override;
  Task<chat::ChatThread> update_thread(Call call, service::ChatThreadChange change) override;
  Task<void> delete_thread(Call call, std::string as_user, std::string thread_id) override;
  Task<std::vector<chat::InvalidParticipant>> add_participants(Call call, std::string as_user, std::string thread_id,
                                                               std::vector<service::ChatMember> participants) override;
  Task<chat::ParticipantPage> list_participants(Call call, std::string as_user, std::string thread_id, std::int32_t limit,
                                                std::optional<std::string> continuation) override;
  Task<void> remove_participant(Call call, std::string as_user, std::string thread_id, std::string participant_id) override;
  Task<chat::ChatMessage> send(Call call, service::NewChatMessage message) override;
  Task<chat::ChatMessage> get_message(Call call, std::string as_user, std::string thread_id, std::string message_id) override;
  Task<chat::MessagePage> list_messages(Call call, std::string as_user, std::string thread_id, std::int32_t limit,
                                        std::optional<std::string> continuation, std::optional<Time> start_time) override;
  Task<chat::ChatMessage> update_message(Call call, service::ChatMessageChange change) override;
  Task<void> delete_message(Call call, std::string as_user, std::string thread_id, std::string message_id) override;
  Task<void> send_typing(Call call, std::string as_user, std::string thread_id, std::optional<std::string> name) override;
  Task<void> send_read_receipt(Call call, std::string as_user, std::string thread_id, std::string message_id) override;
  Task<chat::ReadReceiptPage> list_read_receipts(Call call, std::string as_user, std::string thread_id, std::int32_t limit,
                                                 std::optional<std::string> continuation) override;
  Task<std::unique_ptr<StreamSource<service::ChatEvent>>> listen(Call call, std::string as_user,
                                                                 std::optional<std::int64_t> after) override;

 private:
  Task<ChatActor> actor(Call call, ResourcePtr resource, std::string as_user);
  const Scope& scope_;
};

}  // namespace trunkline
