#include "runtime/calls/recogniser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Input = RecognizeSpec::Input;

RecognizeSpec spec(Input input) {
  RecognizeSpec spec;
  spec.input = input;
  spec.choices = {{"yes", {"Yes", "of course"}, '1'}, {"no", {"no"}, '2'}};
  return spec;
}

TEST(Recogniser, WhatIsUnderstoodIsAChoiceOrNone) {
  const Recogniser choices(spec(Input::kChoices));
  ASSERT_EQ(choices.phrases(), (std::vector<std::string>{"Yes", "of course", "no"}));
  const RecognizeOutcome taken = choices.understood(1, "of course", 0.8);
  EXPECT_EQ(taken.result.sub_code, sub_code::kSpeechOption);
  EXPECT_EQ(taken.label, "yes");
  EXPECT_EQ(taken.phrase, "of course");
  EXPECT_EQ(taken.confidence, 0.8);
  const RecognizeOutcome none = choices.understood(std::nullopt, "banana", 0.9);
  EXPECT_EQ(none.result.code, 400);
  EXPECT_EQ(none.result.sub_code, sub_code::kNoOption);
  const Recogniser free(spec(Input::kSpeech));
  EXPECT_TRUE(free.phrases().empty());
  EXPECT_EQ(free.understood(std::nullopt, "banana", 0.9).speech, "banana");
  EXPECT_EQ(free.understood(std::nullopt, "", 0).result.sub_code, sub_code::kNotRecognized);
}

TEST(Recogniser, KnowsWhetherKeysWillDo) {
  EXPECT_TRUE(Recogniser(spec(Input::kChoices)).can_do_without_speech());
  EXPECT_TRUE(Recogniser(spec(Input::kSpeechOrDtmf)).can_do_without_speech());
  EXPECT_FALSE(Recogniser(spec(Input::kSpeech)).can_do_without_speech());
  RecognizeSpec spoken = spec(Input::kChoices);
  for (Choice& choice : spoken.choices) choice.tone.reset();
  spoken.choices[0].phrases.clear();
  EXPECT_FALSE(Recogniser(spoken).can_do_without_speech());
  EXPECT_EQ(Recogniser(spoken).phrases(), (std::vector<std::string>{"yes", "no"})) << "by its label";
}

TEST(Recogniser, CollectsAsManyTonesAsAreWanted) {
  RecognizeSpec wanted = spec(Input::kDtmf);
  wanted.max_tones = 2;
  Recogniser recogniser(wanted);
  EXPECT_EQ(recogniser.wait(), seconds{5});
  EXPECT_FALSE(recogniser.tone('1'));
  EXPECT_EQ(recogniser.wait(), seconds{2});
  const auto outcome = recogniser.tone('#');
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result.sub_code, sub_code::kMaxDigits);
  EXPECT_EQ(outcome->type, "dtmf");
  EXPECT_EQ(outcome->tones, "1#");
}

TEST(Recogniser, AStopToneEndsTheCollectionAndIsNotPartOfIt) {
  RecognizeSpec wanted = spec(Input::kDtmf);
  wanted.max_tones = 10;
  wanted.stop_tones = "#";
  Recogniser recogniser(wanted);
  recogniser.tone('5');
  const auto outcome = recogniser.tone('#');
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result.sub_code, sub_code::kStopTone);
  EXPECT_EQ(outcome->tones, "5");
}

TEST(Recogniser, SilenceSaysWhatWasMissing) {
  Recogniser nothing(spec(Input::kDtmf));
  EXPECT_EQ(nothing.silence().result.sub_code, sub_code::kInitialSilence);
  EXPECT_EQ(nothing.silence().result.code, 400);
  Recogniser one(spec(Input::kDtmf));
  one.tone('9');
  EXPECT_EQ(one.silence().result.sub_code, sub_code::kInterDigit);
}

TEST(Recogniser, AChoiceIsTakenByToneOrPhrase) {
  Recogniser recogniser(spec(Input::kChoices));
  EXPECT_EQ(recogniser.tone('2')->label, "no");
  EXPECT_EQ(recogniser.tone('2')->result.sub_code, sub_code::kToneOption);
  const auto spoken = recogniser.speech("Well, of Course!");
  ASSERT_TRUE(spoken);
  EXPECT_EQ(spoken->label, "yes");
  EXPECT_EQ(spoken->phrase, "of course");
  EXPECT_EQ(spoken->result.sub_code, sub_code::kSpeechOption);
}

TEST(Recogniser, APartOfAWordIsNoPhrase) {
  Recogniser recogniser(spec(Input::kChoices));
  EXPECT_EQ(recogniser.speech("nobody")->result.sub_code, sub_code::kNoOption);
  EXPECT_EQ(recogniser.tone('7')->result.sub_code, sub_code::kIncorrectTone);
}

TEST(Recogniser, SpeechEndsWithSilence) {
  Recogniser recogniser(spec(Input::kSpeech));
  EXPECT_FALSE(recogniser.tone('1'));
  EXPECT_FALSE(recogniser.speech("hello"));
  EXPECT_FALSE(recogniser.speech("there"));
  EXPECT_EQ(recogniser.wait(), milliseconds{500});
  EXPECT_EQ(recogniser.silence().speech, "hello there");
  EXPECT_EQ(recogniser.silence().type, "speech");
}

TEST(Recogniser, TonesOfSpeechOrDtmfAreCollected) {
  RecognizeSpec wanted = spec(Input::kSpeechOrDtmf);
  wanted.max_tones = 1;
  Recogniser recogniser(wanted);
  EXPECT_EQ(recogniser.tone('4')->type, "dtmf");
}

}  // namespace
}  // namespace trunkline::calls::testing
