// One leg as the media engine sees it.
#pragma once
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

/// Media thread alone, but for what is const.
class MediaLeg final : public RtpStream::Digits {
 public:
  MediaLeg(std::uint64_t number, std::unique_ptr<RtpSockets> sockets, std::uint32_t ssrc, std::uint16_t sequence,
           std::uint32_t timestamp, NewsRing& news)
      : number(number), port(sockets->port()), stream(std::move(sockets), ssrc, sequence, timestamp), news_(news) {}
  MediaLeg(const MediaLeg&) = delete;

  void pressed(char digit) override {
    MediaNews* news = news_.begin_put();
    if (!news) return;
    news->kind = MediaNews::Kind::kDigit;
    news->leg = number;
    news->digit = digit;
    news_.end_put();
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
  std::int64_t position = 0;
  Frame in{};
  bool heard = false;

 private:
  NewsRing& news_;
};
using MediaLegPtr = std::shared_ptr<MediaLeg>;

}  // namespace call_media
