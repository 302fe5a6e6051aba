// What voices say is written down in order, with the times at which they said it.
#include "runtime/calls/transcript.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>

#include "runtime/calls/flite_voices.h"

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr Time kBegan{seconds{1000}};

class TranscriptTest : public ::testing::Test {
 protected:
  struct Said {
    std::string raw_id;
    TranscriptPart part;
  };

  std::shared_ptr<Transcript> transcript(SpeechEars& ears, bool intermediate) {
    Transcript::Sink sink;
    sink.said = [this](const std::string& raw_id, const TranscriptPart& part) { tell([&] { said.push_back({raw_id, part}); }); };
    sink.failed = [this](const Error& error) { tell([&] { failures.push_back(error.message); }); };
    sink.lost = [this](const std::string&, Duration duration) { lost += duration; };
    sink.over = [this] { tell([&] { over = true; }); };
    return std::make_shared<Transcript>(mutex, ears, kBegan, intermediate, std::move(sink));
  }
  static Samples voice(const std::string& text) { return say(FliteVoice::kRms, text, 1.0); }
  /// At the pace of the sound's own clock. The time at which it ends.
  Time speak(Transcript& to, const std::string& raw_id, Time at, const Samples& samples) {
    for (std::size_t from = 0; from < samples.size(); from += 320, at += milliseconds{20}) {
      const std::lock_guard lock(mutex);
      to.hear(raw_id, at, std::span(samples).subspan(from, std::min<std::size_t>(320, samples.size() - from)));
    }
    return at;
  }
  void tell(auto fn) {
    fn();
    changed.notify_all();
  }
  bool wait(auto predicate) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, seconds{30}, predicate);
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Said> said;
  std::vector<std::string> failures;
  Duration lost{0};
  bool over = false;
  Executor executor{2};
  SpeechEars ears{executor, "/usr/share/pocketsphinx/model/en-us"};
};

TEST_F(TranscriptTest, TellsWhatWasSaidByWhomAndWhen) {
  const auto written = transcript(ears, false);
  const Samples words = voice("what time is it"), silence(kSampleRate);
  Time at = speak(*written, "4:+1", kBegan, silence);
  at = speak(*written, "4:+1", at, words);
  speak(*written, "4:+1", at, silence);
  ASSERT_TRUE(wait([&] { return said.size() == 1; }));
  EXPECT_EQ(said[0].raw_id, "4:+1");
  const TranscriptPart& part = said[0].part;
  EXPECT_TRUE(part.final);
  EXPECT_EQ(part.text, "what time is it");
  EXPECT_GT(part.confidence, 0);
  ASSERT_EQ(part.words.size(), 4u);
  EXPECT_EQ(part.words[1].text, "time");
  EXPECT_NEAR(static_cast<double>(part.offset.count()) / 1e9, 1.0, 0.25) << "after a second of silence";
  EXPECT_NEAR(static_cast<double>(part.lasts.count()) / 1e9, static_cast<double>(words.size()) / kSampleRate, 0.35);
  for (std::size_t i = 1; i < part.words.size(); ++i)
    EXPECT_GE(part.words[i].offset, part.words[i - 1].offset + part.words[i - 1].lasts);
}

TEST_F(TranscriptTest, WhoeverGoesOnSpeakingIsWrittenDownMeanwhile) {
  const auto written = transcript(ears, true);
  Samples words = voice("the weather is very good today in the city");
  words.resize(words.size() + kSampleRate);
  speak(*written, "4:+1", kBegan, words);
  ASSERT_TRUE(wait([&] { return !said.empty() && said.back().part.final; }));
  ASSERT_GE(said.size(), 2u);
  EXPECT_FALSE(said.front().part.final);
  EXPECT_LT(said.front().part.text.size(), said.back().part.text.size());
  EXPECT_THAT(said.back().part.text, HasSubstr("weather"));
}

