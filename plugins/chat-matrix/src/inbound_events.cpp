// One kind of event each.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "inbound.h"

namespace chat_matrix {

using trunkline::chat::Typing;

Task<void> Inbound::take_event(Where where, json event) {
  const std::string type = text_of(event, "type");
  // What the bot does is done for somebody, and known.
  if (text_of(event, "sender") == core_.names.bot() || text_of(event, "event_id").empty()) co_return;
  const bool about_message = type == "m.room.message" || type == "m.room.redaction";
  const bool about_topic = type == "m.room.topic" || type == "m.room.name";
  if (!about_message && !about_topic && type != "m.room.member") co_return;
  const Threads::Lock lock = co_await core_.threads.lock(where.resource, where.thread);
  if (type != "m.room.member") {
    const std::string known = co_await core_.message_of_event(where.resource, where.thread, text_of(event, "event_id"));
    if (!known.empty()) co_return;
  }
  if (about_topic) co_return co_await take_topic(std::move(where), std::move(event));
  if (type == "m.room.member") co_return co_await take_member(std::move(where), std::move(event));
  if (type == "m.room.redaction") co_return co_await take_redaction(std::move(where), std::move(event));
  std::string replaced = replaced_event(event);
  if (!replaced.empty()) co_return co_await take_edit(std::move(where), std::move(event), std::move(replaced));
  co_await take_message(std::move(where), std::move(event));
}

Task<void> Inbound::take_message(Where where, json event) {
  // Whoever redacted it was quicker: nobody has seen it, and nobody will.
  if (is_redacted(event) || object_of(event, "content").empty()) co_return;
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
  ChatMessage message;
  message.sender_id = acting(event);
  if (const auto member = state->members.find(*message.sender_id); member != state->members.end())
    message.sender_display_name = member->second.participant.display_name;
  read_content(object_of(event, "content"), core_.names.is_ours(text_of(event, "sender")), message);
  Pending pending = receive(*state, message, text_of(event, "event_id"), time_of(event));
  co_await core_.commit(std::move(where.resource), state, std::move(pending));
}

Task<void> Inbound::take_edit(Where where, json event, std::string replaced) {
  const std::string id = co_await core_.message_of_event(where.resource, where.thread, replaced);
  if (id.empty()) co_return;
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
  Indexed indexed = co_await core_.read_index(where.resource, where.thread, id);
  ChatMessage& message = indexed.message;
  // An edit of an edit, or of somebody else's message, is none.
  if (indexed.event != replaced || message.deleted_on || message.sender_id != acting(event)) co_return;
  if (const auto member = state->members.find(*message.sender_id); member != state->members.end())
    message.sender_display_name = member->second.participant.display_name;
  const json& fresh = object_of(object_of(event, "content"), "m.new_content");
  if (fresh.empty()) co_return;
  read_content(fresh, core_.names.is_ours(text_of(event, "sender")), message);
  Pending pending = edit(*state, indexed, text_of(event, "event_id"), std::max(time_of(event), message.created_on));
  co_await core_.commit(std::move(where.resource), state, std::move(pending));
}

Task<void> Inbound::take_redaction(Where where, json event) {
  std::string target = text_of(object_of(event, "content"), "redacts");
  if (target.empty()) target = text_of(event, "redacts");  // room versions before 11
  const std::string id = co_await core_.message_of_event(where.resource, where.thread, target);
  if (id.empty()) co_return;
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
  Indexed indexed = co_await core_.read_index(where.resource, where.thread, id);
  if (!indexed.message.sender_id || indexed.message.deleted_on) co_return;
  const std::string by = text_of(event, "event_id");
  const Time at = std::max(time_of(event), indexed.message.created_on);
  if (indexed.event == target) {
    Pending pending = redact(*state, indexed, by, at);
    co_await core_.commit(std::move(where.resource), state, std::move(pending));
  } else if (std::find(indexed.edits.begin(), indexed.edits.end(), target) != indexed.edits.end()) {
    // An edit was taken back: what was there before it is.
    CallOptions options;
    indexed.message = co_await core_.with_content(where.room, indexed, std::move(options));
    Pending pending = edit(*state, indexed, by, at);
    co_await core_.commit(std::move(where.resource), state, std::move(pending));
  }
}

Task<void> Inbound::take_member(Where where, json event) {
  const std::string user = text_of(event, "state_key"), sender = text_of(event, "sender");
  const json& content = object_of(event, "content");
  const std::string membership = text_of(content, "membership");
  // What users of ours do goes through the operations.
  if (core_.names.is_ours(sender)) co_return;
  if (membership == "invite" && core_.names.is_ours(user)) co_return co_await take_invitation(where, event, user);
  const std::string id = core_.names.raw_id(user), event_id = text_of(event, "event_id");
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
  const bool member = state->members.contains(id);
  if (membership == "join") {
    std::string name = text_of(content, "displayname");
    if (member) co_return co_await rename(where, id, name);
    std::vector<Participant> guests(1);
    guests[0].id = id;
    if (!name.empty()) guests[0].display_name = std::move(name);
    // Who invited, unless it was the bot on the operator's behalf.
    const std::string inviter = text_of(object_of(event, "unsigned"), "prev_sender");
    const std::string by = inviter.empty() || inviter == core_.names.bot() ? id : core_.names.raw_id(inviter);
    Pending pending = add(*state, std::move(guests), by, time_of(event), event_id);
    co_await core_.commit(std::move(where.resource), state, std::move(pending));
  } else if (member && (membership == "leave" || membership == "ban")) {
    Pending pending = remove(*state, id, acting(event), time_of(event), event_id);
    co_await core_.commit(std::move(where.resource), state, std::move(pending));
  }
}

// A Matrix user asks a user of ours in. There is nobody to click on accept.
Task<void> Inbound::take_invitation(Where where, json event, std::string user) {
  Participant guest;
  guest.id = core_.names.raw_id(user);
  if (user == core_.names.bot() || !guest.id.starts_with("8:acs:" + where.resource + "_")) co_return;
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
  if (state->members.contains(guest.id)) co_return;
  CallOptions options;
  // Anybody can be invited, known to the homeserver or not.
  co_await core_.matrix.ensure_user(user, options);
  co_await core_.join(where.room, guest, user, core_.names.bot(), std::move(options));
  std::vector<Participant> guests(1, guest);
  Pending pending = add(*state, std::move(guests), acting(event), time_of(event), text_of(event, "event_id"));
  co_await core_.commit(std::move(where.resource), state, std::move(pending));
}

Task<void> Inbound::rename(Where where, std::string user, std::string name) {
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
  Member& member = state->members.at(user);
  if (member.participant.display_name.value_or("") == name) co_return;
  if (name.empty())
    member.participant.display_name.reset();
  else
    member.participant.display_name = std::move(name);
  StoreBatch batch;
  batch.puts.push_back(entry(member_prefix(where.thread) + user, encode(member)));
  co_await core_.store.commit(where.resource, std::move(batch));
  core_.threads.put(where.resource, state);
}

Task<void> Inbound::take_topic(Where where, json event) {
  if (core_.names.is_ours(text_of(event, "sender"))) co_return;
  // As it is now: others may have come behind this one.
  const std::string type = text_of(event, "type");
  CallOptions options;
  const json current = co_await core_.matrix.state(where.room, type, "", std::move(options));
  std::string topic = text_of(current, type == "m.room.name" ? "name" : "topic");
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
  if (topic.empty() || topic == state->properties.topic) co_return;
  ChatThread after = state->properties;
  after.topic = std::move(topic);
  std::vector<std::string> events(1, text_of(event, "event_id"));
  Pending pending = update(*state, std::move(after), where.resource, acting(event), time_of(event), events);
  co_await core_.commit(std::move(where.resource), state, std::move(pending));
}

Task<void> Inbound::take_receipts(Where where, json content) {
  for (const auto& [event, kinds] : content.items()) {
    const json& readers = object_of(kinds, "m.read");
    for (const auto& [user, receipt] : readers.items()) {
      if (core_.names.is_ours(user)) continue;
      const Threads::Lock lock = co_await core_.threads.lock(where.resource, where.thread);
      const std::string message = co_await core_.message_of_event(where.resource, where.thread, event);
      if (message.empty()) break;
      const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(where.resource, where.thread);
      const std::string id = core_.names.raw_id(user);
      const auto known = state->receipts.find(id);
      const bool small = state->members.size() <= core_.settings.max_receipt_participants;
      if (!small || !state->members.contains(id) || (known != state->receipts.end() && known->second.message_id == message))
        continue;
      std::optional<Pending> pending = read(*state, id, message, core_.now());
      if (pending) co_await core_.commit(where.resource, state, *std::move(pending));
    }
  }
}

Task<void> Inbound::take_typing(Where where, json content) {
  const ThreadPtr state = co_await core_.threads.get(where.resource, where.thread);
  if (state->members.size() > core_.settings.max_receipt_participants) co_return;
  for (const json& user : list_of(content, "user_ids")) {
    if (!user.is_string() || core_.names.is_ours(user.get_ref<const std::string&>())) continue;
    const auto member = state->members.find(core_.names.raw_id(user.get_ref<const std::string&>()));
    if (member == state->members.end()) continue;
    Typing typing;
    typing.thread_id = where.thread;
    typing.sender_id = member->first;
    typing.sender_display_name = member->second.participant.display_name;
    typing.at = core_.now();
    ChatChange change = ChatChange::of_typing(std::move(typing));
    co_await core_.events.changed(where.resource, std::move(change));
  }
}

}  // namespace chat_matrix
