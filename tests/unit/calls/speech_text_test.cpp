#include "runtime/calls/speech_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/calls/flite_voices.h"

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

std::string why_not(std::string_view document) {
  try {
    read_ssml(document, {});
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.message;
  }
  return "nothing is wrong";
}

std::string in_speak(const std::string& inside) { return "<speak version='1.0' xml:lang='en-US'>" + inside + "</speak>"; }

SpeechPart only_part(const std::string& inside) {
  const std::vector<SpeechPart> parts = read_ssml(in_speak(inside), {});
  EXPECT_EQ(parts.size(), 1u);
  return parts.at(0);
}

TEST(Ssml, VoicesBreaksAndRates) {
  const auto parts = read_ssml(in_speak("Hello &amp; <emphasis>welcome</emphasis>.<break time='1.5s'/>"
                                        "<voice name='en-GB-RyanNeural'>Press<prosody rate='-20%'>one</prosody></voice>"
                                        "<break strength='weak'/><break/>"),
                               {});
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].text, "Hello & welcome.");
  EXPECT_EQ(parts[0].voice.locale, "en-US");
  EXPECT_EQ(parts[0].pause_after, milliseconds{1500});
  EXPECT_EQ(parts[1].text, "Press");
  EXPECT_EQ(parts[1].voice.name, "en-GB-RyanNeural");
  EXPECT_EQ(parts[1].rate, 1.0);
  EXPECT_EQ(parts[2].text, "one");
  EXPECT_DOUBLE_EQ(parts[2].rate, 0.8);
  EXPECT_EQ(parts[2].pause_after, milliseconds{1250});
}

TEST(Ssml, WhatIsSaidOtherwise) {
  EXPECT_EQ(only_part("<sub alias='Trunkline'>TL</sub>").text, "Trunkline");
  EXPECT_EQ(only_part("<say-as interpret-as='telephone'>425</say-as>").text, "4 2 5 ");
  EXPECT_EQ(only_part("<say-as interpret-as='date'>425</say-as>").text, "425");
  EXPECT_EQ(only_part("<mstts:express-as xmlns:mstts='x' style='sad'>a</mstts:express-as><!-- b --><![CDATA[c]]>").text, "ac");
  EXPECT_EQ(only_part("<prosody rate='x-fast'>a</prosody>").rate, 2.0);
  EXPECT_EQ(only_part("<prosody rate='9'>a</prosody>").rate, 2.0) << "as fast as it gets";
  EXPECT_EQ(only_part("<prosody rate='80%'>a</prosody>").rate, 0.8);
  EXPECT_EQ(only_part("<prosody volume='loud'>a</prosody>").rate, 1.0);
  EXPECT_EQ(only_part("a<break time='3600s'/>").pause_after, seconds{20}) << "as long as it gets";
  EXPECT_EQ(only_part("<lang xml:lang='de-DE'>a</lang>").voice.locale, "de-DE");
  EXPECT_EQ(read_ssml(in_speak("<s>a</s><s>b</s>"), {}).size(), 2u);
}

TEST(Ssml, SaysWhatIsWrong) {
  EXPECT_THAT(why_not("hello"), HasSubstr("no well-formed XML"));
  EXPECT_THAT(why_not(""), HasSubstr("no well-formed XML"));
  EXPECT_THAT(why_not("<speak>a"), HasSubstr("no well-formed XML"));
  EXPECT_THAT(why_not(in_speak("&secret;")), HasSubstr("no well-formed XML"));
  EXPECT_THAT(why_not("<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>"), HasSubstr("document type"));
  EXPECT_THAT(why_not("<talk>a</talk>"), HasSubstr("root is not <speak>"));
  EXPECT_THAT(why_not(in_speak("<break time='soon'/>")), HasSubstr("found 'soon'"));
  EXPECT_THAT(why_not(in_speak("<break time='nans'/>")), HasSubstr("found 'nans'"));
  EXPECT_THAT(why_not(in_speak("<break strength='huge'/>")), HasSubstr("'huge' is no strength"));
  EXPECT_THAT(why_not(in_speak("<prosody rate='nan'>a</prosody>")), HasSubstr("found 'nan'"));
  EXPECT_THAT(why_not(in_speak("<prosody rate='+2'>a</prosody>")), HasSubstr("found '+2'"));
  EXPECT_THAT(why_not(in_speak("<voice gender='robot'>a</voice>")), HasSubstr("'robot' is no gender"));
  EXPECT_THAT(why_not(in_speak("<audio src='https://a.example/b.wav'/>")), HasSubstr("<audio> is not taken"));
}

