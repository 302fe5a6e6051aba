#include "runtime/calls/speech_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <future>

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr double kSeconds = 1e9;

/// Root mean square.
double loudness(const Samples& samples, std::size_t from = 0, std::size_t to = SIZE_MAX) {
  to = std::min(to, samples.size());
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += double(samples[i]) * samples[i];
  return to > from ? std::sqrt(sum / static_cast<double>(to - from)) : 0;
}

double length_of(const Sound& sound) { return static_cast<double>(sound.length().count()) / kSeconds; }

class SpeechEngineTest : public ::testing::Test {
 protected:
  std::future<Result<Sound>> begin(const std::vector<SpeechPart>& parts) {
    auto promise = std::make_shared<std::promise<Result<Sound>>>();
    engine.speak(parts, [promise](Result<Sound> sound) { promise->set_value(std::move(sound)); });
    return promise->get_future();
  }
  Sound spoken(const std::string& text, VoiceWish voice = {}, double rate = 1.0) {
    return begin({{text, std::move(voice), rate, Duration{0}}}).get().value();
  }
  std::string refused(const std::vector<SpeechPart>& parts) {
    try {
      const Result<Sound> result = begin(parts).get();
      if (!result.ok()) throw Error(result.error());
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
      return error.message;
    }
    return "not refused";
  }

  Executor executor{2};
  SpeechEngine engine{executor};
};

TEST_F(SpeechEngineTest, MoreWordsTakeLonger) {
  const Sound one = spoken("one"), four = spoken("one two three four"), eight = spoken("one two three four five six seven eight");
  EXPECT_GT(length_of(one), 0.2);
  EXPECT_LT(length_of(one), 1.5);
  EXPECT_GT(length_of(four), length_of(one) + 0.4);
  EXPECT_GT(length_of(eight), length_of(four) + 0.6);
  for (const Sound& sound : {one, four, eight}) EXPECT_GT(loudness(*sound.samples), 500);
}

TEST_F(SpeechEngineTest, SpeechRisesAndFalls) {
  // A tone is as loud everywhere; between sentences nobody speaks.
  const Sound sound = spoken("Hello there. Goodbye.");
  double quietest = 1e9, loudest = 0;
  for (std::size_t at = 0; at + 640 <= sound.samples->size(); at += 640) {
    quietest = std::min(quietest, loudness(*sound.samples, at, at + 640));
    loudest = std::max(loudest, loudness(*sound.samples, at, at + 640));
  }
  EXPECT_LT(quietest, 150);
  EXPECT_GT(loudest, 2000);
}

TEST_F(SpeechEngineTest, EqualTextsSoundAlike) {
  SpeechEngine other(executor);
  std::promise<Sound> promise;
  spoken("something else before");  // the second engine has said nothing yet
  const Sound here = spoken("For sales press 1");
  other.speak({{"For sales press 1", {}, 1.0, Duration{0}}}, [&](Result<Sound> sound) { promise.set_value(sound.value()); });
  EXPECT_EQ(*here.samples, *promise.get_future().get().samples);
  EXPECT_EQ(here.samples, spoken("For sales press 1").samples) << "kept";
  EXPECT_NE(*here.samples, *spoken("For sales press 2").samples);
  EXPECT_NE(*here.samples, *spoken("For sales press 1", {"rms", "", {}}).samples);
}

TEST_F(SpeechEngineTest, OthersDrawTheSameNumbers) {
  std::srand(7);
  const std::vector<int> wanted = {std::rand(), std::rand()};
  std::srand(7);
  const int first = std::rand();
  spoken("a voice draws its noise");
  EXPECT_EQ((std::vector<int>{first, std::rand()}), wanted);
}

TEST_F(SpeechEngineTest, BreaksAreSilent) {
  const Sound plain = begin({{"one", {}, 1.0, Duration{0}}, {"two", {}, 1.0, Duration{0}}}).get().value();
  const Sound paused = begin({{"one", {}, 1.0, seconds{2}}, {"two", {}, 1.0, Duration{0}}}).get().value();
  ASSERT_EQ(paused.samples->size(), plain.samples->size() + 2 * kSampleRate);
  const std::size_t begins = spoken("one").samples->size();
  EXPECT_EQ(loudness(*paused.samples, begins, begins + 2 * kSampleRate), 0);
  EXPECT_GT(loudness(*paused.samples, 0, begins), 500);
  EXPECT_GT(loudness(*paused.samples, begins + 2 * kSampleRate), 500);
}

