// Checks of ICE, against the sample request of RFC 5769 and our own.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "media/ice_lite.h"
#include "media/rtp_ports.h"
#include "media/wire.h"

namespace call_media {
namespace {

constexpr std::array<std::uint8_t, 108> kSample{
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87,
    0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c,
    0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f,
    0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76,
    0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
    0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
constexpr const char* kPassword = "VOkJxbRl1RmTxUk/WvJxBt";

TEST(Stun, TheSampleRequestOfTheStandardIsRead) {
  const auto check = parse_check(kSample, kPassword);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->username, "evtj:h6vY");
  EXPECT_FALSE(check->nominates);
  EXPECT_EQ(check->unknown, 0);
  EXPECT_FALSE(parse_check(kSample, "VOkJxbRl1RmTxUk/WvJxBu")) << "another password";
}

TEST(Stun, WhatWasChangedOnTheWayIsNone) {
  for (std::size_t i = 0; i < kSample.size(); ++i) {
    auto changed = kSample;
    changed[i] ^= 1;
    EXPECT_FALSE(parse_check(changed, kPassword)) << i;
  }
  for (std::size_t size = 0; size < kSample.size(); ++size)
    EXPECT_FALSE(parse_check(Bytes(kSample).first(size), kPassword)) << size;
}

TEST(Stun, AnAnswerSaysWhereTheCheckCameFrom) {
  const auto from = ipv4_address("192.0.2.1", 32853);
  std::array<std::uint8_t, kStunMaxAnswer> answer{};
  const std::size_t size = write_answer(answer, *parse_check(kSample, kPassword), *from, kPassword);
  ASSERT_EQ(size, 64u);
  EXPECT_EQ(get16(answer, 0), 0x0101);
  EXPECT_TRUE(std::equal(answer.begin() + 8, answer.begin() + 20, kSample.begin() + 8)) << "the transaction";
  // As in RFC 5769, 2.2.
  const std::array<std::uint8_t, 12> mapped{0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
  EXPECT_TRUE(std::equal(mapped.begin(), mapped.end(), answer.begin() + 20));
}

TEST(Stun, AnAnswerSaysWhichAddressOfIPv6) {
  const auto from = Endpoint::of("2001:db8:1234:5678:11:2233:4455:6677", 32853);
  std::array<std::uint8_t, kStunMaxAnswer> answer{};
  ASSERT_EQ(write_answer(answer, *parse_check(kSample, kPassword), *from, kPassword), 76u);
  // As in RFC 5769, 2.3.
  const std::array<std::uint8_t, 24> mapped{0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
                                            0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
  EXPECT_TRUE(std::equal(mapped.begin(), mapped.end(), answer.begin() + 20));
}

TEST(Stun, ANameIsReadBeforeAnybodyVerifiesIt) {
  EXPECT_EQ(claimed_user(kSample), "evtj:h6vY");
  for (std::size_t size = 0; size < 72; ++size) EXPECT_EQ(claimed_user(Bytes(kSample).first(size)), "") << size;
}

class Ice : public ::testing::Test {
 protected:
  /// Returns how large the answer is.
  std::size_t check(const Endpoint& from, bool nominates = false, std::string_view user = "ours:them",
                    std::string_view password = "a password of 22 bytes", std::uint16_t unknown = 0) {
    StunCheck wanted;
    wanted.username = user;
    wanted.nominates = nominates;
    wanted.unknown = unknown;
    std::array<std::uint8_t, 256> packet{};
    const std::size_t size = write_check(packet, wanted, password);
    return ice_.take(Bytes(packet).first(size), from, answer_);
  }

  IceLite ice_{"ours", "a password of 22 bytes", "them"};
  std::array<std::uint8_t, kStunMaxAnswer> answer_{};
  const Endpoint here_ = *ipv4_address("192.0.2.1", 1000), there_ = *ipv4_address("192.0.2.1", 1001);
};

TEST_F(Ice, WhoKnowsThePasswordIsLetIn) {
  EXPECT_FALSE(ice_.knows(here_));
  EXPECT_GT(check(here_), 0u);
  EXPECT_TRUE(ice_.knows(here_));
  EXPECT_FALSE(ice_.knows(there_));
  EXPECT_FALSE(ice_.selected()) << "not nominated";
  EXPECT_GT(check(there_, true), 0u);
  ASSERT_TRUE(ice_.selected());
  EXPECT_EQ(ice_.selected()->port(), 1001);
  EXPECT_GT(check(here_, true), 0u);
  EXPECT_EQ(ice_.selected()->port(), 1000) << "the last one counts";
}

TEST_F(Ice, AConnectionIsAnotherWayThanItsAddress) {
  const Endpoint over = here_.over(7), six = *Endpoint::of("2001:db8::1", 1000);
  check(over, true);
  EXPECT_TRUE(ice_.knows(over));
  EXPECT_FALSE(ice_.knows(here_));
  EXPECT_FALSE(ice_.knows(here_.over(8)));
  ASSERT_TRUE(ice_.selected());
  EXPECT_EQ(ice_.selected()->stream(), 7u);
  check(six, true);
  EXPECT_EQ(*ice_.selected(), six);
}

TEST_F(Ice, OthersGetNoAnswer) {
  EXPECT_EQ(check(here_, true, "ours:other"), 0u);
  EXPECT_EQ(check(here_, true, "ours:them", "another password of 22"), 0u);
  EXPECT_EQ(ice_.take(kSample, here_, answer_), 0u);
  EXPECT_FALSE(ice_.knows(here_));
  EXPECT_FALSE(ice_.selected());
}

TEST_F(Ice, WhatWeWouldHaveToKnowIsNamed) {
  EXPECT_GT(check(here_, true, "ours:them", "a password of 22 bytes", 0x0030), 0u);
  EXPECT_EQ(get16(answer_, 0), 0x0111);
  EXPECT_EQ(get16(answer_, 26), 4 << 8 | 20);
  EXPECT_EQ(get16(answer_, 32), 0x0030);
  EXPECT_FALSE(ice_.knows(here_));
}

TEST_F(Ice, ConsentGetsOlderUntilTheNextCheck) {
  for (int i = 0; i < 5; ++i) ice_.tick();
  EXPECT_EQ(ice_.age(), 5u);
  check(here_, false, "ours:other");
  EXPECT_EQ(ice_.age(), 5u);
  check(here_);
  EXPECT_EQ(ice_.age(), 0u);
}

TEST_F(Ice, TheAddressInUseIsKept) {
  check(here_, true);
  for (std::uint16_t port = 2000; port < 2100; ++port) check(*ipv4_address("192.0.2.2", port));
  EXPECT_TRUE(ice_.knows(here_));
  EXPECT_TRUE(ice_.knows(*ipv4_address("192.0.2.2", 2099)));
  EXPECT_FALSE(ice_.knows(*ipv4_address("192.0.2.2", 2000)));
}

}  // namespace
}  // namespace call_media
