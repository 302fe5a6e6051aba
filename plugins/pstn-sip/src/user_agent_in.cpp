// Calls that come in, and what the other side changes in a call.
#include "causes.h"
#include "sip_text.h"
#include "user_agent.h"

namespace pstn_sip {

using trunkline::CallOptions;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::LogLevel;

/// The trunk whose address the request that is being handled came from; null: nobody's.
const Trunk* UserAgent::trunk_of_source() const {
  msg_t* message = nua_current_request(nua_);
  const su_sockaddr_t* from = message ? msg_addr(message) : nullptr;
  const auto address = from ? IpAddress::of(&from->su_sa) : std::nullopt;
  if (!address) return nullptr;
  for (const Trunk& trunk : trunks_)
    if (trunk.sends_from(*address)) return &trunk;
  return nullptr;
}

void UserAgent::refuse(nua_handle_t* handle, int status, const char* phrase, const std::string& why) {
  log_.write(LogLevel::kInfo, "a call was refused", Properties{{"status", std::to_string(status)}, {"reason", why}});
  const std::string warning = "399 trunkline \"" + why.substr(0, 200) + "\"";
  const bool plain = why.find_first_of("\"\\\r\n") == why.npos;
  nua_respond(handle, status, phrase, TAG_IF(plain && status == 488, SIPTAG_WARNING_STR(warning.c_str())),
              TAG_IF(status == 415, SIPTAG_ACCEPT_STR("application/sdp")), TAG_END());
  nua_handle_destroy(handle);
}

void UserAgent::incoming(nua_handle_t* handle, const sip_t* sip) {
  const Trunk* trunk = trunk_of_source();
  if (!trunk) return refuse(handle, SIP_403_FORBIDDEN, "it came from an address that is no trunk's");
  if (has_strange_body(sip)) return refuse(handle, SIP_415_UNSUPPORTED_MEDIA, "its body is no session description");
  if (sip->sip_replaces) return replaced(handle, sip, *trunk);
  SipLegPtr leg;
  try {
    leg = new_leg(id_prefix_ + std::to_string(last_number_ + 1), false);
    leg->trunk = trunk;
    open_media(*leg, *trunk);
  } catch (const Error& error) {
    if (leg) {
      legs_.erase(leg->id);
      by_number_.erase(leg->number);
    }
    return refuse(handle, SIP_503_SERVICE_UNAVAILABLE, error.message);
  }
  const std::string_view sdp = sdp_of(sip);
  try {
    if (!sdp.empty()) set_media(*leg, parse_sdp(sdp));
  } catch (const Error& error) {
    engine_.remove(leg->media);
    legs_.erase(leg->id);
    by_number_.erase(leg->number);
    const bool wrong = error.code == ErrorCode::kInvalidArgument;
    return wrong ? refuse(handle, 400, "Bad Session Description", error.message)
                 : refuse(handle, SIP_488_NOT_ACCEPTABLE, error.message);
  }
  bind(leg, handle);
  keep_session(leg, sip);
  leg->far = caller_of(sip);
  std::string to = number_of(sip->sip_request->rq_url);
  // A registered contact may name the user: then To says which number was called.
  if (sip->sip_to && !trunk->settings.username.empty() && to == trunk->settings.username) to = number_of(sip->sip_to->a_url);
  leg->telling = true;  // the host hears of the call first, then of what became of it
  events_.start_incoming(
      leg->id, leg->far, std::move(to), custom_headers_of(sip), CallOptions{},
      [this, leg](Result<void> taken) { thread_.post([this, leg, taken = std::move(taken)] { offered(leg, taken); }); });
}

SipLegPtr UserAgent::leg_of(nua_handle_t* handle) const {
  for (const auto& [number, leg] : by_number_)
    if (handle && leg->handle == handle) return leg;
  return nullptr;
}

/// Somebody takes the place of the far end of a call (RFC 3891). For the host it is the same call: what it hears and says goes
/// there from now on.
void UserAgent::replaced(nua_handle_t* handle, const sip_t* sip, const Trunk& trunk) {
  nua_handle_t* const named = nua_handle_by_replaces(nua_, sip->sip_replaces);
  const SipLegPtr leg = leg_of(named);
  if (named) nua_handle_unref(named);
  if (!leg || leg->trunk != &trunk) return refuse(handle, SIP_481_NO_TRANSACTION, "it replaces a call that is not under way");
  if (!trunk.settings.accepts_refer)
    return refuse(handle, SIP_403_FORBIDDEN, "accept_refer is off for the trunk " + trunk.settings.host);
  if (leg->ended()) return refuse(handle, SIP_603_DECLINE, "the call that it replaces is over");
  if (leg->state != SipLeg::State::kAnswered)
    return refuse(handle, SIP_481_NO_TRANSACTION, "the call that it replaces is not answered yet");
  if (sip->sip_replaces->rp_early_only) return refuse(handle, SIP_486_BUSY_HERE, "the call that it replaces is answered already");
  if (leg->offer_is_out || leg->referral != SipLeg::Referral::kNone || !leg->refer_event.empty())
    return refuse(handle, SIP_491_REQUEST_PENDING, "the call that it replaces is being changed");
  const std::string_view sdp = sdp_of(sip);
  std::string ours;
  leg->is_replaced = true;  // until the new phone has said where it is: perhaps only with the ACK
  try {
    ++leg->local.version;
    if (sdp.empty()) {
      leg->local.direction = direction_of(*leg);
      ours = write_offer(leg->local);
      leg->offer_is_out = leg->offer_in_answer = true;
      leg->hold_offered = leg->held;
    } else {
      const Agreed agreed = set_media(*leg, parse_sdp(sdp));
      ours = write_answer(leg->local, *leg->remote, agreed);
    }
  } catch (const Error& error) {
    leg->is_replaced = false;
    const bool wrong = error.code == ErrorCode::kInvalidArgument;
    return refuse(handle, wrong ? 400 : 488, wrong ? "Bad Session Description" : "Not Acceptable Here", error.message);
  }
  nua_handle_t* const before = leg->handle;
  nua_handle_bind(before, reinterpret_cast<nua_hmagic_t*>(static_cast<std::uintptr_t>(kFormerNumber)));
  bind(leg, handle);
  leg->far = caller_of(sip);
  leg->held_by_them = false;
  leg->hold_told = leg->held && !sdp.empty() ? false : leg->held;
  leg->refer_event.clear();
  keep_session(leg, sip);
  nua_respond(handle, SIP_200_OK, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(ours.c_str()), TAG_END());
  nua_bye(before, SIPTAG_REASON_STR("SIP;cause=200;text=\"Replaced\""), TAG_END());
  log_.write(LogLevel::kInfo, "another phone took the place of the far end", Properties{{"leg_id", leg->id}, {"from", leg->far}});
  if (!leg->offer_is_out && leg->held != leg->hold_told) offer_again(leg);
}

/// The phone whose place was taken: its end is nobody's news. What it asks before it has confirmed that belongs to no call, and
/// must not be taken for a new one.
void UserAgent::former_event(nua_handle_t* handle, nua_event_t event) {
  if (event == nua_i_invite || event == nua_i_info || event == nua_i_refer)
    nua_respond(handle, SIP_481_NO_TRANSACTION, NUTAG_WITH_THIS(nua_), TAG_END());
  else if (event == nua_i_terminated)
    nua_handle_destroy(handle);
}

/// What the host said to a call that comes in.
void UserAgent::offered(const SipLegPtr& leg, const Result<void>& taken) {
  if (taken.ok()) {
    if (leg->state == SipLeg::State::kDialing) {
      leg->state = SipLeg::State::kRinging;
      nua_respond(leg->handle, SIP_180_RINGING, TAG_END());
    }
    return tell_next(leg);
  }
  const bool nobody = taken.error().code == ErrorCode::kNotFound;
  log_.write(LogLevel::kInfo, "the host did not take a call", Properties{{"leg_id", leg->id}, {"reason", taken.error().message}});
  leg->news.clear();  // it does not know the call
  if (leg->ended()) return;
  close(leg);
  nua_respond(leg->handle, nobody ? 404 : 503, nobody ? "Not Found" : "Service Unavailable", TAG_END());
}

/// An INVITE within the call: hold, another codec, another address, or just a sign of life.
void UserAgent::offered_again(const SipLegPtr& leg, const sip_t* sip) {
  if (leg->ended()) {
    nua_respond(leg->handle, SIP_481_NO_TRANSACTION, NUTAG_WITH_THIS(nua_), TAG_END());
    return;
  }
  if (has_strange_body(sip)) {
    nua_respond(leg->handle, SIP_415_UNSUPPORTED_MEDIA, NUTAG_WITH_THIS(nua_), SIPTAG_ACCEPT_STR("application/sdp"), TAG_END());
    return;
  }
  const std::string_view sdp = sdp_of(sip);
  std::string ours;
  try {
    ++leg->local.version;
    if (sdp.empty()) {
      leg->local.direction = direction_of(*leg);
      ours = write_offer(leg->local);
      leg->offer_is_out = leg->offer_in_answer = true;
      leg->hold_offered = leg->held;
    } else {
      const Agreed agreed = set_media(*leg, parse_sdp(sdp));
      leg->held_by_them = leg->remote->direction == Direction::kSendOnly || leg->remote->direction == Direction::kInactive;
      if (leg->held) {
        if (leg->local.direction == Direction::kSendRecv) leg->local.direction = Direction::kSendOnly;
        if (leg->local.direction == Direction::kRecvOnly) leg->local.direction = Direction::kInactive;
        leg->hold_told = true;
      }
      ours = write_answer(leg->local, *leg->remote, agreed);
    }
  } catch (const Error& error) {
    // The call goes on as it was.
    nua_respond(leg->handle, SIP_488_NOT_ACCEPTABLE, NUTAG_WITH_THIS(nua_), TAG_END());
    return;
  }
  nua_respond(leg->handle, SIP_200_OK, NUTAG_WITH_THIS(nua_), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
              SIPTAG_PAYLOAD_STR(ours.c_str()), TAG_END());
}

/// The answer to an offer that went out with a 200. One that went out with an INVITE of ours meanwhile is none of it.
void UserAgent::acknowledged(const SipLegPtr& leg, const sip_t* sip) {
  if (!std::exchange(leg->offer_in_answer, false) || leg->ended()) return;
  leg->offer_is_out = false;
  const std::string_view sdp = sip ? sdp_of(sip) : std::string_view{};
  try {
    if (sdp.empty()) throw Error(ErrorCode::kFailedPrecondition, "the answer has no session description", "sdp");
    set_media(*leg, parse_sdp(sdp));
    leg->hold_told = leg->hold_offered;
    if (leg->held != leg->hold_told) offer_again(leg);
  } catch (const Error& error) {
    nua_bye(leg->handle, SIPTAG_REASON_STR(reason_of(kCauseIncompatible).c_str()), TAG_END());
    end(leg, kCauseIncompatible, 488, error.message);
  }
}

}  // namespace pstn_sip
