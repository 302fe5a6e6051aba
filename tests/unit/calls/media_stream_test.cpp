#include "runtime/calls/media_stream.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trunkline::calls::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(TranscriptionFrames, OfWordsThatWereHeard) {
  TranscriptPart part;
  part.text = "good morning";
  part.confidence = 0.75;
  part.offset = milliseconds{1500};
  part.lasts = milliseconds{900};
  part.words = {{"good", milliseconds{1500}, milliseconds{300}}, {"morning", milliseconds{1900}, milliseconds{500}}};
  part.final = false;
  EXPECT_EQ(json::parse(transcription_data(part, "4:+14255550123")), json::parse(R"({
    "kind": "TranscriptionData",
    "transcriptionData": {
      "text": "good morning", "format": "display", "confidence": 0.75, "offset": 15000000, "duration": 9000000,
      "words": [{"text": "good", "offset": 15000000, "duration": 3000000}, {"text": "morning", "offset": 19000000, "duration": 5000000}],
      "participantRawID": "4:+14255550123", "resultStatus": "Intermediate"}})"));
}

TEST(TranscriptionFrames, OfATextThatWasToldEveryWordTakesAsLong) {
  TranscriptPart part;
  part.text = " one  two three";
  part.offset = seconds{1};
  part.lasts = milliseconds{600};
  const json data = json::parse(transcription_data(part, "8:acs:x"))["transcriptionData"];
  EXPECT_EQ(data["resultStatus"], "Final");
  EXPECT_EQ(data["confidence"], 1.0);
  ASSERT_EQ(data["words"].size(), 3u);
  EXPECT_EQ(data["words"][2], json::parse(R"({"text": "three", "offset": 14000000, "duration": 2000000})"));
  part.text.clear();
  EXPECT_TRUE(json::parse(transcription_data(part, "8:acs:x"))["transcriptionData"]["words"].empty());
}

TEST(TranscriptionFrames, TheFirstSaysWhoseCallItIs) {
  const json data = json::parse(transcription_metadata("sub", "en-US", "connection", "correlation"));
  EXPECT_EQ(data, json::parse(R"({"kind": "TranscriptionMetadata", "transcriptionMetadata": {"subscriptionId": "sub",
    "locale": "en-US", "callConnectionId": "connection", "correlationId": "correlation"}})"));
}

TEST(Voices, TheLoudestAreSentWhoeverCameFirst) {
  MediaStream stream;
  const auto add = [&](const char* raw_id, std::int16_t level) {
    MediaStream::Voice& voice = stream.voices.emplace_back();
    voice.raw_id = raw_id;
    voice.sound.samples = std::make_shared<const Samples>(kSampleRate, level);
  };
  add("", 9000);  // a prompt takes nobody's place
  add("a", 10);
  add("b", 3000);
  add("c", 0);
  add("d", 500);
  const auto names = [&](std::size_t most) {
    std::string out;
    for (const MediaStream::Voice* voice : stream.loudest(most)) out += voice->raw_id;
    return out;
  };
  EXPECT_EQ(names(2), "bd");
  EXPECT_EQ(names(9), "bdac");
  // In a pause somebody is still the one who speaks.
  stream.voices[2].sound.samples = std::make_shared<const Samples>(kSampleRate);
  EXPECT_EQ(names(2), "bd");
  for (int frame = 0; frame < 600; ++frame) stream.loudest(2);
  EXPECT_EQ(names(2), "da");
}

TEST(AudioFrames, WhatApplicationsSendIsReadOrLeftOut) {
  const auto frame = parse_incoming(R"({"kind": "AudioData", "audioData": {"data": "AQACAA=="}})", kSampleRate);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->samples, (Samples{1, 2}));
  EXPECT_TRUE(parse_incoming(R"({"Kind": "StopAudio", "StopAudio": {}})", kSampleRate)->stop);
  for (const char* wrong : {"", "{", "[]", R"({"kind": "AudioData"})", R"({"kind": "AudioData", "audioData": {"data": "?"}})",
                            R"({"kind": "Other", "audioData": {"data": "AQACAA=="}})"})
    EXPECT_FALSE(parse_incoming(wrong, kSampleRate)) << wrong;
}

}  // namespace
}  // namespace trunkline::calls::testing
