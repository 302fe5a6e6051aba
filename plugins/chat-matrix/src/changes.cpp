#include "changes.h"

#include <algorithm>

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::chat::MessageDeleted;
using trunkline::chat::MessageEdited;
using trunkline::chat::MessageKind;
using trunkline::chat::MessageReceived;
using trunkline::chat::ParticipantsAdded;
using trunkline::chat::ParticipantsRemoved;
using trunkline::chat::ReceiptSent;
using trunkline::chat::ThreadCreated;
using trunkline::chat::ThreadDeleted;
using trunkline::chat::ThreadUpdated;

namespace {

/// The rows of a message, and of the events that it is made of.
void put_message(StoreBatch& batch, const Indexed& indexed, const std::vector<std::string>& events) {
  const ChatMessage& message = indexed.message;
  batch.puts.push_back(entry(message_prefix(message.thread_id) + message.id, encode(indexed)));
  for (const std::string& event : events)
    if (!event.empty()) batch.puts.push_back(entry(event_prefix(message.thread_id) + event, bytes_of(message.id)));
}

/// A message of the provider itself, numbered.
Indexed system_message(ThreadState& state, MessageKind kind, const std::string& initiator, Time now, const std::string& event) {
  Indexed indexed;
  indexed.event = event;
  indexed.message.kind = kind;
  indexed.message.initiator_id = initiator;
  state.number_message(indexed.message, now);
  return indexed;
}

void join(ThreadState& state, StoreBatch& batch, Participant& participant, Time now) {
  participant.share_history_time = stored(participant.share_history_time.value_or(now));
  Member member{participant, ++state.last_order};
  const std::string& thread = state.properties.id;
  batch.puts.push_back(entry(member_prefix(thread) + participant.id, encode(member)));
  batch.puts.push_back(entry(user_key(participant.id, state.properties)));
  state.members.emplace(participant.id, std::move(member));
}

}  // namespace

Pending create(ThreadState& state, std::vector<Participant> participants, const std::string& owner, Time now) {
  Pending pending;
  const ChatThread& thread = state.properties;
  for (Participant& participant : participants) join(state, pending.batch, participant, now);
  Indexed added = system_message(state, MessageKind::kParticipantAdded, thread.created_by, now, "");
  added.message.participants = participants;
  put_message(pending.batch, added, {});
  pending.batch.puts.push_back(entry(thread_key(thread.id), encode(thread, owner)));
  if (thread.retention_days > 0) pending.batch.puts.push_back(entry(due_key(thread)));
  ThreadCreated created;
  created.thread = thread;
  created.participants = std::move(participants);
  created.version = added.message.version;
  pending.change = ChatChange::of_thread_created(std::move(created));
  return pending;
}

Pending add(ThreadState& state, std::vector<Participant> participants, const std::string& by, Time now,
            const std::string& event) {
  Pending pending;
  for (Participant& participant : participants) join(state, pending.batch, participant, now);
  Indexed indexed = system_message(state, MessageKind::kParticipantAdded, by, now, event);
  indexed.message.participants = participants;
  put_message(pending.batch, indexed, {event});
  ParticipantsAdded added;
  added.thread_id = state.properties.id;
  added.thread_created_on = state.properties.created_on;
  added.participants = std::move(participants);
  added.added_by = by;
  added.added_on = now;
  added.version = indexed.message.version;
  pending.change = ChatChange::of_participants_added(std::move(added));
  return pending;
}

Pending remove(ThreadState& state, const std::string& participant, const std::string& by, Time now, const std::string& event) {
  Pending pending;
  const ChatThread& thread = state.properties;
  const auto found = state.members.find(participant);
  ParticipantsRemoved removed;
  removed.participants.push_back(found->second.participant);
  state.members.erase(found);
  std::vector<std::string>& removes = pending.batch.removes;
  removes.push_back(member_prefix(thread.id) + participant);
  removes.push_back(user_key(participant, thread));
  if (state.receipts.erase(participant) > 0) removes.push_back(receipt_prefix(thread.id) + participant);
  Indexed indexed = system_message(state, MessageKind::kParticipantRemoved, by, now, event);
  indexed.message.participants = removed.participants;
  put_message(pending.batch, indexed, {event});
  removed.thread_id = thread.id;
  removed.thread_created_on = thread.created_on;
  removed.removed_by = by;
  removed.removed_on = now;
  removed.version = indexed.message.version;
  pending.change = ChatChange::of_participants_removed(std::move(removed));
  return pending;
}

