// Messages: send, read, list, change, delete.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "chat_matrix.h"

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;

namespace {

/// From so many on, a page of history costs less than the events one by one.
constexpr std::size_t kFewEvents = 3;
constexpr std::size_t kHistoryPage = 200;
/// Edits, state and reactions lie between messages; what so many pages have not shown is fetched alone.
constexpr int kMaxHistoryPages = 5;

void require_sender(const ChatMessage& message, const std::string& user) {
  if (message.sender_id == user) return;
  throw Error(ErrorCode::kPermissionDenied, "the message " + message.id + " was sent by somebody else", "messageId");
}

bool may_see(const Participant& participant, const ChatMessage& message) {
  return !participant.share_history_time || message.created_on >= *participant.share_history_time;
}

bool has_content(const Indexed& indexed) {
  return indexed.message.sender_id && !indexed.message.deleted_on && !indexed.event.empty();
}

}  // namespace

Task<ChatMessage> ChatMatrix::send_message(Call call, std::string resource, std::string user, std::string thread,
                                           SendMessageRequest request) {
  ChatMessage message;
  message.kind = request.kind;
  message.content = std::move(request.content);
  message.sender_id = user;
  message.metadata = std::move(request.metadata);
  message.attachments = std::move(request.attachments);
  // The same key is the same event, however often it is sent.
  const std::string key(call.idempotency_key());
  const std::string transaction = key.empty() ? random_name() : digest({resource, thread, user, key});

  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  const Member& sender = state->require(user);
  message.sender_display_name =
      request.sender_display_name ? std::move(request.sender_display_name) : sender.participant.display_name;
  json content = event_content(message);
  const std::string room = room_of_thread(thread);
  const std::string event =
      co_await core_.matrix.send(room, "m.room.message", transaction, std::move(content), matrix_user(user), call.forward());
  const std::string known = co_await core_.message_of_event(resource, thread, event);
  if (!known.empty()) {
    Indexed earlier = co_await core_.read_index(std::move(resource), std::move(thread), known);
    co_return co_await core_.with_content(room, std::move(earlier), call.forward());
  }
  Pending pending = receive(*state, message, event, core_.now());
  co_await core_.commit(std::move(resource), state, std::move(pending), std::string(call.traceparent()));
  co_return message;
}

Task<Indexed> ChatMatrix::visible(std::string resource, ThreadPtr state, std::string user, std::string id) {
  const Participant reader = state->require(user).participant;
  Indexed indexed = co_await core_.read_index(std::move(resource), state->properties.id, id);
  if (!may_see(reader, indexed.message)) throw no_such_message(id);
  co_return indexed;
}

Task<ChatMessage> ChatMatrix::get_message(Call call, std::string resource, std::string user, std::string thread,
                                          std::string message) {
  ThreadPtr state = co_await core_.threads.get(resource, thread);
  Indexed indexed = co_await visible(std::move(resource), std::move(state), std::move(user), std::move(message));
  co_return co_await core_.with_content(room_of_thread(thread), std::move(indexed), call.forward());
}

// One walk down the index, and the contents from the room's history.
Task<MessagePage> ChatMatrix::list_messages(Call call, std::string resource, std::string user, std::string thread,
                                            PageRequest page) {
  const ThreadPtr state = co_await core_.threads.get(resource, thread);
  const Participant reader = state->require(user).participant;
  const std::string prefix = message_prefix(thread), room = room_of_thread(thread);
  if (page.cursor && message_number(*page.cursor) == 0)
    throw Error(ErrorCode::kInvalidArgument, "the cursor is none of this list", "cursor");
  std::optional<Time> from = reader.share_history_time;
  if (page.start_time && (!from || *from < *page.start_time)) from = page.start_time;
  std::size_t skip = static_cast<std::size_t>(std::max(page.skip, 0));
  const std::size_t limit = static_cast<std::size_t>(page.limit);
  std::vector<Indexed> found;
  MessagePage result;
  for (bool more = true; more;) {
    const std::size_t wanted = std::min<std::size_t>(1000, limit + skip + 1 - found.size());
    StoreRange range = descending_range(prefix, page.cursor, static_cast<std::int32_t>(wanted));
    // An id is never before the time of its message.
    if (from) range.from = prefix + message_id(unix_ms(*from));
    if (range.from >= range.to) break;
    const std::vector<StoreEntry> entries = co_await core_.store.scan(resource, std::move(range));
    // Fewer than were asked for may be a bound of the store on bytes; then there is more below the last key.
    more = !entries.empty();
    for (const StoreEntry& row : entries) {
      const std::string_view id = tail(row.key);
      Indexed indexed = decode_message(row.value, thread, id);
      const bool old = from && indexed.message.created_on < *from;
      if (!old && found.size() == limit) {
        result.cursor = page.cursor;
        more = false;
        break;
      }
      page.cursor = std::string(id);
      if (old) continue;
      if (skip > 0)
        --skip;
      else
        found.push_back(std::move(indexed));
    }
  }
  result.items = co_await with_contents(room, std::move(found), call.forward());
  co_return result;
}

