// What Opus makes of packets that are not there.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "media/codec.h"

namespace call_media {
namespace {

/// Vowels of a sort: what a codec for speech keeps well, and every 20 ms is unlike the one before.
Frame voice(int frame) {
  Frame out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double t = static_cast<double>(static_cast<std::size_t>(frame) * out.size() + i) / kMixRate;
    const double pitch = 120 + 60 * std::sin(2 * std::numbers::pi * 3 * t);
    double sample = 0;
    for (int harmonic = 1; harmonic <= 12; ++harmonic)
      sample += std::sin(2 * std::numbers::pi * pitch * harmonic * t) / harmonic * (frame % 4 == harmonic % 4 ? 3 : 1);
    out[i] = static_cast<std::int16_t>(2500 * sample * (frame % 6 < 3 ? 1.0 : 0.3));
  }
  return out;
}

using Packet = std::vector<std::uint8_t>;

std::vector<Packet> packets_of(int frames) {
  const auto codec = Codec::make(CodecId::kOpus);
  codec->expect_loss(40);
  std::vector<Packet> packets;
  std::array<std::uint8_t, Codec::kMaxEncoded> bytes;
  for (int i = 0; i < frames; ++i) {
    const std::size_t size = codec->encode(voice(i), bytes);
    packets.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return packets;
}

/// How far what was made up is from what was said, over every tenth frame, which is lost.
double error_of(const std::vector<Packet>& packets, bool with_following) {
  const auto perfect = Codec::make(CodecId::kOpus), lossy = Codec::make(CodecId::kOpus);
  std::array<std::int16_t, Codec::kMaxDecoded> want, got;
  double error = 0;
  for (std::size_t i = 0; i + 1 < packets.size(); ++i) {
    EXPECT_EQ(perfect->decode(packets[i], want), kFrameSamples);
    if (i % 10 != 9) {
      lossy->decode(packets[i], got);
      continue;
    }
    EXPECT_EQ(lossy->conceal(kFrameSamples, with_following ? Bytes(packets[i + 1]) : Bytes{}, got), kFrameSamples);
    for (std::size_t k = 0; k < kFrameSamples; ++k) error += std::pow(static_cast<double>(want[k]) - got[k], 2);
  }
  return error;
}

TEST(Opus, AFrameIsTwentyMillisecondsAndFarSmallerThanG711) {
  const auto packets = packets_of(50);
  const auto codec = Codec::make(CodecId::kOpus);
  std::size_t bytes = 0;
  for (const Packet& packet : packets) {
    EXPECT_EQ(codec->duration(packet), kFrameSamples);
    bytes += packet.size();
  }
  EXPECT_LT(bytes / packets.size(), 120u);
  EXPECT_GT(bytes / packets.size(), 20u) << "silence is sent, too";
}

TEST(Opus, APacketThatWasLostIsMadeAgainFromTheOneBehindIt) {
  const auto packets = packets_of(200);
  EXPECT_LT(error_of(packets, true), 0.5 * error_of(packets, false));
}

TEST(Opus, WhatIsNoPacketIsSilence) {
  const auto codec = Codec::make(CodecId::kOpus);
  std::array<std::int16_t, Codec::kMaxDecoded> out;
  EXPECT_EQ(codec->duration({}), 0u);
  const Packet broken{0xff, 0xff, 0xff};
  EXPECT_EQ(codec->duration(broken), 0u);
  EXPECT_EQ(codec->decode(broken, out), 0u);
  EXPECT_GT(codec->conceal(1, {}, out), 0u);
  EXPECT_LE(codec->conceal(1'000'000, {}, out), out.size());
}

class EveryCoder : public ::testing::TestWithParam<CodecId> {};

TEST_P(EveryCoder, GoesOnWhereAnotherOneIs) {
  const auto one = Codec::make(GetParam()), other = Codec::make(GetParam());
  const auto coded = [](Codec& codec, const Frame& frame) {
    std::array<std::uint8_t, Codec::kMaxEncoded> bytes;
    const std::size_t size = codec.encode(frame, bytes);
    return Packet(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  };
  for (int i = 0; i < 30; ++i) coded(*one, voice(i));
  for (int i = 50; i < 57; ++i) coded(*other, voice(i));
  other->continue_from(*one, voice(29));
  for (int i = 30; i < 40; ++i) EXPECT_EQ(coded(*one, voice(i)), coded(*other, voice(i))) << i;
}

INSTANTIATE_TEST_SUITE_P(Codecs, EveryCoder, ::testing::Values(CodecId::kPcmu, CodecId::kPcma, CodecId::kG722, CodecId::kOpus));

TEST(OpusCodec, KnowsSilenceWithoutDecodingIt) {
  const auto codec = Codec::make(CodecId::kOpus);
  std::array<std::uint8_t, Codec::kMaxEncoded> bytes;
  int voices = 0;
  for (int i = 0; i < 50; ++i) voices += codec->is_silence(Bytes(bytes).first(codec->encode(voice(i), bytes)));
  EXPECT_EQ(voices, 0);
  for (int i = 0; i < 10; ++i) (void)codec->encode(Frame{}, bytes);
  EXPECT_TRUE(codec->is_silence(Bytes(bytes).first(codec->encode(Frame{}, bytes))));
  EXPECT_TRUE(codec->is_silence(Bytes(bytes).first(1))) << "DTX";
  bytes[0] = 31 << 3;
  EXPECT_FALSE(codec->is_silence(Bytes(bytes).first(8))) << "CELT says nothing of voices";
}

TEST(OpusCodec, KnowsFewWaysOfCoding) {
  const auto codec = Codec::make(CodecId::kOpus);
  std::vector<std::size_t> ways;
  for (const std::uint8_t loss : {0, 12, 16, 40, 60, 255}) {
    codec->expect_loss(loss);
    ways.push_back(codec->way());
  }
  EXPECT_EQ(ways, (std::vector<std::size_t>{0, 0, 1, 2, 3, 3}));
}

}  // namespace
}  // namespace call_media
