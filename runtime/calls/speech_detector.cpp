#include "runtime/calls/speech_detector.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace trunkline::calls {
namespace {

constexpr double kQuietest = 120;  // RMS; less is silence on any line
constexpr double kLoudestLine = 400;
constexpr double kStart = 2.5;                             // times as loud as the line is otherwise
constexpr double kStay = 1.8;                              // the end of a word is not as loud
constexpr std::size_t kFramesToBegin = 3;                  // a click is shorter
constexpr std::size_t kBefore = kSampleRate * 3 / 10;      // the begin of a word is not as loud, either
constexpr Duration kJump = std::chrono::milliseconds{60};  // pieces come a little early and late
constexpr std::size_t kLeastEndFrames = 10;

double loudness(std::span<const std::int16_t> samples) {
  double sum = 0;
  for (const std::int16_t sample : samples) sum += static_cast<double>(sample) * sample;
  return std::sqrt(sum / static_cast<double>(samples.size()));
}

Duration lasting(std::size_t samples) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(samples) * 1'000'000'000 / kSampleRate};
}

}  // namespace

SpeechDetector::SpeechDetector(Duration end_silence) : end_frames_(std::max(samples_in(end_silence) / kFrame, kLeastEndFrames)) {}

SpeechDetector::Turn SpeechDetector::push(Time at, std::span<const std::int16_t> samples) {
  Turn turn = Turn::kNone;
  if (next_ && at > *next_ + kJump) {
    // As much of it as matters.
    const std::size_t missing = std::min(samples_in(at - *next_), end_frames_ * kFrame);
    partial_.insert(partial_.end(), missing, 0);
  }
  next_ = at + lasting(samples.size());
  partial_.insert(partial_.end(), samples.begin(), samples.end());
  std::size_t done = 0;
  for (; done + kFrame <= partial_.size() && turn != Turn::kEnded; done += kFrame) {
    const Turn next = frame(std::span(partial_).subspan(done, kFrame));
    if (next != Turn::kNone) turn = next;
  }
  partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(done));
  return turn;
}

SpeechDetector::Turn SpeechDetector::frame(std::span<const std::int16_t> samples) {
  said_.insert(said_.end(), samples.begin(), samples.end());
  const double loud = loudness(samples);
  // The first that is heard is what the line is like, unless it is as loud as a voice.
  double& floor = floor_ ? *floor_ : floor_.emplace(std::clamp(loud, kQuietest / kStart, kLoudestLine));
  const bool sounds = loud > std::max(kQuietest, floor * (speaking_ ? kStay : kStart));
  // A noise that goes on is what the line is like; words have gaps, in which it is found again.
  if (loud < floor)
    floor += (loud - floor) * 0.3;
  else
    floor = std::min(floor * (speaking_ ? 1.01 : 1.04), loud);
  floor = std::max(floor, 10.0);
  loud_ = sounds ? loud_ + 1 : 0;
  quiet_ = sounds ? 0 : quiet_ + 1;
  if (!speaking_) {
    if (loud_ >= kFramesToBegin) {
      speaking_ = true;
      return Turn::kBegan;
    }
    if (said_.size() > 2 * kBefore) said_.erase(said_.begin(), said_.end() - static_cast<std::ptrdiff_t>(kBefore));
    return Turn::kNone;
  }
  return quiet_ >= end_frames_ || said_.size() >= samples_in(kLongest) ? Turn::kEnded : Turn::kNone;
}

Time SpeechDetector::began() const { return next_ ? *next_ - lasting(partial_.size() + said_.size()) : Time{}; }

Samples SpeechDetector::take() {
  speaking_ = false;
  loud_ = quiet_ = 0;
  return std::exchange(said_, {});
}

}  // namespace trunkline::calls
