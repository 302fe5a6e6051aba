// Where in a stream of sound somebody speaks: by how loud it is, counted in samples. Pure.
#pragma once
#include <cstdint>
#include <optional>

#include "runtime/calls/sound.h"

namespace trunkline::calls {

/// Of one speaker, one thing said. The times are those of the sound, so that the same sound ends at the same sample, whatever the
/// machine is doing meanwhile.
class SpeechDetector {
 public:
  enum class Turn { kNone, kBegan, kEnded };
  /// What is longer is cut there, and taken as said.
  static constexpr Duration kLongest = std::chrono::seconds{15};

  /// So much silence ends it; at least 200 ms, which are in the middle of words.
  explicit SpeechDetector(Duration end_silence);

  /// A piece that began at this time. Pieces that are missing count as silence.
  Turn push(Time at, std::span<const std::int16_t> samples);
  bool speaking() const { return speaking_; }
  /// What is said and not over, from a little before its begin; while nobody speaks: what came just before.
  const Samples& so_far() const { return said_; }
  /// When that began.
  Time began() const;
  /// What was said, from a little before its begin. Begins anew.
  Samples take();

 private:
  static constexpr std::size_t kFrame = static_cast<std::size_t>(kSampleRate) / 50;
  Turn frame(std::span<const std::int16_t> samples);

  const std::size_t end_frames_;
  std::optional<Time> next_;     // when the next piece should begin
  Samples partial_;              // less than a frame
  Samples said_;                 // while nobody speaks: what came just before
  std::optional<double> floor_;  // how loud it is when nobody speaks
  std::size_t loud_ = 0;         // frames in a row
  std::size_t quiet_ = 0;        // likewise
  bool speaking_ = false;
};

}  // namespace trunkline::calls
