// Threads: create, read, list, change, delete.
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "chat_matrix.h"

namespace chat_matrix {

using trunkline::AsyncMutex;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::chat::ThreadItem;

namespace {

/// What the second call with a key must ask for too.
std::string fingerprint(const CreateThreadRequest& request) {
  std::string people;
  for (const Participant& participant : request.participants) people.append(participant.id).append("\n");
  return digest({request.topic, people});
}

json thread_state(const ChatThread& thread, const std::string& resource) {
  return {{"resource", resource},
          {"created_by", thread.created_by},
          {"retention_days", thread.retention_days},
          {"metadata", thread.metadata}};
}

/// The creator first, each once.
std::vector<Participant> everybody(const std::string& user, const std::vector<Participant>& asked) {
  std::vector<Participant> all;
  const auto add = [&](const Participant& participant) {
    if (std::none_of(all.begin(), all.end(), [&](const Participant& other) { return other.id == participant.id; }))
      all.push_back(participant);
  };
  if (std::none_of(asked.begin(), asked.end(), [&](const Participant& p) { return p.id == user; })) all.emplace_back().id = user;
  for (const Participant& participant : asked) add(participant);
  return all;
}

}  // namespace

Task<CreateThreadResult> ChatMatrix::create_thread(Call call, std::string resource, std::string user,
                                                   CreateThreadRequest request) {
  sync_.start();
  std::optional<AsyncMutex::Lock> once;
  CreateThreadResult result;
  std::string key;
  if (request.idempotency_key) {
    key = idempotency_key(user, *request.idempotency_key);
    once.emplace(co_await creations_[std::hash<std::string>{}(key) % creations_.size()].lock());
    std::optional<Bytes> earlier;
    try {
      earlier = co_await core_.store.get(resource, key);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound || error.target != "key") throw;
    }
    const json known = earlier ? json::parse(*earlier, nullptr, false) : json();
    // In a copy of the rows the room is another resource's.
    if (earlier && text_of(known, "owner") == resource) {
      if (text_of(known, "request") != fingerprint(request))
        throw Error(ErrorCode::kAlreadyExists, "another request was made with this key", "idempotencyKey");
      result.thread = co_await get_thread(call, resource, user, text_of(known, "thread"));
      result.repeated = true;
      co_return result;
    }
  }

  std::vector<Participant> participants = everybody(user, request.participants);
  if (participants.size() > core_.settings.max_participants)
    throw Error(ErrorCode::kOutOfRange,
                "a thread has at most " + std::to_string(core_.settings.max_participants) + " participants", "participants");
  const std::string room =
      co_await make_room(call.forward(), resource, user, request, &participants, &result.invalid_participants);
  auto state = std::make_shared<ThreadState>();
  ChatThread& thread = state->properties;
  thread.id = thread_of_room(room);
  // From here on the sync waits: what it tells of the room comes behind the creation.
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread.id);
  co_await core_.remember(room, resource);
  co_await add_early_guests(room, &participants, call.forward());
  const Time now = core_.now();
  thread.topic = request.topic;
  thread.created_on = now;
  thread.created_by = user;
  thread.metadata = request.metadata;
  thread.retention_days = request.retention_days;
  result.thread = thread;
  Pending pending = create(*state, std::move(participants), resource, now);
  if (!key.empty()) {
    const json made{{"thread", thread.id}, {"owner", resource}, {"request", fingerprint(request)}};
    pending.batch.puts.push_back(entry(key, bytes_of(made.dump())));
  }
  co_await core_.commit(resource, std::move(state), std::move(pending), std::string(call.traceparent()));
  co_return result;
}

