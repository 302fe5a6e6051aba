// Transfers (REFER, RFC 3515): what we ask of trunks, what their phones ask of us.
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
using trunkline::pstn::TransferOutcome;

namespace {

/// Where the other side of a REFER is asked to call. Nullptr: nothing that can be called.
const url_t* target_of(const sip_t* sip) {
  const sip_refer_to_t* refer = sip ? sip->sip_refer_to : nullptr;
  if (!refer) return nullptr;
  const auto type = static_cast<enum url_type_e>(refer->r_url->url_type);
  return type == url_sip || type == url_sips || type == url_tel ? refer->r_url : nullptr;
}

}  // namespace

void UserAgent::transfer(const std::string& leg_id, const std::string& to) {
  const SipLegPtr leg = find(leg_id);
  if (leg->state != SipLeg::State::kAnswered)
    throw Error(ErrorCode::kNotFound, "there is no answered call '" + leg_id + "'", "legId");
  const Trunk& trunk = *leg->trunk;
  if (!trunk.settings.refers)
    throw Error(ErrorCode::kFailedPrecondition, "trunks[" + trunk.settings.host + "].transfer: it is not asked to transfer",
                "legId");
  if (!is_dialable(to))
    throw Error(ErrorCode::kInvalidArgument, "to: found \"" + to.substr(0, 80) + "\", wanted a number in E.164", "to");
  if (leg->referral != SipLeg::Referral::kNone)
    throw Error(ErrorCode::kFailedPrecondition, "the trunk was asked to transfer this call already", "legId");
  leg->referral = SipLeg::Referral::kAsked;
  leg->referral_challenged = false;
  const bool plus = to[0] == '+' && !trunk.settings.plus_sign;
  const std::string target = "<sip:" + to.substr(plus ? 1 : 0) + "@" + uri_host(trunk.settings.host) + ">";
  const std::string by = "<" + watch_.own_uri(trunk) + ">";
  nua_refer(leg->handle, SIPTAG_REFER_TO_STR(target.c_str()), SIPTAG_REFERRED_BY_STR(by.c_str()), TAG_END());
}

void UserAgent::transferred(const SipLegPtr& leg, bool accepted, int status, std::string text) {
  if (std::exchange(leg->referral, SipLeg::Referral::kNone) == SipLeg::Referral::kNone) return;
  TransferOutcome outcome;
  outcome.accepted = accepted;
  outcome.cause.q850 = cause_of_status(status);
  outcome.cause.sip_status = status;
  if (!text.empty()) outcome.cause.text = std::move(text);
  tell(leg, std::move(outcome));
}

void UserAgent::refer_answered(const SipLegPtr& leg, int status, const char* phrase, const sip_t* sip) {
  if (status < 200 || leg->referral != SipLeg::Referral::kAsked || leg->ended()) return;
  if (status < 300) {
    leg->referral = SipLeg::Referral::kAccepted;
    return;
  }
  const Trunk& trunk = *leg->trunk;
  if ((status == 401 || status == 407) && sip && !trunk.settings.username.empty() &&
      !std::exchange(leg->referral_challenged, true)) {
    const std::string digest = digest_of(sip, trunk.settings.username, trunk.password);
    if (!digest.empty()) {
      nua_authenticate(leg->handle, NUTAG_AUTH(digest.c_str()), TAG_END());
      return;
    }
  }
  transferred(leg, false, status, trunk.settings.host + ": " + std::to_string(status) + " " + (phrase ? phrase : ""));
}

void UserAgent::refer_notified(const SipLegPtr& leg, const sip_t* sip) {
  if (leg->referral == SipLeg::Referral::kNone || leg->ended() || !sip) return;
  // It may come before the answer to the request.
  leg->referral = SipLeg::Referral::kAccepted;
  const std::string_view body = payload_of(sip);
  const int status = status_of_fragment(body);
  if (status >= 200)
    return transferred(leg, true, status,
                       status < 300 ? "" : std::string(body.substr(0, std::min<std::size_t>(body.find_first_of("\r\n"), 80))));
  const sip_subscription_state_t* state = sip->sip_subscription_state;
  if (state && state->ss_substate && std::string_view(state->ss_substate) == "terminated")
    transferred(leg, true, 408, "the trunk said no more of the transfer");
}

