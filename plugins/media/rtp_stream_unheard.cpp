// Packets that say how loud they are (RFC 6464), of legs that nobody hears: decoded when somebody does.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "media/rtp_stream.h"

namespace call_media {
namespace {

/// Mean squares of so many decibels below the loudest possible.
const std::array<std::int64_t, 128> kLoudness = [] {
  std::array<std::int64_t, 128> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::int64_t>(32768.0 * 32768.0 * std::pow(10.0, static_cast<double>(i) / -10));
  return out;
}();

}  // namespace

/// The packet that was taken last is as good as decoded: whoever needs it decodes it then. Of Opus, where decoding is most of the
/// work, and in whole frames.
bool RtpStream::may_skip(bool unheard) const {
  return unheard && believed_ && buffer_->level() && codec_->id() == CodecId::kOpus && last_samples_ == kFrameSamples &&
         pending_count_ == 0;
}

void RtpStream::keep(Bytes payload) {
  told_ = kLoudness[*buffer_->level()];
  Kept& kept = kept_[kept_next_];
  kept.size = payload.size();
  std::copy(payload.begin(), payload.end(), kept.bytes.begin());
  kept_next_ = (kept_next_ + 1) % kKept;
  kept_count_ = std::min(kept_count_ + 1, kKept);
}

std::size_t RtpStream::catch_up(std::span<std::int16_t, Codec::kMaxDecoded> last) {
  std::size_t made = 0;
  for (; kept_count_ > 0; --kept_count_) {
    const Kept& kept = kept_[(kept_next_ + kKept - kept_count_) % kKept];
    made = codec_->decode(Bytes(kept.bytes).first(kept.size), last);
    ++counts_.decoded;
  }
  return made;
}

bool RtpStream::decode_after_all(Frame& frame) {
  constexpr std::int64_t kLie = 100;  // 20 dB: more than the sounds that only wide ears hear make a difference
  std::array<std::int16_t, Codec::kMaxDecoded> decoded;
  const std::size_t made = std::min(catch_up(decoded), kFrameSamples);
  std::fill(std::copy_n(decoded.begin(), made, frame.begin()), frame.end(), std::int16_t{0});
  const std::int64_t told = std::exchange(told_, std::nullopt).value_or(0);
  believed_ = believed_ && mean_square(frame) * kLie >= told;
  return believed_;
}

}  // namespace call_media
