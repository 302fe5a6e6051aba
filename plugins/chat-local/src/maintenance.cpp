// What happens by itself: threads that grow too old, and what is left of deleted ones.
#include "chat_local.h"

namespace chat_local {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

constexpr std::int32_t kStep = 1000;  // rows of one commit; keeps those of others short

StoreRange first_of(std::string_view prefix, std::int32_t limit) {
  StoreRange range;
  range.from = prefix;
  range.to = behind(prefix);
  range.limit = limit;
  return range;
}

}  // namespace

Task<Maintenance> ChatLocal::maintain(Call call, std::string resource, bool forget) {
  Maintenance result;
  if (forget) cache_.forget(resource);
  for (;;) {
    StoreRange due = first_of(kDuePrefix, 1);
    const std::vector<StoreEntry> next = co_await store_.scan(resource, std::move(due));
    if (next.empty()) break;
    const std::string_view key = next[0].key;
    const std::int64_t at = message_number(key.substr(kDuePrefix.size(), 13));
    const Time when{std::chrono::milliseconds{at}}, now = this->now();
    if (when > now) {
      result.next_at = when;
      break;
    }
    const std::string thread(tail(key));
    bool gone = false;
    try {
      const ThreadPtr state = co_await cache_.get(resource, thread);
      auto build = [&](ThreadState& t) -> std::optional<Pending> {
        if (t.deleted) return std::nullopt;
        return deletion(t, std::nullopt, now);
      };
      co_await apply(resource, state, call.forward(), std::move(build));
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
      gone = true;
    }
    // Otherwise a key that nobody removes would be found for ever.
    StoreBatch batch;
    batch.removes.emplace_back(key);
    if (gone) co_await store_.commit(resource, std::move(batch));
  }
  for (;;) {
    StoreRange garbage = first_of(kGarbagePrefix, 1);
    const std::vector<StoreEntry> left = co_await store_.scan(resource, std::move(garbage));
    if (left.empty()) break;
    std::string thread(tail(left[0].key));
    co_await sweep(resource, std::move(thread));
  }
  co_return result;
}

Task<void> ChatLocal::sweep(std::string resource, std::string thread) {
  for (;;) {
    StoreRange range = first_of(message_prefix(thread), kStep);
    const std::vector<StoreEntry> entries = co_await store_.scan(resource, std::move(range));
    StoreBatch batch;
    for (const StoreEntry& found : entries) batch.removes.push_back(found.key);
    const bool last = entries.empty();
    if (last) batch.removes.push_back(garbage_key(thread));
    co_await store_.commit(resource, std::move(batch));
    if (last) co_return;
  }
}

}  // namespace chat_local
