// What is played to a leg, as whoever asks for it sees it.
#pragma once
#include <cstdint>
#include <map>
#include <span>

#include "media/engine.h"

namespace call_media {

/// The player belongs to the media thread, which cannot answer: what it has room for is counted here. One thread.
class Plays {
 public:
  /// Pieces of an id that is still on follow each other. Throws kResourceExhausted.
  void play(MediaEngine& engine, const MediaLegPtr& leg, std::int64_t id, SoundPtr sound);
  void stop(MediaEngine& engine, const MediaLegPtr& leg, std::int64_t id);

 private:
  std::map<std::int64_t, WaitingPieces> plays_;  // those at zero are over
};

/// 16-bit little-endian samples, at most half an hour of them. Throws kResourceExhausted naming `samples`.
SoundPtr sound_of(std::span<const std::uint8_t> samples);

}  // namespace call_media
