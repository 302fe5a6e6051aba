#include "runtime/calls/recording_mp3.h"

#include <algorithm>

namespace trunkline::calls {
namespace {

constexpr std::size_t kBytesEach = Mp3Encoder::kFrameBytes;
constexpr std::uint64_t kSamplesEach = Mp3Encoder::kFrameSamples;
/// After so many of silence, what was heard before has died away in the encoder, and each frame is like the one before.
constexpr std::uint64_t kFading = 16;
constexpr std::size_t kMostWaiting = 64 * 1024;  // bytes

}  // namespace

Mp3Track::Mp3Track(OpenFilePtr file) : file_(std::move(file)) {
  frames_ = Mp3Encoder::info_frame(0, 0);
  write();
}

void Mp3Track::sound(std::span<const std::int16_t> samples) {
  encoder_.encode(samples, frames_);
  given_ += samples.size();
  if (frames_.size() >= kMostWaiting) write();
}

// Minutes of silence cost as much as half a second of sound.
void Mp3Track::silence(std::uint64_t count) {
  static const Samples nothing(kFading * kSamplesEach);
  while (count > 0) {
    const std::uint64_t some = std::min<std::uint64_t>(count, nothing.size());
    sound(std::span(nothing).first(static_cast<std::size_t>(some)));
    count -= some;
    const std::uint64_t frames = count / kSamplesEach;
    if (frames == 0 || some < nothing.size()) continue;
    const std::size_t end = frames_.size();
    if (end < 2 * kBytesEach || !std::equal(frames_.end() - kBytesEach, frames_.end(), frames_.end() - 2 * kBytesEach)) continue;
    repeat_silence(frames);
    count -= frames * kSamplesEach;
  }
}

void Mp3Track::repeat_silence(std::uint64_t frames) {
  const std::vector<std::uint8_t> silent(frames_.end() - kBytesEach, frames_.end());
  given_ += frames * kSamplesEach;
  for (; frames > 0; --frames) {
    frames_.insert(frames_.end(), silent.begin(), silent.end());
    if (frames_.size() >= kMostWaiting) write();
  }
}

void Mp3Track::write() {
  if (frames_.empty()) return;
  file_->write(size_, frames_);
  size_ += frames_.size();
  frames_.clear();
}

void Mp3Track::finish() {
  encoder_.finish(frames_);
  write();
}

std::uint64_t Mp3Track::samples_in_file(std::uint64_t bytes) {
  const std::uint64_t frames = bytes / kBytesEach;
  const std::uint64_t samples = frames == 0 ? 0 : (frames - 1) * kSamplesEach;
  constexpr std::uint64_t kDelay = Mp3Encoder::kDelay + Mp3Encoder::kDecoderDelay;
  return samples > kDelay ? samples - kDelay : 0;
}

std::uint64_t Mp3Track::seal(OpenFile& file, std::uint64_t samples) {
  std::uint64_t frames = std::max<std::uint64_t>(file.size() / kBytesEach, 1) - 1;
  // What a decoder needs to tell the last sample, and no more.
  const std::uint64_t all = samples + Mp3Encoder::kDelay + Mp3Encoder::kDecoderDelay;
  frames = std::min(frames, (all + kSamplesEach - 1) / kSamplesEach);
  const std::uint64_t size = (frames + 1) * kBytesEach;
  file.resize(size);
  file.write(0, Mp3Encoder::info_frame(frames, std::min(samples, samples_in_file(size))));
  return size;
}

}  // namespace trunkline::calls
