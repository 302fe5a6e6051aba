#include "core.h"

#include <nlohmann/json.hpp>

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;

namespace {

std::string room_key(const std::string& room) { return "room/" + digest({room}); }

}  // namespace

Core::Core(trunkline::Host host, std::string_view config_json)
    : settings(parse_settings(config_json)),
      names(settings.user_prefix, settings.server_name),
      clock(host.clock()),
      log(host.log()),
      own_store(host.store()),
      store(host.resource_store()),
      events(host.chat_events()),
      matrix(host, settings, names),
      threads(host.resource_store(), settings.cached_threads),
      resources_(settings.cached_threads) {}

Task<void> Core::commit(std::string resource, std::shared_ptr<ThreadState> state, Pending pending, std::string traceparent) {
  CallOptions options;
  options.traceparent = std::move(traceparent);
  const std::string thread = state->properties.id;
  const bool deleted = pending.change.thread_deleted() != nullptr;
  std::exception_ptr failure;
  try {
    co_await events.changed(resource, std::move(pending.change), std::move(pending.batch), std::move(options));
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure || deleted)
    threads.drop(resource, thread);
  else
    threads.put(resource, std::move(state));
  if (failure) std::rethrow_exception(failure);
}

Task<Indexed> Core::read_index(std::string resource, std::string thread, std::string id) {
  if (message_number(id) == 0) throw no_such_message(id);
  std::string key = message_prefix(thread) + id;
  Bytes bytes;
  try {
    bytes = co_await store.get(std::move(resource), std::move(key));
  } catch (const Error& error) {
    if (error.code == ErrorCode::kNotFound && error.target == "key") throw no_such_message(id);
    throw;
  }
  co_return decode_message(bytes, thread, id);
}

Task<std::string> Core::message_of_event(std::string resource, std::string thread, std::string event) {
  std::string key = event_prefix(thread) + event;
  try {
    const Bytes bytes = co_await store.get(std::move(resource), std::move(key));
    co_return text_of(bytes);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound || error.target != "key") throw;
  }
  co_return std::string();
}

void Core::fill(const json& event, ChatMessage& message) const {
  read_event(event, names.is_ours(text_of(event, "sender")), message);
}

Task<ChatMessage> Core::with_content(std::string room, Indexed indexed, CallOptions options) {
  ChatMessage message = std::move(indexed.message);
  if (!message.sender_id || message.deleted_on || indexed.event.empty()) co_return message;
  try {
    const json event = co_await matrix.event(std::move(room), std::move(indexed.event), std::move(options));
    fill(event, message);
  } catch (const Error& error) {
    // A homeserver may drop old events by rules of its own.
    if (error.code != ErrorCode::kNotFound) throw;
  }
  co_return message;
}

Task<void> Core::join(std::string room, Participant participant, std::string user, std::string inviter, CallOptions options) {
  json content{{"membership", "join"}};
  if (participant.display_name) content["displayname"] = *participant.display_name;
  content[kParticipantKey] = participant_json(participant);
  bool shut = false;
  try {
    co_await matrix.set_state(room, "m.room.member", user, content, user, options);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kPermissionDenied) throw;
    shut = true;
  }
  if (!shut) co_return;
  json invitation{{"user_id", user}};
  co_await matrix.post(room, "invite", std::move(invitation), std::move(inviter), options);
  co_await matrix.set_state(std::move(room), "m.room.member", user, std::move(content), user, std::move(options));
}

Task<std::string> Core::resource_of(std::string room) {
  if (const auto known = resources_.find(room)) co_return *known;
  std::string resource;
  try {
    const Bytes bytes = co_await own_store.get(room_key(room));
    resource = text_of(bytes);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
  }
  if (!resource.empty()) resources_.put(room, std::make_shared<const std::string>(resource), resources_.clears());
  co_return resource;
}

Task<void> Core::remember(std::string room, std::string resource) {
  co_await own_store.put(room_key(room), bytes_of(resource));
  resources_.put(std::move(room), std::make_shared<const std::string>(std::move(resource)), resources_.clears());
}

Task<void> Core::forget(std::string room) {
  resources_.remove(room);
  co_await own_store.remove(room_key(room));
}

}  // namespace chat_matrix
