// Who comes, goes and changes sides during a call.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/calls/call_recordings.h"
#include "runtime/calls/call_service.h"
#include "runtime/clock/clock.h"
#include "runtime/services/room_service.h"

namespace trunkline::calls {
namespace {

constexpr Duration kLongestInvitation = std::chrono::seconds{180};

Error absent(const Party& who, const char* target) {
  return refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound, who.raw_id + " is not in the call", target);
}

ParticipantView view_of(const Participant& participant) { return {participant.who, participant.muted, participant.on_hold}; }

}  // namespace

void CallService::check_room(const Resource& resource, const std::string& room_id, const Party& who, const char* target) const {
  if (room_id.empty()) return;
  if (who.is_user()) core_.rooms.check_join(resource, room_id, who.raw_id);
  if (who.is_phone() && !core_.rooms.get(resource, room_id).pstn_dial_out)
    throw Error(ErrorCode::kPermissionDenied, "phone numbers cannot be called from this room: pstnDialOutEnabled is off", target);
}

std::vector<ParticipantView> CallService::participants(const Resource& resource, std::string_view connection_id) {
  std::vector<ParticipantView> views;
  const std::lock_guard lock(core_.mutex);
  for (const Participant& participant : core_.call_of(core_.require(resource, connection_id, CallAction::kLook)).participants)
    if (participant.connected) views.push_back(view_of(participant));
  return views;
}

ParticipantView CallService::participant(const Resource& resource, std::string_view connection_id, const Party& who) {
  const std::lock_guard lock(core_.mutex);
  const Participant* found = core_.call_of(core_.require(resource, connection_id, CallAction::kLook)).find_connected(who);
  if (!found) throw absent(who, "participantRawId");
  return view_of(*found);
}

std::string CallService::add(const ResourcePtr& resource, std::string_view connection_id, Invite wanted) {
  if (wanted.timeout > kLongestInvitation)
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument, "an invitation lasts 180 seconds at most",
                  "invitationTimeoutInSeconds");
  std::string room;
  {
    const std::lock_guard lock(core_.mutex);
    room = core_.call_of(core_.require(*resource, connection_id, CallAction::kInvite)).room_id;
  }
  check_room(*resource, room, wanted.target, "participantToAdd");
  const Route route = route_to(resource, wanted.target, wanted.source_number, "participantToAdd");

  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(*resource, connection_id, CallAction::kInvite);
  Call& call = core_.call_of(connection);
  for (const Participant& other : call.participants)
    if (other.is(wanted.target))
      throw refusal(ErrorCode::kAlreadyExists, 400, 8559, wanted.target.raw_id + " is in the call, or being asked in, already",
                    "participantToAdd");
  Invitation invitation;
  invitation.purpose = Invitation::Purpose::kAdd;
  invitation.connection_id = connection.id;
  invitation.tag = std::move(wanted.tag);
  invitation.from =
      wanted.source_number && wanted.target.is_phone() ? *wanted.source_number : call.find(connection.participant_id)->who;
  invitation.from_name = wanted.display_name;
  invitation.custom = std::move(wanted.custom);
  return invite(call, std::move(invitation), route, wanted.timeout).id;
}

void CallService::cancel_add(const Resource& resource, std::string_view connection_id, std::string_view invitation_id,
                             OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kInvite);
  nlohmann::json data;
  data["invitationId"] = invitation_id;
  Invitation* found = core_.book.invitation(invitation_id);
  if (!found || found->connection_id != connection.id || found->purpose != Invitation::Purpose::kAdd)
    return core_.notices.callback(connection, "CancelAddParticipantFailed", tag,
                                  failure(404, sub_code::kNotFound, "there is no such invitation, or no more"), std::move(data));
  const Invitation invitation = *found;
  drop_invitation(*found);
  Call& call = core_.call_of(connection);
  const Participant callee = *call.find(invitation.participant_id);
  leave(call, callee.id, success(), true);
  core_.notices.callback(connection, "CancelAddParticipantSucceeded", tag, success("the invitation was taken back"),
                         std::move(data));
  core_.notices.not_added(connection, invitation.tag, callee,
                          failure(487, sub_code::kCallCancelled, "the invitation was taken back"));
}

