// MPEG audio as it is played and recorded.
#include "runtime/calls/mp3.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <random>

#include "runtime/calls/recording_files.h"

namespace trunkline::calls::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kOneSecond = kSampleRate;
constexpr std::size_t kFrame = Mp3Encoder::kFrameBytes;

Samples sine(std::size_t count, double hertz, double level = 8000) {
  Samples out(count);
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<std::int16_t>(level * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(i) / kSampleRate));
  return out;
}

double rms(std::span<const std::int16_t> samples) {
  double sum = 0;
  for (const std::int16_t sample : samples) sum += double(sample) * sample;
  return samples.empty() ? 0 : std::sqrt(sum / static_cast<double>(samples.size()));
}

std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string encoded(const Samples& samples) {
  Mp3Encoder encoder;
  std::vector<std::uint8_t> frames;
  encoder.encode(samples, frames);
  encoder.finish(frames);
  return text_of(Mp3Encoder::info_frame(frames.size() / kFrame, samples.size())) + text_of(frames);
}

Sound decoded(std::string_view file, std::size_t piece = 1000) {
  Mp3Decoder decoder;
  for (; !file.empty(); file.remove_prefix(std::min(piece, file.size()))) decoder.feed(file.substr(0, piece));
  return decoder.finish();
}

std::string why_no_mp3(std::string_view file) {
  try {
    decoded(file);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.message;
  }
}

/// Of the difference, compared with the sound.
double distortion(const Samples& a, const Samples& b, std::size_t from, std::size_t to) {
  Samples difference;
  for (std::size_t i = from; i < to; ++i) difference.push_back(static_cast<std::int16_t>(a[i] - b[i]));
  return rms(difference) / rms(std::span(a).subspan(from, to - from));
}

TEST(Mp3, WhatIsEncodedIsDecodedAtItsTimeAndAsLong) {
  const Samples said = sine(2 * kOneSecond + 123, 440);
  const Sound heard = decoded(encoded(said));
  ASSERT_EQ(heard.samples->size(), said.size()) << "the delays of encoder and decoder are left out";
  EXPECT_LT(distortion(said, *heard.samples, 2000, 30000), 0.05) << "to the sample";
}

TEST(Mp3, EveryFrameIsAsLongAsAnyOtherAndStandsAlone) {
  Mp3Encoder encoder;
  std::vector<std::uint8_t> frames;
  encoder.encode(sine(kOneSecond, 1000), frames);
  encoder.encode(sine(kOneSecond, 300), frames);
  encoder.finish(frames);
  ASSERT_EQ(frames.size() % kFrame, 0u);
  for (std::size_t at = 0; at < frames.size(); at += kFrame) ASSERT_TRUE(looks_like_mp3(text_of(frames).substr(at, 4))) << at;
  // A file that begins anywhere.
  const Sound rest = decoded(text_of(frames).substr(30 * kFrame));
  EXPECT_GT(rms(*rest.samples), 3000);
}

TEST(Mp3, PiecesOfAnyLengthAreTheSameFile) {
  const std::string file = encoded(sine(kOneSecond, 700));
  const Samples whole = *decoded(file, file.size()).samples;
  for (const std::size_t piece : {1u, 7u, 216u, 5000u}) EXPECT_EQ(*decoded(file, piece).samples, whole) << piece;
}

TEST(Mp3, ATagBeforeAndAfterIsNoSound) {
  const std::string file = encoded(sine(kOneSecond, 700));
  std::string tag = "ID3\x03";
  tag += std::string("\0\0\0\0\x4e\x10", 6);  // 78 * 128 + 16 bytes
  tag += std::string(10000, 'x');
  EXPECT_TRUE(looks_like_mp3(tag));
  EXPECT_EQ(decoded(tag + file + "TAG" + std::string(125, ' ')).samples->size(), kOneSecond);
}

