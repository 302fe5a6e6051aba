// Calls that go out, from trunk to trunk until one takes them.
#include <algorithm>

#include "causes.h"
#include "sip_text.h"
#include "user_agent.h"

namespace pstn_sip {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::host::LogLevel;
using trunkline::pstn::DialRequest;
using trunkline::pstn::DialTrunk;

namespace {

constexpr const char* kReferredLeg = "X-Trunkline-Referred-Leg";

/// `sip:user@host` without anything that could end the address.
bool is_sip_uri(std::string_view text) {
  return (text.starts_with("sip:") || text.starts_with("sips:")) && text.size() < 256 && text.find('@') != text.npos &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) <= 32 || c == '<' || c == '>' || c == '"'; });
}

}  // namespace

std::deque<const Trunk*> UserAgent::candidates(const DialRequest& request) const {
  std::deque<const Trunk*> found;
  std::string unknown;
  if (!request.trunks) {
    for (const Trunk& trunk : trunks_) found.push_back(&trunk);
  } else {
    for (const DialTrunk& wanted : *request.trunks) {
      const auto own =
          std::find_if(trunks_.begin(), trunks_.end(), [&](const Trunk& one) { return one.settings.host == wanted.host; });
      if (own != trunks_.end())
        found.push_back(&*own);
      else
        unknown += (unknown.empty() ? "" : ", ") + wanted.host;
    }
  }
  if (found.empty())
    throw Error(ErrorCode::kUnavailable,
                unknown.empty() ? "trunks: no trunk is configured"
                                : "trunks: none of " + unknown.substr(0, 200) + " is configured in this provider",
                "trunks");
  // Those that do not answer are tried all the same, after the others.
  std::stable_partition(found.begin(), found.end(), [](const Trunk* one) { return one->up && one->registered.value_or(true); });
  return found;
}

void UserAgent::dial(DialRequest request) {
  if (request.leg_id.empty()) throw Error(ErrorCode::kInvalidArgument, "legId: found nothing, wanted an id", "legId");
  if (!is_dialable(request.to) && !is_sip_uri(request.to))
    throw Error(ErrorCode::kInvalidArgument,
                "to: found \"" + request.to.substr(0, 80) + "\", wanted a number in E.164 or a SIP URI", "to");
  if (!request.from.empty() && request.from != "anonymous" && !is_dialable(request.from))
    throw Error(ErrorCode::kInvalidArgument, "from: found \"" + request.from.substr(0, 80) + "\", wanted a number in E.164",
                "from");
  if (request.headers) custom_headers_text(*request.headers);  // refuses before anything is begun
  std::deque<const Trunk*> trunks = candidates(request);
  const SipLegPtr leg = new_leg(request.leg_id, true);
  leg->next = std::move(trunks);
  try {
    open_media(*leg, *leg->next.front());
  } catch (...) {
    legs_.erase(leg->id);
    by_number_.erase(leg->number);
    throw;
  }
  // Whom a phone asked us to call in its place, with the call that the target is to give up.
  if (request.headers) {
    if (const auto by = request.headers->find(kReferredLeg); by != request.headers->end()) {
      const auto asked = legs_.find(by->second);
      if (asked != legs_.end()) leg->refer_replaces = asked->second->refer_replaces;
      request.headers->erase(by);
    }
  }
  leg->far = request.to;
  const trunkline::Duration patience = request.ring_timeout;
  leg->request = std::move(request);
  after(leg, patience, [this, leg] {
    if (leg->state == SipLeg::State::kAnswered) return;
    if (leg->handle) nua_cancel(leg->handle, SIPTAG_REASON_STR(reason_of(kCauseNoAnswer).c_str()), TAG_END());
    end(leg, kCauseNoAnswer, 480, "nobody answered");
  });
  try_next(leg);
}

void UserAgent::try_next(const SipLegPtr& leg) {
  const Trunk& trunk = *leg->next.front();
  leg->next.pop_front();
  leg->trunk = &trunk;
  leg->provisional = leg->challenged = false;
  const unsigned attempt = ++leg->attempt;
  open_media(*leg, trunk);
  leg->remote.reset();
  leg->offer_is_out = true;
  leg->local.direction = Direction::kSendRecv;

  const DialRequest& request = leg->request;
  const bool plus = request.to[0] == '+' && !trunk.settings.plus_sign;
  const std::string to =
      is_sip_uri(request.to) ? request.to : "sip:" + request.to.substr(plus ? 1 : 0) + "@" + uri_host(trunk.settings.host);
  const std::string from = quoted(request.display_name.value_or("")) + "<" + own_address(trunk, request.from) + ">";
  const std::string headers = custom_headers_text(request.headers.value_or(Properties{}));
  const std::string offer = write_offer(leg->local), hop = trunk.next_hop();
  bind(leg, nua_handle(nua_, nullptr, SIPTAG_TO_STR(to.c_str()), SIPTAG_FROM_STR(from.c_str()), TAG_END()));
  nua_invite(leg->handle, NUTAG_URL(to.c_str()), NUTAG_PROXY(hop.c_str()), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
             SIPTAG_PAYLOAD_STR(offer.c_str()), TAG_IF(!headers.empty(), SIPTAG_HEADER_STR(headers.c_str())),
             TAG_IF(!leg->refer_replaces.empty(), SIPTAG_REPLACES_STR(leg->refer_replaces.c_str())),
             TAG_IF(trunk.settings.registers, NUTAG_M_USERNAME(trunk.settings.username.c_str())), TAG_END());
  after(leg, std::chrono::seconds{settings_.answer_seconds}, [this, leg, attempt] {
    if (leg->attempt == attempt && !leg->provisional && leg->state == SipLeg::State::kDialing)
      attempt_failed(leg, 408, "it did not answer within " + std::to_string(settings_.answer_seconds) + " s", kCauseTimer);
  });
}

