// Transfers by REFER: the far end of a leg calls the target itself, or asks us to.
#include <nlohmann/json.hpp>

#include "runtime/calls/call_service.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {
namespace {

/// For the far end to say what became of a transfer.
constexpr Duration kReferralPatience = std::chrono::seconds{180};

/// Of a refusal of the request as such: the far end does not know it, or does not do it, and we do it ourselves.
bool does_not_transfer(const pstn::HangupCause& cause) {
  const std::int32_t status = cause.sip_status.value_or(0);
  return status == 405 || status == 501 || status == 603;
}

}  // namespace

void CallService::refer(Connection& by, const Participant& transferee, Transfer wanted, std::string to) {
  const std::string leg_id = transferee.leg_id;
  Referral referral;
  referral.connection_id = by.id;
  referral.transferee_id = transferee.id;
  referral.wanted = std::move(wanted);
  referral.timer = core_.context.clock.schedule_after(kReferralPatience, [this, leg_id] {
    pstn::TransferOutcome silence;
    silence.accepted = true;
    silence.cause.q850 = 102;
    silence.cause.sip_status = 408;
    silence.cause.text = "the far end did not say what became of the transfer";
    on_transferred(leg_id, silence);
  });
  std::string number = to.empty() ? std::string(referral.wanted.target.number()) : std::move(to);
  referrals_.insert_or_assign(leg_id, std::move(referral));
  core_.legs.transfer(leg_id, std::move(number), [this, leg_id](const Error& error) {
    pstn::TransferOutcome refused;
    refused.cause.q850 = 29;  // facility rejected
    // Its trunk is not asked: the usual case without `transfer: refer`.
    refused.cause.sip_status =
        error.code == ErrorCode::kFailedPrecondition || error.code == ErrorCode::kUnimplemented ? 501 : 500;
    refused.cause.text = error.message;
    on_transferred(leg_id, refused);
  });
}

void CallService::on_transferred(const std::string& leg_id, const pstn::TransferOutcome& outcome) {
  std::optional<Referral> pending;
  {
    const std::lock_guard lock(core_.mutex);
    const auto found = referrals_.find(leg_id);
    if (found == referrals_.end()) return;
    pending = std::move(found->second);
    referrals_.erase(found);
    core_.context.clock.cancel(pending->timer);
  }
  const bool bridged = !outcome.accepted && does_not_transfer(outcome.cause);
  CallResult result =
      result_of_cause(outcome.cause.q850, outcome.cause.sip_status, outcome.cause.text.value_or("the transfer failed"));
  std::optional<Route> route;
  ResourcePtr resource;
  if (bridged) {
    const std::lock_guard lock(core_.mutex);
    if (const Connection* by = core_.book.connection(pending->connection_id)) resource = by->resource;
  }
  try {
    if (resource) route = route_to(resource, pending->wanted.target, pending->wanted.source_number, "targetParticipant");
  } catch (const Error& error) {
    result = failure(500, sub_code::kUnknown, error.message);
  }
  const std::lock_guard lock(core_.mutex);
  Connection* by = core_.book.connection(pending->connection_id);
  if (!by || by->state != CallState::kTransferring) return;
  Call& call = core_.call_of(*by);
  const Participant* transferee = call.find(pending->transferee_id);
  const bool there =
      outcome.accepted && outcome.cause.sip_status.value_or(0) >= 200 && outcome.cause.sip_status.value_or(0) < 300;
  if (there && transferee) return referred(call, *by, *pending);
  if (const Participant* target = transferee && bridged ? call.find_connected(pending->wanted.target) : nullptr) {
    // They talk here, then, and the application goes.
    Invitation invitation;
    invitation.participant_id = target->id;
    invitation.transferee_id = transferee->id;
    invitation.tag = pending->wanted.tag;
    return hand_over(call, *by, invitation);
  }
  if (route && transferee) return bridge(call, *by, pending->transferee_id, std::move(pending->wanted), *route);
  if (result.ok()) result = failure(500, sub_code::kUnknown, "the far end does not transfer the call");
  enter(*by, CallInput::kTransferRefused);
  core_.notices.callback(*by, "CallTransferFailed", pending->wanted.tag, result);
}

/// The far end talks to the target, somewhere else.
void CallService::referred(Call& call, Connection& by, const Referral& referral) {
  enter(by, CallInput::kTransferAccepted);
  const Participant transferee = *call.find(referral.transferee_id);
  nlohmann::json data;
  data["transferTarget"] = party_json(referral.wanted.target);
  data["transferee"] = party_json(transferee.who);
  core_.notices.callback(by, "CallTransferAccepted", referral.wanted.tag, success("the call was handed on"), std::move(data));
  CallResult result = success("the call was handed on");
  result.sub_code = sub_code::kGraceful;
  leave(call, transferee.id, result, true);
  if (const Participant* target = call.find_connected(referral.wanted.target)) leave(call, target->id, result, true);
  // With others left, the application goes on with them.
  if (call.connected() > 1) by.state = CallState::kConnected;
  settle(call, result, referral.wanted.target);
}