TEST(Mp3, OtherRatesAreConverted) {
  // Our frames, said to be of 24 kHz: half again as fast, and a frame is as much shorter.
  std::string file = encoded(sine(3 * kOneSecond, 400)).substr(kFrame);
  std::string other;
  for (std::size_t at = 0; at < file.size(); at += kFrame) {
    std::string frame = file.substr(at, kFrame);
    frame[2] = static_cast<char>((frame[2] & 0xf3) | 0x04);
    other += frame.substr(0, 144);  // 72 * 48000 / 24000
  }
  const Sound sound = decoded(other);
  EXPECT_NEAR(static_cast<double>(sound.samples->size()), 2.0 * kOneSecond, 0.1 * kOneSecond);
}

TEST(Mp3, RatesThatChangeAgainAndAgainAreRefused) {
  const std::string file = encoded(sine(3 * kOneSecond, 400)).substr(kFrame);
  const auto changing = [&](std::size_t changes) {
    std::string out;
    for (std::size_t i = 0; i < (changes + 1) * 6; ++i) {
      std::string frame = file.substr(i * kFrame, kFrame);
      const bool other = i / 6 % 2 == 1;
      if (other) frame[2] = static_cast<char>((frame[2] & 0xf3) | 0x04);
      out += frame.substr(0, other ? 144 : kFrame);
    }
    return out;
  };
  EXPECT_EQ(why_no_mp3(changing(3)), "");
  EXPECT_THAT(why_no_mp3(changing(12)), HasSubstr("changes its sample rate"));
}

