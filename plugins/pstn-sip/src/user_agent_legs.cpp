// What the host asks of calls, and what it hears of their sound.
#include "causes.h"
#include "sip_text.h"
#include "user_agent.h"

namespace pstn_sip {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::host::LogLevel;
using trunkline::pstn::LegFlow;

void UserAgent::answer(const std::string& leg_id) {
  const SipLegPtr leg = find(leg_id);
  if (leg->outbound || leg->state == SipLeg::State::kAnswered)
    throw Error(ErrorCode::kNotFound, "there is no incoming call '" + leg_id + "'", "legId");
  std::string sdp;
  if (leg->remote) {
    sdp = write_answer(leg->local, *leg->remote, agree(*leg->remote, leg->local));
  } else {
    sdp = write_offer(leg->local);
    leg->offer_is_out = leg->offer_in_answer = true;
  }
  nua_respond(leg->handle, SIP_200_OK, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp.c_str()), TAG_END());
  sound_flows(*leg);
  change_state(leg, SipLeg::State::kAnswered);
}

void UserAgent::hang_up(const std::string& leg_id, std::int32_t cause) {
  const SipLegPtr leg = find(leg_id);
  const std::string reason = reason_of(cause);
  if (leg->refer_is_asked) {
    // The far end is told first that its wish was granted.
    leg->refer_then_hang_up = cause;
    return;
  }
  if (leg->handle) {
    if (leg->state == SipLeg::State::kAnswered) {
      nua_bye(leg->handle, SIPTAG_REASON_STR(reason.c_str()), TAG_END());
    } else if (leg->outbound) {
      nua_cancel(leg->handle, SIPTAG_REASON_STR(reason.c_str()), TAG_END());
    } else {
      const int status = status_of_cause(cause);
      nua_respond(leg->handle, status, sip_status_phrase(status), SIPTAG_REASON_STR(reason.c_str()), TAG_END());
    }
  }
  end(leg, cause, 0, "");
  if (!leg->handle) release(leg);
}

void UserAgent::send_dtmf(const std::string& leg_id, const std::string& digits) {
  const SipLegPtr leg = find(leg_id);
  if (leg->state != SipLeg::State::kAnswered)
    throw Error(ErrorCode::kNotFound, "there is no answered call '" + leg_id + "'", "legId");
  if (leg->trunk->settings.dtmf != DtmfWay::kInfo && leg->event_type) {
    engine_.change(leg->media, [digits](MediaLeg& media) { media.stream.send_digits(digits); });
    return;
  }
  for (const char digit : digits) {
    const std::string body = "Signal=" + std::string(1, digit) + "\r\nDuration=100\r\n";
    nua_info(leg->handle, SIPTAG_CONTENT_TYPE_STR("application/dtmf-relay"), SIPTAG_PAYLOAD_STR(body.c_str()), TAG_END());
  }
}

void UserAgent::join_bridge(const std::string& leg_id, std::string bridge) {
  engine_.change(find(leg_id)->media, [bridge = std::move(bridge)](MediaLeg& media) { media.bridge = bridge; });
}

void UserAgent::set_flow(const std::string& leg_id, LegFlow flow) {
  const SipLegPtr leg = find(leg_id);
  engine_.change(leg->media, [flow](MediaLeg& media) {
    media.muted = flow.muted;
    media.on_hold = flow.on_hold;
    media.tapped = flow.tapped;
  });
  if (!leg->trunk || !leg->trunk->settings.tells_hold || leg->held == flow.on_hold) return;
  leg->held = flow.on_hold;
  leg->hold_glares = 0;
  offer_again(leg);
}

void UserAgent::play(const std::string& leg_id, std::int64_t play_id, SoundPtr sound) {
  const SipLegPtr leg = find(leg_id);
  leg->plays.play(engine_, leg->media, play_id, std::move(sound));
}

void UserAgent::stop_play(const std::string& leg_id, std::int64_t play_id) {
  const SipLegPtr leg = find(leg_id);
  leg->plays.stop(engine_, leg->media, play_id);
}

void UserAgent::probe(const trunkline::pstn::DialTrunk& wanted, TrunkWatch::Probed done) {
  for (const Trunk& trunk : trunks_)
    if (trunk.settings.host == wanted.host) return watch_.probe(trunk, std::move(done));
  throw Error(ErrorCode::kInvalidArgument,
              "trunk.host: '" + wanted.host.substr(0, 80) + "' is none of the trunks of this provider", "trunk.host");
}

void UserAgent::take_news() {
  NewsRing& ring = engine_.news();
  while (const MediaNews* news = ring.begin_take()) {
    const auto found = by_number_.find(news->leg);
    const SipLegPtr leg = found == by_number_.end() ? nullptr : found->second;
    if (leg && leg->state == SipLeg::State::kAnswered) {
      if (news->kind == MediaNews::Kind::kHeard) {
        tell_heard(audio_events_, leg->id, *news);
      } else if (news->kind == MediaNews::Kind::kDigit) {
        tell(leg, pressed(std::string(1, news->digit)));
      } else if (news->kind == MediaNews::Kind::kSilent) {
        log_.write(LogLevel::kWarning, "a trunk sent no sound",
                   Properties{{"trunk", leg->trunk->settings.host}, {"leg_id", leg->id}});
        nua_bye(leg->handle, SIPTAG_REASON_STR(reason_of(kCauseTemporary).c_str()), TAG_END());
        end(leg, kCauseTemporary, 0, "the trunk sent no sound for " + std::to_string(settings_.silence_seconds) + " seconds");
      }
    }
    ring.end_take();
  }
}

}  // namespace pstn_sip
