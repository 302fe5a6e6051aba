// Transfers (REFER, RFC 3515; with Replaces, RFC 3891): what we ask of trunks, what their phones ask of us.
#include <algorithm>
#include <cstring>

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

/// In place of a number: another call of ours.
constexpr std::string_view kLeg = "leg:";
constexpr std::size_t kMaxReplaces = 512;

/// What stands behind `Replaces=` in the address of a REFER, decoded; nullopt: it has other headers, or what is none.
std::optional<std::string> replaces_in(const url_t* url) {
  std::string_view query = url->url_headers ? url->url_headers : "";
  constexpr std::string_view kName = "replaces=";
  if (query.size() <= kName.size() || query.size() > kMaxReplaces || query.find('&') != query.npos) return std::nullopt;
  for (std::size_t i = 0; i < kName.size(); ++i)
    if ((query[i] | 32) != (kName[i] | 32)) return std::nullopt;
  query.remove_prefix(kName.size());
  std::string text(query);
  url_unescape(text.data(), text.c_str());
  text.resize(std::strlen(text.c_str()));
  const auto plain = [](char c) { return static_cast<unsigned char>(c) > 32 && static_cast<unsigned char>(c) < 127; };
  if (!std::all_of(text.begin(), text.end(), plain) || text.find("to-tag=") == text.npos || text.find("from-tag=") == text.npos)
    return std::nullopt;
  return text;
}

/// Where the other side of a REFER is asked to call. Nullptr: nothing that can be called.
const url_t* target_of(const sip_t* sip) {
  const sip_refer_to_t* refer = sip ? sip->sip_refer_to : nullptr;
  if (!refer) return nullptr;
  const auto type = static_cast<enum url_type_e>(refer->r_url->url_type);
  return type == url_sip || type == url_sips || type == url_tel ? refer->r_url : nullptr;
}

}  // namespace

SipLegPtr UserAgent::leg_of_replaces(const std::string& text) const {
  su_home_t home[1] = {SU_HOME_INIT(home)};
  su_home_init(home);
  SipLegPtr leg;
  if (sip_replaces_t* replaces = sip_replaces_make(home, text.c_str())) {
    nua_handle_t* const handle = nua_handle_by_replaces(nua_, replaces);
    leg = leg_of(handle);
    if (handle) nua_handle_unref(handle);
  }
  su_home_deinit(home);
  return leg;
}

/// The far ends of two calls talk to each other from now on: the one is asked to call the other with what names our call to it.
void UserAgent::consult_transfer(const SipLegPtr& leg, const SipLegPtr& other) {
  if (other == leg || other->trunk != leg->trunk || other->state != SipLeg::State::kAnswered || !is_dialable(other->far))
    throw Error(ErrorCode::kFailedPrecondition, "to: it is no answered call over the same trunk", "to");
  const Trunk& trunk = *leg->trunk;
  su_home_t home[1] = {SU_HOME_INIT(home)};
  su_home_init(home);
  const sip_replaces_t* replaces = nua_handle_make_replaces(other->handle, home, 0);
  const char* written = replaces ? sip_headers_as_url_query(home, SIPTAG_REPLACES(replaces), TAG_END()) : nullptr;
  std::string query = written ? written : "";
  if (!query.empty()) query[0] = 'R';  // as everybody writes it
  const bool plus = other->far[0] == '+' && !trunk.settings.plus_sign;
  const std::string target =
      query.empty() ? "" : "<sip:" + other->far.substr(plus ? 1 : 0) + "@" + uri_host(trunk.settings.host) + "?" + query + ">";
  su_home_deinit(home);
  if (target.empty()) throw Error(ErrorCode::kFailedPrecondition, "to: the stack does not know the call", "to");
  leg->referral = SipLeg::Referral::kAsked;
  leg->referral_challenged = false;
  const std::string by = "<" + watch_.own_uri(trunk) + ">";
  nua_refer(leg->handle, SIPTAG_REFER_TO_STR(target.c_str()), SIPTAG_REFERRED_BY_STR(by.c_str()), TAG_END());
}

void UserAgent::transfer(const std::string& leg_id, const std::string& to) {
  const SipLegPtr leg = find(leg_id);
  if (leg->state != SipLeg::State::kAnswered)
    throw Error(ErrorCode::kNotFound, "there is no answered call '" + leg_id + "'", "legId");
  const Trunk& trunk = *leg->trunk;
  if (!trunk.settings.refers)
    throw Error(ErrorCode::kFailedPrecondition, "trunks[" + trunk.settings.host + "].transfer: it is not asked to transfer",
                "legId");
  if (!is_dialable(to) && !to.starts_with(kLeg))
    throw Error(ErrorCode::kInvalidArgument, "to: found \"" + to.substr(0, 80) + "\", wanted a number in E.164", "to");
  if (leg->referral != SipLeg::Referral::kNone)
    throw Error(ErrorCode::kFailedPrecondition, "the trunk was asked to transfer this call already", "legId");
  if (to.starts_with(kLeg)) return consult_transfer(leg, find(to.substr(kLeg.size())));
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
  std::string to = target ? number_of(target) : "";
  std::string replaces;
  SipLegPtr consulted;
  if (target && target->url_headers && *target->url_headers) {
    const auto found = replaces_in(target);
    if (!found) return answer(SIP_501_NOT_IMPLEMENTED);
    replaces = *found;
    consulted = leg_of_replaces(replaces);
  }
  if (!consulted && !is_dialable(to)) return answer(400, "Bad Refer-To");
  if (consulted) {
    // Both calls are here: their other sides are brought together.
    if (consulted == leg || consulted->trunk != leg->trunk || consulted->state != SipLeg::State::kAnswered)
      return answer(SIP_603_DECLINE);
    to = std::string(kLeg) + consulted->id;
  }
  leg->refer_replaces = consulted ? "" : replaces;
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
  const auto progress = std::exchange(leg->refer_progress, std::nullopt);
  if (progress && !leg->refer_event.empty() && leg->handle && !leg->ended()) notify(leg, *progress);
  if (const auto cause = std::exchange(leg->refer_then_hang_up, std::nullopt); cause && !leg->ended()) hang_up(leg->id, *cause);
}

void UserAgent::transfer_progress(const std::string& leg_id, int status) {
  const SipLegPtr leg = find(leg_id);
  if (leg->refer_event.empty()) throw Error(ErrorCode::kNotFound, "the call is not being transferred", "legId");
  if (leg->refer_is_asked)
    leg->refer_progress = status;
  else
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