Task<std::vector<ChatMessage>> ChatMatrix::with_contents(std::string room, std::vector<Indexed> page, CallOptions options) {
  std::map<std::string, std::size_t> wanted;  // events whose content is missing
  for (std::size_t i = 0; i < page.size(); ++i)
    if (has_content(page[i])) wanted[page[i].event] = i;
  if (wanted.size() > kFewEvents) {
    const auto newest = std::find_if(page.begin(), page.end(), has_content);
    std::string at;
    try {
      at = co_await core_.matrix.position_behind(room, newest->event, options);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
    }
    for (int pages = 0; pages < kMaxHistoryPages && !at.empty() && wanted.size() > kFewEvents; ++pages) {
      const json history = co_await core_.matrix.messages(room, at, "", kHistoryPage, options);
      for (const json& event : list_of(history, "chunk")) {
        const auto found = wanted.find(text_of(event, "event_id"));
        if (found == wanted.end()) continue;
        core_.fill(event, page[found->second].message);
        wanted.erase(found);
      }
      at = text_of(history, "end");
    }
  }
  std::vector<ChatMessage> messages;
  for (Indexed& indexed : page) {
    if (wanted.contains(indexed.event))
      messages.push_back(co_await core_.with_content(room, std::move(indexed), options));
    else
      messages.push_back(std::move(indexed.message));
  }
  co_return messages;
}

Task<ChatMessage> ChatMatrix::update_message(Call call, std::string resource, std::string user, std::string thread,
                                             std::string id, MessageUpdate update) {
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  Indexed indexed = co_await visible(resource, state, user, id);
  require_sender(indexed.message, user);
  if (indexed.message.deleted_on) throw no_such_message(id);
  const std::string room = room_of_thread(thread);
  indexed.message = co_await core_.with_content(room, indexed, call.forward());
  ChatMessage& message = indexed.message;
  if (message.deleted_on || !message.content) throw no_such_message(id);
  merge_metadata(message.metadata, update.remove_metadata, update.metadata, kMaxMessageMetadata);
  if (update.content) message.content = std::move(update.content);
  json content = edit_content(message, indexed.event);
  const std::string event =
      co_await core_.matrix.send(room, "m.room.message", random_name(), std::move(content), matrix_user(user), call.forward());
  Pending pending = edit(*state, indexed, event, core_.now());
  co_await core_.commit(std::move(resource), state, std::move(pending), std::string(call.traceparent()));
  co_return indexed.message;
}

// A redaction takes the content of one event; what edits have put in its place rests in theirs.
Task<void> ChatMatrix::delete_message(Call call, std::string resource, std::string user, std::string thread, std::string id) {
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  Indexed indexed = co_await visible(resource, state, user, id);
  require_sender(indexed.message, user);
  if (indexed.message.deleted_on) co_return;
  std::vector<std::string> events = indexed.edits;
  events.push_back(indexed.event);
  for (const std::string& event : events) {
    const std::string transaction = digest({"redact", event});
    co_await core_.matrix.redact(room_of_thread(thread), event, transaction, matrix_user(user), call.forward());
  }
  Pending pending = redact(*state, indexed, "", core_.now());
  co_await core_.commit(std::move(resource), state, std::move(pending), std::string(call.traceparent()));
}

}  // namespace chat_matrix
