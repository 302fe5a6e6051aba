#include "inbound.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::LogLevel;

namespace {

constexpr std::size_t kGapPage = 100;
constexpr std::int32_t kThreadsAtOnce = 200;

/// A later attempt can have another result.
bool passes(const Error& error) {
  return error.retryable || error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded ||
         error.code == ErrorCode::kCancelled || error.code == ErrorCode::kResourceExhausted || error.code == ErrorCode::kAborted;
}

}  // namespace

Time Inbound::time_of(const json& event) const {
  const Time said{
      std::chrono::milliseconds{std::clamp<std::int64_t>(number_of(event, "origin_server_ts"), 0, 4'000'000'000'000)}};
  return std::min(said, core_.now());
}

std::string Inbound::acting(const json& event) const { return core_.names.raw_id(text_of(event, "sender")); }

Task<bool> Inbound::attempt(Where where, Task<void> step) {
  std::optional<Error> failure;
  try {
    co_await std::move(step);
  } catch (const Error& error) {
    failure = error;
  }
  if (!failure) co_return true;
  if (failure->code == ErrorCode::kNotFound && (failure->target == "threadId" || failure->target == "resourceId"))
    co_return false;  // deleted meanwhile
  if (passes(*failure)) throw *std::move(failure);
  core_.log.write(LogLevel::kWarning, "an event of the homeserver is left out",
                  Properties{{"thread", where.thread}, {"reason", failure->message}});
  co_return false;
}

Task<void> Inbound::take(json answer, std::string since) {
  const json& rooms = object_of(answer, "rooms");
  for (const auto& [room, update] : object_of(rooms, "join").items()) co_await take_room(room, update, since);
  for (const auto& [room, update] : object_of(rooms, "leave").items()) {
    const std::string resource = co_await core_.resource_of(room);
    if (!resource.empty())
      core_.log.write(LogLevel::kWarning, "the bot is no longer in the room of a thread",
                      Properties{{"thread", thread_of_room(room)}});
  }
}

Task<void> Inbound::take_room(std::string room, json update, std::string since) {
  Where where;
  where.resource = co_await core_.resource_of(room);
  if (where.resource.empty()) co_return;  // none of ours; or one that is being made
  where.thread = thread_of_room(room);
  where.room = room;
  const json& timeline = object_of(update, "timeline");
  const auto limited = timeline.find("limited");
  if (limited != timeline.end() && *limited == true) {
    std::vector<json> missed;
    Error failure;
    try {
      missed = co_await events_between(where, text_of(timeline, "prev_batch"), since);
    } catch (const Error& error) {
      if (passes(error)) throw;
      failure = error;
    }
    if (!failure.message.empty())
      core_.log.write(LogLevel::kWarning, "a gap in a room cannot be filled",
                      Properties{{"thread", where.thread}, {"reason", failure.message}});
    for (json& event : missed) co_await attempt(where, take_event(where, std::move(event)));
  }
  for (const json& event : list_of(timeline, "events")) co_await attempt(where, take_event(where, event));
  for (const json& event : list_of(object_of(update, "ephemeral"), "events")) {
    const std::string type = text_of(event, "type");
    if (type == "m.receipt") co_await attempt(where, take_receipts(where, object_of(event, "content")));
    if (type == "m.typing") co_await attempt(where, take_typing(where, object_of(event, "content")));
  }
}

Task<bool> Inbound::knows_all(Where where, json events) {
  bool any = false;
  for (const json& event : events) {
    if (text_of(event, "type") != "m.room.message") continue;
    const std::string known = co_await core_.message_of_event(where.resource, where.thread, text_of(event, "event_id"));
    if (known.empty()) co_return false;
    any = true;
  }
  co_return any;
}

Task<std::vector<json>> Inbound::events_between(Where where, std::string from, std::string to) {
  std::vector<json> found;  // the newest first
  for (;;) {
    CallOptions options;
    json page = co_await core_.matrix.messages(where.room, from, to, kGapPage, std::move(options));
    const json& chunk = list_of(page, "chunk");
    found.insert(found.end(), chunk.begin(), chunk.end());
    from = text_of(page, "end");
    if (from.empty() || chunk.empty() || (!to.empty() && from == to)) break;
    bool all_known = false;
    if (to.empty()) all_known = co_await knows_all(where, chunk);
    if (all_known) break;
    if (found.size() >= core_.settings.catch_up_events) {
      core_.log.write(LogLevel::kWarning, "a gap in a room is longer than catch_up_events; older events are left out",
                      Properties{{"thread", where.thread}, {"events", std::to_string(found.size())}});
      break;
    }
  }
  std::reverse(found.begin(), found.end());
  co_return found;
}

Task<void> Inbound::reconcile(std::string resource) {
  StoreRange range = range_of("t/", kThreadsAtOnce);
  for (;;) {
    const std::vector<StoreEntry> entries = co_await core_.store.scan(resource, range);
    if (entries.empty()) co_return;
    for (const StoreEntry& row : entries) {
      Where where;
      where.resource = resource;
      where.thread = tail(row.key);
      where.room = room_of_thread(where.thread);
      std::string owner;
      decode_thread(row.value, where.thread, owner);
      if (owner != resource) continue;
      std::vector<json> missed;
      Error failure;
      try {
        missed = co_await events_between(where, "", "");
      } catch (const Error& error) {
        failure = error;
      }
      if (!failure.message.empty())
        core_.log.write(LogLevel::kWarning, "a thread cannot be caught up with its room",
                        Properties{{"thread", where.thread}, {"reason", failure.message}});
      for (json& event : missed) co_await attempt(where, take_event(where, std::move(event)));
    }
    range.from = entries.back().key + '\0';
  }
}

}  // namespace chat_matrix
