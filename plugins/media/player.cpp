#include <algorithm>

#include "media/media_leg.h"

namespace call_media {

bool Player::add(std::int64_t id, SoundPtr sound, const WaitingPieces& waiting) {
  std::erase_if(plays_, [](const Play& one) { return one.piece == one.pieces.size(); });
  if (!sound || sound->empty()) return true;
  auto own = std::find_if(plays_.begin(), plays_.end(), [&](const Play& one) { return one.id == id; });
  if (own == plays_.end()) {
    if (plays_.size() == kMaxPlays) return false;
    own = plays_.emplace(plays_.end());
    own->id = id;
  }
  if (own->piece > 32) {  // what was played goes
    own->pieces.erase(own->pieces.begin(), own->pieces.begin() + static_cast<std::ptrdiff_t>(own->piece));
    own->piece = 0;
  }
  if (own->pieces.size() - own->piece >= kMaxPieces) return false;
  own->pieces.push_back(std::move(sound));
  own->waiting = waiting;
  return true;
}

void Player::stop(std::int64_t id) {
  std::erase_if(plays_, [&](const Play& one) { return one.id == id; });
}

void Player::mix_into(std::array<std::int32_t, kFrameSamples>& sum) {
  for (Play& play : plays_) {
    std::size_t filled = 0;
    while (filled < kFrameSamples && play.piece < play.pieces.size()) {
      const std::vector<std::int16_t>& samples = *play.pieces[play.piece];
      const std::size_t count = std::min(kFrameSamples - filled, samples.size() - play.at);
      for (std::size_t i = 0; i < count; ++i) sum[filled + i] += samples[play.at + i];
      filled += count;
      play.at += count;
      if (play.at == samples.size()) {
        ++play.piece;
        play.at = 0;
        if (play.waiting) play.waiting->fetch_sub(1, std::memory_order_release);
      }
    }
  }
}

}  // namespace call_media
