// The sound of one leg: RTP in and out, 20 ms at a time.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/codec.h"
#include "media/dtmf_sender.h"
#include "media/endpoint.h"
#include "media/ice_lite.h"
#include "media/jitter_buffer.h"
#include "media/rtp_ports.h"
#include "media/srtp.h"
#include "media/tcp_path.h"

namespace call_media {

/// What was agreed with the far end.
struct StreamSettings {
  Endpoint remote;
  CodecId codec = CodecId::kPcmu;
  std::uint8_t payload_type = 0;
  std::optional<std::uint8_t> event_type;
  int event_clock = 8000;            // of its durations
  std::uint8_t level_extension = 0;  // RFC 6464: packets say how loud they are; 0: they do not
  std::string send_key;              // SRTP; empty: plain
  std::string receive_key;           // SRTP
  bool send = true;
  bool receive = true;
  bool any_source = false;  // the far end is behind NAT: the first address that sends well is it
  bool replaced = false;    // it is another phone than before, which may go on sending for a moment
  bool inband_dtmf = false;
  bool event_dtmf = true;         // telephone events are digits
  std::size_t least_packets = 2;  // that the jitter buffer waits for
  std::size_t most_packets = 10;
};

struct StreamCounts {
  JitterBuffer::Counts buffer;
  std::uint32_t sent = 0;
  std::uint32_t strangers = 0;  // packets from addresses that are not the far end
  std::uint32_t malformed = 0;
  std::uint32_t concealed = 0;    // frames that were made up
  std::uint32_t decoded = 0;      // packets; silence that nobody hears is not
  std::uint32_t coded = 0;        // frames, for us and for others
  std::uint32_t remote_lost = 0;  // as the far end told
  std::uint32_t remote_jitter_ms = 0;
};

/// Listens for the tones of keys.
class InbandDtmf {
 public:
  InbandDtmf();
  ~InbandDtmf();
  InbandDtmf(const InbandDtmf&) = delete;
  /// The keys of 20 ms; good until the next call.
  std::string_view hear(const Frame& frame);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

/// Used by one thread at a time; receive(), play_out() and send() allocate nothing and never block.
class RtpStream {
 public:
  /// Called from within receive() and play_out().
  class Listener {
   public:
    virtual void pressed(char digit) = 0;
    /// A packet of DTLS, from an address that a check of ICE came from.
    virtual void handshake(Bytes /*packet*/, const Endpoint& /*from*/) {}

   protected:
    ~Listener() = default;
  };

  RtpStream(std::unique_ptr<RtpSockets> sockets, std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp);
  ~RtpStream();

  /// What settings need and a frame must not wait for: made beforehand, on any thread. Errors: kInternal.
  struct Parts {
    std::unique_ptr<Codec> codec;
    std::unique_ptr<InbandDtmf> inband;
    std::unique_ptr<SrtpSession> protect, unprotect;
  };
  static std::shared_ptr<Parts> prepare(const StreamSettings& settings);
  /// Also later, when the call changes: what stays the same goes on. Takes what it needs of `parts`, and throws nothing.
  void configure(const StreamSettings& settings, Parts& parts);
  /// From now on the far end is whoever it lets in, there is no sound without keys, and RTCP goes over the same port. Before
  /// configure().
  void use_ice(std::shared_ptr<IceLite> ice) { ice_ = std::move(ice); }
  /// A connection over which the far end can be reached as well. The oldest gives way when there are more than kMaxPaths. With
  /// use_ice() alone.
  void add_path(std::unique_ptr<TcpPath> path);
  bool configured() const { return codec_ != nullptr; }
  /// False: too many wait, or the far end takes no events.
  bool send_digits(std::string_view digits);

  /// Takes in what has come.
  void receive(Listener& listener);
  /// The next 20 ms of the far end. False: silence. `unheard`: only how loud it is matters, and packets that are silence for
  /// sure, or say how loud they are, need not be decoded.
  bool play_out(Frame& frame, Listener& listener, bool unheard = false);
  /// How loud the frame is that was played out last and not decoded, by its own account, as a mean square; nullopt: it was
  /// decoded.
  std::optional<std::int64_t> told_loudness() const { return told_; }
  /// What it would have been. False: what it says of its loudness is not so, and will not be believed any more.
  bool decode_after_all(Frame& frame);
  /// 20 ms for the far end.
  void send(const Frame& frame);
  /// The same in two steps: coded by this leg, or by another one whose codec is of the same id and way, and sent by each.
  std::size_t code(const Frame& frame, std::span<std::uint8_t, Codec::kMaxEncoded> out);
  void send_coded(Bytes payload);
  /// What is sent next is sound: no digit, and not nothing.
  bool sends_sound() const;
  /// Null before configure().
  Codec* codec() { return codec_.get(); }
  /// Frames since the last packet of the far end's, while it should send.
  std::uint32_t silent_frames() const { return silent_; }
  /// Frames since the far end's last check of ICE; 0 without ICE.
  std::uint32_t consent_age() const { return ice_ ? ice_->age() : 0; }
  /// Sends what is no sound. [any-thread], but for what goes over a connection
  void send_raw(Bytes packet, const Endpoint& to) const;
  /// Tells the far end that this was all.
  void send_bye();
  StreamCounts counts() const;
  const Endpoint& remote() const { return remote_; }

