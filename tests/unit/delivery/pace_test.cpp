#include "runtime/delivery/pace.h"

#include <gtest/gtest.h>

namespace trunkline::delivery {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{std::chrono::seconds{1767225600}};

TEST(Pace, NoneLetsEverythingGo) {
  Pace pace;
  EXPECT_FALSE(pace.limits());
  EXPECT_EQ(pace.may(kStart, 1000), 1000u);
  pace.went(kStart, 1000);
  EXPECT_EQ(pace.may(kStart, 1000), 1000u);
}

TEST(Pace, AFewAMinuteGoOneByOne) {
  Pace pace;
  pace.set(30);
  EXPECT_EQ(pace.may(kStart, 5), 1u);
  pace.went(kStart, 1);
  EXPECT_EQ(pace.may(kStart, 5), 0u);
  EXPECT_EQ(pace.next(), kStart + 2s);
  EXPECT_EQ(pace.may(kStart + 2s - 1ns, 5), 0u);
  EXPECT_EQ(pace.may(kStart + 2s, 5), 1u);
  EXPECT_EQ(pace.may(kStart + 1h, 5), 1u) << "an hour of silence saves nothing up";
}

TEST(Pace, ManyGoInSharesOfASecond) {
  Pace pace;
  pace.set(6000);
  EXPECT_EQ(pace.may(kStart, 1000), 100u);
  EXPECT_EQ(pace.may(kStart, 7), 7u);
  pace.went(kStart, 100);
  EXPECT_EQ(pace.may(kStart, 1000), 0u);
  EXPECT_EQ(pace.next(), kStart + 10ms);
  EXPECT_EQ(pace.may(kStart + 500ms, 1000), 50u);
}

TEST(Pace, SoManyAMinuteAndNoMore) {
  for (const int rate : {1, 7, 59, 60, 61, 100, 12'345, 1'000'000}) {
    Pace pace;
    pace.set(rate);
    std::size_t went = 0;
    Time now = kStart;
    while (now < kStart + 1min) {
      const std::size_t some = pace.may(now, 1'000'000);
      pace.went(now, some);
      went += some;
      now = std::max(pace.next(), now + 1ns);
    }
    // A second's worth at once in the beginning.
    EXPECT_GE(went, static_cast<std::size_t>(rate)) << rate;
    EXPECT_LE(went, static_cast<std::size_t>(rate + rate / 60 + 1)) << rate;
  }
}

TEST(Pace, AChangeHoldsAtOnce) {
  Pace pace;
  pace.set(1);
  pace.went(kStart, 1);
  pace.set(0);
  EXPECT_EQ(pace.may(kStart, 9), 9u);
}

}  // namespace
}  // namespace trunkline::delivery