void CallService::drop_referral(const std::string& leg_id, const CallResult& result) {
  const auto found = referrals_.find(leg_id);
  if (found == referrals_.end()) return;
  const Referral referral = std::move(found->second);
  referrals_.erase(found);
  core_.context.clock.cancel(referral.timer);
  Connection* by = core_.book.connection(referral.connection_id);
  if (!by || by->state != CallState::kTransferring) return;
  enter(*by, CallInput::kTransferRefused);
  core_.notices.callback(*by, "CallTransferFailed", referral.wanted.tag,
                         result.ok() ? failure(487, sub_code::kCallCancelled, "the phone hung up") : result);
}

/// A phone with two calls brings their other sides together, and goes.
void CallService::join_calls(const std::string& leg_id, const std::string& other_leg_id) {
  const std::lock_guard lock(core_.mutex);
  const auto [call, who] = core_.book.leg(leg_id);
  const auto [other, same] = core_.book.leg(other_leg_id);
  if (!call || !other || !who->connected || !same->connected)
    throw Error(ErrorCode::kNotFound, "there is no call of this leg", "legId");
  if (call == other || call->resource->key != other->resource->key || call->stays_open() || other->stays_open())
    throw Error(ErrorCode::kFailedPrecondition, "the calls cannot be brought together", "to");
  for (const Invitation* one : core_.book.invitations_of(*call))
    if (one->purpose == Invitation::Purpose::kReferred)
      throw Error(ErrorCode::kFailedPrecondition, "the call is being transferred already", "legId");
  core_.context.log.info("calls", "a phone brings two calls together", {{"leg", leg_id}, {"other", other_leg_id}});
  const std::int64_t own = who->id, also = same->id;
  std::vector<std::int64_t> others;
  for (const Participant& participant : call->participants)
    if (participant.connected && participant.id != own) others.push_back(participant.id);
  for (const std::int64_t id : others) move(*call, id, *other);
  CallResult result = success("the phone brought two calls together");
  result.sub_code = sub_code::kGraceful;
  core_.legs.transfer_progress(leg_id, 200);
  leave(*other, also, result, true);
  leave(*call, own, result, true);
  end_call(*call, result, call->started_by);
  settle(*other, result, other->started_by);
}

void CallService::on_transfer_asked(const std::string& leg_id, const std::string& to) {
  constexpr std::string_view kLeg = "leg:";
  if (to.starts_with(kLeg)) return join_calls(leg_id, to.substr(kLeg.size()));
  const Party target = phone_party(to);
  ResourcePtr resource;
  std::optional<Party> number;
  std::string room;
  {
    const std::lock_guard lock(core_.mutex);
    const auto [call, who] = core_.book.leg(leg_id);
    if (!call || !who->connected) throw Error(ErrorCode::kNotFound, "there is no call of this leg", "legId");
    room = call->room_id;
    // The number that the application has in the call: it makes the call to the target.
    for (const Connection* connection : core_.book.connections_of(*call)) {
      if (number) break;
      number = connection->answered_for ? connection->answered_for : connection->source_number;
      resource = connection->resource;
    }
    // In a room or a group it has none: the one with which it called this phone.
    if (!number && call->stays_open()) {
      number = who->called_from;
      resource = call->resource;  // the application may have gone
    }
  }
  if (!number) throw Error(ErrorCode::kPermissionDenied, "nobody in the call has a number to call the target with", "to");
  check_room(*resource, room, target, "to");
  const Route route = route_to(resource, target, number, "to");
  const std::lock_guard lock(core_.mutex);
  const auto [call, who] = core_.book.leg(leg_id);
  if (!call || !who->connected) throw Error(ErrorCode::kNotFound, "there is no call of this leg", "legId");
  for (const Invitation* other : core_.book.invitations_of(*call))
    if (other->purpose == Invitation::Purpose::kReferred)
      throw Error(ErrorCode::kFailedPrecondition, "the call is being transferred already", "legId");
  for (const Participant& other : call->participants)
    if (other.is(target)) throw Error(ErrorCode::kFailedPrecondition, "the target is in the call already", "to");
  Invitation invitation;
  invitation.purpose = Invitation::Purpose::kReferred;
  invitation.from = *number;
  invitation.transferee_id = who->id;
  // The provider may have been told more of the target than we were.
  if (!route.resource) invitation.custom.sip_headers[std::string(PhoneLegs::kReferredLeg)] = leg_id;
  core_.context.log.info("calls", "a phone hands its call on", {{"leg", leg_id}, {"to", to}});
  invite(*call, std::move(invitation), route, kRingTime);
}

/// The target is there: the phone that asked for it goes.
void CallService::replaced(Call& call, const Invitation& invitation) {
  if (const Participant* asked = call.find(invitation.transferee_id)) {
    CallResult result = success("the phone handed the call on");
    result.sub_code = sub_code::kGraceful;
    if (!asked->leg_id.empty()) core_.legs.transfer_progress(asked->leg_id, 200);
    leave(call, asked->id, result, true);
  }
  core_.notices.roster(core_.book, call);
}

/// It is not: the phone goes on, if it is still there.
void CallService::not_replaced(Call& call, const Invitation& invitation, const CallResult& result, const Party& target) {
  if (const Participant* asked = call.find(invitation.transferee_id); asked && !asked->leg_id.empty())
    core_.legs.transfer_progress(asked->leg_id, result.sip.value_or(result.code >= 400 ? result.code : 480));
  if (call.connected() < 2) settle(call, result, target);
}

}  // namespace trunkline::calls
