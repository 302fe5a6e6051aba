// Who takes part, who types, who has read.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "chat_matrix.h"

namespace chat_matrix {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::chat::Typing;

Task<std::optional<InvalidParticipant>> ChatMatrix::bring_in(std::string room, Participant participant, std::string inviter,
                                                             CallOptions options) {
  InvalidParticipant invalid;
  invalid.id = participant.id;
  const std::optional<std::string> user = core_.names.matrix_user(participant.id);
  if (!user) {
    invalid.message = "no Matrix user can have this id";
    co_return invalid;
  }
  std::optional<Error> refusal;
  const bool ours = core_.names.is_ours(*user);
  if (ours) co_await core_.matrix.ensure_user(*user, options);
  try {
    if (ours) {
      co_await core_.join(room, std::move(participant), *user, inviter, options);
    } else {
      json invitation{{"user_id", *user}};
      co_await core_.matrix.post(room, "invite", std::move(invitation), inviter, options);
    }
  } catch (const Error& error) {
    const bool about_user = error.code == ErrorCode::kPermissionDenied || error.code == ErrorCode::kNotFound ||
                            error.code == ErrorCode::kInvalidArgument;
    if (!about_user) throw;
    refusal = error;
  }
  // A condition that waits stands alone: GCC 12 destroys what is made within it twice.
  if (!refusal) co_return std::nullopt;
  const bool there = co_await core_.matrix.is_member(std::move(room), *user, std::move(options));
  if (there) co_return std::nullopt;
  invalid.message = refusal->message;
  co_return invalid;
}

Task<std::vector<InvalidParticipant>> ChatMatrix::add_participants(Call call, std::string resource, std::string user,
                                                                   std::string thread, std::vector<Participant> participants) {
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  state->require(user);
  std::vector<Participant> fresh;
  for (Participant& participant : participants) {
    const auto same = [&](const Participant& other) { return other.id == participant.id; };
    if (!state->members.contains(participant.id) && std::none_of(fresh.begin(), fresh.end(), same))
      fresh.push_back(std::move(participant));
  }
  const std::size_t limit = core_.settings.max_participants;
  if (state->members.size() + fresh.size() > limit)
    throw Error(ErrorCode::kOutOfRange,
                "a thread has at most " + std::to_string(limit) + " participants; this one has " +
                    std::to_string(state->members.size()) + ", and " + std::to_string(fresh.size()) + " are to join",
                "participants");
  std::vector<InvalidParticipant> refused;
  std::vector<Participant> added;
  const std::string room = room_of_thread(thread), actor = matrix_user(user);
  for (Participant& participant : fresh) {
    auto invalid = co_await bring_in(room, participant, actor, call.forward());
    if (invalid)
      refused.push_back(*std::move(invalid));
    else
      added.push_back(std::move(participant));
  }
  if (added.empty()) co_return refused;
  Pending pending = add(*state, std::move(added), user, core_.now(), "");
  co_await core_.commit(std::move(resource), state, std::move(pending), std::string(call.traceparent()));
  co_return refused;
}

Task<ParticipantPage> ChatMatrix::list_participants(Call, std::string resource, std::string user, std::string thread,
                                                    PageRequest page) {
  const ThreadPtr state = co_await core_.threads.get(std::move(resource), std::move(thread));
  const std::size_t first = first_of(page), limit = static_cast<std::size_t>(page.limit);
  state->require(user);
  const std::vector<const Member*> all = state->in_order();
  ParticipantPage result;
  for (std::size_t i = first; i < all.size() && result.items.size() < limit; ++i) result.items.push_back(all[i]->participant);
  if (first + limit < all.size()) result.cursor = std::to_string(first + limit);
  co_return result;
}

Task<void> ChatMatrix::remove_participant(Call call, std::string resource, std::string user, std::string thread,
                                          std::string participant) {
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  state->require(user);
  if (!state->members.contains(participant)) co_return;
  const std::string room = room_of_thread(thread), leaver = matrix_user(participant);
  const bool leaves = participant == user && core_.names.is_ours(leaver);
  // In Matrix nobody may remove somebody of the same power; the bot does it, and the reason says for whom.
  json body = json::object();
  if (!leaves) body = {{"user_id", leaver}, {"reason", "removed by " + matrix_user(user)}};
  std::optional<Error> refusal;
  try {
    const std::string action = leaves ? "leave" : "kick", actor = leaves ? leaver : core_.names.bot();
    co_await core_.matrix.post(room, action, std::move(body), actor, call.forward());
  } catch (const Error& error) {
    if (error.code != ErrorCode::kPermissionDenied) throw;
    refusal = error;
  }
  // Who has gone on the Matrix side already is refused, too.
  bool there = false;
  if (refusal) there = co_await core_.matrix.is_member(room, leaver, call.forward());
  if (there) throw *std::move(refusal);
  Pending pending = remove(*state, participant, user, core_.now(), "");
  co_await core_.commit(std::move(resource), state, std::move(pending), std::string(call.traceparent()));
}

Task<void> ChatMatrix::send_typing(Call call, std::string resource, std::string user, std::string thread,
                                   std::optional<std::string> display_name) {
  const ThreadPtr state = co_await core_.threads.get(resource, thread);
  const Member& sender = state->require(user);
  check_small(*state);
  co_await core_.matrix.set_typing(room_of_thread(thread), matrix_user(user), call.forward());
  Typing typing;
  typing.thread_id = std::move(thread);
  typing.sender_id = user;
  typing.sender_display_name = display_name ? display_name : sender.participant.display_name;
  typing.at = core_.now();
  ChatChange change = ChatChange::of_typing(std::move(typing));
  co_await core_.events.changed(std::move(resource), std::move(change), std::nullopt, call.forward());
}

Task<void> ChatMatrix::send_read_receipt(Call call, std::string resource, std::string user, std::string thread,
                                         std::string message) {
  const Threads::Lock lock = co_await core_.threads.lock(resource, thread);
  const std::shared_ptr<ThreadState> state = co_await core_.threads.edit(resource, thread);
  const Indexed indexed = co_await visible(resource, state, user, message);
  check_small(*state);
  std::optional<Pending> pending = read(*state, user, indexed.message.id, core_.now());
  if (!pending) co_return;
  // The thread's first message has no event of its own.
  if (!indexed.event.empty()) {
    const std::string action = "receipt/m.read/" + url_part(indexed.event);
    json nothing = json::object();
    co_await core_.matrix.post(room_of_thread(thread), action, std::move(nothing), matrix_user(user), call.forward());
  }
  co_await core_.commit(std::move(resource), state, *std::move(pending), std::string(call.traceparent()));
}

Task<ReadReceiptPage> ChatMatrix::list_read_receipts(Call, std::string resource, std::string user, std::string thread,
                                                     PageRequest page) {
  const ThreadPtr state = co_await core_.threads.get(std::move(resource), std::move(thread));
  const std::size_t first = first_of(page), limit = static_cast<std::size_t>(page.limit);
  state->require(user);
  ReadReceiptPage result;
  std::size_t position = 0;
  for (const auto& [reader, receipt] : state->receipts)
    if (position++ >= first && result.items.size() < limit) result.items.push_back(receipt);
  if (first + limit < position) result.cursor = std::to_string(first + limit);
  co_return result;
}

}  // namespace chat_matrix