void CallService::remove(const Resource& resource, std::string_view connection_id, const Party& who, OperationTag tag) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kInvite);
  Call& call = core_.call_of(connection);
  const Participant* found = call.find_connected(who);
  if (!found)
    return core_.notices.about(connection, "RemoveParticipantFailed", tag,
                               failure(404, sub_code::kNotFound, who.raw_id + " is not in the call"), who,
                               nlohmann::json::object());
  const bool itself = found->id == connection.participant_id;
  core_.notices.about(connection, "RemoveParticipantSucceeded", tag, success("the participant was removed"), who,
                      nlohmann::json::object());
  CallResult result = success("removed from the call");
  result.sub_code = sub_code::kGraceful;
  leave(call, found->id, result, true);
  settle(call, result, itself ? who : call.started_by);
}

void CallService::mute(const Resource& resource, std::string_view connection_id, const std::vector<Party>& who) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kInvite);
  Call& call = core_.call_of(connection);
  if (who.size() != 1)
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument,
                  "found " + std::to_string(who.size()) + " participants, wanted 1", "targetParticipants");
  if (!who.front().is_user())
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument, "only users can be muted",
                  "targetParticipants[0]");
  Participant* found = call.find_connected(who.front());
  if (!found)
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kNotPresent, who.front().raw_id + " is not in the call",
                  "targetParticipants[0]");
  if (std::exchange(found->muted, true)) return;
  core_.taps.rearranged(call);
  core_.notices.roster(core_.book, call);
}

/// Takes somebody out of one call and puts them into another, with their connection.
void CallService::move(Call& from, std::int64_t participant_id, Call& to) {
  Participant moved = *from.find(participant_id);
  std::erase_if(from.participants, [&](const Participant& one) { return one.id == participant_id; });
  core_.notices.participant(from, moved, false);
  if (Connection* connection = moved.connection_id.empty() ? nullptr : core_.book.connection(moved.connection_id)) {
    connection->server_call_id = to.server_call_id;
    core_.notices.closed(*connection);
    core_.notices.opened(*connection);
  }
  moved.on_hold = false;
  to.participants.push_back(std::move(moved));
  core_.taps.rearranged(from);
  joined(to, to.participants.back());
}

std::vector<ParticipantView> CallService::move_here(const Resource& resource, std::string_view connection_id,
                                                    std::string_view from_connection_id, const std::vector<Party>& who,
                                                    OperationTag tag) {
  std::string room;
  {
    const std::lock_guard lock(core_.mutex);
    room = core_.call_of(core_.require(resource, connection_id, CallAction::kInvite)).room_id;
  }
  for (const Party& party : who)
    if (party.is_user()) check_room(resource, room, party, "targetParticipants");
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kInvite);
  Connection& other = core_.require(resource, from_connection_id, CallAction::kInvite);
  Call& to = core_.call_of(connection);
  Call& from = core_.call_of(other);
  if (&from == &to)
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument, "this is the same call", "fromCall");
  if (who.empty())
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument, "found nobody, wanted somebody to move",
                  "targetParticipants");
  std::vector<ParticipantView> moved;
  for (const Party& party : who) {
    nlohmann::json data;
    data["fromCall"] = from_connection_id;
    const Participant* found = from.find_connected(party);
    if (!found || found->id == other.participant_id) {
      core_.notices.about(connection, "MoveParticipantFailed", tag,
                          failure(404, sub_code::kNotFound, party.raw_id + " is not among the others of that call"), party,
                          std::move(data));
      continue;
    }
    move(from, found->id, to);
    moved.push_back(view_of(to.participants.back()));
    core_.notices.about(connection, "MoveParticipantSucceeded", tag, success("the participant was moved"), party,
                        std::move(data));
  }
  if (moved.empty()) return moved;
  core_.notices.roster(core_.book, to);
  CallResult result = success("the participants were moved to another call");
  result.sub_code = sub_code::kGraceful;
  settle(from, result, to.started_by);
  return moved;
}

