#include "thread_cache.h"

namespace chat_local {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;

constexpr std::int32_t kMaxScan = 1000;

StoreRange all_of(std::string_view prefix) {
  StoreRange range;
  range.from = prefix;
  range.to = behind(prefix);
  range.limit = kMaxScan;
  return range;
}

}  // namespace

Task<ThreadPtr> ThreadCache::get(std::string resource, std::string thread) {
  const std::string key = key_of(resource, thread);
  SlotPtr slot;
  {
    const std::lock_guard lock(mutex_);
    slot = find_or_add(key);
    if (slot->state && slot->state->broken) {
      // Two: the map's and ours. Whoever else holds it may have commits on their way, whose ids a new state would give again.
      if (slot.use_count() > 2 || slot->state.use_count() > 1)
        throw Error(ErrorCode::kUnavailable, "the thread " + thread + " is being read again", "threadId").with_retry();
      slot->state = nullptr;
    }
    if (slot->state) co_return slot->state;
  }
  const AsyncMutex::Lock loading = co_await slot->loading.lock();
  {
    const std::lock_guard lock(mutex_);
    if (slot->state) co_return slot->state;
  }
  ThreadPtr state;
  std::exception_ptr failure;
  try {
    state = co_await load(std::move(resource), std::move(thread));
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(key);
  const bool known = found != slots_.end() && found->second == slot;
  if (failure) {
    if (known) erase(found);
    std::rethrow_exception(failure);
  }
  slot->state = state;
  if (known) {
    weigh(*slot);
    make_room();
  }
  co_return state;
}

// With the epoch: what was there before a snapshot was put back is another thread.
std::string ThreadCache::key_of(const std::string& resource, std::string_view thread) const {
  const std::string epoch = std::to_string(store_.epoch(resource));
  std::string key;
  key.reserve(resource.size() + epoch.size() + thread.size() + 2);
  key.append(resource).append("/", 1).append(epoch).append("/", 1).append(thread);
  return key;
}

Task<ThreadPtr> ThreadCache::load(std::string resource, std::string thread) {
  auto state = std::make_shared<ThreadState>();
  // Named: GCC 12 destroys an aggregate twice that is made within a co_await expression.
  StoreRange members = all_of(member_prefix(thread)), receipts = all_of(receipt_prefix(thread));
  StoreRange newest = all_of(message_prefix(thread));
  newest.descending = true;
  newest.limit = 1;
  try {
    const Bytes bytes = co_await store_.get(resource, thread_key(thread));
    state->properties = decode_thread(bytes, thread);
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
    const ChatMessage last = decode_message(entries[0].value, thread, tail(entries[0].key));
    state->last_message = message_number(last.id);
    state->last_sequence = last.sequence;
    state->last_version = std::max(last.version, state->last_message);
    state->last_message_on = last.created_on;
  }
  co_return state;
}

void ThreadCache::put(const std::string& resource, ThreadPtr state) {
  const std::string key = key_of(resource, state->properties.id);
  const std::lock_guard lock(mutex_);
  const SlotPtr slot = find_or_add(key);
  if (slot->state) return;  // somebody was quicker and has read it
  // Somebody who is reading it now has another state; then this one stays out.
  if (slot.use_count() > 2) return;
  slot->state = std::move(state);
  weigh(*slot);
  make_room();
}

void ThreadCache::forget(std::string_view resource) {
  const std::string prefix = std::string(resource) + "/";
  const std::lock_guard lock(mutex_);
  for (auto at = slots_.begin(); at != slots_.end();) {
    const auto next = std::next(at);
    if (at->first.starts_with(prefix)) {
      if (at->second->state) at->second->state->broken = true;
      if (at->second.use_count() == 1 && at->second->state.use_count() <= 1) erase(at);
    }
    at = next;
  }
}

std::size_t ThreadCache::size() const {
  const std::lock_guard lock(mutex_);
  return slots_.size();
}

ThreadCache::SlotPtr ThreadCache::find_or_add(const std::string& key) {
  const auto [at, added] = slots_.try_emplace(key);
  if (added) {
    at->second = std::make_shared<Slot>();
    at->second->use = by_use_.insert(by_use_.begin(), key);
  } else {
    by_use_.splice(by_use_.begin(), by_use_, at->second->use);
  }
  return at->second;
}

void ThreadCache::erase(std::unordered_map<std::string, SlotPtr>::iterator at) {
  weight_ -= at->second->weight;
  by_use_.erase(at->second->use);
  slots_.erase(at);
}

// Participants that come later are not counted until the thread is read again; a thread has few hundred at most.
void ThreadCache::weigh(Slot& slot) {
  weight_ -= slot.weight;
  slot.weight = kThreadWeight + slot.state->members.size();
  weight_ += slot.weight;
}

void ThreadCache::make_room() {
  // Threads in use stay; looking at a few is enough, since the next call looks again.
  auto at = by_use_.end();
  for (int looked = 0; weight_ > capacity_ && looked < 64 && at != by_use_.begin(); ++looked) {
    --at;
    const auto found = slots_.find(*at);
    const Slot& slot = *found->second;
    if (found->second.use_count() > 1 || !slot.state || slot.state.use_count() > 1) continue;
    ++at;
    erase(found);
  }
}

}  // namespace chat_local