Task<std::string> ChatMatrix::make_room(CallOptions options, std::string resource, std::string user, CreateThreadRequest request,
                                        std::vector<Participant>* participants, std::vector<InvalidParticipant>* invalid) {
  const Settings& settings = core_.settings;
  std::vector<std::string> invited;
  co_await core_.matrix.ensure_user(core_.names.bot(), options);
  const std::string creator = matrix_user(user);
  for (const Participant& participant : *participants) {
    const auto ours = core_.names.matrix_user(participant.id);
    if (!ours || !core_.names.is_ours(*ours)) continue;
    co_await core_.matrix.ensure_user(*ours, options);
    invited.push_back(*ours);
  }
  invited.insert(invited.end(), settings.invite.begin(), settings.invite.end());

  ChatThread thread;
  thread.created_by = user;
  thread.metadata = request.metadata;
  thread.retention_days = request.retention_days;
  json state = json::array();
  state.push_back({{"type", "m.room.history_visibility"},
                   {"state_key", ""},
                   {"content", {{"history_visibility", settings.history_visibility}}}});
  state.push_back({{"type", kThreadState}, {"state_key", ""}, {"content", thread_state(thread, resource)}});
  // Everybody may do what chat's participants may; encryption would lock us out.
  json levels{{"events_default", 0}, {"invite", 0}, {"kick", 50}, {"redact", 50}, {"state_default", 50}};
  levels["events"] = {{"m.room.name", 0}, {"m.room.topic", 0}, {"m.room.encryption", 100}, {"m.room.tombstone", 100}};
  json body{{"preset", settings.public_rooms ? "public_chat" : "private_chat"},
            {"visibility", settings.directory ? "public" : "private"},
            {"name", request.topic},
            {"topic", request.topic},
            {"is_direct", false}};
  body["invite"] = invited;
  body["initial_state"] = std::move(state);
  body["power_level_content_override"] = std::move(levels);
  body["creation_content"] = {{"m.federate", settings.federate}};
  // With a key the alias is what makes the room unique: of two attempts, before and after a crash, one finds it taken.
  std::string alias;
  if (request.idempotency_key)
    alias = settings.alias_prefix + digest({resource, user, *request.idempotency_key});
  else if (settings.public_rooms || settings.directory)
    alias = settings.alias_prefix + digest({resource, random_name()});
  if (!alias.empty()) body["room_alias_name"] = alias;

  std::string room;
  try {
    room = co_await core_.matrix.create_room(std::move(body), options);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kAlreadyExists || !request.idempotency_key) throw;
  }
  if (room.empty()) room = co_await core_.matrix.room_of_alias("#" + alias + ":" + settings.server_name, options);
  for (std::size_t i = 0; i < participants->size();) {
    const std::string inviter = i == 0 ? core_.names.bot() : creator;
    auto refused = co_await bring_in(room, (*participants)[i], inviter, options);
    if (refused && i == 0) throw Error(ErrorCode::kPermissionDenied, refused->message, "threadId");
    if (refused) {
      invalid->push_back(*std::move(refused));
      participants->erase(participants->begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  co_return room;
}

Task<void> ChatMatrix::add_early_guests(std::string room, std::vector<Participant>* participants, CallOptions options) {
  if (core_.settings.invite.empty() && !core_.settings.public_rooms) co_return;
  MatrixRequest request("GET", "/rooms/" + url_part(room) + "/joined_members", core_.names.bot());
  const json answer = co_await core_.matrix.call(std::move(request), std::move(options));
  for (const auto& [user, profile] : object_of(answer, "joined").items()) {
    const std::string id = core_.names.raw_id(user);
    const bool known = std::any_of(participants->begin(), participants->end(), [&](const Participant& p) { return p.id == id; });
    if (known || core_.names.is_ours(user)) continue;
    Participant& guest = participants->emplace_back();
    guest.id = id;
    if (const std::string name = text_of(profile, "display_name"); !name.empty()) guest.display_name = name;
  }
}

Task<ChatThread> ChatMatrix::get_thread(Call, std::string resource, std::string user, std::string thread) {
  const ThreadPtr state = co_await core_.threads.get(std::move(resource), std::move(thread));
  state->require(user);
  co_return state->properties;
}

Task<ThreadPage> ChatMatrix::list_threads(Call, std::string resource, std::string user, PageRequest page) {
  ThreadPage result;
  std::size_t skip = static_cast<std::size_t>(std::max(page.skip, 0));
  const std::size_t limit = static_cast<std::size_t>(page.limit);
  const std::string prefix = user_prefix(user);
  // A cursor has no slash: it is the time and the thread, which the key has one between.
  std::optional<std::string> below;
  if (page.cursor) {
    if (page.cursor->size() < 15 || message_number(page.cursor->substr(0, 13)) == 0)
      throw Error(ErrorCode::kInvalidArgument, "the cursor is none of this list", "cursor");
    below = page.cursor->substr(0, 13) + "/" + page.cursor->substr(14);
  }
  for (;;) {
    const auto wanted = static_cast<std::int32_t>(std::min<std::size_t>(1000, limit + skip + 1));
    StoreRange range = descending_range(prefix, below, wanted);
    const std::vector<StoreEntry> entries = co_await core_.store.scan(resource, std::move(range));
    if (entries.empty()) co_return result;
    for (const StoreEntry& found : entries) {
      if (result.items.size() == limit) {
        result.cursor = below->substr(0, 13) + "." + below->substr(14);
        co_return result;
      }
      below = found.key.substr(prefix.size());
      const std::string id(tail(found.key));
      ThreadPtr state;
      try {
        state = co_await core_.threads.get(resource, id);
      } catch (const Error& error) {
        if (error.code != ErrorCode::kNotFound) throw;
        continue;  // deleted meanwhile, or a copied row
      }
      if (!state->members.contains(user)) continue;
      if (page.start_time && state->last_message_on < *page.start_time) continue;
      if (skip > 0) {
        --skip;
        continue;
      }
      ThreadItem item;
      item.id = state->properties.id;
      item.topic = state->properties.topic;
      item.last_message_received_on = state->last_message_on;
      result.items.push_back(std::move(item));
    }
  }
}

Task<ChatThread> ChatMatrix::update_thread(Call call, std::string resource, std::string user, std::string thread,
                                           ThreadUpdate update) {
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  state->require(user);
  ChatThread after = state->properties;
  merge_metadata(after.metadata, update.remove_metadata, update.metadata, kMaxThreadMetadata);
  if (update.topic) after.topic = *update.topic;
  if (update.retention_days) after.retention_days = *update.retention_days;
  const std::string room = room_of_thread(thread), actor = matrix_user(user);
  std::vector<std::string> events;
  if (after.topic != state->properties.topic) {
    const json name{{"name", after.topic}}, topic{{"topic", after.topic}};
    events.push_back(co_await core_.matrix.set_state(room, "m.room.name", "", name, actor, call.forward()));
    events.push_back(co_await core_.matrix.set_state(room, "m.room.topic", "", topic, actor, call.forward()));
  }
  if (after.metadata != state->properties.metadata || after.retention_days != state->properties.retention_days) {
    const json content = thread_state(after, resource);
    co_await core_.matrix.set_state(room, kThreadState, "", content, core_.names.bot(), call.forward());
  }
  Pending pending = chat_matrix::update(*state, after, resource, user, core_.now(), events);
  co_await core_.commit(std::move(resource), state, std::move(pending), std::string(call.traceparent()));
  co_return after;
}

// The room is left afterwards, by maintain: a homeserver that is away must not keep a thread alive.
Task<void> ChatMatrix::delete_thread(Call call, std::string resource, std::string user, std::string thread) {
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  state->require(user);
  Pending pending = erase(*state, resource, user, core_.now());
  co_await core_.commit(std::move(resource), state, std::move(pending), std::string(call.traceparent()));
}

}  // namespace chat_matrix
