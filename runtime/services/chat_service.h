// Chat of a resource, over a chat provider.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock/clock.h"
#include "runtime/providers/provider.h"
#include "runtime/services/chat_limits.h"
#include "runtime/services/chat_rules.h"
#include "runtime/services/live_chat.h"
#include "runtime/services/resource_service.h"
#include "trunkline/host.hpp"

namespace trunkline {

/// [any-thread] Checks scopes and the form of requests; threads, and who takes part in them, are the provider's. Errors of all
/// that take an actor: kPermissionDenied (scope, or not a participant), kNotFound, kInvalidArgument, kResourceExhausted (rate).
class ChatService final : public ResourceParticipant {
 public:
  ChatService(ServiceContext& context, ResourceService& resources, bool rate_limits);
  ~ChatService() override;

  /// False: there is no such user, so nobody can add it. Not set: every id of the resource's form is a user.
  void set_user_lookup(std::function<Task<bool>(ResourcePtr, std::string)> exists) { user_exists_ = std::move(exists); }
  /// Looks after the threads of all resources; once providers and resources are there. [lifecycle]
  void start();
  /// Ends the listeners and the timers. Before the providers stop. [lifecycle]
  void stop();

  Task<chat::CreateThreadResult> create_thread(ResourcePtr resource, ChatActor actor, chat::CreateThreadRequest request);
  Task<chat::ChatThread> get_thread(ResourcePtr resource, ChatActor actor, std::string thread);
  Task<chat::ThreadPage> list_threads(ResourcePtr resource, ChatActor actor, chat::PageRequest page);
  Task<chat::ChatThread> update_thread(ResourcePtr resource, ChatActor actor, std::string thread, chat::ThreadUpdate update);
  Task<void> delete_thread(ResourcePtr resource, ChatActor actor, std::string thread);

  Task<std::vector<chat::InvalidParticipant>> add_participants(ResourcePtr resource, ChatActor actor, std::string thread,
                                                               std::vector<chat::Participant> participants);
  Task<chat::ParticipantPage> list_participants(ResourcePtr resource, ChatActor actor, std::string thread,
                                                chat::PageRequest page);
  Task<void> remove_participant(ResourcePtr resource, ChatActor actor, std::string thread, std::string participant);

  Task<chat::ChatMessage> send_message(ResourcePtr resource, ChatActor actor, std::string thread,
                                       chat::SendMessageRequest request);
  Task<chat::ChatMessage> get_message(ResourcePtr resource, ChatActor actor, std::string thread, std::string message);
  Task<chat::MessagePage> list_messages(ResourcePtr resource, ChatActor actor, std::string thread, chat::PageRequest page);
  Task<chat::ChatMessage> update_message(ResourcePtr resource, ChatActor actor, std::string thread, std::string message,
                                         chat::MessageUpdate update);
  Task<void> delete_message(ResourcePtr resource, ChatActor actor, std::string thread, std::string message);

  Task<void> send_typing(ResourcePtr resource, ChatActor actor, std::string thread, std::optional<std::string> display_name);
  Task<void> send_read_receipt(ResourcePtr resource, ChatActor actor, std::string thread, std::string message);
  Task<chat::ReadReceiptPage> list_read_receipts(ResourcePtr resource, ChatActor actor, std::string thread,
                                                 chat::PageRequest page);

  /// Takes a deleted user out of all its threads and ends what it listens to.
  Task<void> forget_user(ResourcePtr resource, std::string user);

  /// From a provider; see ChatEvents in bindings/idl/chat.tsp. Does not suspend before the change is queued.
  Task<void> on_changed(std::string provider, std::string resource_id, chat::ChatChange change,
                        std::optional<host::StoreBatch> batch, std::string traceparent);

  ChatHub& hub() { return live_; }

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
  void on_added(const ResourcePtr& resource, const ResourcePtr& from) override;
  void on_dropped(const ResourcePtr& resource) override;

 private:
  struct Care;
  ProviderPtr provider() const;
  CallOptions options(const Resource& resource, const ProviderPtr& provider, const ChatActor& actor) const;
  void admit(const Resource& resource, const ChatActor& actor, chat_rules::Right right, ChatUse use,
             const std::string& thread = {});
  Task<std::vector<chat::InvalidParticipant>> remove_unknown(ResourcePtr resource, ChatActor actor,
                                                             std::vector<chat::Participant>* participants);
  /// Has the provider do what is due in a resource, once at a time.
  void care_for(const ResourcePtr& resource, bool forget);
  Task<void> care(ResourcePtr resource, std::shared_ptr<Care> state);
  void drop_care(std::int64_t resource_key);

  ServiceContext& context_;
  ResourceService& resources_;
  ChatRateLimits limits_;
  LiveChat live_;
  std::function<Task<bool>(ResourcePtr, std::string)> user_exists_;
  std::atomic<bool> running_{false};
  std::mutex care_mutex_;  // guards cares_ and what is in it
  std::map<std::int64_t, std::shared_ptr<Care>> cares_;
};

}  // namespace trunkline
