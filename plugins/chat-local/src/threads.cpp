// Threads: create, read, list, change, delete.
#include <functional>
#include <random>

#include "chat_local.h"

namespace chat_local {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::chat::MessageKind;
using trunkline::chat::ThreadCreated;
using trunkline::chat::ThreadDeleted;
using trunkline::chat::ThreadUpdated;

/// `19:` and 32 hex digits, the first 12 of them the time, so that a user's threads sort by age.
std::string new_thread_id(Time now) {
  static thread_local std::random_device device;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id = "19:";
  const std::int64_t ms = unix_ms(now);
  for (int shift = 44; shift >= 0; shift -= 4) id += kDigits[static_cast<std::size_t>(ms >> shift) & 15];
  for (int i = 0; i < 5; ++i) {
    unsigned bits = device();
    for (int digit = 0; digit < 4; ++digit, bits >>= 4) id += kDigits[bits & 15];
  }
  return id + "@thread.v2";
}

/// Whether it can be one that new_thread_id() has made.
bool is_thread_id(std::string_view text) {
  constexpr std::string_view kBegin = "19:", kEnd = "@thread.v2";
  constexpr std::size_t kDigits = 32;
  if (text.size() != kBegin.size() + kDigits + kEnd.size() || !text.starts_with(kBegin) || !text.ends_with(kEnd)) return false;
  const std::string_view digits = text.substr(kBegin.size(), kDigits);
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::int64_t due_ms(const ChatThread& thread) {
  return unix_ms(thread.created_on + std::chrono::hours{24} * thread.retention_days);
}

/// What the second call with a key must ask for too.
std::uint64_t fingerprint(const CreateThreadRequest& request) {
  std::string all = request.topic;
  for (const Participant& participant : request.participants) all.append("\0", 1).append(participant.id);
  std::uint64_t hash = 14695981039346656037u;
  for (const unsigned char c : all) hash = (hash ^ c) * 1099511628211u;
  return hash;
}

Bytes encode_creation(std::string_view thread, std::uint64_t fingerprint) {
  Writer out;
  out.text(thread);
  out.number(fingerprint);
  return out.take();
}

}  // namespace

Task<CreateThreadResult> ChatLocal::create_thread(Call call, std::string resource, std::string user,
                                                  CreateThreadRequest request) {
  std::optional<AsyncMutex::Lock> once;
  CreateThreadResult result;
  std::string key;
  if (request.idempotency_key) {
    key = idempotency_key(user, *request.idempotency_key);
    once.emplace(co_await creations_[std::hash<std::string>{}(key) % creations_.size()].lock());
    std::optional<Bytes> earlier;
    try {
      earlier = co_await store_.get(resource, key);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound || error.target != "key") throw;
    }
    if (earlier) {
      Reader in(*earlier);
      std::string thread = in.text();
      if (in.number() != fingerprint(request))
        throw Error(ErrorCode::kAlreadyExists, "another request was made with this key", "idempotencyKey");
      result.thread = co_await get_thread(call, resource, user, std::move(thread));
      result.repeated = true;
      co_return result;
    }
  }

  const Time now = this->now();
  auto state = std::make_shared<ThreadState>();
  ChatThread& thread = state->properties;
  thread.id = new_thread_id(now);
  thread.topic = request.topic;
  thread.created_on = now;
  thread.created_by = user;
  thread.metadata = request.metadata;
  thread.retention_days = request.retention_days;
  result.thread = thread;
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    Pending pending;
    ThreadCreated created;
    created.thread = t.properties;
    std::vector<Participant> participants;
    const bool listed =
        std::any_of(request.participants.begin(), request.participants.end(), [&](const Participant& p) { return p.id == user; });
    if (!listed) participants.emplace_back().id = user;
    participants.insert(participants.end(), request.participants.begin(), request.participants.end());
    for (Participant& participant : participants) {
      if (t.members.contains(participant.id)) continue;
      // Who is there from the beginning sees everything.
      participant.share_history_time = stored(participant.share_history_time.value_or(now));
      Member member{participant, ++t.last_order};
      pending.batch.puts.push_back(entry(member_prefix(t.properties.id) + participant.id, encode(member)));
      pending.batch.puts.push_back(entry(user_prefix(participant.id) + t.properties.id));
      created.participants.push_back(participant);
      t.members.emplace(participant.id, std::move(member));
    }
    if (t.members.size() > settings_.max_participants)
      throw Error(ErrorCode::kOutOfRange, "a thread has at most " + std::to_string(settings_.max_participants) + " participants",
                  "participants");
    ChatMessage added = system_message(t, MessageKind::kParticipantAdded, user, now);
    added.participants = created.participants;
    created.version = added.version;
    pending.batch.puts.push_back(entry(thread_key(t.properties.id), encode(t.properties)));
    pending.batch.puts.push_back(entry(message_prefix(t.properties.id) + added.id, encode(added)));
    if (t.properties.retention_days > 0) pending.batch.puts.push_back(entry(due_key(due_ms(t.properties), t.properties.id)));
    if (!key.empty()) pending.batch.puts.push_back(entry(key, encode_creation(t.properties.id, fingerprint(request))));
    pending.change = ChatChange::of_thread_created(std::move(created));
    return pending;
  };
  co_await apply(resource, state, call.forward(), std::move(build));
  cache_.put(resource, std::move(state));
  co_return result;
}

