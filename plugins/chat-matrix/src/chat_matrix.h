// Chat whose threads are rooms of a Matrix homeserver.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core.h"
#include "inbound.h"
#include "sync_loop.h"
#include "trunkline/chat_provider.hpp"
#include "trunkline/plugin.hpp"

namespace chat_matrix {

using trunkline::chat::CreateThreadRequest;
using trunkline::chat::CreateThreadResult;
using trunkline::chat::InvalidParticipant;
using trunkline::chat::Maintenance;
using trunkline::chat::MessagePage;
using trunkline::chat::MessageUpdate;
using trunkline::chat::PageRequest;
using trunkline::chat::ParticipantPage;
using trunkline::chat::ReadReceiptPage;
using trunkline::chat::SendMessageRequest;
using trunkline::chat::ThreadPage;
using trunkline::chat::ThreadUpdate;

/// [any-thread] The homeserver first, then the host: an event that we made and could not report is found by the sync, as one of
/// somebody else's is.
class ChatMatrix final : public trunkline::chat::ChatProvider {
 public:
  ChatMatrix(trunkline::Host host, std::string_view config_json);
  /// Ends the sync.
  Task<void> stop();

  // threads.cpp
  Task<CreateThreadResult> create_thread(Call call, std::string resource, std::string user, CreateThreadRequest request) override;
  Task<ChatThread> get_thread(Call call, std::string resource, std::string user, std::string thread) override;
  Task<ThreadPage> list_threads(Call call, std::string resource, std::string user, PageRequest page) override;
  Task<ChatThread> update_thread(Call call, std::string resource, std::string user, std::string thread,
                                 ThreadUpdate update) override;
  Task<void> delete_thread(Call call, std::string resource, std::string user, std::string thread) override;
  // participants.cpp
  Task<std::vector<InvalidParticipant>> add_participants(Call call, std::string resource, std::string user, std::string thread,
                                                         std::vector<Participant> participants) override;
  Task<ParticipantPage> list_participants(Call call, std::string resource, std::string user, std::string thread,
                                          PageRequest page) override;
  Task<void> remove_participant(Call call, std::string resource, std::string user, std::string thread,
                                std::string participant) override;
  Task<void> send_typing(Call call, std::string resource, std::string user, std::string thread,
                         std::optional<std::string> display_name) override;
  Task<void> send_read_receipt(Call call, std::string resource, std::string user, std::string thread,
                               std::string message) override;
  Task<ReadReceiptPage> list_read_receipts(Call call, std::string resource, std::string user, std::string thread,
                                           PageRequest page) override;
  // messages.cpp
  Task<ChatMessage> send_message(Call call, std::string resource, std::string user, std::string thread,
                                 SendMessageRequest request) override;
  Task<ChatMessage> get_message(Call call, std::string resource, std::string user, std::string thread,
                                std::string message) override;
  Task<MessagePage> list_messages(Call call, std::string resource, std::string user, std::string thread,
                                  PageRequest page) override;
  Task<ChatMessage> update_message(Call call, std::string resource, std::string user, std::string thread, std::string message,
                                   MessageUpdate update) override;
  Task<void> delete_message(Call call, std::string resource, std::string user, std::string thread, std::string message) override;
  // maintenance.cpp
  Task<Maintenance> maintain(Call call, std::string resource, bool forget) override;
  trunkline::chat::ChatCapabilities capabilities(const Call& call) override;

 private:
  /// A room with everybody in it who can be; the invalid ones leave `participants`.
  Task<std::string> make_room(CallOptions options, std::string resource, std::string user, CreateThreadRequest request,
                              std::vector<Participant>* participants, std::vector<InvalidParticipant>* invalid);
  /// Whether it can be in the room, which it is or is invited to afterwards.
  Task<std::optional<InvalidParticipant>> bring_in(std::string room, Participant participant, std::string inviter,
                                                   CallOptions options);
  /// Matrix users who came by another way than ours.
  Task<void> add_early_guests(std::string room, std::vector<Participant>* participants, CallOptions options);
  /// A message that may be seen by the user; throws kNotFound with the target `messageId`.
  Task<Indexed> visible(std::string resource, ThreadPtr state, std::string user, std::string id);
  Task<std::vector<ChatMessage>> with_contents(std::string room, std::vector<Indexed> page, CallOptions options);
  std::string matrix_user(std::string_view raw_id) const;
  void check_small(const ThreadState& thread) const;
  /// Kicks everybody, leaves, and removes what is left of it in the index.
  Task<void> tear_down(std::string resource, std::string thread, std::string owner, CallOptions options);
  Task<void> sweep(std::string resource, std::string prefix);

  Core core_;
  Inbound inbound_;
  SyncLoop sync_;
  /// By user and idempotency key: two calls with one key must not both create.
  std::array<trunkline::AsyncMutex, 64> creations_;
};

/// Items `skip` to `skip + limit` of a list that is kept whole; the cursor is the position of the next.
std::size_t first_of(const PageRequest& page);

}  // namespace chat_matrix