TEST_F(SpeechEngineTest, Rates) {
  const std::string text = "the quick brown fox jumps";
  const double normal = length_of(spoken(text));
  EXPECT_NEAR(length_of(spoken(text, {}, 0.5)), 2 * normal, 0.2 * normal);
  EXPECT_NEAR(length_of(spoken(text, {}, 2.0)), normal / 2, 0.2 * normal);
  EXPECT_EQ(length_of(spoken(text)), normal) << "one rate says nothing of the next";
}

TEST_F(SpeechEngineTest, LongTextsAreSaidInPieces) {
  std::string text;
  for (int i = 0; i < 12; ++i) text += "This is sentence number " + std::to_string(i) + ", and it goes on for a while. ";
  EXPECT_GT(length_of(spoken(text)), 20);
  EXPECT_GT(length_of(spoken(std::string(700, 'a'))), 1) << "without a place to cut";
}

TEST_F(SpeechEngineTest, RefusesWhatItCannotSay) {
  EXPECT_THAT(refused({{"hallo", {"", "xx-XX", {}}, 1.0, Duration{0}}}), HasSubstr("does not speak xx-xx"));
  EXPECT_THAT(refused({{"\xe4\xbd\xa0\xe5\xa5\xbd", {}, 1.0, Duration{0}}}), HasSubstr("nothing in it that can be said"));
  EXPECT_THAT(refused({}), HasSubstr("nothing in it that can be said"));
  EXPECT_THAT(refused({{"one", {}, 1.0, seconds{301}}}), HasSubstr("longer than 5 minutes"));
}

TEST_F(SpeechEngineTest, TextsTakeTurns) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "This is sentence number " + std::to_string(i) + ", and it goes on. ";
  std::mutex mutex;
  std::vector<std::string> order;
  std::promise<void> both;
  const auto told = [&](const char* who) {
    return [&, who](Result<Sound> sound) {
      EXPECT_TRUE(sound.ok());
      std::unique_lock lock(mutex);
      order.emplace_back(who);
      const bool last = order.size() == 2;
      lock.unlock();  // before the test may end, and the mutex with it
      if (last) both.set_value();
    };
  };
  engine.speak({{text, {}, 1.0, Duration{0}}}, told("long"));
  engine.speak({{"short", {}, 1.0, Duration{0}}}, told("short"));
  both.get_future().wait();
  EXPECT_THAT(order, ::testing::ElementsAre("short", "long"));
}

TEST_F(SpeechEngineTest, TakesNoMoreThanItCan) {
  std::size_t taken = 0;
  std::vector<std::future<Result<Sound>>> waiting;
  try {
    // Long enough that none is done before the last has come.
    for (; taken < 200; ++taken)
      waiting.push_back(begin({{"text " + std::to_string(taken) + std::string(500, 'a'), {}, 0.5, Duration{0}}}));
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  }
  EXPECT_GE(taken, SpeechEngine::kMostWaiting);
  EXPECT_LT(taken, 200u);
  engine.stop();
}

TEST_F(SpeechEngineTest, NothingIsToldAfterStop) {
  engine.stop();
  bool told = false;
  engine.speak({{"one", {}, 1.0, Duration{0}}}, [&](Result<Sound>) { told = true; });
  executor.work().wait_idle();
  EXPECT_FALSE(told);
}

TEST_F(SpeechEngineTest, CountsAsWork) {
  std::atomic<bool> told = false;
  engine.speak({{"a clock that stands still waits for this", {}, 1.0, Duration{0}}}, [&](Result<Sound>) { told = true; });
  executor.work().wait_idle();
  EXPECT_TRUE(told);
}

Sound silence(std::size_t count) { return {std::make_shared<const Samples>(count)}; }

TEST(SpeechCache, ForgetsWhatWasNotAskedForTheLongest) {
  SpeechCache cache(1000);
  for (const char* key : {"a", "b", "c", "d"}) cache.add(key, silence(250));
  EXPECT_TRUE(cache.find("a"));
  cache.add("e", silence(200));
  EXPECT_EQ(cache.samples(), 950u);
  EXPECT_FALSE(cache.find("b"));
  for (const char* key : {"a", "c", "d", "e"}) EXPECT_TRUE(cache.find(key)) << key;
}

TEST(SpeechCache, StaysWithinItsBound) {
  SpeechCache cache(1000);
  cache.add("large", silence(251));
  EXPECT_EQ(cache.size(), 0u) << "more than a quarter";
  for (int i = 0; i < 100; ++i) {
    cache.add("key " + std::to_string(i), silence(static_cast<std::size_t>(i)));
    EXPECT_LE(cache.samples(), 1000u);
  }
  cache.add("key 99", silence(99));
  EXPECT_LE(cache.samples(), 1000u) << "no entry twice";
}

}  // namespace
}  // namespace trunkline::calls::testing
