#include "runtime/calls/sound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "runtime/calls/media_stream.h"

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Goertzel: how loud one frequency is.
double level(const Samples& samples, double frequency) {
  const double w = 2 * std::numbers::pi * frequency / kSampleRate;
  double s1 = 0, s2 = 0;
  for (const std::int16_t sample : samples) {
    const double s = sample + 2 * std::cos(w) * s1 - s2;
    s2 = s1;
    s1 = s;
  }
  return std::sqrt(s1 * s1 + s2 * s2 - 2 * std::cos(w) * s1 * s2) / static_cast<double>(samples.size());
}

std::string failure_of(std::string_view file) {
  try {
    decode_wav(file);
    return "";
  } catch (const Error& error) {
    return error.message;
  }
}

TEST(Sound, ADigitIsItsTwoFrequencies) {
  const Sound five = dtmf('5', milliseconds{100});
  EXPECT_EQ(five.length(), milliseconds{100});
  EXPECT_GT(level(*five.samples, 770), 1000);
  EXPECT_GT(level(*five.samples, 1336), 1000);
  EXPECT_LT(level(*five.samples, 697), 500);
  EXPECT_LT(level(*five.samples, 1209), 500);
}

TEST(Sound, WhatIsWrittenIsRead) {
  const Samples samples = *dtmf('1', milliseconds{50}).samples;
  const Sound again = decode_wav(encode_wav({{samples}}));
  EXPECT_EQ(*again.samples, samples);
}

TEST(Sound, TwoChannelsBecomeOne) {
  const std::string file = encode_wav(std::vector<Samples>{{100, 100}, {300, 300}});
  EXPECT_THAT(*decode_wav(file).samples, ::testing::ElementsAre(200, 200));
}

TEST(Sound, OtherRatesAreConverted) {
  std::string file = encode_wav({{Samples(8000, 1000)}});
  // The same samples, at 8 kHz.
  file[24] = 0x40;
  file[25] = 0x1f;
  const Sound sound = decode_wav(file);
  EXPECT_EQ(sound.length(), seconds{1});
  EXPECT_EQ(sound.samples->at(9000), 1000);
}

TEST(Sound, WhatIsNoSoundIsRefusedWithTheReason) {
  EXPECT_THAT(failure_of("this is not a wave file"), ::testing::HasSubstr("does not begin as a WAV file"));
  EXPECT_THAT(failure_of(""), ::testing::HasSubstr("does not begin"));
  std::string file = encode_wav({{Samples(100, 1)}});
  file[20] = 3;  // IEEE float
  EXPECT_THAT(failure_of(file), ::testing::HasSubstr("WAV format 3"));
  EXPECT_THAT(failure_of(encode_wav({{Samples()}})), ::testing::HasSubstr("no sound"));
  EXPECT_NE(failure_of(file.substr(0, 30)), "");
}

TEST(Sound, WordsAreTonesOfTheirOwn) {
  EXPECT_EQ(speaking_time("press one now"), milliseconds{1200});
  const Sound words = speak("one two", speaking_time("one two"));
  EXPECT_EQ(words.length(), milliseconds{800});
  EXPECT_EQ(*speak("one", seconds{1}).samples, *speak("one", seconds{1}).samples);
  EXPECT_NE(*speak("one", seconds{1}).samples, *speak("two", seconds{1}).samples);
}

TEST(Sound, SsmlIsItsWords) {
  EXPECT_EQ(text_of_ssml("<speak version=\"1.0\"><voice name=\"x\">Press <emphasis>one</emphasis></voice></speak>"), "Press one");
}

TEST(Sound, ToneWords) {
  EXPECT_EQ(digit_of_word("asterisk"), '*');
  EXPECT_EQ(digit_of_word("Pound"), '#');
  EXPECT_EQ(digit_of_word("b"), 'B');
  EXPECT_FALSE(digit_of_word("ten"));
  EXPECT_EQ(word_of_digit('0'), "zero");
}

TEST(MediaFrames, HaveTheDocumentedShape) {
  EXPECT_EQ(
      audio_metadata("sub", 16000),
      R"({"audioMetadata":{"channels":1,"encoding":"PCM","length":640,"sampleRate":16000,"subscriptionId":"sub"},"kind":"AudioMetadata"})");
  const std::string frame = audio_data(Samples(320, 0), 24000, Time{seconds{0}}, "", true);
  EXPECT_THAT(frame, ::testing::HasSubstr("\"silent\":true"));
  EXPECT_THAT(frame, ::testing::Not(::testing::HasSubstr("participantRawID")));
  EXPECT_EQ(dtmf_data('3'), R"({"dtmfData":{"data":"3"},"kind":"DtmfData"})");
}

TEST(MediaFrames, OfApplicationsAreReadInTheirCase) {
  const auto frame = parse_incoming(R"({"Kind":"AudioData","AudioData":{"Data":"AQACAA=="},"StopAudio":null})", 16000);
  ASSERT_TRUE(frame);
  EXPECT_THAT(frame->samples, ::testing::ElementsAre(1, 2));
  EXPECT_TRUE(parse_incoming(R"({"Kind":"StopAudio","AudioData":null,"StopAudio":{}})", 16000)->stop);
  EXPECT_FALSE(parse_incoming("{", 16000));
  EXPECT_FALSE(parse_incoming(R"({"kind":"Other"})", 16000));
  EXPECT_FALSE(parse_incoming(R"({"kind":"AudioData","audioData":{"data":"%%"}})", 16000));
}

}  // namespace
}  // namespace trunkline::calls::testing
