#include "media/jitter_buffer.h"

#include <algorithm>

namespace call_media {
namespace {

constexpr std::uint32_t kCalm = 500;      // packets without a late one after which the target falls
constexpr std::uint32_t kEmptyTakes = 5;  // of nothing, after which it fills up again
constexpr std::size_t kSlack = 4;         // packets beyond the target that may wait before one is given up

}  // namespace

void JitterBuffer::reset() {
  for (Slot& one : slots_) one.used = false;
  held_ = 0;
  started_ = playing_ = false;
  calm_ = empty_ = 0;
}

void JitterBuffer::put(std::uint16_t sequence, Bytes payload, std::optional<std::uint8_t> level) {
  ++counts_.received;
  if (payload.size() > kMaxPayload) {
    ++counts_.dropped;
    return;
  }
  if (!started_) {
    started_ = true;
    next_ = sequence;
  }
  auto ahead = static_cast<std::int16_t>(sequence - next_);
  if (ahead < 0 && !playing_ && ahead > -static_cast<int>(kSlots) + static_cast<int>(held_)) {
    next_ = sequence;  // it overtook nobody yet
    ahead = 0;
  }
  if (ahead < 0 && ahead > -static_cast<int>(kSlots)) {
    ++counts_.late;
    calm_ = 0;
    target_ = std::min(target_ + 1, most_);
    return;
  }
  if (ahead < 0 || ahead >= static_cast<int>(kSlots)) {
    // A jump: the sender began anew.
    counts_.dropped += static_cast<std::uint32_t>(held_);
    reset();
    started_ = true;
    next_ = sequence;
  }
  Slot& own = slot(sequence);
  if (own.used) {
    ++counts_.duplicate;
    return;
  }
  own.used = true;
  own.sequence = sequence;
  own.level = level;
  own.size = static_cast<std::uint16_t>(payload.size());
  std::copy(payload.begin(), payload.end(), own.bytes.begin());
  ++held_;
  // The sender's clock is faster than ours, or a burst came: what waits longest goes.
  while (held_ > target_ + kSlack) drop_oldest();
}

void JitterBuffer::drop_oldest() {
  while (!slot(next_).used) ++next_;
  slot(next_++).used = false;
  --held_;
  ++counts_.dropped;
}

JitterBuffer::Next JitterBuffer::take(Bytes& payload) {
  if (!playing_) {
    if (held_ < target_) return Next::kNothing;
    playing_ = true;
    while (!slot(next_).used) ++next_;
  }
  if (held_ == 0) {
    if (++empty_ >= kEmptyTakes) playing_ = false;
    return Next::kNothing;
  }
  empty_ = 0;
  Slot& own = slot(next_);
  if (!own.used) {
    ++next_;
    ++counts_.lost;
    return Next::kLost;
  }
  payload = Bytes(own.bytes).first(own.size);
  level_ = own.level;
  own.used = false;
  --held_;
  ++next_;
  if (++calm_ >= kCalm) {
    calm_ = 0;
    target_ = std::max(target_ - 1, least_);
  }
  return Next::kPacket;
}

Bytes JitterBuffer::peek() const {
  const Slot& own = slot(next_);
  return held_ > 0 && own.used ? Bytes(own.bytes).first(own.size) : Bytes{};
}

}  // namespace call_media
