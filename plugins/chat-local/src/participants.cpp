// Who takes part, who types, who has read.
#include "chat_local.h"

namespace chat_local {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::chat::MessageKind;
using trunkline::chat::ParticipantsAdded;
using trunkline::chat::ParticipantsRemoved;
using trunkline::chat::ReceiptSent;
using trunkline::chat::Typing;

Task<std::vector<InvalidParticipant>> ChatLocal::add_participants(Call call, std::string resource, std::string user,
                                                                  std::string thread, std::vector<Participant> participants) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const Time now = this->now();
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    t.require(user);
    ParticipantsAdded added;
    for (Participant& participant : participants) {
      const auto same = [&](const Participant& other) { return other.id == participant.id; };
      if (t.members.contains(participant.id) || std::any_of(added.participants.begin(), added.participants.end(), same)) continue;
      participant.share_history_time = stored(participant.share_history_time.value_or(now));
      added.participants.push_back(std::move(participant));
    }
    if (added.participants.empty()) return std::nullopt;
    if (t.members.size() + added.participants.size() > settings_.max_participants)
      throw Error(ErrorCode::kOutOfRange,
                  "a thread has at most " + std::to_string(settings_.max_participants) + " participants; this one has " +
                      std::to_string(t.members.size()) + ", and " + std::to_string(added.participants.size()) + " are to join",
                  "participants");
    Pending pending;
    const std::string& id = t.properties.id;
    for (const Participant& participant : added.participants) {
      Member member{participant, ++t.last_order};
      pending.batch.puts.push_back(entry(member_prefix(id) + participant.id, encode(member)));
      pending.batch.puts.push_back(entry(user_prefix(participant.id) + id));
      t.members.emplace(participant.id, std::move(member));
    }
    ChatMessage message = system_message(t, MessageKind::kParticipantAdded, user, now);
    message.participants = added.participants;
    pending.batch.puts.push_back(entry(message_prefix(id) + message.id, encode(message)));
    added.thread_id = id;
    added.thread_created_on = t.properties.created_on;
    added.added_by = user;
    added.added_on = now;
    added.version = message.version;
    pending.change = ChatChange::of_participants_added(std::move(added));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
  co_return std::vector<InvalidParticipant>();
}

Task<ParticipantPage> ChatLocal::list_participants(Call, std::string resource, std::string user, std::string thread,
                                                   PageRequest page) {
  const ThreadPtr state = co_await cache_.get(std::move(resource), std::move(thread));
  const std::size_t first = first_of(page), limit = static_cast<std::size_t>(page.limit);
  const std::lock_guard lock(state->mutex);
  state->require(user);
  const std::vector<const Member*> all = state->in_order();
  ParticipantPage result;
  for (std::size_t i = first; i < all.size() && result.items.size() < limit; ++i) result.items.push_back(all[i]->participant);
  if (first + limit < all.size()) result.cursor = std::to_string(first + limit);
  co_return result;
}

Task<void> ChatLocal::remove_participant(Call call, std::string resource, std::string user, std::string thread,
                                         std::string participant) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const Time now = this->now();
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    t.require(user);
    const auto found = t.members.find(participant);
    if (found == t.members.end()) return std::nullopt;
    Pending pending;
    const std::string& id = t.properties.id;
    ParticipantsRemoved removed;
    removed.participants.push_back(found->second.participant);
    t.members.erase(found);
    pending.batch.removes.push_back(member_prefix(id) + participant);
    pending.batch.removes.push_back(user_prefix(participant) + id);
    if (t.receipts.erase(participant) > 0) pending.batch.removes.push_back(receipt_prefix(id) + participant);
    ChatMessage message = system_message(t, MessageKind::kParticipantRemoved, user, now);
    message.participants = removed.participants;
    pending.batch.puts.push_back(entry(message_prefix(id) + message.id, encode(message)));
    removed.thread_id = id;
    removed.thread_created_on = t.properties.created_on;
    removed.removed_by = user;
    removed.removed_on = now;
    removed.version = message.version;
    pending.change = ChatChange::of_participants_removed(std::move(removed));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
}

Task<void> ChatLocal::send_typing(Call call, std::string resource, std::string user, std::string thread,
                                  std::optional<std::string> display_name) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const Time now = this->now();
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    const Member& sender = t.require(user);
    check_small(t);
    Typing typing;
    typing.thread_id = t.properties.id;
    typing.sender_id = user;
    typing.sender_display_name = display_name ? display_name : sender.participant.display_name;
    typing.at = now;
    Pending pending;
    pending.change = ChatChange::of_typing(std::move(typing));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
}

Task<void> ChatLocal::send_read_receipt(Call call, std::string resource, std::string user, std::string thread,
                                        std::string message) {
  const ThreadPtr state = co_await cache_.get(resource, std::move(thread));
  const ChatMessage read = co_await read_message(resource, state, user, message);
  const Time now = this->now();
  auto build = [&](ThreadState& t) -> std::optional<Pending> {
    t.require(user);
    check_small(t);
    ReadReceipt receipt;
    receipt.sender_id = user;
    receipt.message_id = read.id;
    receipt.read_on = now;
    const auto known = t.receipts.find(user);
    if (known != t.receipts.end() && known->second.message_id > receipt.message_id) return std::nullopt;  // read further already
    t.receipts.insert_or_assign(user, receipt);
    Pending pending;
    pending.batch.puts.push_back(entry(receipt_prefix(t.properties.id) + user, encode(receipt)));
    ReceiptSent sent;
    sent.thread_id = t.properties.id;
    sent.receipt = std::move(receipt);
    pending.change = ChatChange::of_read_receipt(std::move(sent));
    return pending;
  };
  co_await apply(std::move(resource), state, call.forward(), std::move(build));
}

Task<ReadReceiptPage> ChatLocal::list_read_receipts(Call, std::string resource, std::string user, std::string thread,
                                                    PageRequest page) {
  const ThreadPtr state = co_await cache_.get(std::move(resource), std::move(thread));
  const std::size_t first = first_of(page), limit = static_cast<std::size_t>(page.limit);
  const std::lock_guard lock(state->mutex);
  state->require(user);
  ReadReceiptPage result;
  std::size_t position = 0;
  for (const auto& [reader, receipt] : state->receipts)
    if (position++ >= first && result.items.size() < limit) result.items.push_back(receipt);
  if (first + limit < position) result.cursor = std::to_string(first + limit);
  co_return result;
}

}  // namespace chat_local
