// One leg as the media engine sees it.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "media/news_ring.h"
#include "media/rtp_stream.h"

namespace call_media {

using SoundPtr = std::shared_ptr<const std::vector<std::int16_t>>;

/// Pieces of one play that wait or are on: whoever adds them counts up and refuses, the media thread counts down.
using WaitingPieces = std::shared_ptr<std::atomic<std::uint32_t>>;

/// What is played to one leg: several sounds at a time, each of pieces that follow each other. Media thread alone.
class Player {
 public:
  static constexpr std::size_t kMaxPlays = 16;
  static constexpr std::size_t kMaxPieces = 512;

  Player() { plays_.reserve(kMaxPlays); }
  /// Pieces of an id that is still on follow each other. False: there are too many. Allocates, and frees what is over.
  bool add(std::int64_t id, SoundPtr sound, const WaitingPieces& waiting = nullptr);
  void stop(std::int64_t id);
  /// There is nothing to add.
  bool idle() const {
    return std::all_of(plays_.begin(), plays_.end(), [](const Play& one) { return one.piece == one.pieces.size(); });
  }
  /// Adds the next 20 ms of everything. Allocates and frees nothing.
  void mix_into(std::array<std::int32_t, kFrameSamples>& sum);

 private:
  struct Play {
    std::int64_t id = 0;
    std::vector<SoundPtr> pieces;
    std::size_t piece = 0;  // pieces.size(): over
    std::size_t at = 0;
    WaitingPieces waiting;  // may be null
  };
  std::vector<Play> plays_;
};

class Bridge;

/// What a bridge keeps of one of its legs.
struct BridgePlace {
  static constexpr std::size_t kAlone = ~std::size_t{0};

  Bridge* bridge = nullptr;
  bool mixed = false;           // the others hear it
  bool fades = false;           // in its last frame among them
  std::int64_t loudness = 0;    // mean square; rises at once and falls slowly
  std::uint32_t quiet = 0;      // frames without sound in a row
  std::uint32_t age = 0;        // frames since it is mixed
  std::uint32_t alike = 0;      // frames in a row for which it is sent what everybody hears
  std::size_t wanted = kAlone;  // the group that it is for
  std::size_t group = kAlone;   // whose packets it is sent
};

/// One of the media threads at a time, but for what is const.
class MediaLeg final : public RtpStream::Listener {
 public:
  MediaLeg(std::uint64_t number, std::unique_ptr<RtpSockets> sockets, std::uint32_t ssrc, std::uint16_t sequence,
           std::uint32_t timestamp, NewsRing& news)
      : number(number), port(sockets->port()), stream(std::move(sockets), ssrc, sequence, timestamp), news_(news) {}
  MediaLeg(const MediaLeg&) = delete;

  /// Packets of DTLS are kept for who makes the handshakes, on one thread. Before the leg is used.
  void keep_handshakes() { handshakes_ = std::make_unique<Ring<HandshakePacket>>(kHandshakes); }
  /// Null when there is none. That thread.
  const HandshakePacket* begin_handshake() const { return handshakes_ ? handshakes_->begin_take() : nullptr; }
  void end_handshake() { handshakes_->end_take(); }

  void handshake(Bytes packet, const Endpoint& from) override {
    HandshakePacket* kept = handshakes_ && packet.size() <= sizeof kept->bytes ? handshakes_->begin_put() : nullptr;
    if (!kept) return;  // it is sent again
    kept->from = from;
    kept->size = static_cast<std::uint16_t>(packet.size());
    std::copy(packet.begin(), packet.end(), kept->bytes.begin());
    handshakes_->end_put();
    tell(MediaNews::Kind::kHandshake);
  }
  /// False: there is no room for it.
  bool tell(MediaNews::Kind kind) {
    return news_.put([&](MediaNews& news) {
      news.kind = kind;
      news.leg = number;
    });
  }

  void pressed(char digit) override {
    news_.put([&](MediaNews& news) {
      news.kind = MediaNews::Kind::kDigit;
      news.leg = number;
      news.digit = digit;
    });
  }

  const std::uint64_t number;
  const std::uint16_t port;
  RtpStream stream;
  Player player;
  bool removed = false;
  std::string bridge;
  bool answered = false;  // sound flows
  bool muted = false;
  bool on_hold = false;
  bool tapped = false;
  std::uint32_t silence_frames = 0;  // of the far end after which it is told; 0: never
  bool silence_told = false;
  std::uint32_t consent_frames = 0;  // without a check of ICE after which it is told; 0: never
  bool consent_told = false;
  std::int64_t position = 0;
  Frame in{};
  bool heard = false;
  std::int64_t loudness = 0;  // of `in`, mean square; in a crowd alone
  BridgePlace place;

 private:
  static constexpr std::size_t kHandshakes = 16;

  NewsRing& news_;
  std::unique_ptr<Ring<HandshakePacket>> handshakes_;
};
using MediaLegPtr = std::shared_ptr<MediaLeg>;

}  // namespace call_media
