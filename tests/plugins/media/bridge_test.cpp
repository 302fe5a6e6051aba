// Many legs in a bridge: who is heard by whom, and how much of it is coded.
#include "media/bridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/media/engines.h"

namespace call_media {
namespace {

constexpr std::size_t kMixed = 3;
constexpr int kSettled = 80;  // frames after which whoever was silent is mixed no longer, and groups are made

StreamSettings with(CodecId id) {
  StreamSettings settings;
  settings.codec = id;
  settings.payload_type = info_of(id).payload_type;
  return settings;
}

/// At most three of a bridge are mixed.
class Crowd : public Engines {
 protected:
  explicit Crowd(std::size_t mixed = kMixed) : Engines(mixed) {}

  void people(const std::vector<CodecId>& codecs) {
    for (const CodecId id : codecs) {
      lines_.push_back(line(with(id)));
      ours_.change(lines_.back().ours, [](MediaLeg& leg) {
        leg.bridge = "room";
        leg.tapped = false;
      });
    }
  }
  void people(CodecId id, int count) { people(std::vector<CodecId>(static_cast<std::size_t>(count), id)); }
  /// For a minute, or until it is silent.
  void says(std::size_t who, double hz, double loudness = 5000) {
    phones_.change(lines_[who].phone, [=](MediaLeg& leg) { leg.player.add(1, tone(hz, 3000, loudness)); });
  }
  void is_silent(std::size_t who) {
    phones_.change(lines_[who].phone, [](MediaLeg& leg) { leg.player.stop(1); });
  }
  double heard_by(std::size_t who, double hz) { return strength_of(phone_heard_[who + 1], hz); }
  /// Frames that all legs together code in one.
  double coded_a_frame() {
    const auto all = [&] {
      std::uint32_t sum = 0;
      for (const Line& one : lines_) sum += one.ours->stream.counts().coded;
      return sum;
    };
    const std::uint32_t before = all();
    frames(20);
    return (all() - before) / 20.0;
  }