 private:
  static constexpr std::size_t kBufferBytes = 1500;
  static constexpr std::size_t kMaxPaths = 4;

  void receive_from(int socket, Listener& listener);
  bool may_skip(bool unheard) const;
  void keep(Bytes payload);
  /// Decodes what was kept, the last of which is `last`. How many samples that is.
  std::size_t catch_up(std::span<std::int16_t, Codec::kMaxDecoded> last);
  /// One packet, from wherever.
  void take_any(std::span<std::uint8_t> packet, const Endpoint& from, Listener& listener);
  bool send_to(Bytes packet, const Endpoint& to) const;
  bool from_far_end(const Endpoint& from, const RtpHeader& header);
  /// It was none of sound.
  bool take_other(std::span<std::uint8_t> packet, const Endpoint& from, Listener& listener);
  void take(Bytes packet, const Endpoint& from, Listener& listener);
  void take_report(std::span<std::uint8_t> packet);
  void note_arrival(const RtpHeader& header);
  /// Time goes on by 20 ms. The timestamp of the sound that is to be sent; nullopt: there is none, and what goes out instead has.
  std::optional<std::uint32_t> begin_sound();
  void end_sound(std::uint32_t timestamp, std::size_t payload_bytes);
  void send_packet(const RtpHeader& header, std::size_t payload_bytes);
  void send_report(bool bye);
  void receive_reports();

  const std::unique_ptr<RtpSockets> sockets_;
  std::shared_ptr<IceLite> ice_;  // null: the far end is where its description says
  std::vector<std::unique_ptr<TcpPath>> paths_;
  StreamSettings settings_;
  std::unique_ptr<Codec> codec_;
  std::unique_ptr<InbandDtmf> inband_;
  std::unique_ptr<SrtpSession> protect_;
  std::unique_ptr<SrtpSession> unprotect_;
  std::optional<JitterBuffer> buffer_;
  DtmfSender dtmf_;

  // The way out.
  const std::uint32_t ssrc_;
  std::uint16_t sequence_;
  std::uint32_t timestamp_;
  std::uint32_t frame_ticks_;  // of the RTP clock
  std::uint32_t octets_ = 0;
  bool resumed_ = true;  // the next packet begins a burst
  std::array<std::uint8_t, kBufferBytes> packet_{};

  // The way in.
  Endpoint remote_;
  bool latched_ = false;  // remote_ is where packets came from
  // Where they came from before another phone took the place of the far end: not to be taken for the new one.
  Endpoint former_;
  int former_frames_ = 0;
  std::optional<Endpoint> candidate_;  // sent one good packet
  std::uint32_t candidate_ssrc_ = 0;
  std::uint16_t candidate_sequence_ = 0;
  std::optional<std::uint32_t> their_ssrc_;
  std::optional<std::uint32_t> last_event_;                     // its timestamp
  std::array<std::int16_t, Codec::kMaxDecoded * 2> pending_{};  // decoded and not played yet
  std::size_t pending_count_ = 0;
  std::size_t last_samples_ = kFrameSamples;
  int missed_ = 0;                 // frames in a row
  std::uint32_t quiet_count_ = 0;  // packets in a row that were silence for sure
  // Packets that were not decoded: with the last of them the decoder finds out again what it needs to know of what was before.
  struct Kept {
    std::size_t size = 0;
    std::array<std::uint8_t, JitterBuffer::kMaxPayload> bytes;
  };
  static constexpr std::size_t kKept = 3;
  std::array<Kept, kKept> kept_;
  std::size_t kept_count_ = 0;
  std::size_t kept_next_ = 0;
  std::optional<std::int64_t> told_;
  bool believed_ = true;  // of what it says about its loudness
  std::uint32_t silent_ = 0;

  // Reports.
  std::uint32_t ticks_ = 0;
  std::uint32_t base_sequence_ = 0;
  std::uint32_t highest_sequence_ = 0;  // extended
  std::uint32_t expected_before_ = 0;
  std::uint32_t received_ = 0;
  std::uint32_t received_before_ = 0;
  std::int32_t transit_ = 0;
  double jitter_ = 0;
  std::uint64_t last_sender_ntp_ = 0;
  std::uint32_t last_sender_tick_ = 0;
  StreamCounts counts_;
};

}  // namespace call_media
