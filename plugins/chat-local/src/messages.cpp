// Messages: send, read, list, change, delete.
#include "chat_local.h"

namespace chat_local {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::chat::MessageDeleted;
using trunkline::chat::MessageEdited;
using trunkline::chat::MessageReceived;

Error no_such_message(std::string_view id) {
  return Error(ErrorCode::kNotFound, "there is no message " + std::string(id) + " in the thread", "messageId");
}

void require_sender(const ChatMessage& message, const std::string& user) {
  if (message.sender_id == user) return;
  throw Error(ErrorCode::kPermissionDenied, "the message " + message.id + " was sent by somebody else", "messageId");
}

bool may_see(const Participant& participant, const ChatMessage& message) {
  return !participant.share_history_time || message.created_on >= *participant.share_history_time;
}

}  // namespace

Task<ChatMessage> ChatLocal::send_message(Call call, std::string resource, std::string user, std::string thread,
                                          SendMessageRequest request) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const Time now = this->now();
  ChatMessage message;
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    const Member& sender = t.require(user);
    message.kind = request.kind;
    message.content = std::move(request.content);
    message.sender_id = user;
    message.sender_display_name =
        request.sender_display_name ? std::move(request.sender_display_name) : sender.participant.display_name;
    message.metadata = std::move(request.metadata);
    message.attachments = std::move(request.attachments);
    t.number_message(message, now);
    Pending pending;
    pending.batch.puts.push_back(entry(message_prefix(t.properties.id) + message.id, encode(message)));
    MessageReceived received;
    received.message = message;
    pending.change = ChatChange::of_message_received(std::move(received));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
  co_return message;
}

Task<ChatMessage> ChatLocal::read_message(std::string resource, ThreadPtr state, std::string user, std::string id) {
  Participant reader;
  std::string thread;
  {
    const std::lock_guard lock(state->mutex);
    reader = state->require(user).participant;
    thread = state->properties.id;
  }
  if (message_number(id) == 0) throw no_such_message(id);
  Bytes bytes;
  try {
    bytes = co_await store_.get(std::move(resource), message_prefix(thread) + id);
  } catch (const Error& error) {
    if (error.code == ErrorCode::kNotFound && error.target == "key") throw no_such_message(id);
    throw;
  }
  ChatMessage message = decode_message(bytes, thread, id);
  if (!may_see(reader, message)) throw no_such_message(id);
  co_return message;
}

Task<ChatMessage> ChatLocal::get_message(Call, std::string resource, std::string user, std::string thread, std::string message) {
  ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  co_return co_await read_message(std::move(resource), std::move(state), std::move(user), std::move(message));
}

// Costs what the page costs: one walk down the keys from the cursor, however long the thread is.
Task<MessagePage> ChatLocal::list_messages(Call, std::string resource, std::string user, std::string thread, PageRequest page) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  Participant reader;
  std::string prefix;
  {
    const std::lock_guard lock(state->mutex);
    reader = state->require(user).participant;
    prefix = message_prefix(state->properties.id);
  }
  if (page.cursor && message_number(*page.cursor) == 0)
    throw Error(ErrorCode::kInvalidArgument, "the cursor is none of this list", "cursor");
  std::optional<Time> from = reader.share_history_time;
  if (page.start_time && (!from || *from < *page.start_time)) from = page.start_time;
  std::size_t skip = static_cast<std::size_t>(std::max(page.skip, 0));
  const std::size_t limit = static_cast<std::size_t>(page.limit);
  MessagePage result;
  for (;;) {
    const std::size_t wanted = std::min<std::size_t>(1000, limit + skip + 1 - result.items.size());
    StoreRange range = descending_range(prefix, page.cursor, static_cast<std::int32_t>(wanted));
    // An id is never before the time of its message.
    if (from) range.from = prefix + message_id(unix_ms(*from));
    if (range.from >= range.to) co_return result;
    const std::vector<StoreEntry> entries = co_await store_.scan(resource, std::move(range));
    for (const StoreEntry& found : entries) {
      const std::string_view id = tail(found.key);
      ChatMessage message = decode_message(found.value, state->properties.id, id);
      if (from && message.created_on < *from) continue;
      if (result.items.size() == limit) {
        result.cursor = page.cursor;
        co_return result;
      }
      page.cursor = message.id;
      if (skip > 0)
        --skip;
      else
        result.items.push_back(std::move(message));
    }
    // Fewer than were asked for: the end, or a bound of the store on bytes; then there is more below the last key.
    if (entries.empty()) co_return result;
    if (page.cursor != tail(entries.back().key)) page.cursor = std::string(tail(entries.back().key));
  }
}

Task<ChatMessage> ChatLocal::update_message(Call call, std::string resource, std::string user, std::string thread, std::string id,
                                            MessageUpdate update) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const AsyncMutex::Lock editing = co_await state->edits.lock();
  ChatMessage message = co_await read_message(resource, state, user, std::move(id));
  require_sender(message, user);
  if (message.deleted_on) throw no_such_message(message.id);
  const Time now = this->now();
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    t.require(user);
    merge_metadata(message.metadata, update.remove_metadata, update.metadata, kMaxMessageMetadata);
    if (update.content) message.content = std::move(update.content);
    message.edited_on = now;
    message.version = t.last_version = std::max(t.next_version(now), message.version + 1);
    Pending pending;
    pending.batch.puts.push_back(entry(message_prefix(t.properties.id) + message.id, encode(message)));
    MessageEdited edited;
    edited.message = message;
    pending.change = ChatChange::of_message_edited(std::move(edited));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
  co_return message;
}

Task<void> ChatLocal::delete_message(Call call, std::string resource, std::string user, std::string thread, std::string id) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const AsyncMutex::Lock editing = co_await state->edits.lock();
  ChatMessage message = co_await read_message(resource, state, user, std::move(id));
  require_sender(message, user);
  if (message.deleted_on) co_return;
  const Time now = this->now();
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    t.require(user);
    message.content.reset();
    message.metadata.clear();
    message.attachments.clear();
    message.deleted_on = now;
    message.version = t.last_version = std::max(t.next_version(now), message.version + 1);
    Pending pending;
    pending.batch.puts.push_back(entry(message_prefix(t.properties.id) + message.id, encode(message)));
    MessageDeleted deleted;
    deleted.message = message;
    deleted.message.edited_on.reset();  // as the log, whose event has no member for it
    pending.change = ChatChange::of_message_deleted(std::move(deleted));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
}

}  // namespace chat_local
