#include "runtime/core/chat_object.h"

#include "runtime/services/chat_service.h"
#include "runtime/services/identity_service.h"

namespace trunkline {
namespace {

/// Pulls from a listener.
class ChatEventStream final : public StreamSource<service::ChatEvent> {
 public:
  explicit ChatEventStream(std::shared_ptr<ChatListener> listener) : listener_(std::move(listener)) {}
  Task<std::vector<service::ChatEvent>> next(std::uint32_t max) override {
    const std::vector<ChatDeliveryPtr> deliveries = co_await listener_->next(max);
    std::vector<service::ChatEvent> events(deliveries.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      events[i].cursor = deliveries[i]->cursor;
      events[i].thread_id = deliveries[i]->thread_id;
      events[i].time = deliveries[i]->time;
      events[i].change = deliveries[i]->change;
    }
    co_return events;
  }
  void close() override { listener_->close(); }

 private:
  std::shared_ptr<ChatListener> listener_;
};

chat::PageRequest page_of(std::int32_t limit, std::optional<std::string> continuation, std::optional<Time> start_time = {}) {
  chat::PageRequest page;
  page.limit = limit;
  page.cursor = std::move(continuation);
  page.start_time = start_time;
  return page;
}

std::vector<chat::Participant> participants_of(std::vector<service::ChatMember> members) {
  std::vector<chat::Participant> participants(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    participants[i].id = std::move(members[i].id);
    participants[i].display_name = std::move(members[i].display_name);
    participants[i].share_history_time = members[i].share_history_time;
    if (members[i].metadata) participants[i].metadata = std::move(*members[i].metadata);
  }
  return participants;
}

}  // namespace

Task<ChatActor> ChatObject::actor(Call call, ResourcePtr resource, std::string as_user) {
  ChatActor actor = ChatActor::trusted(as_user);
  actor.traceparent = call.traceparent();
  if (as_user.empty()) throw Error(ErrorCode::kInvalidArgument, "asUser is empty", "asUser");
  // Raw ids begin with a number and a colon, tokens with the base64 of a brace.
  if (as_user.find(':') != std::string::npos) co_return actor;
  const identity::TokenClaims claims = co_await scope_.runtime().identity().verify_token(resource, std::move(as_user));
  actor.user_id = claims.user_id;
  actor.scopes.clear();
  for (const identity::TokenScope scope : claims.scopes) actor.scopes.emplace_back(to_rest(scope));
  co_return actor;
}

Task<chat::CreateThreadResult> ChatObject::create_thread(Call call, service::NewChatThread thread) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(thread.as_user));
  chat::CreateThreadRequest request;
  request.topic = std::move(thread.topic);
  if (thread.participants) request.participants = participants_of(std::move(*thread.participants));
  if (thread.metadata) request.metadata = std::move(*thread.metadata);
  request.retention_days = thread.retention_days;
  request.idempotency_key = std::move(thread.idempotency_key);
  co_return co_await scope_.runtime().chat().create_thread(resource, std::move(user), std::move(request));
}

Task<chat::ChatThread> ChatObject::get_thread(Call call, std::string as_user, std::string thread) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  co_return co_await scope_.runtime().chat().get_thread(resource, std::move(user), std::move(thread));
}

Task<chat::ThreadPage> ChatObject::list_threads(Call call, std::string as_user, std::int32_t limit,
                                                std::optional<std::string> continuation, std::optional<Time> start_time) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  chat::PageRequest page = page_of(limit, std::move(continuation), start_time);
  co_return co_await scope_.runtime().chat().list_threads(resource, std::move(user), std::move(page));
}

Task<chat::ChatThread> ChatObject::update_thread(Call call, service::ChatThreadChange change) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(change.as_user));
  chat::ThreadUpdate update;
  update.topic = std::move(change.topic);
  update.metadata = std::move(change.metadata);
  update.remove_metadata = std::move(change.remove_metadata);
  update.retention_days = change.retention_days;
  co_return co_await scope_.runtime().chat().update_thread(resource, std::move(user), std::move(change.thread_id),
                                                           std::move(update));
}

Task<void> ChatObject::delete_thread(Call call, std::string as_user, std::string thread) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  co_await scope_.runtime().chat().delete_thread(resource, std::move(user), std::move(thread));
}