TEST_F(TranscriptTest, VoicesAreKeptApart) {
  const auto written = transcript(ears, false);
  const Samples one = voice("what time is it"), two = voice("good morning");
  Time at = kBegan;
  for (std::size_t from = 0; from < one.size() + kSampleRate; from += 320, at += milliseconds{20}) {
    const std::lock_guard lock(mutex);
    const auto piece = [&](const Samples& all) {
      Samples out(320);
      for (std::size_t i = from; i < std::min(from + 320, all.size()); ++i) out[i - from] = all[i];
      return out;
    };
    written->hear("4:+1", at, piece(one));
    written->hear("4:+2", at, piece(two));
  }
  ASSERT_TRUE(wait([&] { return said.size() == 2; }));
  for (const Said& each : said) EXPECT_THAT(each.part.text, HasSubstr(each.raw_id == "4:+1" ? "time is it" : "morning"));
}

TEST_F(TranscriptTest, FinishTellsWhatWasNotOver) {
  const auto written = transcript(ears, false);
  speak(*written, "4:+1", kBegan, voice("good morning"));
  {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(said.empty());
    written->finish();
    written->hear("4:+1", kBegan + seconds{9}, Samples(320));
  }
  ASSERT_TRUE(wait([&] { return over; }));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0].part.text, HasSubstr("morning"));
}

TEST_F(TranscriptTest, FinishOfSilenceIsOverAtOnce) {
  const auto written = transcript(ears, false);
  speak(*written, "4:+1", kBegan, Samples(3200));
  const std::lock_guard lock(mutex);
  written->finish();
  EXPECT_TRUE(over);
}

TEST_F(TranscriptTest, WhoeverIsNotHeardAnyMoreHasFinished) {
  const auto written = transcript(ears, false);
  const Time at = speak(*written, "4:+1", kBegan, voice("good morning"));
  speak(*written, "4:+2", at, Samples(3 * kSampleRate));
  ASSERT_TRUE(wait([&] { return said.size() == 1; }));
  EXPECT_EQ(said[0].raw_id, "4:+1");
}

TEST_F(TranscriptTest, NoiseIsNothing) {
  const auto written = transcript(ears, false);
  Samples samples(kSampleRate / 2);
  const Samples key = *dtmf('5', milliseconds{300}).samples;
  samples.insert(samples.end(), key.begin(), key.end());
  samples.resize(samples.size() + kSampleRate);
  speak(*written, "4:+1", kBegan, samples);
  {
    const std::lock_guard lock(mutex);
    written->finish();
  }
  ASSERT_TRUE(wait([&] { return over; }));
  EXPECT_TRUE(said.empty()) << said.front().part.text << ' ' << said.front().part.confidence;
}

TEST_F(TranscriptTest, WithoutAModelItFailsOnce) {
  SpeechEars none(executor, "/nowhere/en-us");
  const auto written = transcript(none, false);
  Samples words = voice("good morning");
  words.resize(words.size() + kSampleRate);
  const Time at = speak(*written, "4:+1", kBegan, words);
  ASSERT_TRUE(wait([&] { return !failures.empty(); }));
  speak(*written, "4:+1", at, words);
  const std::lock_guard lock(mutex);
  written->finish();
  EXPECT_EQ(failures.size(), 1u);
  EXPECT_THAT(failures[0], HasSubstr("pocketsphinx-en-us"));
}

TEST_F(TranscriptTest, MoreThanCanBeUnderstoodIsLeftOutFromTheFront) {
  // Nobody else gets the ears: they are stopped, so that what they have taken is never done.
  const auto written = transcript(ears, false);
  ears.stop();
  Samples words = voice("good morning");
  words.resize(words.size() + kSampleRate);
  Time at = kBegan;
  for (Duration waits{0}; waits < 3 * Transcript::kMostWaiting; waits += words.size() * seconds{1} / kSampleRate)
    at = speak(*written, "4:+1", at, words);
  const std::lock_guard lock(mutex);
  EXPECT_GT(lost, seconds{5});
}

}  // namespace
}  // namespace trunkline::calls::testing
