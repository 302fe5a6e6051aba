#include "media/rtp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "media/dtmf_sender.h"
#include "media/jitter_buffer.h"

namespace call_media {
namespace {

std::vector<std::uint8_t> packet(std::uint16_t sequence, std::size_t payload = 160) {
  std::vector<std::uint8_t> bytes(kRtpHeaderBytes + payload, 0x55);
  write_rtp_header(std::span(bytes).first<kRtpHeaderBytes>(), {true, 8, sequence, 1234, 0xabcdef01});
  return bytes;
}

TEST(Rtp, APacketIsReadAsItWasWritten) {
  const auto bytes = packet(65535);
  const auto read = parse_rtp(bytes);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->header.marker);
  EXPECT_EQ(read->header.payload_type, 8);
  EXPECT_EQ(read->header.sequence, 65535);
  EXPECT_EQ(read->header.timestamp, 1234u);
  EXPECT_EQ(read->header.ssrc, 0xabcdef01u);
  EXPECT_EQ(read->payload.size(), 160u);
}

TEST(Rtp, SourcesExtensionAndPaddingAreNoPayload) {
  auto bytes = packet(1, 40);
  bytes[0] = 0x80 | 0x20 | 0x10 | 2;  // padding, extension, two sources
  bytes[12 + 8 + 2] = 0;
  bytes[12 + 8 + 3] = 1;  // the extension has one word
  bytes.back() = 4;       // padding
  const auto read = parse_rtp(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->payload.size(), 40u - 8 - 8 - 4);
}

/// A packet with these bytes as extension, which are whole words.
std::vector<std::uint8_t> extended(std::uint16_t profile, const std::vector<std::uint8_t>& elements) {
  std::vector<std::uint8_t> bytes(kRtpHeaderBytes);
  write_rtp_header(std::span(bytes).first<kRtpHeaderBytes>(), {false, 96, 1, 2, 3});
  bytes[0] |= 0x10;
  for (const std::size_t part : {profile >> 8, profile & 0xff, 0, static_cast<int>(elements.size() / 4)})
    bytes.push_back(static_cast<std::uint8_t>(part));
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  bytes.push_back(0x77);
  return bytes;
}

TEST(Rtp, PacketsSayHowLoudTheyAre) {
  const auto level = [](std::uint16_t profile, const std::vector<std::uint8_t>& elements, std::uint8_t number = 3) {
    const auto bytes = extended(profile, elements);
    const auto read = parse_rtp(bytes, number);
    EXPECT_TRUE(read && read->payload.size() == 1 && read->payload[0] == 0x77);
    return read ? read->level : std::nullopt;
  };
  EXPECT_EQ(level(0xbede, {0x30, 0x80 | 42, 0, 0}), 42) << "with or without a voice";
  EXPECT_EQ(level(0xbede, {0x11, 9, 9, 0, 0x30, 127, 0, 0}), 127) << "behind another one and padding";
  EXPECT_EQ(level(0x1000, {3, 1, 17, 0}), 17) << "two bytes each";
  EXPECT_EQ(level(0x1005, {7, 0, 3, 1, 5, 0, 0, 0}), 5);
  EXPECT_EQ(level(0xbede, {0x30, 42, 0, 0}, 0), std::nullopt) << "nobody asked";
  EXPECT_EQ(level(0xbede, {0x30, 42, 0, 0}, 4), std::nullopt);
  EXPECT_EQ(level(0xbede, {0xf0, 1, 0x30, 42}), std::nullopt) << "15 ends it";
  EXPECT_EQ(level(0xbede, {0, 0, 0, 0x30}), std::nullopt) << "cut off";
  EXPECT_EQ(level(0xbede, {0x1f, 0, 0x30, 42}), std::nullopt) << "longer than it is";
  EXPECT_EQ(level(0x1000, {0, 0, 0, 3}), std::nullopt);
  EXPECT_EQ(level(0x1000, {3, 0, 0, 0}), std::nullopt) << "empty";
  EXPECT_EQ(level(0xabcd, {0x30, 42, 0, 0}), std::nullopt) << "another kind of extension";
  EXPECT_EQ(level(0xbede, {}), std::nullopt);
}

TEST(Rtp, WhatIsNotWholeIsNoPacket) {
  auto bytes = packet(1, 4);
  EXPECT_FALSE(parse_rtp(Bytes(bytes).first(11)));
  auto version = bytes;
  version[0] = 0x40;
  EXPECT_FALSE(parse_rtp(version));
  auto sources = bytes;
  sources[0] = 0x8f;
  EXPECT_FALSE(parse_rtp(sources));
  auto extension = bytes;
  extension[0] = 0x90;
  extension[14] = 0xff;
  EXPECT_FALSE(parse_rtp(extension));
  auto padding = bytes;
  padding[0] = 0xa0;
  padding.back() = 200;
  EXPECT_FALSE(parse_rtp(padding));
  padding.back() = 0;
  EXPECT_FALSE(parse_rtp(padding));
}

TEST(Rtp, EventsAreKeys) {
  for (const char digit : std::string("0123456789*#ABCD")) {
    std::array<std::uint8_t, kEventBytes> bytes{};
    write_event(bytes, {digit, true, 10, 800});
    const auto read = parse_event(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->digit, digit);
    EXPECT_TRUE(read->end);
    EXPECT_EQ(read->duration, 800);
  }
  const std::array<std::uint8_t, kEventBytes> flash{16, 0, 0, 0};
  EXPECT_FALSE(parse_event(flash));
  EXPECT_FALSE(parse_event(Bytes(flash).first(3)));
}

TEST(Rtcp, AReportIsReadAsItWasWritten) {
  RtcpReport report;
  report.ssrc = 7;
  report.sender = SenderInfo{0x1122334455667788, 160, 5, 800};
  report.reception = ReceptionReport{9, 25, -3, 70000, 12, 34, 56};
  report.bye = true;
  std::array<std::uint8_t, kRtcpMaxBytes> bytes{};
  const std::size_t size = write_rtcp(bytes, report);
  const auto read = parse_rtcp(Bytes(bytes).first(size), 9);
  ASSERT_TRUE(read && read->sender && read->reception);
  EXPECT_EQ(read->sender->ntp, 0x1122334455667788u);
  EXPECT_EQ(read->sender->packets, 5u);
  EXPECT_EQ(read->reception->lost, -3);
  EXPECT_EQ(read->reception->highest_sequence, 70000u);
  EXPECT_TRUE(read->bye);
  EXPECT_FALSE(parse_rtcp(Bytes(bytes).first(size), 10)->reception) << "a report about somebody else";
  for (std::size_t cut = 1; cut < size; cut += 4) EXPECT_FALSE(parse_rtcp(Bytes(bytes).first(cut), 9)) << cut;
}

/// What comes out in `takes` turns: numbers of packets, -1 for a gap, nothing for silence.
std::vector<int> turns(JitterBuffer& buffer, int takes) {
  std::vector<int> out;
  for (int i = 0; i < takes; ++i) {
    Bytes payload;
    const auto next = buffer.take(payload);
    if (next == JitterBuffer::Next::kPacket) out.push_back(payload[0]);
    if (next == JitterBuffer::Next::kLost) out.push_back(-1);
  }
  return out;
}

void put(JitterBuffer& buffer, std::uint16_t sequence) {
  const std::array<std::uint8_t, 1> payload{static_cast<std::uint8_t>(sequence)};
  buffer.put(sequence, payload);
}

TEST(JitterBuffer, PacketsComeOutInOrderAcrossTheEndOfTheNumbers) {
  JitterBuffer buffer(3, 10);
  put(buffer, 65535);
  EXPECT_THAT(turns(buffer, 3), ::testing::IsEmpty()) << "it fills up first";
  put(buffer, 1);
  put(buffer, 0);
  put(buffer, 0);
  EXPECT_THAT(turns(buffer, 3), ::testing::ElementsAre(255, 0, 1));
  EXPECT_EQ(buffer.counts().duplicate, 1u);
}

TEST(JitterBuffer, AGapIsTold) {
  JitterBuffer buffer(2, 10);
  for (const std::uint16_t sequence : {1, 2, 4}) put(buffer, sequence);
  EXPECT_THAT(turns(buffer, 4), ::testing::ElementsAre(1, 2, -1, 4));
  EXPECT_EQ(buffer.counts().lost, 1u);
}

TEST(JitterBuffer, BehindAGapTheNextPacketCanBeLookedAt) {
  JitterBuffer buffer(2, 10);
  for (const std::uint16_t sequence : {1, 3, 4}) put(buffer, sequence);
  Bytes payload;
  EXPECT_EQ(buffer.take(payload), JitterBuffer::Next::kPacket);
  EXPECT_TRUE(buffer.peek().empty()) << "2 is not there";
  EXPECT_EQ(buffer.take(payload), JitterBuffer::Next::kLost);
  ASSERT_EQ(buffer.peek().size(), 1u);
  EXPECT_EQ(buffer.peek()[0], 3);
  EXPECT_EQ(buffer.depth(), 2u);
}

TEST(JitterBuffer, LatePacketsMakeItWaitLonger) {
  JitterBuffer buffer(2, 4);
  for (const std::uint16_t sequence : {1, 2, 4}) put(buffer, sequence);
  turns(buffer, 4);
  put(buffer, 3);
  EXPECT_EQ(buffer.counts().late, 1u);
  EXPECT_EQ(buffer.target(), 3u);
  for (std::uint16_t sequence = 5; sequence < 600; ++sequence) {
    put(buffer, sequence);
    turns(buffer, 1);
  }
  EXPECT_EQ(buffer.target(), 2u) << "while none is late it waits less again";
}

TEST(JitterBuffer, ABurstDoesNotMakeItLate) {
  JitterBuffer buffer(2, 10);
  for (std::uint16_t sequence = 0; sequence < 30; ++sequence) put(buffer, sequence);
  EXPECT_LE(buffer.depth(), 6u);
  EXPECT_THAT(turns(buffer, 1), ::testing::ElementsAre(24));
}

TEST(JitterBuffer, AJumpBeginsAnew) {
  JitterBuffer buffer(1, 10);
  put(buffer, 1);
  EXPECT_THAT(turns(buffer, 1), ::testing::ElementsAre(1));
  put(buffer, 40000);
  EXPECT_THAT(turns(buffer, 1), ::testing::ElementsAre(40000 & 255));
}

TEST(JitterBuffer, OversizePayloadsAreLeftOut) {
  JitterBuffer buffer(1, 10);
  buffer.put(1, std::vector<std::uint8_t>(JitterBuffer::kMaxPayload + 1));
  EXPECT_EQ(buffer.counts().dropped, 1u);
  EXPECT_EQ(buffer.depth(), 0u);
}

TEST(DtmfSender, EachDigitBeginsOnceAndEndsThreeTimes) {
  DtmfSender sender;
  ASSERT_TRUE(sender.add("12"));
  std::string begun;
  int ends = 0;
  std::uint32_t timestamp = 1000, first = 0;
  for (int i = 0; i < 40; ++i, timestamp += 160) {
    const auto step = sender.next(timestamp, 160);
    if (step.marker) begun.push_back(step.event.digit);
    if (step.marker && first == 0) first = step.timestamp;
    if (step.event.end) ends += step.copies;
    if (step.copies > 0 && begun == "1") {
      EXPECT_EQ(step.timestamp, first) << "all packets of an event have the time of its beginning";
    }
  }
  EXPECT_EQ(begun, "12");
  EXPECT_EQ(ends, 6);
  EXPECT_FALSE(sender.add(std::string(DtmfSender::kMaxQueued + 1, '1')));
}

}  // namespace
}  // namespace call_media
