#include "media/plays.h"

#include <string>

#include "trunkline/error.hpp"

namespace call_media {

using trunkline::Error;
using trunkline::ErrorCode;

namespace {
constexpr std::size_t kMaxPlayBytes = std::size_t{64} * 1024 * 1024;  // half an hour
}

void Plays::play(MediaEngine& engine, const MediaLegPtr& leg, std::int64_t id, SoundPtr sound) {
  if (!sound || sound->empty()) return;
  std::erase_if(plays_, [](const auto& one) { return one.second->load(std::memory_order_acquire) == 0; });
  WaitingPieces& waiting = plays_[id];
  if (!waiting) {
    if (plays_.size() > Player::kMaxPlays) {
      plays_.erase(id);
      throw Error(ErrorCode::kResourceExhausted, "a call plays at most " + std::to_string(Player::kMaxPlays) + " sounds at once",
                  "playId");
    }
    waiting = std::make_shared<std::atomic<std::uint32_t>>(0);
  }
  if (waiting->load(std::memory_order_acquire) >= Player::kMaxPieces)
    throw Error(ErrorCode::kResourceExhausted,
                "at most " + std::to_string(Player::kMaxPieces) + " pieces of a sound wait at once", "samples");
  waiting->fetch_add(1, std::memory_order_relaxed);
  engine.change(leg,
                [id, sound = std::move(sound), waiting = waiting](MediaLeg& media) { media.player.add(id, sound, waiting); });
}

void Plays::stop(MediaEngine& engine, const MediaLegPtr& leg, std::int64_t id) {
  plays_.erase(id);
  engine.change(leg, [id](MediaLeg& media) { media.player.stop(id); });
}

SoundPtr sound_of(std::span<const std::uint8_t> samples) {
  if (samples.size() % 2 != 0 || samples.size() > kMaxPlayBytes)
    throw Error(ErrorCode::kResourceExhausted,
                "samples: found " + std::to_string(samples.size()) + " bytes, wanted an even number up to " +
                    std::to_string(kMaxPlayBytes),
                "samples");
  auto sound = std::make_shared<std::vector<std::int16_t>>(samples.size() / 2);
  for (std::size_t i = 0; i < sound->size(); ++i)
    (*sound)[i] = static_cast<std::int16_t>(samples[2 * i] | samples[2 * i + 1] << 8);
  return sound;
}

}  // namespace call_media