TEST(Ssml, Limits) {
  std::string deep = "a", many;
  for (int i = 0; i < 40; ++i) deep = "<p>" + deep + "</p>";
  for (int i = 0; i < 1001; ++i) many += "<break/>";
  EXPECT_THAT(why_not(in_speak(deep)), HasSubstr("more than 32 deep"));
  EXPECT_THAT(why_not(in_speak(many)), HasSubstr("more than 1000 elements"));
}

TEST(FliteVoices, AreChosenByNameKindAndLocale) {
  using Kind = VoiceWish::Kind;
  EXPECT_EQ(choose_voice({}), FliteVoice::kSlt);
  EXPECT_EQ(choose_voice({"", "en-US", Kind::kMale}), FliteVoice::kRms);
  EXPECT_EQ(choose_voice({"", "en-GB", Kind::kMale}), FliteVoice::kAwb);
  EXPECT_EQ(choose_voice({"", "en", Kind::kFemale}), FliteVoice::kSlt);
  EXPECT_EQ(choose_voice({"en-US-JennyMultilingualNeural", "", Kind::kAny}), FliteVoice::kSlt);
  EXPECT_EQ(choose_voice({"en-US-GuyNeural", "", Kind::kAny}), FliteVoice::kRms);
  EXPECT_EQ(choose_voice({"en-GB-RyanNeural", "en-US", Kind::kAny}), FliteVoice::kAwb);
  EXPECT_EQ(choose_voice({"en-US-TimberlyNeural", "", Kind::kAny}), FliteVoice::kSlt) << "is not Tim";
  EXPECT_EQ(choose_voice({"AWB", "de-DE", Kind::kAny}), FliteVoice::kAwb) << "a voice of flite speaks what it can";
}

TEST(FliteVoices, RefuseWhatTheyCannot) {
  const auto refused = [](const VoiceWish& wish) {
    try {
      choose_voice(wish);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
      return error.message;
    }
    return std::string("not refused");
  };
  EXPECT_THAT(refused({"", "de-DE", {}}), HasSubstr("English only, and the text is to be spoken in de-de"));
  EXPECT_THAT(refused({"fr-FR-DeniseNeural", "", {}}), HasSubstr("spoken in fr-fr"));
  EXPECT_THAT(refused({"", "english", {}}), HasSubstr("'english' is no language"));
  EXPECT_THAT(refused({"Jenny", "", {}}), HasSubstr("there is no voice 'Jenny'"));
  EXPECT_THAT(refused({"en-US-", "", {}}), HasSubstr("there is no voice"));
}

TEST(Speakers, OtherLanguagesAreNotForFlite) {
  EXPECT_TRUE(choose_speaker({"", "en-AU", {}}).flite);
  const Speaker katja = choose_speaker({"de-DE-KatjaNeural", "", {}}), conrad = choose_speaker({"de-DE-ConradNeural", "", {}});
  EXPECT_FALSE(katja.flite);
  EXPECT_EQ(katja.locale, "de-de");
  EXPECT_FALSE(katja.man);
  EXPECT_TRUE(conrad.man);
  EXPECT_TRUE(choose_speaker({"", "fr", VoiceWish::Kind::kMale}).man);
}

TEST(FliteVoices, WhatIsRead) {
  EXPECT_EQ(speakable("press 1"), "press 1");
  EXPECT_EQ(speakable("Zo\xc3\xab\xe2\x80\x99s caf\xc3\xa9\n"), "Zoe's cafe ");
  EXPECT_EQ(speakable(std::string_view("a\0b", 3)), "a b");
  EXPECT_EQ(speakable("\xe4\xbd\xa0\xe5\xa5\xbd"), "") << "no English";
  EXPECT_EQ(speakable("..."), "");
  EXPECT_EQ(speakable("\xe4\xbd"), "") << "cut off";
}

}  // namespace
}  // namespace trunkline::calls::testing
