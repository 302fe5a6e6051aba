// The sound of sessions: what is agreed on, handshakes, and other ways than UDP.
#include "sessions.h"

namespace pstn_webrtc {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::host::LogLevel;

namespace {

std::uint32_t frames_of(int seconds) { return static_cast<std::uint32_t>(seconds * 1000 / kFrameMs); }

}  // namespace

Agreed Sessions::agree_with(Session& session, const SdpAudio& offer) const {
  LocalAudio local = session.local;
  local.address = settings_.advertise;
  local.codecs = settings_.codecs;
  local.direction = mirrored(offer.direction);
  if (session.listens) {
    const bool hears = local.direction == Direction::kSendOnly || local.direction == Direction::kSendRecv;
    if (!hears && local.version == 0) throw Error(ErrorCode::kFailedPrecondition, "a page that listens offers recvonly", "sdp");
    local.direction = hears ? Direction::kSendOnly : Direction::kInactive;
  }
  local.session = session.number;
  ++local.version;
  const Agreed agreed = agree(offer, local);
  session.local = std::move(local);
  StreamSettings& stream = session.stream;
  stream.codec = agreed.codec.id;
  stream.payload_type = agreed.codec.payload_type;
  stream.event_type = agreed.event_type;
  stream.event_clock = agreed.event_clock;
  stream.level_extension = agreed.level_extension;
  stream.event_dtmf = !session.listens;
  stream.send = offer.direction == Direction::kSendRecv || offer.direction == Direction::kRecvOnly;
  stream.receive = !session.listens && (offer.direction == Direction::kSendRecv || offer.direction == Direction::kSendOnly);
  stream.least_packets = settings_.least_packets;
  stream.most_packets = settings_.most_packets;
  return agreed;
}

std::string Sessions::open_media(const SessionPtr& session, const SdpAudio& offer) {
  const Agreed agreed = agree_with(*session, offer);
  LocalTransport& transport = session->transport;
  transport.user = random_text(4);
  transport.password = random_text(16);
  transport.fingerprint = identity_.fingerprint();

  session->media = engine_.make_leg(session->number, ports_.open_muxed(settings_.second_address));
  session->media->keep_handshakes();
  session->local.port = session->media->port;
  by_number_.emplace(session->number, session);
  session->theirs = *offer.transport;
  // The session owns it, and goes after it.
  session->dtls = std::make_unique<DtlsServer>(identity_, offer.transport->hash, offer.transport->fingerprint,
                                               [this, own = session.get()](Bytes packet) { send_handshake(*own, packet); });
  auto ice = std::make_shared<IceLite>(transport.user, transport.password, offer.transport->user);
  engine_.change(session->media, [ice, frames = frames_of(settings_.consent_seconds)](MediaLeg& media) {
    media.stream.use_ice(ice);
    media.consent_frames = frames;
  });
  transport.more.clear();
  if (!settings_.second_advertise.empty()) transport.more.push_back({settings_.second_advertise, session->local.port, false});
  if (gate_) open_gate(session);
  after(session, std::chrono::seconds{settings_.connect_seconds}, [this, session] {
    if (!session->media_up)
      end(session, kCauseTemporary,
          "its sound has not connected within " + std::to_string(settings_.connect_seconds) + " seconds");
  });
  return write_webrtc_answer(session->local, transport, offer, agreed);
}

void Sessions::open_gate(const SessionPtr& session) {
  session->transport.more.push_back({settings_.advertise, settings_.ice_tcp_port, true});
  if (!settings_.second_advertise.empty())
    session->transport.more.push_back({settings_.second_advertise, settings_.ice_tcp_port, true});
  gate_->admit(session->transport.user, session->transport.password, [this, media = session->media](const TcpGate::Path& path) {
    engine_.change(media, [path](MediaLeg& leg) { leg.stream.add_path(std::move(*path)); });
  });
}

/// A connection is the media thread's alone.
void Sessions::send_handshake(const Session& session, Bytes packet) {
  if (session.peer.stream() == 0) return session.media->stream.send_raw(packet, session.peer);
  engine_.change(session.media, [copy = std::vector<std::uint8_t>(packet.begin(), packet.end()),
                                 to = session.peer](MediaLeg& leg) { leg.stream.send_raw(copy, to); });
}

std::string Sessions::change_media(const SessionPtr& session, const SdpAudio& offer) {
  if (!session->media) throw Error(ErrorCode::kFailedPrecondition, "the call rings, and has no sound yet", "id");
  const SdpTransport& theirs = *offer.transport;
  if (theirs.user != session->theirs.user || theirs.password != session->theirs.password)
    throw Error(ErrorCode::kUnimplemented, "ICE cannot be restarted: leave, and join again", "body").with_http_status(422);
  if (theirs.hash != session->theirs.hash || theirs.fingerprint != session->theirs.fingerprint ||
      theirs.mid != session->theirs.mid)
    throw Error(ErrorCode::kFailedPrecondition, "the connection stays what it was agreed to be", "sdp");
  const Agreed agreed = agree_with(*session, offer);
  if (session->media_up) use_stream(*session);
  return write_webrtc_answer(session->local, session->transport, offer, agreed);
}

void Sessions::use_stream(const Session& session) {
  engine_.change(session.media, [stream = session.stream, parts = RtpStream::prepare(session.stream)](MediaLeg& media) {
    media.stream.configure(stream, *parts);
  });
}

void Sessions::shake_hands(const SessionPtr& session) {
  while (const HandshakePacket* packet = session->media->begin_handshake()) {
    session->peer = packet->from;
    session->dtls->take(Bytes(packet->bytes).first(packet->size));
    session->media->end_handshake();
  }
  react(session);
}

void Sessions::react(const SessionPtr& session) {
  switch (session->dtls->state()) {
    case DtlsServer::State::kHandshaking:
      return resend_later(session);
    case DtlsServer::State::kUp:
      try {
        if (!session->media_up) media_is_up(session);
      } catch (const Error& error) {
        log_.write(LogLevel::kError, "the sound of a page could not be set up",
                   Properties{{"leg_id", session->id}, {"reason", error.message}});
        end(session, kCauseTemporary, "its sound could not be set up");
      }
      return;
    case DtlsServer::State::kFailed:
      log_.write(LogLevel::kWarning, "the sound of a page could not be secured",
                 Properties{{"leg_id", session->id}, {"reason", session->dtls->problem()}});
      return end(session, kCauseTemporary, "its sound could not be secured");
    case DtlsServer::State::kClosed:
      return end(session, kCauseNormal, "the page closed its connection");
  }
}

void Sessions::resend_later(const SessionPtr& session) {
  const auto wait = session->dtls->resend_in();
  const std::uint64_t turn = ++session->resend_turn;
  if (!wait) return;
  after(session, *wait, [this, session, turn] {
    if (turn != session->resend_turn) return;
    session->dtls->resend();
    react(session);
  });
}

void Sessions::media_is_up(const SessionPtr& session) {
  session->media_up = true;
  const DtlsServer::Keys keys = session->dtls->keys();
  session->stream.send_key = keys.send;
  session->stream.receive_key = keys.receive;
  use_stream(*session);
  if (session->state == Session::State::kConnecting) answered(session);
}

}  // namespace pstn_webrtc