  std::vector<Line> lines_;
};

class EveryCrowd : public Crowd, public ::testing::WithParamInterface<CodecId> {};

TEST_P(EveryCrowd, TheLoudestAreHeardByAllOthersAndNobodyHearsThemselves) {
  people(GetParam(), 7);
  const std::array<double, 4> tones{500, 900, 1500, 2100};
  for (std::size_t i = 0; i < 3; ++i) says(i, tones[i]);
  says(3, tones[3], 300);  // one too many, and the softest
  frames(kSettled);
  for (std::size_t who = 0; who < lines_.size(); ++who) {
    for (std::size_t i = 0; i < 3; ++i) {
      if (who == i)
        EXPECT_LT(heard_by(who, tones[i]), 0.01) << who;
      else
        EXPECT_GT(heard_by(who, tones[i]), 0.2) << who << " " << tones[i];
    }
    EXPECT_LT(heard_by(who, tones[3]), 0.01) << who;
  }
  EXPECT_EQ(coded_a_frame(), 4) << "one for each who is heard, and one for all the others";
}

/// The weakest that `hz` was in any frame that a phone heard.
class Seams : public Crowd, public ::testing::WithParamInterface<CodecId> {
 protected:
  void after_frame() override {
    if (!watching_) return;
    for (std::size_t who = 1; who < lines_.size(); ++who) weakest_ = std::min(weakest_, heard_by(who, 700));
  }
  bool watching_ = false;
  double weakest_ = 1;
};

TEST_P(Seams, NobodyHearsThatAnotherOneCodes) {
  people(GetParam(), 6);
  says(0, 700);
  frames(kSettled);
  watching_ = true;
  EXPECT_EQ(coded_a_frame(), 2);
  // Each of the others speaks for a moment, the one who codes for all of them first.
  for (std::size_t who = 1; who < 6; ++who) {
    says(who, 700, 200);  // so soft that what everybody hears is still that
    frames(10);
    EXPECT_EQ(coded_a_frame(), 3);
    is_silent(who);
    frames(kSettled);
    EXPECT_EQ(coded_a_frame(), 2);
  }
  // Who codes for the others is changed, and goes.
  ours_.change(lines_[1].ours, [](MediaLeg& leg) { leg.muted = true; });
  frames(20);
  ours_.remove(lines_[2].ours);
  lines_.erase(lines_.begin() + 2);
  phone_heard_.erase(3);
  frames(1);
  EXPECT_GT(weakest_, 0.97);
}

INSTANTIATE_TEST_SUITE_P(Codecs, EveryCrowd, ::testing::Values(CodecId::kPcmu, CodecId::kPcma, CodecId::kG722, CodecId::kOpus));
INSTANTIATE_TEST_SUITE_P(Codecs, Seams, ::testing::Values(CodecId::kPcmu, CodecId::kPcma, CodecId::kG722, CodecId::kOpus));

TEST_F(Crowd, WhoBeginsIsHeardAtOnceWhileThereIsRoom) {
  people(CodecId::kPcmu, 6);
  says(0, 500);
  frames(kSettled);
  says(4, 1500);
  frames(6);  // what the jitter buffers of both sides hold back
  EXPECT_GT(heard_by(1, 1500), 0.3);
  EXPECT_GT(heard_by(0, 1500), 0.9);
}

TEST_F(Crowd, WhoIsLouderTakesThePlaceOfTheSoftest) {
  people(CodecId::kPcmu, 6);
  says(0, 500, 4000);
  says(1, 900, 4000);
  says(2, 1500, 2000);
  frames(kSettled);
  says(3, 2100, 4000);
  frames(5);
  EXPECT_GT(heard_by(5, 2100), 0.2);
  EXPECT_LT(heard_by(5, 1500), 0.01);
  EXPECT_LT(heard_by(3, 2100), 0.01);
  // Three have begun within 400 ms or are as loud: nobody is put off for another one of the same loudness.
  says(4, 3000, 4000);
  frames(40);
  EXPECT_LT(heard_by(5, 3000), 0.01);
  EXPECT_GT(heard_by(5, 2100), 0.2);
}

TEST_F(Crowd, APlaceIsKeptForAMomentAgainstWhoIsLouder) {
  people(CodecId::kPcmu, 6);
  for (std::size_t i = 0; i < 3; ++i) says(i, 500, 1000);
  frames(8);
  says(3, 2100, 4000);
  frames(8);
  EXPECT_LT(heard_by(5, 2100), 0.01);
  frames(12);
  EXPECT_GT(heard_by(5, 2100), 0.2) << "400 ms after the three have begun";
}

TEST_F(Crowd, WhoIsMutedOrOnHoldMakesRoom) {
  people(CodecId::kPcmu, 6);
  const std::array<double, 4> tones{500, 900, 1500, 2100};
  for (std::size_t i = 0; i < 4; ++i) says(i, tones[i], i == 3 ? 500 : 4000);
  frames(kSettled);
  EXPECT_LT(heard_by(5, 2100), 0.01);
  ours_.change(lines_[0].ours, [](MediaLeg& leg) { leg.muted = true; });
  frames(6);
  EXPECT_GT(heard_by(5, 2100), 0.005);
  EXPECT_LT(heard_by(5, 500), 0.001) << "muted";
  EXPECT_GT(heard_by(0, 900), 0.2) << "who is muted hears";
  ours_.change(lines_[1].ours, [](MediaLeg& leg) { leg.on_hold = true; });
  phone_heard_.clear();
  frames(6);
  EXPECT_LT(heard_by(5, 900), 0.001) << "on hold";
  EXPECT_LT(heard_by(1, 1500), 0.001) << "who is on hold hears nobody";
}

TEST_F(Crowd, WhatIsPlayedToOneIsHeardByThatOneAlone) {
  people(CodecId::kOpus, 6);
  says(0, 500);
  frames(kSettled);
  ours_.change(lines_[3].ours, [](MediaLeg& leg) { leg.player.add(1, tone(1500, 30, 5000)); });
  frames(20);
  EXPECT_GT(heard_by(3, 1500), 0.3);
  EXPECT_GT(heard_by(3, 500), 0.3);
  EXPECT_LT(heard_by(4, 1500), 0.01);
  frames(40);
  EXPECT_EQ(coded_a_frame(), 2) << "it is one of all again";
  EXPECT_GT(heard_by(3, 500), 0.9);
}

TEST_F(Crowd, EachCodecHasAGroupOfItsOwn) {
  people({CodecId::kOpus, CodecId::kPcmu, CodecId::kPcmu, CodecId::kOpus, CodecId::kOpus, CodecId::kG722, CodecId::kG722});
  says(0, 500);
  says(1, 900);
  frames(kSettled);
  for (std::size_t who = 2; who < lines_.size(); ++who)
    for (const double hz : {500.0, 900.0}) EXPECT_GT(heard_by(who, hz), 0.3) << who << " " << hz;
  EXPECT_EQ(coded_a_frame(), 5) << "two who speak, and one for each codec";
}

TEST_F(Crowd, WhoLosesMuchIsSentOtherPackets) {
  people(CodecId::kOpus, 6);
  says(0, 500);
  frames(kSettled);
  for (const std::size_t who : {4u, 5u})
    ours_.change(lines_[who].ours, [](MediaLeg& leg) { leg.stream.codec()->expect_loss(80); });
  frames(10);
  EXPECT_EQ(coded_a_frame(), 3);
  EXPECT_GT(heard_by(4, 500), 0.9);
}

TEST_F(Crowd, SilenceThatNobodyHearsIsNotDecoded) {
  people(CodecId::kOpus, 6);
  ours_.change(lines_[4].ours, [](MediaLeg& leg) { leg.tapped = true; });
  says(0, 500);
  frames(kSettled);
  const auto decoded = [&](std::size_t who) { return lines_[who].ours->stream.counts().decoded; };
  const std::array<std::uint32_t, 3> before{decoded(0), decoded(3), decoded(4)};
  frames(50);
  EXPECT_EQ(decoded(0) - before[0], 50u);
  EXPECT_EQ(decoded(3) - before[1], 0u);
  EXPECT_EQ(decoded(4) - before[2], 50u) << "somebody listens to it";
  says(3, 1500);
  frames(6);
  EXPECT_GT(heard_by(1, 1500), 0.3) << "its first words are there";
}

TEST_F(Crowd, AsManyAsAreMixedAreNoCrowd) {
  people(CodecId::kOpus, static_cast<int>(kMixed));
  says(0, 500);
  frames(kSettled);
  EXPECT_EQ(coded_a_frame(), kMixed);
  EXPECT_GT(heard_by(1, 500), 0.9);
  // It becomes one, and is none again.
  people(CodecId::kOpus, 2);
  frames(kSettled);
  EXPECT_EQ(coded_a_frame(), 2);
  for (std::size_t who = 1; who < lines_.size(); ++who) EXPECT_GT(heard_by(who, 500), 0.9) << who;
  while (lines_.size() > kMixed) {
    ours_.remove(lines_.back().ours);
    lines_.pop_back();
  }
  frames(20);
  EXPECT_EQ(coded_a_frame(), kMixed);
  EXPECT_GT(heard_by(1, 500), 0.9);
}

class Everybody : public Crowd {
 protected:
  Everybody() : Crowd(0) {}
};

TEST_F(Everybody, IsMixedWhereThatIsWanted) {
  people(CodecId::kPcmu, 6);
  for (std::size_t i = 0; i < 5; ++i) says(i, 500 + 400 * static_cast<double>(i), 3000);
  frames(kSettled);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_GT(heard_by(5, 500 + 400 * static_cast<double>(i)), 0.1) << i;
}

}  // namespace
}  // namespace call_media
