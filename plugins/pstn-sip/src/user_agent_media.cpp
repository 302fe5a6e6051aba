// What the two sides agree on about sound, and how an agreement is kept alive.
#include <algorithm>

#include "sip_text.h"
#include "user_agent.h"

namespace pstn_sip {

using trunkline::Duration;

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
  const auto remote = ipv4_address(theirs.address, theirs.port);
  StreamSettings stream;
  if (remote) stream.remote = *remote;
  stream.codec = agreed.codec.id;
  stream.payload_type = agreed.codec.payload_type;
  stream.event_type = agreed.event_type;
  stream.event_clock = agreed.event_clock;
  if (agreed.theirs) {
    stream.send_key = leg.local.srtp_key;
    stream.receive_key = agreed.theirs->key;
  }
  // An address of zeros is a hold, too: nothing can be sent there.
  stream.send = (theirs.direction == Direction::kSendRecv || theirs.direction == Direction::kRecvOnly) &&
                stream.remote.sin_addr.s_addr != 0;
  stream.receive = theirs.direction == Direction::kSendRecv || theirs.direction == Direction::kSendOnly;
  stream.any_source = leg.trunk->settings.nat;
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
  if (update || (leg->outbound && !sip->sip_session_expires)) return;
  std::int64_t seconds = settings_.session_seconds;
  if (sip->sip_session_expires)
    seconds = std::min<std::int64_t>(seconds, static_cast<std::int64_t>(sip->sip_session_expires->x_delta));
  refresh_by_invite(leg, std::chrono::seconds{std::max<std::int64_t>(seconds / 3, 10)});
}

void UserAgent::refresh_by_invite(const SipLegPtr& leg, Duration interval) {
  after(leg, interval, [this, leg, interval] {
    if (leg->state == SipLeg::State::kAnswered && !leg->offer_is_out) {
      ++leg->local.version;
      leg->offer_is_out = true;
      const std::string offer = write_offer(leg->local);
      nua_invite(leg->handle, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(offer.c_str()), TAG_END());
    }
    refresh_by_invite(leg, interval);
  });
}

}  // namespace pstn_sip
