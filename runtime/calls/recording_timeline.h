// What a recording is made of, in samples since it began. Pure: no clock, no files.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "runtime/calls/sound.h"

namespace trunkline::calls {

/// A stretch of a recording whose sound does not change any more, ready to be mixed. Shares the sounds with whoever plays them.
struct RecordingSlice {
  /// [from, to) of the recording's time is at `frame` of the file; what was paused lies in between and nowhere.
  struct Part {
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::int64_t frame = 0;
  };
  struct Piece {
    std::uint64_t sounding = 0;
    std::size_t channel = 0;
    std::int64_t at = 0;
    std::int64_t end = 0;
    std::shared_ptr<const Samples> samples;
  };
  std::vector<Part> parts;
  std::vector<Piece> pieces;
};

/// Collects what sounds and hands it out in slices, so that only the last second of a recording is in memory.
class RecordingTimeline {
 public:
  /// How far behind the present sound still comes: a leg's frames are up to 300 ms from where its clock says.
  static constexpr std::int64_t kLate = kSampleRate / 2;
  /// How much is handed out at a time.
  static constexpr std::int64_t kSliceSamples = kSampleRate / 2;

  void resume(std::int64_t at);
  void pause(std::int64_t at);
  bool active() const { return active_; }

  void put(std::uint64_t sounding, std::size_t channel, std::int64_t at, std::shared_ptr<const Samples> samples);
  /// What somebody says right now, piece by piece; one follows the other when they are less than 100 ms apart.
  void put_live(std::int64_t speaker, std::size_t channel, std::int64_t at, const Samples& samples);
  void cut(std::uint64_t sounding, std::int64_t at);

  /// There is a slice to take at this time.
  bool due(std::int64_t now) const { return now - taken_ >= kLate + kSliceSamples; }
  /// What lies before; later calls begin there. Sound that comes too late for its time is lost from then on.
  RecordingSlice take(std::int64_t until);
  /// Frames of the file so far, when it ends at `now`.
  std::int64_t frames(std::int64_t now) const;

 private:
  /// Of one speaker: grows up to kSliceSamples, then it is a piece like any other.
  struct Run {
    std::size_t channel = 0;
    std::int64_t at = 0;
    std::int64_t end = 0;
    Samples samples;
  };
  struct Span {
    std::int64_t from = 0;
    std::int64_t to = 0;
  };
  void close(Run& run);

  bool active_ = false;
  std::int64_t since_ = 0;   // of the span that is on
  std::vector<Span> spans_;  // that ended and were not handed out
  std::int64_t before_ = 0;  // frames of the file that were
  std::int64_t taken_ = 0;
  std::vector<RecordingSlice::Piece> pieces_;
  std::map<std::int64_t, Run> runs_;  // by speaker
};

/// Mixes it in blocks of at most kMixFrames frames with `channels` interleaved samples each; silence is left out.
inline constexpr std::int64_t kMixFrames = 8192;
template <class F>
void mix_slice(const RecordingSlice& slice, std::size_t channels, F&& each);

/// One block; false: nothing sounds there. [from, to) is within one part.
bool mix_block(const RecordingSlice& slice, std::size_t channels, std::int64_t from, std::int64_t to, Samples& out);

template <class F>
void mix_slice(const RecordingSlice& slice, std::size_t channels, F&& each) {
  Samples block;
  for (const RecordingSlice::Part& part : slice.parts)
    for (std::int64_t from = part.from; from < part.to; from += kMixFrames) {
      const std::int64_t to = from + kMixFrames < part.to ? from + kMixFrames : part.to;
      if (mix_block(slice, channels, from, to, block)) each(part.frame + (from - part.from), block);
    }
}

}  // namespace trunkline::calls
