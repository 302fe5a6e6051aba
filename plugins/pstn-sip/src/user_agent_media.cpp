// What the two sides agree on about sound, and how an agreement is kept alive.
#include <algorithm>

#include "sip_text.h"
#include "user_agent.h"

namespace pstn_sip {

using trunkline::Duration;

namespace {
constexpr int kMostGlares = 10;
}

void UserAgent::open_media(SipLeg& leg, const Trunk& trunk) {
  if (!leg.media) leg.media = engine_.make_leg(leg.number, ports_.open());
  leg.local.address = settings_.advertise;
  leg.local.port = leg.media->port;
  leg.local.codecs = settings_.codecs;
  leg.local.srtp = trunk.settings.srtp;
  if (trunk.settings.srtp != SrtpUse::kOff && leg.local.srtp_key.empty())
    leg.local.srtp_key = random_bytes(SrtpSession::kKeyBytes);
  if (leg.local.session == 0) leg.local.session = leg.number;
  ++leg.local.version;
}

Agreed UserAgent::set_media(SipLeg& leg, SdpAudio theirs) {
  Agreed agreed = agree(theirs, leg.local);
  const auto remote = Endpoint::of(theirs.address, theirs.port);
  if (!remote || remote->is_v6() != settings_.is_v6())
    throw trunkline::Error(trunkline::ErrorCode::kFailedPrecondition,
                           std::string("the sound would go to ") + (settings_.is_v6() ? "IPv4" : "IPv6") +
                               ", and this side has " + (settings_.is_v6() ? "IPv6" : "IPv4"),
                           "sdp");
  StreamSettings stream;
  stream.remote = *remote;
  stream.codec = agreed.codec.id;
  stream.payload_type = agreed.codec.payload_type;
  stream.event_type = agreed.event_type;
  stream.event_clock = agreed.event_clock;
  stream.level_extension = agreed.level_extension;
  if (agreed.theirs) {
    stream.send_key = leg.local.srtp_key;
    stream.receive_key = agreed.theirs->key;
  }
  // An address of zeros is a hold, too: nothing can be sent there.
  stream.send =
      (theirs.direction == Direction::kSendRecv || theirs.direction == Direction::kRecvOnly) && !stream.remote.is_unspecified();
  stream.receive = theirs.direction == Direction::kSendRecv || theirs.direction == Direction::kSendOnly;
  stream.any_source = leg.trunk->settings.nat;
  stream.replaced = std::exchange(leg.is_replaced, false);
  stream.inband_dtmf = leg.trunk->settings.dtmf == DtmfWay::kInband;
  stream.event_dtmf = leg.trunk->settings.dtmf == DtmfWay::kEvents;
  stream.least_packets = settings_.least_packets;
  stream.most_packets = settings_.most_packets;
  leg.local.direction = mirrored(theirs.direction);
  leg.event_type = agreed.event_type;
  leg.remote = std::move(theirs);
  engine_.change(leg.media,
                 [stream, parts = RtpStream::prepare(stream)](MediaLeg& media) { media.stream.configure(stream, *parts); });
  return agreed;
}

void UserAgent::sound_flows(SipLeg& leg) {
  const auto frames = static_cast<std::uint32_t>(settings_.silence_seconds * 1000 / kFrameMs);
  engine_.change(leg.media, [frames](MediaLeg& media) {
    media.answered = true;
    media.silence_frames = frames;
  });
}

/// The stack sends UPDATE in time. Who does not know it gets INVITEs from us, with a description, before the stack sends one
/// without.
void UserAgent::keep_session(const SipLegPtr& leg, const sip_t* sip) {
  if (!sip || settings_.session_seconds == 0) return;
  const bool update = sip->sip_allow && sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
  nua_set_hparams(leg->handle, NUTAG_UPDATE_REFRESH(update), TAG_END());
  if (update || (leg->outbound && !sip->sip_session_expires) || std::exchange(leg->refreshing, true)) return;
  std::int64_t seconds = settings_.session_seconds;
  if (sip->sip_session_expires)
    seconds = std::min<std::int64_t>(seconds, static_cast<std::int64_t>(sip->sip_session_expires->x_delta));
  refresh_by_invite(leg, std::chrono::seconds{std::max<std::int64_t>(seconds / 3, 10)});
}

void UserAgent::refresh_by_invite(const SipLegPtr& leg, Duration interval) {
  after(leg, interval, [this, leg, interval] {
    offer_again(leg);
    refresh_by_invite(leg, interval);
  });
}

/// As we see it: what the host and the other side hold.
Direction UserAgent::direction_of(const SipLeg& leg) const {
  if (leg.held) return leg.held_by_them ? Direction::kInactive : Direction::kSendOnly;
  return leg.held_by_them ? Direction::kRecvOnly : Direction::kSendRecv;
}

void UserAgent::offer_again(const SipLegPtr& leg) {
  // Until the answer, another offer would be refused; offer_settled() looks again.
  if (leg->state != SipLeg::State::kAnswered || leg->offer_is_out) return;
  ++leg->local.version;
  leg->local.direction = direction_of(*leg);
  leg->offer_is_out = true;
  leg->hold_offered = leg->held;
  const std::string offer = write_offer(leg->local);
  nua_invite(leg->handle, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(offer.c_str()), TAG_END());
}

void UserAgent::offer_settled(const SipLegPtr& leg, int status) {
  leg->offer_is_out = leg->offer_challenged = false;
  if (status < 300) {
    leg->hold_told = leg->hold_offered;
    leg->hold_glares = 0;
  } else if (status == 491) {
    // Both sides offered at once. RFC 3261, 14.1: whoever made the call waits longer.
    if (++leg->hold_glares > kMostGlares) return;
    const auto part = static_cast<std::uint8_t>(random_bytes(1)[0]);
    const auto wait = leg->outbound ? std::chrono::milliseconds{2100 + part * 7} : std::chrono::milliseconds{part * 7};
    after(leg, wait, [this, leg] {
      if (leg->held != leg->hold_told) offer_again(leg);
    });
    return;
  } else {
    log_.write(
        trunkline::host::LogLevel::kInfo, "a trunk refused a change within the call",
        trunkline::Properties{{"trunk", leg->trunk->settings.host}, {"leg_id", leg->id}, {"status", std::to_string(status)}});
    leg->hold_told = leg->held;  // it goes on as it was; the host's hold is in our mixer all the same
  }
  if (leg->held != leg->hold_told) offer_again(leg);
}

}  // namespace pstn_sip
