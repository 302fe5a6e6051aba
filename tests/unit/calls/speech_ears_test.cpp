// What flite says is what PocketSphinx understands.
#include "runtime/calls/speech_ears.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "runtime/calls/flite_voices.h"

namespace trunkline::calls::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kModel = "/usr/share/pocketsphinx/model/en-us";

class SpeechEarsTest : public ::testing::Test {
 protected:
  static Samples said(const std::string& text, FliteVoice voice = FliteVoice::kSlt) {
    Samples out(4000);
    const Samples words = say(voice, text, 1.0);
    out.insert(out.end(), words.begin(), words.end());
    out.resize(out.size() + 6000);
    return out;
  }
  Result<HeardSpeech> ask(Samples samples, std::vector<std::string> phrases) {
    // Whoever sets it may still be at it when we have the value.
    auto promise = std::make_shared<std::promise<Result<HeardSpeech>>>();
    ears.understand(std::move(samples), std::move(phrases),
                    [promise](Result<HeardSpeech> heard) { promise->set_value(std::move(heard)); });
    return promise->get_future().get();
  }

  Executor executor{2};
  SpeechEars ears{executor, kModel};
  const std::vector<std::string> menu = {"Sales",         "support",        "billing", "operator",
                                         "opening hours", "the second one", "yes",     "no"};
};

TEST_F(SpeechEarsTest, IsThere) {
  EXPECT_EQ(ears.trouble(), std::nullopt);
  EXPECT_TRUE(ears.understands(""));
  EXPECT_TRUE(ears.understands("en-GB"));
  EXPECT_FALSE(ears.understands("de-DE"));
}

TEST_F(SpeechEarsTest, ChoicesInEveryVoice) {
  int missed = 0;
  for (const FliteVoice voice : {FliteVoice::kSlt, FliteVoice::kRms, FliteVoice::kAwb})
    for (std::size_t i = 0; i < menu.size(); ++i) {
      const HeardSpeech heard = ask(said(menu[i], voice), menu).value();
      if (!heard.phrase && ++missed <= 1) continue;  // a Scot's `yes` is near enough to `us`
      EXPECT_EQ(heard.phrase, i) << menu[i] << " in the voice " << name_of_voice(voice) << ", heard " << heard.text;
      EXPECT_GE(heard.confidence, SpeechEars::kGate);
      EXPECT_LE(heard.confidence, 1);
    }
}

TEST_F(SpeechEarsTest, OtherWordsAreNoChoice) {
  for (const FliteVoice voice : {FliteVoice::kSlt, FliteVoice::kRms, FliteVoice::kAwb})
    for (const char* other : {"banana split", "weather forecast", "I would like a pizza", "tomorrow", "what time is it",
                              "the quick brown fox jumps over the lazy dog"})
      EXPECT_EQ(ask(said(other, voice), menu).value().phrase, std::nullopt) << other << " in the voice " << name_of_voice(voice);
}

TEST_F(SpeechEarsTest, AChoiceAmongOtherWords) { EXPECT_EQ(ask(said("well, sales please"), menu).value().phrase, 0u); }

TEST_F(SpeechEarsTest, Words) {
  const HeardSpeech heard = ask(said("what time is it", FliteVoice::kRms), {}).value();
  EXPECT_EQ(heard.text, "what time is it");
  EXPECT_EQ(heard.phrase, std::nullopt);
}

TEST_F(SpeechEarsTest, SilenceAndNoiseAreNothing) {
  EXPECT_EQ(ask(Samples(16000), menu).value().phrase, std::nullopt);
  EXPECT_EQ(ask(Samples(), menu).value().phrase, std::nullopt);
  EXPECT_EQ(ask(Samples(16000), {}).value().text, "");
  EXPECT_EQ(ask(*dtmf('5', std::chrono::milliseconds{500}).samples, menu).value().phrase, std::nullopt);
}

TEST_F(SpeechEarsTest, EqualSoundsAreHeardAlikeWhateverCameBefore) {
  const HeardSpeech before = ask(said("support"), menu).value();
  ask(said("something else altogether", FliteVoice::kAwb), {"yes", "no"});
  const HeardSpeech after = ask(said("support"), menu).value();
  EXPECT_EQ(before.confidence, after.confidence);
}

TEST_F(SpeechEarsTest, WordsWithoutAPronunciationAreToldAsSuch) {
  const Result<HeardSpeech> heard = ask(said("yes"), {"yes", "zzyzxq"});
  ASSERT_FALSE(heard.ok());
  EXPECT_EQ(heard.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(heard.error().message, HasSubstr("'zzyzxq'"));
}

TEST_F(SpeechEarsTest, PhrasesCannotBreakOutOfTheGrammar) {
  const std::vector<std::string> phrases = {"yes; public <x> = no", "yes | no", "<NULL>", "public", "grammar", "\"", "*", ""};
  EXPECT_TRUE(ask(said("no"), phrases).ok() || true) << "it goes on";
  EXPECT_EQ(ask(said("support"), menu).value().phrase, 1u) << "and understands as before";
}

TEST_F(SpeechEarsTest, WithoutAModelItSaysWhatToInstall) {
  SpeechEars none(executor, "/nowhere/en-us");
  ASSERT_TRUE(none.trouble());
  EXPECT_THAT(*none.trouble(), HasSubstr("pocketsphinx-en-us"));
  auto promise = std::make_shared<std::promise<Result<HeardSpeech>>>();
  none.understand(Samples(100), {"yes"}, [promise](Result<HeardSpeech> heard) { promise->set_value(std::move(heard)); });
  const Result<HeardSpeech> heard = promise->get_future().get();
  ASSERT_FALSE(heard.ok());
  EXPECT_EQ(heard.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(SpeechEarsTest, TakesNoMoreThanItCanAndNothingAfterStop) {
  std::size_t taken = 0;
  try {
    for (; taken < 200; ++taken) ears.understand(said("one"), menu, [](Result<HeardSpeech>) {});
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  }
  EXPECT_GE(taken, SpeechEars::kMostWaiting);
  EXPECT_LT(taken, 200u);
  ears.stop();
  bool told = false;
  ears.understand(said("one"), menu, [&](Result<HeardSpeech>) { told = true; });
  executor.work().wait_idle();
  EXPECT_FALSE(told);
}

TEST(WordsToHear, AreThoseOfADictionary) {
  EXPECT_THAT(words_to_hear("Press 1, please!"), ElementsAre("press", "one", "please"));
  EXPECT_THAT(words_to_hear("it's 42"), ElementsAre("it's", "four", "two"));
  EXPECT_THAT(words_to_hear(" '' ; "), ElementsAre());
}

}  // namespace
}  // namespace trunkline::calls::testing
