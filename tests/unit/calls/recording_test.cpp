// What recordings are made of, and their files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/calls/recording_files.h"
#include "runtime/calls/recording_timeline.h"

namespace trunkline::calls::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kSecond = kSampleRate;

std::shared_ptr<const Samples> sound(std::int64_t count, std::int16_t value) {
  return std::make_shared<const Samples>(static_cast<std::size_t>(count), value);
}

/// The whole of a slice as it is in the file.
Samples mixed(const RecordingSlice& slice, std::size_t channels, std::int64_t frames) {
  Samples out(static_cast<std::size_t>(frames) * channels);
  mix_slice(slice, channels, [&](std::int64_t frame, const Samples& block) {
    std::copy(block.begin(), block.end(), out.begin() + frame * static_cast<std::int64_t>(channels));
  });
  return out;
}

TEST(RecordingTimeline, LeavesOutWhatWasPaused) {
  RecordingTimeline timeline;
  timeline.resume(0);
  timeline.put(1, 0, kSecond / 2, sound(4 * kSecond, 500));
  timeline.pause(kSecond);
  timeline.resume(3 * kSecond);
  timeline.cut(1, 7 * kSecond / 2);
  timeline.pause(4 * kSecond);
  EXPECT_EQ(timeline.frames(9 * kSecond), 2 * kSecond);
  const Samples all = mixed(timeline.take(4 * kSecond), 1, 2 * kSecond);
  EXPECT_EQ(all[kSecond * 4 / 10], 0);
  EXPECT_EQ(all[kSecond * 6 / 10], 500);
  EXPECT_EQ(all[kSecond * 14 / 10], 500);
  EXPECT_EQ(all[kSecond * 16 / 10], 0);
}

TEST(RecordingTimeline, SlicesFitTogetherToTheSample) {
  Samples ramp(3 * kSecond);
  for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<std::int16_t>(1 + i % 30000);
  RecordingTimeline timeline;
  timeline.resume(0);
  timeline.put(1, 0, 777, std::make_shared<const Samples>(ramp));
  Samples all(4 * kSecond);
  for (std::int64_t until = 1001; until < 4 * kSecond; until += 7919)
    mix_slice(timeline.take(until), 1,
              [&](std::int64_t frame, const Samples& block) { std::copy(block.begin(), block.end(), all.begin() + frame); });
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool inside = i >= 777 && i < 777 + ramp.size();
    ASSERT_EQ(all[i], inside ? ramp[i - 777] : 0) << i;
  }
}

TEST(RecordingTimeline, WhatSomebodySaysFollowsItself) {
  RecordingTimeline timeline;
  timeline.resume(0);
  // Frames that come a little early and late are one stretch of speech.
  for (std::int64_t i = 0; i < 100; ++i) timeline.put_live(7, 0, i * 320 + (i % 3) * 100, Samples(320, 9));
  const Samples all = mixed(timeline.take(40000), 1, 40000);
  EXPECT_EQ(std::count(all.begin(), all.begin() + 32000, 9), 32000);
  EXPECT_EQ(std::count(all.begin() + 32000, all.end(), 0), 8000);
  // After a pause it begins where it was said.
  timeline.put_live(7, 0, 50000, Samples(320, 5));
  const RecordingSlice later = timeline.take(60000);
  ASSERT_EQ(later.pieces.size(), 1u);
  EXPECT_EQ(later.pieces[0].at, 50000);
}

TEST(RecordingTimeline, HoldsNoMoreThanTheLastSecondOrSo) {
  RecordingTimeline timeline;
  timeline.resume(0);
  std::size_t most = 0;
  for (std::int64_t now = 0; now < 60 * kSecond; now += 320) {
    timeline.put_live(1, 0, now, Samples(320, 1));
    if (!timeline.due(now)) continue;
    const RecordingSlice slice = timeline.take(now - RecordingTimeline::kLate);
    std::size_t held = 0;
    for (const RecordingSlice::Piece& piece : slice.pieces) held += piece.samples->size();
    most = std::max(most, held);
  }
  EXPECT_LE(most, 3u * RecordingTimeline::kSliceSamples);
}

TEST(RecordingTimeline, SoundAfterItsTimeIsLeftOut) {
  RecordingTimeline timeline;
  timeline.resume(0);
  timeline.take(kSecond);
  timeline.put(1, 0, 0, sound(kSecond / 2, 1));
  EXPECT_THAT(timeline.take(2 * kSecond).pieces, IsEmpty());
  EXPECT_EQ(timeline.frames(2 * kSecond), 2 * kSecond);
}

class RecordingFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "recordings-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static RecordingFacts facts(bool mixed) {
    RecordingFacts facts;
    facts.document_id = "doc";
    facts.mixed = mixed;
    return facts;
  }
  static RecordingSlice slice(std::int64_t from, std::int64_t to, std::size_t channel, std::int16_t value) {
    RecordingSlice slice;
    slice.parts = {{from, to, from}};
    slice.pieces = {{0, channel, from, to, sound(to - from, value)}};
    return slice;
  }
  static std::string all_of(const OpenFilePtr& file) {
    std::string bytes(file->size(), '\0');
    file->read(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    return bytes;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

  std::filesystem::path directory_;
};

TEST_F(RecordingFile, IsAWavFileOnceItIsFinished) {
  RecordingFolder folder(directory_);
  RecordingWriter writer(folder, facts(true));
  writer.create();
  writer.write(slice(100, 200, 0, 7));
  EXPECT_EQ(writer.finish(300, 1), 44u + 600);
  const Sound sound = decode_wav(all_of(folder.open("doc.wav")));
  ASSERT_EQ(sound.samples->size(), 300u);
  EXPECT_EQ((*sound.samples)[99], 0);
  EXPECT_EQ((*sound.samples)[100], 7);
  EXPECT_EQ((*sound.samples)[199], 7);
  EXPECT_EQ((*sound.samples)[200], 0);
}

TEST_F(RecordingFile, HasAsManyChannelsAsThereWereInTheEnd) {
  RecordingFolder folder(directory_);
  RecordingWriter writer(folder, facts(false));
  writer.create();
  writer.write(slice(0, 5000, 0, 100));
  writer.write(slice(5000, 9000, 1, 200));
  EXPECT_EQ(writer.finish(9000, 2), 44u + 9000 * 4);
  EXPECT_THAT(names(), ElementsAre("doc.part", "doc.wav"));
  writer.settle();
  EXPECT_THAT(names(), ElementsAre("doc.wav"));
  const std::string file = all_of(folder.open("doc.wav"));
  EXPECT_EQ(file.substr(0, 44), wav_header(2, 9000));
  EXPECT_EQ(file.substr(44 + 4999 * 4, 8), std::string("\x64\0\0\0\0\0\xc8\0", 8));
}

TEST_F(RecordingFile, IsTakenUpByTheNextProcess) {
  RecordingFolder folder(directory_);
  for (const bool mixed : {true, false}) {
    {
      RecordingWriter killed(folder, facts(mixed));
      killed.create();
      killed.write(slice(0, 8000, 0, 3));
    }
    RecordingWriter next(folder, facts(mixed));
    EXPECT_EQ(next.reopen(), 8000u);
    next.finish(8000, 1);
    const Sound sound = decode_wav(all_of(folder.open("doc.wav")));
    EXPECT_EQ(*sound.samples, Samples(8000, 3));
  }
}

TEST_F(RecordingFile, OfWhichThereIsNothingIsSaidToBeEmpty) {
  RecordingFolder folder(directory_);
  RecordingWriter writer(folder, facts(true));
  EXPECT_EQ(writer.reopen(), 0u);
  EXPECT_THROW(writer.finish(10, 1), Error);
}

TEST_F(RecordingFile, GoesWhenNoRowKnowsIt) {
  RecordingFolder folder(directory_);
  for (const char* name : {"a.wav", "b.wav", "b.part"}) folder.create(name);
  folder.sweep({"b.wav"});
  EXPECT_THAT(names(), ElementsAre("b.wav"));
  EXPECT_EQ(folder.open("a.wav"), nullptr);
}

TEST_F(RecordingFile, IsPrivateAndFollowsNoLink) {
  RecordingFolder folder(directory_ / "deep" / "er");
  folder.create("a.wav");
  const auto mode = std::filesystem::status(directory_ / "deep" / "er" / "a.wav").permissions();
  EXPECT_EQ(mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all), std::filesystem::perms::none);
  std::filesystem::create_symlink("/etc/hostname", directory_ / "deep" / "er" / "b.wav");
  EXPECT_THROW(folder.create("b.wav"), Error);
  EXPECT_THROW(folder.open("b.wav"), Error);
}

TEST_F(RecordingFile, InMemoryIsTemporaryAndBounded) {
  RecordingFolder folder({});
  const OpenFilePtr first = folder.create("0");
  for (std::size_t i = 0; i <= RecordingFolder::kMostTemporary; ++i) {
    if (i > 0) folder.create(std::to_string(i));
    folder.finished(std::to_string(i));
  }
  EXPECT_EQ(folder.open("0"), nullptr) << "the oldest";
  EXPECT_NE(folder.open("1"), nullptr);
  EXPECT_EQ(first->size(), 0u) << "whoever has it open reads on";
  folder.remove("1");
  EXPECT_EQ(folder.open("1"), nullptr);
}

TEST_F(RecordingFile, WithoutAPlaceSaysSo) {
  std::ofstream(directory_ / "file") << "x";
  RecordingFolder folder(directory_ / "file" / "below");
  EXPECT_THROW(folder.create("a.wav"), Error);
}

}  // namespace
}  // namespace trunkline::calls::testing