void UserAgent::authenticate(const SipLegPtr& leg, int status, const sip_t* sip) {
  const Trunk& trunk = *leg->trunk;
  const std::string& user = trunk.settings.username;
  if (user.empty()) return attempt_failed(leg, status, "it wants credentials, and no username is configured", kCauseRejected);
  const std::string digest = digest_of(sip, user, trunk.password);
  if (digest.empty()) return attempt_failed(leg, status, "it wants credentials in a way that is not known here", kCauseRejected);
  if (std::exchange(leg->challenged, true))
    return attempt_failed(leg, status, "it refused the credentials of " + user, kCauseRejected);
  nua_authenticate(leg->handle, NUTAG_AUTH(digest.c_str()), TAG_END());
}

void UserAgent::invited(const SipLegPtr& leg, int status, const char* phrase, const sip_t* sip) {
  if (leg->ended()) {
    // It was taken back: an answer that was on its way is ended at once.
    if (status >= 200 && status < 300) nua_bye(leg->handle, TAG_END());
    if (status >= 300) release(leg);
    return;
  }
  leg->provisional = true;
  const std::string_view sdp = sip ? sdp_of(sip) : std::string_view{};
  if (status < 300 && !sdp.empty() && leg->offer_is_out) {
    try {
      set_media(*leg, parse_sdp(sdp));
      leg->offer_is_out = status < 200;  // an early description is followed by the one that counts
    } catch (const Error& error) {
      if (status < 200) return;
      nua_bye(leg->handle, SIPTAG_REASON_STR(reason_of(kCauseIncompatible).c_str()), TAG_END());
      return end(leg, kCauseIncompatible, 488, error.message);
    }
  }
  if (status < 200) {
    if (status == 180 || status == 183) change_state(leg, SipLeg::State::kRinging);
    return;
  }
  if (status < 300) {
    if (leg->state == SipLeg::State::kAnswered) return offer_settled(leg, status);  // of an INVITE of ours within the call
    if (!leg->remote) {
      nua_bye(leg->handle, SIPTAG_REASON_STR(reason_of(kCauseIncompatible).c_str()), TAG_END());
      return end(leg, kCauseIncompatible, status, "the answer has no session description");
    }
    sound_flows(*leg);
    keep_session(leg, sip);
    return change_state(leg, SipLeg::State::kAnswered);
  }
  if (leg->state == SipLeg::State::kAnswered) {
    // An INVITE of ours within the call: it may want credentials, too.
    const TrunkSettings& trunk = leg->trunk->settings;
    const bool asks = (status == 401 || status == 407) && sip && !trunk.username.empty();
    const std::string digest = asks ? digest_of(sip, trunk.username, leg->trunk->password) : "";
    if (!digest.empty() && !std::exchange(leg->offer_challenged, true)) {
      nua_authenticate(leg->handle, NUTAG_AUTH(digest.c_str()), TAG_END());
      return;
    }
    return offer_settled(leg, status);  // refused: it goes on as it was
  }
  if ((status == 401 || status == 407) && sip) return authenticate(leg, status, sip);
  if (status == 403 && leg->challenged)
    return attempt_failed(leg, status, "it refused the credentials of " + leg->trunk->settings.username, kCauseRejected);
  std::optional<std::int32_t> cause;
  if (sip && sip->sip_reason && sip->sip_reason->re_cause && sip->sip_reason->re_protocol)
    cause = cause_of_reason(std::string(sip->sip_reason->re_protocol) + ";cause=" + sip->sip_reason->re_cause);
  attempt_failed(leg, status, std::to_string(status) + " " + (phrase ? phrase : ""), cause.value_or(cause_of_status(status)));
}

void UserAgent::attempt_failed(const SipLegPtr& leg, int status, std::string problem, std::int32_t q850) {
  const bool next =
      !leg->next.empty() && (is_trunk_failure(status) || status == 401 || status == 407 || (status == 403 && leg->challenged));
  const std::string text = leg->trunk->settings.host + ": " + problem;
  log_.write(next ? LogLevel::kWarning : LogLevel::kInfo, "a trunk did not take a call",
             Properties{{"trunk", leg->trunk->settings.host},
                        {"leg_id", leg->id},
                        {"problem", problem},
                        {"next", next ? leg->next.front()->settings.host : ""}});
  if (nua_handle_t* handle = std::exchange(leg->handle, nullptr)) {
    nua_handle_bind(handle, nullptr);
    nua_handle_destroy(handle);
  }
  leg->last_problem += (leg->last_problem.empty() ? "" : "; ") + text;
  if (next) return try_next(leg);
  end(leg, q850, status, leg->last_problem);
  release(leg);
}

}  // namespace pstn_sip