void CallService::transfer(const ResourcePtr& resource, std::string_view connection_id, Transfer wanted) {
  std::string room;
  {
    const std::lock_guard lock(core_.mutex);
    room = core_.call_of(core_.require(*resource, connection_id, CallAction::kTransfer)).room_id;
  }
  check_room(*resource, room, wanted.target, "targetParticipant");
  const Route route = route_to(resource, wanted.target, wanted.source_number, "targetParticipant");
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(*resource, connection_id, CallAction::kTransfer);
  Call& call = core_.call_of(connection);
  const Participant* transferee = nullptr;
  if (wanted.transferee) {
    transferee = call.find_connected(*wanted.transferee);
    if (!transferee) throw absent(*wanted.transferee, "transferee");
  } else {
    if (call.connected() != 2)
      throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument,
                    "with more than one other participant, transferee must say who is handed on", "transferee");
    for (const Participant& other : call.participants)
      if (other.connected && !other.listens && other.id != connection.participant_id) transferee = &other;
  }
  const Participant* there = call.find_connected(wanted.target);
  const bool both_phones = there && there->id != transferee->id && !there->leg_id.empty() && !transferee->leg_id.empty() &&
                           core_.legs.transfers(transferee->leg_id) &&
                           core_.legs.audio_provider(there->leg_id) == core_.legs.audio_provider(transferee->leg_id);
  if (there && !both_phones)
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kInvalidArgument, wanted.target.raw_id + " is in the call already",
                  "targetParticipant");
  enter(connection, CallInput::kTransferAsked);
  if (there) return refer(connection, *transferee, std::move(wanted), "leg:" + there->leg_id);
  // Only numbers elsewhere: one of ours would come back to us.
  if (!transferee->leg_id.empty() && !route.resource && core_.legs.transfers(transferee->leg_id))
    return refer(connection, *transferee, std::move(wanted), "");
  bridge(call, connection, transferee->id, std::move(wanted), route);
}

/// We call the target, and the two talk here.
void CallService::bridge(Call& call, Connection& by, std::int64_t transferee_id, Transfer wanted, const Route& route) {
  const Participant& transferee = *call.find(transferee_id);
  Invitation invitation;
  invitation.purpose = Invitation::Purpose::kTransfer;
  invitation.connection_id = by.id;
  invitation.tag = std::move(wanted.tag);
  invitation.from = wanted.source_number && wanted.target.is_phone() ? *wanted.source_number : transferee.who;
  invitation.from_name = transferee.display_name;
  invitation.custom = std::move(wanted.custom);
  invitation.transferee_id = transferee_id;
  invite(call, std::move(invitation), route, kRingTime);
}

/// The target of a transfer has answered. In a call of two the application goes; in a larger one the two of them do.
void CallService::hand_over(Call& call, Connection& by, const Invitation& invitation) {
  enter(by, CallInput::kTransferAccepted);
  const Participant target = *call.find(invitation.participant_id);
  nlohmann::json data;
  data["transferTarget"] = party_json(target.who);
  const Participant* transferee = call.find(invitation.transferee_id);
  if (transferee) data["transferee"] = party_json(transferee->who);
  core_.notices.callback(by, "CallTransferAccepted", invitation.tag, success("the call was handed on"), std::move(data));
  CallResult result = success("the call was handed on");
  result.sub_code = sub_code::kGraceful;
  const bool all_go = call.connected() <= 3;
  if (!all_go && transferee) {
    Call& apart = new_call(call.resource, transferee->who);
    move(call, invitation.transferee_id, apart);
    move(call, target.id, apart);
    // The application goes on with the others.
    by.state = CallState::kConnected;
    core_.notices.roster(core_.book, apart);
    return settle(call, result, target.who);
  }
  leave(call, by.participant_id, result, true);
  settle(call, result, target.who);
}

}  // namespace trunkline::calls
