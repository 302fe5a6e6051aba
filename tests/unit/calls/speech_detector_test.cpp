#include "runtime/calls/speech_detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using Turn = SpeechDetector::Turn;

constexpr Time kEpoch{};

/// A line with noise, on which somebody may speak, in pieces of 20 ms.
class Line {
 public:
  explicit Line(double noise) : noise_(0, noise) {}

  Samples piece(double level) {
    Samples out(320);
    for (std::int16_t& sample : out) {
      const double voice = level * std::sin(2 * std::numbers::pi * 180 * static_cast<double>(at_++) / kSampleRate);
      sample = static_cast<std::int16_t>(voice + (noise_.stddev() > 0 ? noise_(random_) : 0));
    }
    return out;
  }

  /// The pieces after which something happened, in ms.
  std::vector<std::pair<int, Turn>> speak(SpeechDetector& detector, Duration lasting, double level) {
    std::vector<std::pair<int, Turn>> turns;
    for (Duration done{0}; done < lasting; done += milliseconds{20}, now_ += milliseconds{20}) {
      const Turn turn = detector.push(now_, piece(level));
      if (turn != Turn::kNone)
        turns.emplace_back(static_cast<int>(std::chrono::duration_cast<milliseconds>(now_ - kEpoch).count()) + 20, turn);
    }
    return turns;
  }
  void wait(Duration duration) { now_ += duration; }

 private:
  Time now_ = kEpoch;
  std::int64_t at_ = 0;
  std::mt19937 random_{1};
  std::normal_distribution<double> noise_;
};

class SpeechDetectorOnALine : public ::testing::TestWithParam<double> {};

TEST_P(SpeechDetectorOnALine, FindsBeginAndEnd) {
  SpeechDetector detector(milliseconds{500});
  Line line(GetParam());
  EXPECT_TRUE(line.speak(detector, milliseconds{2000}, 0).empty()) << "nobody speaks";
  const auto began = line.speak(detector, milliseconds{800}, 6000);
  ASSERT_EQ(began.size(), 1u);
  EXPECT_EQ(began[0], std::pair(2060, Turn::kBegan));
  EXPECT_TRUE(detector.speaking());
  const auto ended = line.speak(detector, milliseconds{500}, 0);
  ASSERT_FALSE(ended.empty());
  EXPECT_EQ(ended[0], std::pair(3300, Turn::kEnded));
  const Samples said = detector.take();
  EXPECT_NEAR(static_cast<double>(said.size()), 16.0 * (800 + 300 + 500), 16 * 400) << "with what was just before and after";
  EXPECT_FALSE(detector.speaking());
}

INSTANTIATE_TEST_SUITE_P(Noise, SpeechDetectorOnALine, ::testing::Values(0.0, 40.0, 300.0, 900.0));

TEST(SpeechDetector, AGapWithinASentenceIsNoEnd) {
  SpeechDetector detector(milliseconds{500});
  Line line(30);
  line.speak(detector, milliseconds{500}, 0);
  for (int i = 0; i < 8; ++i) {
    line.speak(detector, milliseconds{500}, 5000);
    EXPECT_TRUE(line.speak(detector, milliseconds{400}, 0).empty()) << i;
  }
  EXPECT_FALSE(line.speak(detector, milliseconds{300}, 0).empty());
}

TEST(SpeechDetector, AClickIsNoSpeech) {
  SpeechDetector detector(milliseconds{500});
  Line line(10);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(line.speak(detector, milliseconds{40}, 20000).empty());
    EXPECT_TRUE(line.speak(detector, milliseconds{200}, 0).empty());
  }
}

TEST(SpeechDetector, ANoiseThatStaysIsWhatTheLineIsLike) {
  SpeechDetector detector(milliseconds{500});
  Line line(0);
  line.speak(detector, milliseconds{1000}, 0);
  std::vector<std::pair<int, Turn>> turns = line.speak(detector, milliseconds{20000}, 800);
  ASSERT_GE(turns.size(), 2u) << "it ends by itself";
  EXPECT_EQ(turns[1].second, Turn::kEnded);
}

TEST(SpeechDetector, WhoIsNotHeardAnyMoreIsSilent) {
  SpeechDetector detector(milliseconds{500});
  Line line(0);
  line.speak(detector, milliseconds{600}, 5000);
  line.wait(milliseconds{2000});  // no piece comes
  const auto turns = line.speak(detector, milliseconds{20}, 0);
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].second, Turn::kEnded);
}

TEST(SpeechDetector, EqualSoundsEndAtTheSameSampleHoweverTheyAreCut) {
  Samples sound(16000);
  Line line(50);
  for (const double level : {5000.0, 5000.0, 3000.0, 0.0, 4000.0})
    for (int i = 0; i < 10; ++i) {
      const Samples piece = line.piece(level);
      sound.insert(sound.end(), piece.begin(), piece.end());
    }
  sound.resize(sound.size() + 16000);
  std::vector<std::size_t> ends;
  for (const std::size_t cut : {160u, 320u, 1000u, 4000u}) {
    SpeechDetector detector(milliseconds{500});
    for (std::size_t at = 0; at < sound.size(); at += cut) {
      const std::size_t count = std::min(cut, sound.size() - at);
      const Time time = kEpoch + std::chrono::nanoseconds{static_cast<std::int64_t>(at) * 62'500};
      if (detector.push(time, std::span(sound).subspan(at, count)) != Turn::kEnded) continue;
      ends.push_back(detector.take().size());
      break;
    }
  }
  ASSERT_EQ(ends.size(), 4u);
  for (const std::size_t end : ends) EXPECT_EQ(end, ends[0]);
}

}  // namespace
}  // namespace trunkline::calls::testing