Pending update(ThreadState& state, ChatThread properties, const std::string& owner, const std::string& by, Time now,
               const std::vector<std::string>& events) {
  Pending pending;
  ChatThread& thread = state.properties;
  if (properties.topic != thread.topic) {
    Indexed indexed = system_message(state, MessageKind::kTopicUpdated, by, now, events.empty() ? "" : events.front());
    indexed.message.topic = properties.topic;
    put_message(pending.batch, indexed, events);
  }
  if (properties.retention_days != thread.retention_days) {
    if (thread.retention_days > 0) pending.batch.removes.push_back(due_key(thread));
    if (properties.retention_days > 0) pending.batch.puts.push_back(entry(due_key(properties)));
  }
  thread = std::move(properties);
  pending.batch.puts.push_back(entry(thread_key(thread.id), encode(thread, owner)));
  ThreadUpdated updated;
  updated.thread = thread;
  updated.updated_by = by;
  updated.updated_on = now;
  updated.version = state.next_version(now);
  pending.change = ChatChange::of_thread_updated(std::move(updated));
  return pending;
}

// The messages' rows are removed later: there may be a million of them.
Pending erase(const ThreadState& state, const std::string& owner, std::optional<std::string> by, Time now) {
  Pending pending;
  const ChatThread& thread = state.properties;
  std::vector<std::string>& removes = pending.batch.removes;
  removes.push_back(thread_key(thread.id));
  for (const auto& [member, _] : state.members) {
    removes.push_back(member_prefix(thread.id) + member);
    removes.push_back(user_key(member, thread));
  }
  for (const auto& [reader, _] : state.receipts) removes.push_back(receipt_prefix(thread.id) + reader);
  if (thread.retention_days > 0) removes.push_back(due_key(thread));
  pending.batch.puts.push_back(entry(garbage_key(thread.id), bytes_of(owner)));
  ThreadDeleted deleted;
  deleted.thread = thread;
  deleted.deleted_by = std::move(by);
  deleted.deleted_on = now;
  deleted.version = std::max(unix_ms(now), state.last_version + 1);
  pending.change = ChatChange::of_thread_deleted(std::move(deleted));
  return pending;
}

Pending receive(ThreadState& state, ChatMessage& message, const std::string& event, Time now) {
  Pending pending;
  state.number_message(message, now);
  Indexed indexed{message, event, {}};
  put_message(pending.batch, indexed, {event});
  MessageReceived received;
  received.message = message;
  pending.change = ChatChange::of_message_received(std::move(received));
  return pending;
}

Pending edit(ThreadState& state, Indexed& indexed, const std::string& event, Time now) {
  Pending pending;
  ChatMessage& message = indexed.message;
  message.edited_on = now;
  message.version = state.last_version = std::max(state.next_version(now), message.version + 1);
  indexed.edits.push_back(event);
  put_message(pending.batch, indexed, {event});
  MessageEdited edited;
  edited.message = message;
  pending.change = ChatChange::of_message_edited(std::move(edited));
  return pending;
}

Pending redact(ThreadState& state, Indexed& indexed, const std::string& event, Time now) {
  Pending pending;
  ChatMessage& message = indexed.message;
  message.content.reset();
  message.metadata.clear();
  message.attachments.clear();
  message.deleted_on = now;
  message.version = state.last_version = std::max(state.next_version(now), message.version + 1);
  put_message(pending.batch, indexed, {event});
  MessageDeleted deleted;
  deleted.message = message;
  deleted.message.edited_on.reset();  // as the log, whose event has no member for it
  pending.change = ChatChange::of_message_deleted(std::move(deleted));
  return pending;
}

std::optional<Pending> read(ThreadState& state, const std::string& user, const std::string& message, Time now) {
  const auto known = state.receipts.find(user);
  if (known != state.receipts.end() && known->second.message_id > message) return std::nullopt;
  ReadReceipt receipt;
  receipt.sender_id = user;
  receipt.message_id = message;
  receipt.read_on = now;
  state.receipts.insert_or_assign(user, receipt);
  Pending pending;
  pending.batch.puts.push_back(entry(receipt_prefix(state.properties.id) + user, encode(receipt)));
  ReceiptSent sent;
  sent.thread_id = state.properties.id;
  sent.receipt = std::move(receipt);
  pending.change = ChatChange::of_read_receipt(std::move(sent));
  return pending;
}

void merge_metadata(Properties& metadata, const std::optional<std::vector<std::string>>& remove,
                    const std::optional<Properties>& set, std::size_t max_bytes) {
  if (!remove && !set) return;
  Properties merged = metadata;
  if (remove)
    for (const std::string& key : *remove) merged.erase(key);
  if (set)
    for (const auto& [key, value] : *set) merged[key] = value;
  std::size_t bytes = 0;
  for (const auto& [key, value] : merged) bytes += key.size() + value.size();
  if (bytes > max_bytes)
    throw Error(ErrorCode::kOutOfRange,
                "the metadata would have " + std::to_string(bytes) + " bytes, wanted at most " + std::to_string(max_bytes),
                "metadata");
  metadata = std::move(merged);
}

}  // namespace chat_matrix