TEST(Mp3, WhatIsNoneIsRefusedWithTheReason) {
  EXPECT_FALSE(looks_like_mp3("RIFF"));
  EXPECT_FALSE(looks_like_mp3(""));
  EXPECT_FALSE(looks_like_mp3("\xff\xff\xff\xff"));
  EXPECT_THAT(why_no_mp3(""), HasSubstr("holds no sound"));
  EXPECT_THAT(why_no_mp3("this is text"), HasSubstr("holds no sound"));
  EXPECT_THAT(why_no_mp3(std::string(300'000, 'a')), HasSubstr("no MPEG audio"));
  EXPECT_THAT(why_no_mp3(encoded(sine(kOneSecond, 500)) + std::string(300'000, 'a')), HasSubstr("damaged"));
  EXPECT_THAT(why_no_mp3(encoded(sine(kOneSecond, 500)).substr(0, 100)), HasSubstr("holds no sound"));
}

TEST(Mp3, WhatLastsTooLongIsRefusedBeforeItIsInMemory) {
  Mp3Encoder encoder;
  std::vector<std::uint8_t> minute;
  encoder.encode(sine(60 * kOneSecond, 500), minute);
  const std::string bytes = text_of(minute);
  Mp3Decoder decoder;
  try {
    for (int i = 0; i < 12; ++i) decoder.feed(bytes);
    FAIL() << "eleven minutes were taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("10 minutes"));
  }
}

TEST(Mp3, DamagedFilesNeverDoHarm) {
  const std::string good = encoded(sine(kOneSecond, 500));
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string bad = good;
    for (int i = 0; i < 1 + round % 40; ++i) bad[random() % bad.size()] = static_cast<char>(random());
    if (round % 3 == 0) bad.resize(random() % bad.size());
    try {
      EXPECT_LE(decoded(bad).samples->size(), bad.size() * 64 + 8192);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    }
  }
}

class Mp3Recording : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "recordings-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    facts_.document_id = "doc";
    facts_.format = RecordingFormat::kMp3;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static RecordingSlice slice(std::int64_t from, std::int64_t to, const Samples& sound) {
    RecordingSlice slice;
    slice.parts = {{from, to, from}};
    slice.pieces = {{0, 0, from, from + static_cast<std::int64_t>(sound.size()), std::make_shared<const Samples>(sound)}};
    return slice;
  }
  std::string file() const {
    const OpenFilePtr open = RecordingFolder(directory_).open("doc.mp3");
    std::string bytes(open->size(), '\0');
    open->read(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    return bytes;
  }

  std::filesystem::path directory_;
  RecordingFacts facts_;
};

TEST_F(Mp3Recording, IsTheSoundAtItsTimes) {
  RecordingFolder folder(directory_);
  RecordingWriter writer(folder, facts_);
  writer.create();
  const Samples said = sine(kOneSecond, 440);
  writer.write(slice(4000, 4000 + kOneSecond, said));
  // Minutes of silence, then something more.
  const std::int64_t later = 300 * kOneSecond + 77;
  writer.write(slice(4000 + kOneSecond, later, {}));
  writer.write(slice(later, later + kOneSecond, said));
  const std::uint64_t frames = later + kOneSecond + 1000;
  const std::uint64_t bytes = writer.finish(frames, 1);
  EXPECT_EQ(bytes, file().size());
  EXPECT_NEAR(static_cast<double>(bytes), static_cast<double>(frames) * Mp3Encoder::kBitRate / 8 / kSampleRate, 4 * kFrame);
  const Samples heard = *decoded(file()).samples;
  ASSERT_EQ(heard.size(), frames);
  Samples wanted(frames);
  std::copy(said.begin(), said.end(), wanted.begin() + 4000);
  std::copy(said.begin(), said.end(), wanted.begin() + later);
  EXPECT_LT(rms(std::span(heard).first(2800)), 20);
  EXPECT_LT(distortion(wanted, heard, 6000, 4000 + kOneSecond - 2000), 0.05);
  EXPECT_LT(rms(std::span(heard).subspan(2 * kOneSecond, later - 3 * kOneSecond)), 2) << "silence";
  EXPECT_LT(distortion(wanted, heard, later + 2000, later + kOneSecond - 2000), 0.05)
      << "to the sample, behind five minutes of silence";
}

TEST_F(Mp3Recording, MinutesOfSilenceAreOneFrameAgainAndAgain) {
  RecordingFolder folder(directory_);
  RecordingWriter writer(folder, facts_);
  writer.create();
  writer.write(slice(0, 60 * kOneSecond, sine(kOneSecond, 440)));
  writer.finish(60 * kOneSecond, 1);
  const std::string bytes = file();
  const std::string one = bytes.substr(500 * kFrame, kFrame);
  for (std::size_t frame = 501; frame < 1600; ++frame) ASSERT_EQ(bytes.substr(frame * kFrame, kFrame), one) << frame;
}

TEST_F(Mp3Recording, GrowsAndIsAFileWhileItLasts) {
  RecordingFolder folder(directory_);
  RecordingWriter writer(folder, facts_);
  writer.create();
  std::size_t before = 0;
  for (std::int64_t i = 0; i < 10; ++i) {
    writer.write(slice(i * 8000, i * 8000 + 8000, sine(8000, 440)));
    const std::string bytes = file();
    EXPECT_GT(bytes.size(), before);
    before = bytes.size();
    EXPECT_NEAR(static_cast<double>(writer.frames()), static_cast<double>(i + 1) * 8000, 2400);
    EXPECT_GT(decoded(bytes).samples->size() + 2400, static_cast<std::size_t>(i + 1) * 8000);
  }
}

TEST_F(Mp3Recording, IsTakenUpByTheNextProcess) {
  RecordingFolder folder(directory_);
  {
    RecordingWriter killed(folder, facts_);
    killed.create();
    killed.write(slice(0, 3 * kOneSecond, sine(3 * kOneSecond, 440)));
  }
  std::filesystem::resize_file(directory_ / "doc.mp3", std::filesystem::file_size(directory_ / "doc.mp3") - 100);  // torn
  RecordingWriter next(folder, facts_);
  const std::uint64_t frames = next.reopen();
  EXPECT_NEAR(static_cast<double>(frames), 3.0 * kOneSecond, 3000);
  const std::uint64_t bytes = next.finish(frames, 1);
  EXPECT_EQ(bytes % kFrame, 0u);
  EXPECT_EQ(file().size(), bytes);
  EXPECT_EQ(decoded(file()).samples->size(), frames);
}

}  // namespace
}  // namespace trunkline::calls::testing