/// The stack waits for our answer; the host is asked first.
void UserAgent::refer_asked(const SipLegPtr& leg, const sip_t* sip) {
  const auto answer = [&](int status, const char* phrase) {
    nua_respond(leg->handle, status, phrase, NUTAG_WITH_THIS(nua_), TAG_END());
  };
  if (leg->ended()) return answer(SIP_481_NO_TRANSACTION);
  if (!leg->trunk->settings.accepts_refer) {
    log_.write(LogLevel::kInfo, "a transfer was refused",
               Properties{{"leg_id", leg->id}, {"reason", "accept_refer is off for the trunk " + leg->trunk->settings.host}});
    return answer(SIP_403_FORBIDDEN);
  }
  if (leg->state != SipLeg::State::kAnswered) return answer(SIP_603_DECLINE);
  if (leg->refer_is_asked || !leg->refer_event.empty()) return answer(SIP_491_REQUEST_PENDING);
  const url_t* target = target_of(sip);
  const std::string to = target ? number_of(target) : "";
  if (!is_dialable(to)) return answer(400, "Bad Refer-To");
  // With Replaces: another call of theirs is meant, which we may not have.
  if (target->url_headers && *target->url_headers) return answer(SIP_501_NOT_IMPLEMENTED);
  leg->refer_is_asked = true;
  leg->refer_event = "refer;id=" + std::to_string(sip->sip_cseq->cs_seq);
  msg_t* request = msg_ref_create(nua_current_request(nua_));
  events_.start_transfer_asked(leg->id, to, CallOptions{}, [this, leg, request](Result<void> taken) {
    thread_.post([this, leg, request, taken = std::move(taken)] { refer_decided(leg, request, taken); });
  });
}

void UserAgent::refer_decided(const SipLegPtr& leg, msg_t* request, const Result<void>& taken) {
  leg->refer_is_asked = false;
  if (leg->handle && !leg->ended()) {
    if (taken.ok()) {
      nua_respond(leg->handle, SIP_202_ACCEPTED, NUTAG_WITH(request), TAG_END());
      notify(leg, 100);
    } else {
      const bool forbidden = taken.error().code == ErrorCode::kPermissionDenied;
      log_.write(LogLevel::kInfo, "a transfer was refused", Properties{{"leg_id", leg->id}, {"reason", taken.error().message}});
      leg->refer_event.clear();
      nua_respond(leg->handle, forbidden ? 403 : 603, forbidden ? "Forbidden" : "Decline", NUTAG_WITH(request), TAG_END());
    }
  }
  msg_destroy(request);
}

void UserAgent::transfer_progress(const std::string& leg_id, int status) {
  const SipLegPtr leg = find(leg_id);
  if (leg->refer_event.empty()) throw Error(ErrorCode::kNotFound, "the call is not being transferred", "legId");
  notify(leg, status);
}

void UserAgent::notify(const SipLegPtr& leg, int status) {
  const bool last = status >= 200;
  const char* phrase = sip_status_phrase(status);
  const std::string body = "SIP/2.0 " + std::to_string(status) + " " + (phrase ? phrase : "Unknown") + "\r\n";
  nua_notify(leg->handle, SIPTAG_EVENT_STR(leg->refer_event.c_str()),
             SIPTAG_SUBSCRIPTION_STATE_STR(last ? "terminated;reason=noresource" : "active;expires=180"),
             NUTAG_SUBSTATE(last ? nua_substate_terminated : nua_substate_active),
             SIPTAG_CONTENT_TYPE_STR("message/sipfrag;version=2.0"), SIPTAG_PAYLOAD_STR(body.c_str()), TAG_END());
  if (last) leg->refer_event.clear();
}

}  // namespace pstn_sip