Task<std::vector<chat::InvalidParticipant>> ChatObject::add_participants(Call call, std::string as_user, std::string thread,
                                                                         std::vector<service::ChatMember> members) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  std::vector<chat::Participant> participants = participants_of(std::move(members));
  co_return co_await scope_.runtime().chat().add_participants(resource, std::move(user), std::move(thread),
                                                              std::move(participants));
}

Task<chat::ParticipantPage> ChatObject::list_participants(Call call, std::string as_user, std::string thread, std::int32_t limit,
                                                          std::optional<std::string> continuation) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  chat::PageRequest page = page_of(limit, std::move(continuation));
  co_return co_await scope_.runtime().chat().list_participants(resource, std::move(user), std::move(thread), std::move(page));
}

Task<void> ChatObject::remove_participant(Call call, std::string as_user, std::string thread, std::string participant) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  co_await scope_.runtime().chat().remove_participant(resource, std::move(user), std::move(thread), std::move(participant));
}

Task<chat::ChatMessage> ChatObject::send(Call call, service::NewChatMessage message) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(message.as_user));
  chat::SendMessageRequest request;
  request.kind = message.kind;
  request.content = std::move(message.content);
  request.sender_display_name = std::move(message.sender_display_name);
  if (message.metadata) request.metadata = std::move(*message.metadata);
  if (message.attachments) request.attachments = std::move(*message.attachments);
  co_return co_await scope_.runtime().chat().send_message(resource, std::move(user), std::move(message.thread_id),
                                                          std::move(request));
}

Task<chat::ChatMessage> ChatObject::get_message(Call call, std::string as_user, std::string thread, std::string message) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  co_return co_await scope_.runtime().chat().get_message(resource, std::move(user), std::move(thread), std::move(message));
}

Task<chat::MessagePage> ChatObject::list_messages(Call call, std::string as_user, std::string thread, std::int32_t limit,
                                                  std::optional<std::string> continuation, std::optional<Time> start_time) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  chat::PageRequest page = page_of(limit, std::move(continuation), start_time);
  co_return co_await scope_.runtime().chat().list_messages(resource, std::move(user), std::move(thread), std::move(page));
}

Task<chat::ChatMessage> ChatObject::update_message(Call call, service::ChatMessageChange change) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(change.as_user));
  chat::MessageUpdate update;
  update.content = std::move(change.content);
  update.metadata = std::move(change.metadata);
  update.remove_metadata = std::move(change.remove_metadata);
  co_return co_await scope_.runtime().chat().update_message(resource, std::move(user), std::move(change.thread_id),
                                                            std::move(change.message_id), std::move(update));
}

Task<void> ChatObject::delete_message(Call call, std::string as_user, std::string thread, std::string message) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  co_await scope_.runtime().chat().delete_message(resource, std::move(user), std::move(thread), std::move(message));
}

Task<void> ChatObject::send_typing(Call call, std::string as_user, std::string thread, std::optional<std::string> name) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  co_await scope_.runtime().chat().send_typing(resource, std::move(user), std::move(thread), std::move(name));
}

Task<void> ChatObject::send_read_receipt(Call call, std::string as_user, std::string thread, std::string message) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  co_await scope_.runtime().chat().send_read_receipt(resource, std::move(user), std::move(thread), std::move(message));
}

Task<chat::ReadReceiptPage> ChatObject::list_read_receipts(Call call, std::string as_user, std::string thread, std::int32_t limit,
                                                           std::optional<std::string> continuation) {
  const ResourcePtr resource = scope_.resource();
  ChatActor user = co_await actor(call, resource, std::move(as_user));
  chat::PageRequest page = page_of(limit, std::move(continuation));
  co_return co_await scope_.runtime().chat().list_read_receipts(resource, std::move(user), std::move(thread), std::move(page));
}

Task<std::unique_ptr<StreamSource<service::ChatEvent>>> ChatObject::listen(Call call, std::string as_user,
                                                                           std::optional<std::int64_t> after) {
  const ResourcePtr resource = scope_.resource();
  const ChatActor user = co_await actor(call, resource, std::move(as_user));
  chat_rules::require(user, chat_rules::Right::kTakePart);
  co_return std::make_unique<ChatEventStream>(scope_.runtime().chat().hub().listen(resource, user.user_id, after));
}

}  // namespace trunkline
