// What happens by itself: threads that grow too old, and rooms of deleted ones.
#include <nlohmann/json.hpp>

#include "chat_matrix.h"

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;

namespace {

constexpr std::int32_t kStep = 1000;  // rows of one commit; keeps those of others short
/// When a homeserver that refused is asked again.
constexpr trunkline::Duration kAgain = std::chrono::minutes(1);

}  // namespace

Task<Maintenance> ChatMatrix::maintain(Call call, std::string resource, bool forget) {
  // The host has everything ready when it calls this for the first time.
  sync_.start();
  Maintenance result;
  if (forget) co_await inbound_.reconcile(resource);
  for (;;) {
    StoreRange due = range_of(kDuePrefix, 1);
    const std::vector<StoreEntry> next = co_await core_.store.scan(resource, std::move(due));
    if (next.empty()) break;
    const std::string& key = next[0].key;
    const Time when{std::chrono::milliseconds{message_number(key.substr(kDuePrefix.size(), 13))}}, now = core_.now();
    if (when > now) {
      result.next_at = when;
      break;
    }
    const std::string thread(tail(key));
    const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
    bool gone = false;
    try {
      const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
      Pending pending = erase(*state, resource, std::nullopt, now);
      co_await core_.commit(resource, state, std::move(pending), std::string(call.traceparent()));
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
      gone = true;
    }
    // Otherwise a key that nobody removes would be found for ever.
    StoreBatch batch;
    batch.removes.push_back(key);
    if (gone) co_await core_.store.commit(resource, std::move(batch));
  }
  for (;;) {
    StoreRange garbage = range_of(kGarbagePrefix, 1);
    const std::vector<StoreEntry> left = co_await core_.store.scan(resource, std::move(garbage));
    if (left.empty()) break;
    const std::string thread(tail(left[0].key)), owner = text_of(left[0].value);
    std::optional<Error> failure;
    try {
      co_await tear_down(resource, thread, owner, call.forward());
    } catch (const Error& error) {
      failure = error;
    }
    if (!failure) continue;
    core_.log.write(trunkline::host::LogLevel::kWarning, "the room of a deleted thread cannot be left yet",
                    Properties{{"thread", thread}, {"reason", failure->message}});
    const Time again = core_.now() + std::max(kAgain, failure->retry_after.value_or(kAgain));
    if (!result.next_at || again < *result.next_at) result.next_at = again;
    break;
  }
  co_return result;
}

Task<void> ChatMatrix::tear_down(std::string resource, std::string thread, std::string owner, CallOptions options) {
  const std::string room = room_of_thread(thread), bot = core_.names.bot();
  // In a copy of the rows the room is another resource's.
  const bool own = owner == resource;
  bool there = own;
  json members;
  if (there) {
    MatrixRequest request("GET", "/rooms/" + url_part(room) + "/members", bot);
    request.query = "not_membership=leave";
    try {
      members = co_await core_.matrix.call(std::move(request), options);
    } catch (const Error& error) {
      // The bot has left and forgotten, in an attempt before this one.
      if (error.code != ErrorCode::kPermissionDenied && error.code != ErrorCode::kNotFound) throw;
      there = false;
    }
  }
  if (there) {
    for (const json& member : list_of(members, "chunk")) {
      const std::string user = text_of(member, "state_key"), membership = text_of(object_of(member, "content"), "membership");
      if (user == bot || (membership != "join" && membership != "invite")) continue;
      json body{{"user_id", user}, {"reason", "the thread was deleted"}};
      try {
        co_await core_.matrix.post(room, "kick", std::move(body), bot, options);
      } catch (const Error& error) {
        if (error.code != ErrorCode::kPermissionDenied) throw;  // gone meanwhile
      }
    }
    json nothing = json::object();
    try {
      co_await core_.matrix.post(room, "leave", nothing, bot, options);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kPermissionDenied) throw;  // not there any more: it had left before, or was removed
    }
    co_await core_.matrix.post(room, "forget", nothing, bot, options);
  }
  if (own) co_await core_.forget(room);
  co_await sweep(resource, event_prefix(thread));
  co_await sweep(resource, message_prefix(thread));
  StoreBatch batch;
  batch.removes.push_back(garbage_key(thread));
  co_await core_.store.commit(std::move(resource), std::move(batch));
}

Task<void> ChatMatrix::sweep(std::string resource, std::string prefix) {
  for (;;) {
    StoreRange range = range_of(prefix, kStep);
    const std::vector<StoreEntry> entries = co_await core_.store.scan(resource, std::move(range));
    if (entries.empty()) co_return;
    StoreBatch batch;
    for (const StoreEntry& found : entries) batch.removes.push_back(found.key);
    co_await core_.store.commit(resource, std::move(batch));
  }
}

}  // namespace chat_matrix
