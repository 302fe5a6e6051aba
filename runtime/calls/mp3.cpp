#include "runtime/calls/mp3.h"

#include <lame/lame.h>
#include <mpg123.h>

#include <algorithm>
#include <array>
#include <utility>

namespace trunkline::calls {
namespace {

/// Longest stretch of a file that is no frame, such as a tag in its middle.
constexpr std::size_t kMostJunk = 64 * 1024;
constexpr std::size_t kTagHeader = 10;
/// Of rates within a file, such as one that was put together: each costs a filter of its own.
constexpr int kMostRateChanges = 8;

[[noreturn]] void refuse_mp3(const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "the file is no sound that can be played: " + why, "playSources");
}

}  // namespace

bool looks_like_mp3(std::string_view file) {
  if (file.starts_with("ID3")) return true;
  if (file.size() < 4) return false;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(file[at]); };
  // Sync word, a version that is none of the reserved, a layer, a bit rate, a sample rate.
  return byte(0) == 0xff && (byte(1) & 0xe0) == 0xe0 && (byte(1) & 0x18) != 0x08 && (byte(1) & 0x06) != 0 &&
         (byte(2) & 0xf0) != 0xf0 && (byte(2) & 0x0c) != 0x0c;
}

struct Mp3Decoder::Handle {
  Handle() {
    mpg123_init();  // does nothing since 1.27, and is idempotent before
    int error = 0;
    mpg = mpg123_new(nullptr, &error);
    if (!mpg) throw Error(ErrorCode::kInternal, std::string("no MP3 decoder: ") + mpg123_plain_strerror(error));
    // Words for the console are nobody's here, and tags are not read.
    mpg123_param(mpg, MPG123_ADD_FLAGS, MPG123_QUIET | MPG123_MONO_MIX | MPG123_SKIP_ID3V2 | MPG123_GAPLESS, 0);
    mpg123_param(mpg, MPG123_RESYNC_LIMIT, static_cast<long>(kMostJunk), 0);
    mpg123_format_none(mpg);
    const long* rates = nullptr;
    std::size_t count = 0;
    mpg123_rates(&rates, &count);
    for (std::size_t i = 0; i < count; ++i) mpg123_format(mpg, rates[i], MPG123_MONO, MPG123_ENC_SIGNED_16);
    if (mpg123_open_feed(mpg) != MPG123_OK) {
      mpg123_delete(mpg);
      throw Error(ErrorCode::kInternal, "no MP3 decoder");
    }
  }
  ~Handle() { mpg123_delete(mpg); }
  Handle(const Handle&) = delete;

  mpg123_handle* mpg = nullptr;
};

Mp3Decoder::Mp3Decoder() : handle_(std::make_unique<Handle>()) {}
Mp3Decoder::~Mp3Decoder() = default;

void Mp3Decoder::feed(std::string_view bytes) {
  if (!begun_) {
    const std::string_view part = bytes.substr(0, kTagHeader - head_.size());
    head_ += part;
    bytes.remove_prefix(part.size());
    if (head_.size() < kTagHeader) return;
    begin();
  }
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(tag_, bytes.size()));
  tag_ -= skipped;
  decode(bytes.substr(skipped));
}

/// A tag in front may hold pictures of any size; its length is in 4 times 7 bits.
void Mp3Decoder::begin() {
  begun_ = true;
  if (!head_.starts_with("ID3") || head_.size() < kTagHeader) return decode(std::exchange(head_, {}));
  for (std::size_t i = 6; i < kTagHeader; ++i) tag_ = tag_ << 7 | (static_cast<unsigned char>(head_[i]) & 0x7f);
}

void Mp3Decoder::decode(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), 16 * 1024);
    if (mpg123_feed(handle_->mpg, reinterpret_cast<const unsigned char*>(bytes.data()), count) != MPG123_OK)
      refuse_mp3(mpg123_strerror(handle_->mpg));
    bytes.remove_prefix(count);
    unheard_ += count;
    drain();
    if (unheard_ > kMostJunk) refuse_mp3("it is no MPEG audio, or is damaged: there is no frame for more than 64 KiB");
  }
}

