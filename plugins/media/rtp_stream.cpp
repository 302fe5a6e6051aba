#include "media/rtp_stream.h"

#include <sys/socket.h>

#include <algorithm>

namespace call_media {
namespace {

constexpr int kConcealedFrames = 3;           // made up in a row; after them there is silence
constexpr std::uint32_t kReportFrames = 250;  // 5 s
constexpr int kFormerFrames = 50;             // 1 s
constexpr std::uint32_t kQuietPackets = 10;   // of silence that are decoded, so that the decoder has forgotten what was before

bool same_host(const Endpoint& a, const Endpoint& b) { return a.same_host(b); }
bool same_address(const Endpoint& a, const Endpoint& b) { return a == b; }

/// Time since the stream began, as RFC 3550 allows where nobody synchronises streams with each other.
std::uint64_t ntp_of(std::uint32_t frames) {
  return (std::uint64_t{frames / 50} << 32) + (std::uint64_t{frames % 50} << 32) / 50;
}

}  // namespace

RtpStream::RtpStream(std::unique_ptr<RtpSockets> sockets, std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp)
    : sockets_(std::move(sockets)),
      ssrc_(ssrc),
      sequence_(sequence),
      timestamp_(timestamp),
      frame_ticks_(info_of(settings_.codec).frame_ticks()) {}
RtpStream::~RtpStream() = default;

std::shared_ptr<RtpStream::Parts> RtpStream::prepare(const StreamSettings& settings) {
  auto parts = std::make_shared<Parts>();
  parts->codec = Codec::make(settings.codec);
  if (settings.inband_dtmf) parts->inband = std::make_unique<InbandDtmf>();
  if (!settings.send_key.empty()) parts->protect = std::make_unique<SrtpSession>(settings.send_key, true);
  if (!settings.receive_key.empty()) parts->unprotect = std::make_unique<SrtpSession>(settings.receive_key, false);
  return parts;
}

void RtpStream::configure(const StreamSettings& settings, Parts& parts) {
  if (!codec_ || codec_->id() != settings.codec) {
    codec_.swap(parts.codec);
    // What waits is of the codec before; this one would make noise of it.
    if (buffer_) buffer_->reset();
    pending_count_ = 0;
    last_samples_ = kFrameSamples;
    quiet_count_ = 0;
    kept_count_ = 0;
  }
  frame_ticks_ = info_of(settings.codec).frame_ticks();
  if (!buffer_) buffer_.emplace(settings.least_packets, settings.most_packets);
  if (settings.inband_dtmf && !inband_) inband_.swap(parts.inband);
  // Sessions count packets: with the same key they go on.
  if (settings.send_key != settings_.send_key) protect_.swap(parts.protect);
  if (settings.receive_key != settings_.receive_key) unprotect_.swap(parts.unprotect);
  if (!same_address(settings.remote, settings_.remote)) {
    former_ = remote_;
    former_frames_ = settings.replaced ? kFormerFrames : 0;
    remote_ = settings.remote;
    latched_ = false;
    candidate_.reset();
    their_ssrc_.reset();
  }
  settings_ = settings;
  silent_ = 0;
  resumed_ = true;
}

bool RtpStream::send_digits(std::string_view digits) { return settings_.event_type && dtmf_.add(digits); }

/// The address of the description, or, until packets have come, another port of that host (or, where any source is right,
/// anybody): the first that sends two packets in a row. From then on nobody else.
bool RtpStream::from_far_end(const Endpoint& from, const RtpHeader& header) {
  if (ice_) return ice_->knows(from);
  if (same_address(from, remote_)) {
    latched_ = true;
    return true;
  }
  if (latched_ || !(settings_.any_source || same_host(from, settings_.remote))) return false;
  if (former_frames_ > 0 && same_address(from, former_)) return false;
  const bool follows = candidate_ && same_address(*candidate_, from) && candidate_ssrc_ == header.ssrc &&
                       static_cast<std::uint16_t>(candidate_sequence_ + 1) == header.sequence;
  candidate_ = from;
  candidate_ssrc_ = header.ssrc;
  candidate_sequence_ = header.sequence;
  if (!follows) return false;
  remote_ = from;
  latched_ = true;
  return true;
}

void RtpStream::receive(Listener& listener) {
  if (!codec_ && !ice_) return;
  if (former_frames_ > 0) --former_frames_;
  receive_from(sockets_->rtp(), listener);
  if (sockets_->second() >= 0) receive_from(sockets_->second(), listener);
  for (const auto& path : paths_) {
    path->read();
    while (const auto packet = path->front()) {
      take_any(*packet, path->peer(), listener);
      path->pop();
    }
  }
  if (settings_.receive) ++silent_;
  ++ticks_;
  if (ice_) {
    ice_->tick();
    if (ice_->selected()) remote_ = *ice_->selected();
  } else if (ticks_ % 25 == 0) {
    receive_reports();
  }
}

void RtpStream::receive_from(int socket, Listener& listener) {
  // One call takes what has come, a packet or two, and finds out that this was all.
  constexpr int kRounds = 8;
  constexpr unsigned kBatch = 4;  // times the rounds, in one frame: more are a flood, and wait
  std::array<std::array<std::uint8_t, kBufferBytes>, kBatch> bytes;
  for (int round = 0; round < kRounds; ++round) {
    std::array<Endpoint, kBatch> from;
    std::array<iovec, kBatch> parts;
    std::array<mmsghdr, kBatch> messages{};
    for (unsigned i = 0; i < kBatch; ++i) {
      parts[i] = {bytes[i].data(), bytes[i].size()};
      messages[i].msg_hdr.msg_name = from[i].raw();
      messages[i].msg_hdr.msg_namelen = Endpoint::size_of_any();
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = ::recvmmsg(socket, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < got; ++i) {
      const auto at = static_cast<std::size_t>(i);
      take_any(std::span(bytes[at]).first(messages[at].msg_len), from[at], listener);
    }
    if (got < static_cast<int>(kBatch)) return;
  }
}

void RtpStream::take_any(std::span<std::uint8_t> packet, const Endpoint& from, Listener& listener) {
  if (ice_ && take_other(packet, from, listener)) return;
  if (!codec_) return;
  if (!parse_rtp(Bytes(packet))) {
    ++counts_.malformed;
    return;
  }
  std::size_t size = packet.size();
  if (unprotect_ && !unprotect_->unprotect(packet.data(), size)) {
    ++counts_.strangers;
    return;
  }
  take(Bytes(packet).first(size), from, listener);
}

void RtpStream::add_path(std::unique_ptr<TcpPath> path) {
  std::erase_if(paths_, [](const auto& one) { return one->over(); });
  if (paths_.size() == kMaxPaths) {
    // The one in use stays.
    const bool in_use = ice_ && ice_->selected() && ice_->selected()->stream() == paths_.front()->peer().stream();
    paths_.erase(paths_.begin() + (in_use ? 1 : 0));
  }
  paths_.push_back(std::move(path));
}

bool RtpStream::take_other(std::span<std::uint8_t> packet, const Endpoint& from, Listener& listener) {
  if (is_stun(packet)) {
    std::array<std::uint8_t, kStunMaxAnswer> answer;
    const std::size_t size = ice_->take(packet, from, answer);
    if (size > 0)
      send_raw(Bytes(answer).first(size), from);
    else
      ++counts_.strangers;
    return true;
  }
  if (!ice_->knows(from)) {
    ++counts_.strangers;
    return true;
  }
  if (is_dtls(packet)) {
    listener.handshake(packet, from);
    return true;
  }
  if (!unprotect_) return true;  // nothing is believed before there are keys
  if (!is_rtcp(packet)) return false;
  take_report(packet);
  return true;
}

void RtpStream::send_raw(Bytes packet, const Endpoint& to) const { (void)send_to(packet, to); }

/// A full socket buffer loses the packet, as the network may.
bool RtpStream::send_to(Bytes packet, const Endpoint& to) const {
  if (to.stream() != 0) {
    for (const auto& path : paths_)
      if (path->peer().stream() == to.stream()) path->send(packet);
    return true;
  }
  return ::sendto(sockets_->towards(to), packet.data(), packet.size(), MSG_DONTWAIT, to.raw(), to.size()) >= 0;
}

void RtpStream::take(Bytes bytes, const Endpoint& from, Listener& listener) {
  const std::optional<RtpPacket> packet = parse_rtp(bytes, settings_.level_extension);
  if (!packet) {
    ++counts_.malformed;
    return;
  }
  const RtpHeader& header = packet->header;
  const bool is_event = settings_.event_type && header.payload_type == *settings_.event_type;
  if (!is_event && header.payload_type != settings_.payload_type) return;  // comfort noise and the like
  if (!from_far_end(from, header)) {
    ++counts_.strangers;
    return;
  }
  silent_ = 0;
  if (their_ssrc_ != header.ssrc) {
    their_ssrc_ = header.ssrc;
    kept_count_ = 0;
    base_sequence_ = highest_sequence_ = header.sequence;
    received_ = received_before_ = expected_before_ = 0;
    transit_ = 0;
    jitter_ = 0;
    buffer_->reset();
  }
  note_arrival(header);
  if (settings_.receive) buffer_->put(header.sequence, is_event ? Bytes{} : packet->payload, packet->level);
  if (!is_event || !settings_.event_dtmf) return;
  const std::optional<TelephoneEvent> event = parse_event(packet->payload);
  if (!event) return;
  // All packets of an event have the timestamp of its beginning, and any of them may be lost.
  if (last_event_ == header.timestamp) return;
  last_event_ = header.timestamp;
  listener.pressed(event->digit);
}

void RtpStream::note_arrival(const RtpHeader& header) {
  ++received_;
  const auto ahead = static_cast<std::int16_t>(header.sequence - static_cast<std::uint16_t>(highest_sequence_));
  if (ahead > 0) highest_sequence_ += static_cast<std::uint32_t>(ahead);
  // RFC 3550, A.8. Packets are read once a frame, so that is how exact it is.
  const auto transit = static_cast<std::int32_t>(ticks_ * frame_ticks_ - header.timestamp);
  if (transit_ != 0) jitter_ += (std::abs(static_cast<double>(transit - transit_)) - jitter_) / 16;
  transit_ = transit;
}

bool RtpStream::play_out(Frame& frame, Listener& listener, bool unheard) {
  bool heard = false;
  told_.reset();
  unheard = unheard && !inband_;
  if (codec_ && settings_.receive) {
    std::array<std::int16_t, Codec::kMaxDecoded> decoded;
    while (pending_count_ < kFrameSamples) {
      Bytes payload;
      std::size_t made = 0;
      const JitterBuffer::Next next = buffer_->take(payload);
      if (next == JitterBuffer::Next::kPacket) {
        if (payload.empty()) continue;
        last_samples_ = codec_->duration(payload);
        quiet_count_ = codec_->is_silence(payload) ? quiet_count_ + 1 : 0;
        if (unheard && quiet_count_ > kQuietPackets) {
          made = last_samples_;
          std::fill_n(decoded.begin(), made, std::int16_t{0});
        } else if (may_skip(unheard)) {
          keep(payload);
          made = last_samples_;
          std::fill_n(decoded.begin(), made, std::int16_t{0});
        } else {
          catch_up(decoded);
          made = codec_->decode(payload, decoded);
          ++counts_.decoded;
        }
        missed_ = 0;
      } else if (their_ssrc_ && missed_ < kConcealedFrames && (next == JitterBuffer::Next::kLost || received_ > 10)) {
        ++missed_;
        ++counts_.concealed;
        catch_up(decoded);
        const bool gap = next == JitterBuffer::Next::kLost;
        made = codec_->conceal(gap ? last_samples_ : kFrameSamples, gap ? buffer_->peek() : Bytes{}, decoded);
      }
      if (made == 0) break;
      made = std::min(made, pending_.size() - pending_count_);
      std::copy_n(decoded.begin(), made, pending_.begin() + static_cast<std::ptrdiff_t>(pending_count_));
      pending_count_ += made;
      heard = true;
    }
    heard = heard || pending_count_ > 0;
  }
  const std::size_t count = std::min(pending_count_, kFrameSamples);
  std::copy_n(pending_.begin(), count, frame.begin());
  std::fill(frame.begin() + static_cast<std::ptrdiff_t>(count), frame.end(), std::int16_t{0});
  std::copy(pending_.begin() + static_cast<std::ptrdiff_t>(count), pending_.begin() + static_cast<std::ptrdiff_t>(pending_count_),
            pending_.begin());
  pending_count_ -= count;
  if (inband_ && heard)
    for (const char digit : inband_->hear(frame)) listener.pressed(digit);
  return heard;
}

bool RtpStream::sends_sound() const {
  return codec_ && remote_.port() != 0 && !(ice_ && !protect_) && settings_.send && dtmf_.idle();
}

std::optional<std::uint32_t> RtpStream::begin_sound() {
  const std::uint32_t timestamp = timestamp_;
  timestamp_ += frame_ticks_;
  if (!codec_ || remote_.port() == 0 || (ice_ && !protect_)) return std::nullopt;
  const DtmfSender::Step step = dtmf_.next(timestamp, static_cast<std::uint32_t>(settings_.event_clock / 1000 * kFrameMs));
  if (step.copies > 0 || step.pause) {
    for (int i = 0; i < step.copies; ++i) {
      write_event(std::span(packet_).subspan<kRtpHeaderBytes, kEventBytes>(), step.event);
      send_packet({step.marker, *settings_.event_type, sequence_++, step.timestamp, ssrc_}, kEventBytes);
    }
    resumed_ = true;
    return std::nullopt;
  }
  if (!settings_.send) {
    resumed_ = true;
    return std::nullopt;
  }
  return timestamp;
}

void RtpStream::send(const Frame& frame) {
  const std::optional<std::uint32_t> timestamp = begin_sound();
  if (!timestamp) return;
  const std::size_t size = code(frame, std::span(packet_).subspan<kRtpHeaderBytes, Codec::kMaxEncoded>());
  if (size > 0) end_sound(*timestamp, size);
}

std::size_t RtpStream::code(const Frame& frame, std::span<std::uint8_t, Codec::kMaxEncoded> out) {
  ++counts_.coded;
  return codec_->encode(frame, out);
}

void RtpStream::send_coded(Bytes payload) {
  const std::optional<std::uint32_t> timestamp = begin_sound();
  if (!timestamp || payload.empty()) return;
  payload = payload.first(std::min(payload.size(), Codec::kMaxEncoded));
  std::copy(payload.begin(), payload.end(), packet_.begin() + kRtpHeaderBytes);
  end_sound(*timestamp, payload.size());
}

void RtpStream::end_sound(std::uint32_t timestamp, std::size_t payload_bytes) {
  send_packet({resumed_, settings_.payload_type, sequence_++, timestamp, ssrc_}, payload_bytes);
  resumed_ = false;
  if (ticks_ % kReportFrames == kReportFrames / 2) send_report(false);
}

void RtpStream::send_packet(const RtpHeader& header, std::size_t payload_bytes) {
  write_rtp_header(std::span(packet_).first<kRtpHeaderBytes>(), header);
  std::size_t size = kRtpHeaderBytes + payload_bytes;
  if (protect_ && !protect_->protect(packet_.data(), size)) return;
  if (!send_to(Bytes(packet_).first(size), remote_)) return;
  ++counts_.sent;
  octets_ += static_cast<std::uint32_t>(payload_bytes);
}

void RtpStream::send_report(bool bye) {
  RtcpReport report;
  report.ssrc = ssrc_;
  report.bye = bye;
  if (counts_.sent > 0) report.sender = SenderInfo{ntp_of(ticks_), timestamp_, counts_.sent, octets_};
  if (their_ssrc_) {
    const std::uint32_t expected = highest_sequence_ - base_sequence_ + 1;
    const std::uint32_t expected_now = expected - expected_before_, received_now = received_ - received_before_;
    ReceptionReport reception;
    reception.ssrc = *their_ssrc_;
    if (expected_now > received_now)
      reception.fraction_lost = static_cast<std::uint8_t>(std::min(((expected_now - received_now) * 256) / expected_now, 255u));
    reception.lost = static_cast<std::int32_t>(expected) - static_cast<std::int32_t>(received_);
    reception.highest_sequence = highest_sequence_;
    reception.jitter = static_cast<std::uint32_t>(jitter_);
    if (last_sender_ntp_ != 0) {
      reception.last_sender_report = static_cast<std::uint32_t>(last_sender_ntp_ >> 16);
      reception.delay = (ticks_ - last_sender_tick_) * (65536 / 50);
    }
    expected_before_ = expected;
    received_before_ = received_;
    report.reception = reception;
  }
  std::array<std::uint8_t, kRtcpMaxBytes + SrtpSession::kMaxGrowth> bytes;
  std::size_t size = write_rtcp(std::span(bytes).first<kRtcpMaxBytes>(), report);
  if (protect_ && !protect_->protect_rtcp(bytes.data(), size)) return;
  if (ice_) return send_raw(Bytes(bytes).first(size), remote_);
  Endpoint to = remote_;
  to.set_port(static_cast<std::uint16_t>(remote_.port() + 1));
  (void)::sendto(sockets_->rtcp(), bytes.data(), size, MSG_DONTWAIT, to.raw(), to.size());
}

void RtpStream::receive_reports() {
  std::array<std::uint8_t, kBufferBytes> bytes;
  for (int i = 0; i < 4; ++i) {
    Endpoint from;
    socklen_t length = Endpoint::size_of_any();
    const ssize_t got = ::recvfrom(sockets_->rtcp(), bytes.data(), bytes.size(), MSG_DONTWAIT, from.raw(), &length);
    if (got < 0) return;
    const auto size = static_cast<std::size_t>(got);
    if (!same_host(from, remote_)) {
      ++counts_.strangers;
      continue;
    }
    take_report(std::span(bytes).first(size));
  }
}

void RtpStream::take_report(std::span<std::uint8_t> packet) {
  std::size_t size = packet.size();
  if (unprotect_ && !unprotect_->unprotect_rtcp(packet.data(), size)) return;
  const std::optional<RtcpReport> report = parse_rtcp(Bytes(packet).first(size), ssrc_);
  if (!report) {
    ++counts_.malformed;
    return;
  }
  if (report->sender) {
    last_sender_ntp_ = report->sender->ntp;
    last_sender_tick_ = ticks_;
  }
  if (!report->reception) return;
  counts_.remote_lost = static_cast<std::uint32_t>(std::max(report->reception->lost, 0));
  counts_.remote_jitter_ms = report->reception->jitter * kFrameMs / frame_ticks_;
  if (codec_) codec_->expect_loss(report->reception->fraction_lost);
}

void RtpStream::send_bye() {
  if (codec_ && remote_.port() != 0 && !(ice_ && !protect_)) send_report(true);
}

StreamCounts RtpStream::counts() const {
  StreamCounts all = counts_;
  if (buffer_) all.buffer = buffer_->counts();
  return all;
}

}  // namespace call_media
