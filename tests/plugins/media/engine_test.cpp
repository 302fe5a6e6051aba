// Legs of the media engine that talk to each other over the loopback, frame by frame.
#include "media/engine.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <numbers>

#include "tests/plugins/media/engines.h"
#include "trunkline/error.hpp"

namespace call_media {
namespace {

class EveryCodec : public Engines, public ::testing::WithParamInterface<CodecId> {};

TEST_P(EveryCodec, WhatIsPlayedIsHeard) {
  StreamSettings settings;
  settings.codec = GetParam();
  settings.payload_type = info_of(GetParam()).payload_type;
  const Line one = line(settings);
  ours_.change(one.ours, [](MediaLeg& leg) { leg.player.add(1, tone(1000, 100)); });
  phones_.change(one.phone, [](MediaLeg& leg) { leg.player.add(1, tone(600, 100)); });
  frames(30);
  EXPECT_GT(strength_of(phone_heard_[1], 1000), 0.9);
  EXPECT_GT(strength_of(heard_[1], 600), 0.9);
}

INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec, ::testing::Values(CodecId::kPcmu, CodecId::kPcma, CodecId::kG722, CodecId::kOpus));

TEST_F(Engines, WhatWaitsOfTheCodecBeforeIsNoNoise) {
  StreamSettings settings;
  settings.payload_type = 96;
  settings.least_packets = 5;
  const Line one = line(settings);
  phones_.change(one.phone, [](MediaLeg& leg) { leg.player.add(1, tone(600, 100)); });
  frames(30);
  ASSERT_GT(strength_of(heard_[1], 600), 0.9);
  settings.send = false;
  connect(phones_, one.phone, one.ours->port, settings);
  frames(1);
  settings.codec = CodecId::kG722;
  connect(ours_, one.ours, one.phone->port, settings);
  for (int i = 0; i < 10; ++i) {
    heard_.clear();
    frames(1);
    for (const std::int16_t sample : heard_[1]) ASSERT_LT(std::abs(sample), 100) << i;
  }
}

TEST_F(Engines, SecureSoundIsHeardToo) {
  StreamSettings settings;
  settings.send_key = std::string(30, 'a');
  settings.receive_key = std::string(30, 'b');
  const Line one = line(settings);
  phones_.change(one.phone, [](MediaLeg& leg) { leg.player.add(1, tone(600, 100)); });
  frames(30);
  EXPECT_GT(strength_of(heard_[1], 600), 0.9);
}

TEST_F(Engines, AWrongKeyIsAStranger) {
  StreamSettings settings;
  settings.send_key = std::string(30, 'a');
  settings.receive_key = std::string(30, 'b');
  const Line one = line(settings);
  settings.send_key = std::string(30, 'x');
  settings.receive_key = std::string(30, 'a');
  connect(phones_, one.phone, one.ours->port, settings);
  frames(20);
  EXPECT_TRUE(heard_.empty());
  EXPECT_GT(one.ours->stream.counts().strangers, 10u);
}

TEST_F(Engines, LegsOfABridgeHearTheOthersAndNotThemselves) {
  const std::array<Line, 3> lines{line(), line(), line()};
  const std::array<double, 3> tones{500, 900, 1500};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ours_.change(lines[i].ours, [](MediaLeg& leg) { leg.bridge = "b"; });
    phones_.change(lines[i].phone, [hz = tones[i]](MediaLeg& leg) { leg.player.add(1, tone(hz, 200)); });
  }
  frames(40);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (std::size_t j = 0; j < lines.size(); ++j) {
      const double found = strength_of(phone_heard_[i + 1], tones[j]);
      if (i == j)
        EXPECT_LT(found, 0.05) << i;
      else
        EXPECT_GT(found, 0.3) << i << " " << j;
    }
  ours_.change(lines[1].ours, [](MediaLeg& leg) { leg.muted = true; });
  ours_.change(lines[2].ours, [](MediaLeg& leg) { leg.on_hold = true; });
  phone_heard_.clear();
  frames(20);
  EXPECT_LT(strength_of(phone_heard_[1], 900), 0.05) << "muted";
  EXPECT_LT(strength_of(phone_heard_[1], 1500), 0.05) << "on hold";
  EXPECT_GT(strength_of(phone_heard_[2], 500), 0.5) << "who is muted still hears";
  EXPECT_LT(strength_of(phone_heard_[3], 500), 0.05) << "who is on hold does not";
}

TEST_F(Engines, DigitsArriveOnceBothWays) {
  const Line one = line();
  ours_.change(one.ours, [](MediaLeg& leg) { leg.stream.send_digits("159#"); });
  phones_.change(one.phone, [](MediaLeg& leg) { leg.stream.send_digits("1223"); });
  frames(60);
  EXPECT_EQ(phone_pressed_, "159#");
  EXPECT_EQ(pressed_, "1223");
}

TEST_F(Engines, DigitsBesideOpusHaveItsClock) {
  StreamSettings settings;
  settings.codec = CodecId::kOpus;
  settings.payload_type = 96;
  settings.event_type = 97;
  settings.event_clock = 48000;
  const Line one = line(settings);
  phones_.change(one.phone, [](MediaLeg& leg) { leg.stream.send_digits("42"); });
  frames(40);
  EXPECT_EQ(pressed_, "42");
}