void Mp3Decoder::drain() {
  std::array<std::int16_t, 4096> block{};
  for (;;) {
    std::size_t got = 0;
    const int told = mpg123_read(handle_->mpg, block.data(), sizeof block, &got);
    if (got > 0) {
      unheard_ = 0;
      if (!resampler_) refuse_mp3("its format is not known");
      resampler_->push(std::span(block).first(got / 2), samples_);
      if (samples_.size() > samples_in(kLongest)) refuse_mp3("it lasts longer than 10 minutes");
    }
    if (told == MPG123_NEW_FORMAT) {
      long rate = 0;
      int channels = 0, encoding = 0;
      mpg123_getformat(handle_->mpg, &rate, &channels, &encoding);
      if (rate == rate_) continue;
      if (resampler_) {  // it may change within a file
        if (++rate_changes_ > kMostRateChanges) refuse_mp3("it changes its sample rate more than 8 times");
        resampler_->finish(samples_);
      }
      rate_ = static_cast<int>(rate);
      resampler_.emplace(rate_);
    } else if (told == MPG123_NEED_MORE || told == MPG123_DONE) {
      return;
    } else if (told != MPG123_OK) {
      refuse_mp3(std::string("it is no MPEG audio, or is damaged: ") + mpg123_strerror(handle_->mpg));
    }
  }
}

Sound Mp3Decoder::finish() {
  if (!begun_) begin();
  if (resampler_) resampler_->finish(samples_);
  if (samples_.empty()) refuse_mp3("it holds no sound");
  samples_.shrink_to_fit();
  return {std::make_shared<const Samples>(std::move(samples_))};
}

struct Mp3Encoder::Lame {
  Lame() : flags(lame_init()) {
    if (!flags) throw Error(ErrorCode::kResourceExhausted, "no MP3 encoder: out of memory", "recording");
    lame_set_in_samplerate(flags, kSampleRate);
    lame_set_out_samplerate(flags, kSampleRate);
    lame_set_num_channels(flags, 1);
    lame_set_mode(flags, MONO);
    lame_set_brate(flags, kBitRate / 1000);
    lame_set_quality(flags, 7);  // of 9: for speech nobody hears more, and it costs half as much as 5
    lame_set_disable_reservoir(flags, 1);
    lame_set_bWriteVbrTag(flags, 0);  // info_frame() is ours: frames of silence are not counted by it
    lame_set_errorf(flags, nullptr);
    lame_set_msgf(flags, nullptr);
    lame_set_debugf(flags, nullptr);
    if (lame_init_params(flags) < 0) {
      lame_close(flags);
      throw Error(ErrorCode::kInternal, "lame does not take its own parameters");
    }
  }
  ~Lame() { lame_close(flags); }
  Lame(const Lame&) = delete;
  lame_global_flags* const flags;
};

Mp3Encoder::Mp3Encoder() : lame_(std::make_unique<Lame>()) {}
Mp3Encoder::~Mp3Encoder() = default;

void Mp3Encoder::encode(std::span<const std::int16_t> samples, std::vector<std::uint8_t>& out) {
  constexpr std::size_t kBlock = 16 * kFrameSamples;
  while (!samples.empty()) {
    const std::span<const std::int16_t> block = samples.first(std::min(samples.size(), kBlock));
    samples = samples.subspan(block.size());
    const std::size_t before = out.size();
    out.resize(before + block.size() * 5 / 4 + 7200);  // as lame.h says
    const int made = lame_encode_buffer(lame_->flags, block.data(), nullptr, static_cast<int>(block.size()), out.data() + before,
                                        static_cast<int>(out.size() - before));
    if (made < 0) throw Error(ErrorCode::kInternal, "lame could not encode: " + std::to_string(made));
    out.resize(before + static_cast<std::size_t>(made));
  }
}

void Mp3Encoder::finish(std::vector<std::uint8_t>& out) {
  const std::size_t before = out.size();
  out.resize(before + 7200);
  const int made = lame_encode_flush(lame_->flags, out.data() + before, 7200);
  if (made < 0) throw Error(ErrorCode::kInternal, "lame could not end: " + std::to_string(made));
  out.resize(before + static_cast<std::size_t>(made));
}

std::vector<std::uint8_t> Mp3Encoder::info_frame(std::uint64_t frames, std::uint64_t samples) {
  // MPEG-2, layer 3, no checksum; 48 kbit/s, 16 kHz; mono. Then 9 bytes about the spectrum, of which there is none.
  std::vector<std::uint8_t> out = {0xff, 0xf3, 0x68, 0xc4, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const auto put = [&out](std::string_view text) { out.insert(out.end(), text.begin(), text.end()); };
  const auto put_number = [&out](std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  put("Info");  // the sign of a constant bit rate
  put_number(3, 4);
  put_number(frames, 4);
  put_number((frames + 1) * kFrameBytes, 4);
  put("LAME3.100");
  put_number(1, 1);  // revision 0, constant bit rate
  put_number(0, 10);
  put_number(kBitRate / 1000, 1);
  const std::uint64_t all = frames * kFrameSamples;
  const std::uint64_t padding = all > samples + kDelay ? std::min<std::uint64_t>(all - samples - kDelay, 4095) : 0;
  put_number(kDelay << 12 | padding, 3);
  out.resize(kFrameBytes);
  return out;
}

}  // namespace trunkline::calls
