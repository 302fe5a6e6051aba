#include "thread_state.h"

#include <algorithm>
#include <functional>

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;

namespace {

constexpr std::int32_t kMaxScan = 1000;

}  // namespace

Error no_such_thread(std::string_view thread) {
  return Error(ErrorCode::kNotFound, "there is no thread " + std::string(thread), "threadId");
}

Error no_such_message(std::string_view id) {
  return Error(ErrorCode::kNotFound, "there is no message " + std::string(id) + " in the thread", "messageId");
}

const Member& ThreadState::require(std::string_view user) const {
  const auto found = members.find(user);
  if (found == members.end())
    throw Error(ErrorCode::kPermissionDenied, std::string(user) + " does not take part in the thread " + properties.id,
                "threadId");
  return found->second;
}

std::vector<const Member*> ThreadState::in_order() const {
  std::vector<const Member*> all;
  all.reserve(members.size());
  for (const auto& [user, member] : members) all.push_back(&member);
  std::sort(all.begin(), all.end(), [](const Member* a, const Member* b) { return a->order < b->order; });
  return all;
}

std::int64_t ThreadState::next_version(Time now) { return last_version = std::max(unix_ms(now), last_version + 1); }

void ThreadState::number_message(ChatMessage& message, Time now) {
  last_message = std::max(unix_ms(now), last_message + 1);
  last_message_on = std::max(now, last_message_on);
  message.id = message_id(last_message);
  message.thread_id = properties.id;
  message.sequence = ++last_sequence;
  last_version = std::max(last_version, last_message);
  message.version = last_message;
  message.created_on = last_message_on;
}

Task<Threads::Lock> Threads::lock(std::string resource, std::string thread) {
  const std::size_t hash = std::hash<std::string>()(resource) * 31 + std::hash<std::string>()(thread);
  co_return co_await locks_[hash % locks_.size()].lock();
}

Task<ThreadPtr> Threads::get(std::string resource, std::string thread) {
  if (ThreadPtr known = cache_.find(key_of(resource, thread))) co_return known;
  const Lock held = co_await lock(resource, thread);
  co_return co_await load(std::move(resource), std::move(thread));
}

Task<std::shared_ptr<ThreadState>> Threads::edit(std::string resource, std::string thread) {
  const ThreadPtr known = co_await load(std::move(resource), std::move(thread));
  co_return std::make_shared<ThreadState>(*known);
}

void Threads::put(const std::string& resource, ThreadPtr state) {
  std::string key = key_of(resource, state->properties.id);
  cache_.put(std::move(key), std::move(state), cache_.clears());
}

void Threads::drop(const std::string& resource, std::string_view thread) { cache_.remove(key_of(resource, thread)); }

// With the epoch: what was there before a snapshot was put back is another thread.
std::string Threads::key_of(const std::string& resource, std::string_view thread) const {
  std::string key = resource + "/" + std::to_string(store_.epoch(resource)) + "/";
  key.append(thread);
  return key;
}

Task<ThreadPtr> Threads::load(std::string resource, std::string thread) {
  std::string key = key_of(resource, thread);
  if (ThreadPtr known = cache_.find(key)) co_return known;
  auto state = std::make_shared<ThreadState>();
  // Named: GCC 12 destroys an aggregate twice that is made within a co_await expression.
  StoreRange members = range_of(member_prefix(thread), kMaxScan), receipts = range_of(receipt_prefix(thread), kMaxScan);
  StoreRange newest = descending_range(message_prefix(thread), std::nullopt, 1);
  try {
    std::string owner;
    const Bytes bytes = co_await store_.get(resource, thread_key(thread));
    state->properties = decode_thread(bytes, thread, owner);
    if (owner != resource) throw no_such_thread(thread);
  } catch (const Error& error) {
    if (error.code == ErrorCode::kNotFound && error.target == "key") throw no_such_thread(thread);
    throw;
  }
  std::vector<StoreEntry> entries = co_await store_.scan(resource, std::move(members));
  for (const StoreEntry& entry : entries) {
    Member member = decode_member(entry.value, tail(entry.key));
    state->last_order = std::max(state->last_order, member.order);
    state->members.emplace(member.participant.id, std::move(member));
  }
  entries = co_await store_.scan(resource, std::move(receipts));
  for (const StoreEntry& entry : entries) {
    ReadReceipt receipt = decode_receipt(entry.value, tail(entry.key));
    state->receipts.emplace(receipt.sender_id, std::move(receipt));
  }
  entries = co_await store_.scan(resource, std::move(newest));
  if (!entries.empty()) {
    const ChatMessage last = decode_message(entries[0].value, thread, tail(entries[0].key)).message;
    state->last_message = message_number(last.id);
    state->last_sequence = last.sequence;
    state->last_version = std::max(last.version, state->last_message);
    state->last_message_on = last.created_on;
  }
  cache_.put(std::move(key), state, cache_.clears());
  co_return state;
}

}  // namespace chat_matrix
