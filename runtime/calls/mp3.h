// MPEG audio: reading what applications play, writing recordings.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/calls/resampler.h"
#include "runtime/calls/sound.h"

namespace trunkline::calls {

/// Whether the file begins like one: a tag (ID3) or the sync word of a frame.
bool looks_like_mp3(std::string_view file);

/// Layers 1 to 3, any rate and bit rate, one or two channels, in pieces as they come: what is in memory beside the result is a
/// frame or two. One thread.
class Mp3Decoder {
 public:
  /// Longer files are refused, once so much of them is there.
  static constexpr Duration kLongest = std::chrono::minutes{10};

  Mp3Decoder();
  ~Mp3Decoder();
  Mp3Decoder(const Mp3Decoder&) = delete;

  /// Throws kInvalidArgument: what is no MPEG audio for more than 64 KiB, what lasts too long, what changes its
  /// rate again and again.
  void feed(std::string_view bytes);
  /// The whole sound. Throws kInvalidArgument when there is none.
  Sound finish();

 private:
  void begin();
  void decode(std::string_view bytes);
  void drain();

  struct Handle;
  const std::unique_ptr<Handle> handle_;
  std::string head_;  // what came before it was known how long the tag in front is
  bool begun_ = false;
  std::uint64_t tag_ = 0;    // bytes of it that are to come
  std::size_t unheard_ = 0;  // bytes since the last that was sound
  int rate_ = 0;
  int rate_changes_ = 0;
  std::optional<Resampler> resampler_;
  Samples samples_;
};

/// Layer 3, 16 kHz, one channel, 48 kbit/s. Every frame has the same size and needs no other one, so that a file may be cut
/// between any two, and silence is the same frame again. One thread.
class Mp3Encoder {
 public:
  static constexpr std::size_t kFrameSamples = 576;
  static constexpr std::size_t kFrameBytes = 216;
  static constexpr int kBitRate = 48'000;

  Mp3Encoder();
  ~Mp3Encoder();
  Mp3Encoder(const Mp3Encoder&) = delete;

  /// Appends the frames that are complete.
  void encode(std::span<const std::int16_t> samples, std::vector<std::uint8_t>& out);
  /// The rest, filled up with silence.
  void finish(std::vector<std::uint8_t>& out);

  /// The frame that a file begins with: how much of what follows is sound. Players leave out the rest at both ends.
  static std::vector<std::uint8_t> info_frame(std::uint64_t frames, std::uint64_t samples);
  /// Samples before the first one that was encoded.
  static constexpr std::uint64_t kDelay = 576;
  /// How much later a decoder has the whole of a sample: what is encoded behind the last one, at least.
  static constexpr std::uint64_t kDecoderDelay = 529;

 private:
  struct Lame;
  const std::unique_ptr<Lame> lame_;
};

}  // namespace trunkline::calls
