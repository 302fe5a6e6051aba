// What the host asks of calls.
#include "sessions.h"

namespace pstn_webrtc {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::pstn::DialRequest;
using trunkline::pstn::LegChange;
using trunkline::pstn::LegFlow;
using trunkline::pstn::LegState;

void Sessions::dial(std::string resource, DialRequest request) {
  if (request.leg_id.empty()) throw Error(ErrorCode::kInvalidArgument, "legId: found nothing, wanted an id", "legId");
  if (!request.to.starts_with("8:"))
    throw Error(ErrorCode::kInvalidArgument, "to: found '" + request.to.substr(0, 80) + "', wanted the id of a user", "to");
  Caller callee;
  callee.user = std::move(request.to);
  callee.resource = std::move(resource);
  if (!is_there(callee.key())) throw Error(ErrorCode::kUnavailable, "the user has no page that waits for calls", "to");
  const SessionPtr session = new_session(request.leg_id, true, std::move(callee));
  session->from = std::move(request.from);
  session->from_name = request.display_name.value_or("");
  try {
    rings(session, true);
  } catch (...) {
    forget(session);
    throw;
  }
  tell(session, LegChange::of_state(LegState::kRinging));
  after(session, request.ring_timeout, [this, session] {
    if (session->state == Session::State::kRinging) end(session, kCauseNoAnswer, "nobody answered");
  });
}

void Sessions::answer(const std::string& leg_id) {
  const SessionPtr session = find(leg_id);
  if (session->outbound || session->state != Session::State::kRinging)
    throw Error(ErrorCode::kNotFound, "there is no incoming call '" + leg_id.substr(0, 80) + "'", "legId");
  session->state = Session::State::kConnecting;
  if (session->media_up) return answered(session);
  waiting_.changed(session->id);
}

void Sessions::hang_up(const std::string& leg_id, std::int32_t cause) { end(find(leg_id), cause, ""); }

void Sessions::send_dtmf(const std::string& leg_id, const std::string& digits) {
  const SessionPtr session = find(leg_id);
  if (session->state != Session::State::kAnswered)
    throw Error(ErrorCode::kNotFound, "there is no answered call '" + leg_id.substr(0, 80) + "'", "legId");
  // A page that takes no events has nothing to hear them with.
  engine_.change(session->media, [digits](MediaLeg& media) { media.stream.send_digits(digits); });
}

void Sessions::join_bridge(const std::string& leg_id, std::string bridge) {
  engine_.change(find_media(leg_id)->media, [bridge = std::move(bridge)](MediaLeg& media) { media.bridge = bridge; });
}

void Sessions::set_flow(const std::string& leg_id, LegFlow flow) {
  engine_.change(find_media(leg_id)->media, [flow](MediaLeg& media) {
    media.muted = flow.muted;
    media.on_hold = flow.on_hold;
    media.tapped = flow.tapped;
  });
}

void Sessions::play(const std::string& leg_id, std::int64_t play_id, SoundPtr sound) {
  const SessionPtr session = find_media(leg_id);
  session->plays.play(engine_, session->media, play_id, std::move(sound));
}

void Sessions::stop_play(const std::string& leg_id, std::int64_t play_id) {
  const SessionPtr session = find_media(leg_id);
  session->plays.stop(engine_, session->media, play_id);
}

}  // namespace pstn_webrtc
