// Chat whose threads rest in the storage of their resource.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "thread_cache.h"
#include "trunkline/chat_provider.hpp"
#include "trunkline/plugin.hpp"

namespace chat_local {

using trunkline::Call;
using trunkline::CallOptions;
using trunkline::Task;
using trunkline::chat::ChatChange;
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
using trunkline::chat::ThreadItem;
using trunkline::chat::ThreadPage;
using trunkline::chat::ThreadUpdate;

/// In microseconds, as times are stored: what is in memory and what was read again must be equal.
inline Time stored(Time time) { return std::chrono::floor<std::chrono::microseconds>(time); }

/// [any-thread] Reads from memory and the store; writes only by handing changes to the host.
class ChatLocal final : public trunkline::chat::ChatProvider {
 public:
  ChatLocal(trunkline::Host host, std::string_view config_json);

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
  struct Settings {
    std::size_t max_participants = 250;
    std::size_t max_receipt_participants = 20;
    std::size_t cached_participants = 200'000;
  };
  /// What goes to the host: a change with the writes that make it true.
  struct Pending {
    ChatChange change;
    StoreBatch batch;
  };

  static Settings parse_settings(std::string_view config_json);
  ChatLocal(trunkline::Host host, Settings settings);

  /// Runs `build` under the thread's lock and hands what it returns to the host before the lock is released; completes when that
  /// is durable. nullopt: nothing to do. An error of `build` changes nothing.
  template <class Build>
  Task<void> apply(std::string resource, ThreadPtr thread, CallOptions options, Build build);
  /// A message that may be seen by the user; throws kNotFound with the target `messageId`.
  Task<ChatMessage> read_message(std::string resource, ThreadPtr thread, std::string user, std::string id);
  Time now() const { return stored(clock_.now()); }
  void check_small(const ThreadState& thread) const;
  Pending deletion(ThreadState& thread, std::optional<std::string> user, Time now);
  Task<void> sweep(std::string resource, std::string thread);

  const trunkline::host::ClockClient clock_;
  const trunkline::host::ResourceStoreClient store_;
  const trunkline::chat::ChatEventsClient events_;
  const Settings settings_;
  ThreadCache cache_;
  /// By user and idempotency key: two calls with one key must not both create.
  std::array<AsyncMutex, 64> creations_;
};

/// A range below `prefix`, its end open or before `cursor`, from the last key down.
StoreRange descending_range(std::string_view prefix, const std::optional<std::string>& cursor, std::int32_t limit);
StoreEntry entry(std::string key, Bytes value = {});
/// The removals before the new values. Throws kOutOfRange, and changes nothing, when it would grow beyond `max_bytes`.
void merge_metadata(Properties& metadata, const std::optional<std::vector<std::string>>& remove,
                    const std::optional<Properties>& set, std::size_t max_bytes);
inline constexpr std::size_t kMaxThreadMetadata = 1024;
inline constexpr std::size_t kMaxMessageMetadata = 28 * 1024;
/// Items `skip` to `skip + limit` of a list that is kept whole; the cursor is the position of the next.
std::size_t first_of(const PageRequest& page);
/// A message of the provider itself. `now`: its time.
ChatMessage system_message(ThreadState& thread, trunkline::chat::MessageKind kind, const std::string& initiator, Time now);

}  // namespace chat_local

#include "apply.h"
