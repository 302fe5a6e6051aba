// What happens to phones and pages behind providers.
#include "runtime/calls/call_service.h"
#include "runtime/calls/leg_audio.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/services/number_service.h"

namespace trunkline::calls {

void CallService::on_incoming(std::string_view provider, std::string leg_id, std::string from, std::string to,
                              const Properties& headers) {
  const ResourcePtr owner = core_.numbers.owner_of(to);
  if (!owner) throw Error(ErrorCode::kNotFound, "nobody here has the number " + to, "to");
  bool takes_calls = true;
  try {
    core_.numbers.require(*owner, to, NumberUse::kCall, NumberDirection::kInbound, "to");
  } catch (const Error& error) {
    core_.context.log.info("calls", "a number got a call that it does not take", {{"number", to}, {"reason", error.message}});
    takes_calls = false;
  }
  const std::lock_guard lock(core_.mutex);
  if (core_.book.leg(leg_id).first) throw Error(ErrorCode::kAlreadyExists, "there is a leg with this id already", "legId");
  if (!core_.legs.adopt(leg_id, provider, owner->name))
    throw Error(ErrorCode::kUnavailable, "there is no provider '" + std::string(provider) + "'", "provider");
  const Party caller = phone_party(from);
  Call& call = new_call(owner, caller);
  new_participant(call, caller, owner).leg_id = leg_id;
  Invitation invitation;
  invitation.from = caller;
  for (const auto& [name, value] : headers) invitation.custom.sip_headers[name] = value;
  Route route;
  route.target = phone_party(to);
  route.resource = owner;
  route.takes_calls = takes_calls;
  invite(call, std::move(invitation), route, kRingTime);
}

void CallService::on_leg_changed(const std::string& leg_id, const pstn::LegChange& change) {
  const std::lock_guard lock(core_.mutex);
  const auto [call, who] = core_.book.leg(leg_id);
  if (change.ended()) core_.legs.forget(leg_id);
  if (!call) return;
  const Invitation* invitation = core_.book.of_participant(who->id);
  if (const pstn::LegState* state = change.state()) {
    if (*state == pstn::LegState::kRinging && invitation && invitation->purpose == Invitation::Purpose::kReferred)
      if (const Participant* asked = call->find(invitation->transferee_id); asked && !asked->leg_id.empty())
        core_.legs.transfer_progress(asked->leg_id, 180);
    if (*state != pstn::LegState::kAnswered || who->connected) return;
    if (invitation) return accepted(*call, std::string(invitation->id));
    // A phone that calls in: whoever took the call is in as well now.
    joined(*call, *who);
    for (const Invitation* waiting : core_.book.invitations_of(*call))
      if (waiting->answered) return accepted(*call, std::string(waiting->id));
    return core_.notices.roster(core_.book, *call);  // into a room or a group
  }
  if (const pstn::DtmfInput* input = change.dtmf()) {
    if (who->connected) media_.tones_from(*call, *who, input->digits);
    return;
  }
  if (const pstn::HangupCause* cause = change.ended()) {
    const Party party = who->who;
    CallResult result = result_of_cause(cause->q850, cause->sip_status, cause->text.value_or(""));
    drop_referral(leg_id, result);
    audio_->forget(leg_id);
    who->leg_id.clear();
    if (invitation) {
      // A phone that takes the call and hangs up at once has not been there.
      if (result.ok()) result = failure(487, sub_code::kCallCancelled, "the phone hung up before the call was established");
      return refused(std::string(invitation->id), result, cause->q850);
    }
    if (!who->connected && !call->stays_open()) {
      const CallResult gave_up = failure(487, sub_code::kCallCancelled, "the caller gave up");
      for (const Connection* waiting : core_.book.connections_of(*call)) core_.notices.state(*waiting, "AnswerFailed", gave_up);
      return end_call(*call, gave_up, party);
    }
    leave(*call, who->id, result, false);
    settle(*call, result, party);
  }
}

void CallService::on_heard(std::string_view leg_id, std::int64_t position, std::span<const std::uint8_t> samples) {
  audio_->heard(leg_id, position, samples);
}

void CallService::on_spoke(const std::string& leg_id, const std::string& text, Duration lasts) {
  const std::lock_guard lock(core_.mutex);
  const auto [call, who] = core_.book.leg(leg_id);
  if (!call || !who->connected || who->muted) return;
  if (core_.recognition == RecognitionMode::kSound) return media_.voice_from(leg_id, text);
  media_.speech_from(*call, *who, text, lasts);
}

}  // namespace trunkline::calls