Task<ChatThread> ChatLocal::get_thread(Call, std::string resource, std::string user, std::string thread) {
  const ThreadPtr state = co_await cache_.get(std::move(resource), std::move(thread));
  const std::lock_guard lock(state->mutex);
  state->require(user);
  co_return state->properties;
}

Task<ThreadPage> ChatLocal::list_threads(Call, std::string resource, std::string user, PageRequest page) {
  if (page.cursor && !is_thread_id(*page.cursor))
    throw Error(ErrorCode::kInvalidArgument, "the cursor is none of this list", "cursor");
  ThreadPage result;
  std::size_t skip = static_cast<std::size_t>(std::max(page.skip, 0));
  const std::size_t limit = static_cast<std::size_t>(page.limit);
  for (;;) {
    StoreRange range = descending_range(user_prefix(user), page.cursor, 1000);
    range.limit = static_cast<std::int32_t>(std::min<std::size_t>(1000, limit + skip + 1));
    const std::vector<StoreEntry> entries = co_await store_.scan(resource, std::move(range));
    if (entries.empty()) co_return result;
    for (const StoreEntry& found : entries) {
      std::string id(tail(found.key));
      if (result.items.size() == limit) {
        result.cursor = page.cursor;
        co_return result;
      }
      page.cursor = id;
      ThreadPtr state;
      try {
        state = co_await cache_.get(resource, id);
      } catch (const Error& error) {
        if (error.code != ErrorCode::kNotFound) throw;
        continue;  // deleted meanwhile
      }
      const std::lock_guard lock(state->mutex);
      if (state->deleted || !state->members.contains(user)) continue;
      ThreadItem item;
      item.id = std::move(id);
      item.topic = state->properties.topic;
      item.last_message_received_on = state->last_message_on;
      if (page.start_time && state->last_message_on < *page.start_time) continue;
      if (skip > 0) {
        --skip;
        continue;
      }
      result.items.push_back(std::move(item));
    }
  }
}

Task<ChatThread> ChatLocal::update_thread(Call call, std::string resource, std::string user, std::string thread,
                                          ThreadUpdate update) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const Time now = this->now();
  ChatThread after;
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    t.require(user);
    Pending pending;
    std::vector<StoreEntry>& puts = pending.batch.puts;
    ChatThread& properties = t.properties;
    merge_metadata(properties.metadata, update.remove_metadata, update.metadata, kMaxThreadMetadata);
    const bool new_topic = update.topic && *update.topic != properties.topic;
    if (new_topic) {
      properties.topic = *update.topic;
      ChatMessage message = system_message(t, MessageKind::kTopicUpdated, user, now);
      message.topic = properties.topic;
      puts.push_back(entry(message_prefix(properties.id) + message.id, encode(message)));
    }
    if (update.retention_days && *update.retention_days != properties.retention_days) {
      if (properties.retention_days > 0) pending.batch.removes.push_back(due_key(due_ms(properties), properties.id));
      properties.retention_days = *update.retention_days;
      if (properties.retention_days > 0) puts.push_back(entry(due_key(due_ms(properties), properties.id)));
    }
    puts.push_back(entry(thread_key(properties.id), encode(properties)));
    ThreadUpdated updated;
    updated.thread = after = properties;
    updated.updated_by = user;
    updated.updated_on = now;
    updated.version = t.next_version(now);
    pending.change = ChatChange::of_thread_updated(std::move(updated));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
  co_return after;
}

Task<void> ChatLocal::delete_thread(Call call, std::string resource, std::string user, std::string thread) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const Time now = this->now();
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    t.require(user);
    return deletion(t, user, now);
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
}

// The messages are removed later: there may be a million of them.
ChatLocal::Pending ChatLocal::deletion(ThreadState& t, std::optional<std::string> user, Time now) {
  Pending pending;
  const std::string& id = t.properties.id;
  std::vector<std::string>& removes = pending.batch.removes;
  removes.push_back(thread_key(id));
  for (const auto& [member, _] : t.members) {
    removes.push_back(member_prefix(id) + member);
    removes.push_back(user_prefix(member) + id);
  }
  for (const auto& [reader, _] : t.receipts) removes.push_back(receipt_prefix(id) + reader);
  if (t.properties.retention_days > 0) removes.push_back(due_key(due_ms(t.properties), id));
  pending.batch.puts.push_back(entry(garbage_key(id)));
  t.deleted = true;
  ThreadDeleted deleted;
  deleted.thread = t.properties;
  deleted.deleted_by = std::move(user);
  deleted.deleted_on = now;
  deleted.version = t.next_version(now);
  pending.change = ChatChange::of_thread_deleted(std::move(deleted));
  return pending;
}

}  // namespace chat_local