TEST_F(Engines, TonesOfKeysAreHeardInTheSound) {
  StreamSettings settings;
  settings.inband_dtmf = true;
  const Line one = line(settings);
  auto keys = std::make_shared<std::vector<std::int16_t>>();
  for (const auto& [low, high] : {std::pair(770, 1336), std::pair(941, 1477)}) {  // 5, #
    for (std::size_t i = 0; i < kFrameSamples * 5; ++i)
      keys->push_back(
          static_cast<std::int16_t>(6000 * (std::sin(2 * std::numbers::pi * low * static_cast<double>(i) / kMixRate) +
                                            std::sin(2 * std::numbers::pi * high * static_cast<double>(i) / kMixRate))));
    keys->insert(keys->end(), kFrameSamples * 5, 0);
  }
  phones_.change(one.phone, [keys](MediaLeg& leg) { leg.player.add(1, keys); });
  frames(40);
  EXPECT_EQ(pressed_, "5#");
}

TEST_F(Engines, PiecesOfASoundFollowEachOtherAndStop) {
  const Line one = line();
  for (int i = 0; i < 4; ++i) ours_.change(one.ours, [](MediaLeg& leg) { leg.player.add(7, tone(1000, 5)); });
  frames(18);
  EXPECT_GT(strength_of(phone_heard_[1], 1000), 0.9);
  ours_.change(one.ours, [](MediaLeg& leg) {
    leg.player.add(8, tone(700, 500));
    leg.player.stop(8);
  });
  phone_heard_.clear();
  frames(20);
  EXPECT_LT(strength_of(phone_heard_[1], 700), 0.05);
}

TEST_F(Engines, StrangersAreNotHeard) {
  const Line one = line();
  frames(5);  // the phone has sent
  const int stranger = ::socket(AF_INET, SOCK_DGRAM, 0);
  const auto to = ipv4_address("127.0.0.1", one.ours->port);
  std::array<std::uint8_t, kRtpHeaderBytes + 160> bytes{};
  for (std::uint16_t i = 0; i < 10; ++i) {
    write_rtp_header(std::span(bytes).first<kRtpHeaderBytes>(), {false, 0, i, 160u * i, 99});
    ASSERT_GT(::sendto(stranger, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&*to), sizeof *to), 0);
  }
  ::close(stranger);
  frames(5);
  EXPECT_EQ(one.ours->stream.counts().strangers, 10u);
  EXPECT_EQ(one.ours->stream.remote().port(), one.phone->port);
}

/// Also before the phone has sent anything: only behind NAT it may be anywhere.
TEST_F(Engines, AnotherHostIsAStrangerUnlessThePhoneMayBeAnywhere) {
  for (const bool anywhere : {false, true}) {
    const Line one = line();
    StreamSettings settings;
    settings.any_source = anywhere;
    connect(ours_, one.ours, 9, settings);
    phones_.change(one.phone, [](MediaLeg& leg) { leg.answered = false; });
    frames(3);
    const int stranger = ::socket(AF_INET, SOCK_DGRAM, 0);
    const Endpoint elsewhere = *Endpoint::of("127.0.0.2", 0), to = *Endpoint::of("127.0.0.1", one.ours->port);
    ASSERT_EQ(::bind(stranger, elsewhere.raw(), elsewhere.size()), 0);
    std::array<std::uint8_t, kRtpHeaderBytes + 160> bytes{};
    for (std::uint16_t i = 0; i < 10; ++i) {
      write_rtp_header(std::span(bytes).first<kRtpHeaderBytes>(), {false, 0, i, 160u * i, 99});
      ASSERT_GT(::sendto(stranger, bytes.data(), bytes.size(), 0, to.raw(), to.size()), 0);
    }
    ::close(stranger);
    frames(3);
    EXPECT_EQ(one.ours->stream.remote().same_host(elsewhere), anywhere);
    EXPECT_EQ(one.ours->stream.counts().strangers, anywhere ? 1u : 10u) << "the first of two in a row is not believed yet";
  }
}

TEST_F(Engines, APhoneBehindAnotherPortIsFound) {
  const Line one = line();
  StreamSettings settings;
  connect(ours_, one.ours, 9, settings);  // not where it sends from
  frames(10);
  EXPECT_EQ(one.ours->stream.remote().port(), one.phone->port) << "the first of that host that sends two packets in a row";
}

TEST_F(Engines, ASilentTrunkIsToldOnce) {
  const Line one = line();
  frames(5);
  phones_.change(one.phone, [](MediaLeg& leg) { leg.answered = false; });
  ours_.change(one.ours, [](MediaLeg& leg) { leg.silence_frames = 10; });
  int told = 0;
  for (int i = 0; i < 40; ++i) {
    phones_.run_frame();
    ours_.run_frame();
    while (const MediaNews* news = ours_.news().begin_take()) {
      if (news->kind == MediaNews::Kind::kSilent) ++told;
      ours_.news().end_take();
    }
  }
  EXPECT_EQ(told, 1);
}

TEST_F(Engines, ARemovedLegGivesItsPortsBack) {
  RtpPorts two{"127.0.0.1", 32100, 32101};
  MediaLegPtr leg = ours_.make_leg(77, two.open());
  ours_.change(leg, [](MediaLeg& media) { media.answered = true; });
  EXPECT_THROW(two.open(), trunkline::Error);
  ours_.remove(leg);
  ours_.change(leg, [](MediaLeg&) { FAIL() << "it is gone"; });
  leg.reset();
  ours_.run_frame();
  EXPECT_NO_THROW(two.open());
}

}  // namespace
}  // namespace call_media
