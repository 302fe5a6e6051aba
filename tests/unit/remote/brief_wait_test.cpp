// Who waits is told of what comes, whichever way it waits, and a broken other side costs it a moment.
#include "runtime/remote/brief_wait.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace trunkline::remote {
namespace {

using namespace std::chrono_literals;

class BriefWaitTest : public testing::Test {
 protected:
  BriefWaitTest() {
    mine.core = 0;
    other.core = -1;  // nobody's: apart
  }
  bool take(bool likely, bool under_load) {
    return wait.take(mine, other, likely, under_load, [this] { return there.exchange(false); });
  }

  Pulse::Side mine{}, other{};
  std::atomic<bool> there{false};
  BriefWait wait;
};

TEST_F(BriefWaitTest, WhatIsThereIsTakenAtOnce) {
  there = true;
  BriefWait::sent(other, mine);
  EXPECT_TRUE(take(false, false));
  EXPECT_EQ(mine.waits, 0u);
  EXPECT_FALSE(take(false, false)) << "it was taken";
  EXPECT_EQ(mine.waits, Pulse::Side::kInSocket) << "from here on it sleeps there";
  BriefWait::woke(mine);
  EXPECT_EQ(mine.waits, 0u);
}

TEST_F(BriefWaitTest, WhoSleepsForAWordIsWoken) {
  std::atomic<bool> came{false};
  std::thread reader([&] {
    while (!came) came = take(true, true);
  });
  std::thread writer([&] {
    while (mine.waits != Pulse::Side::kForWord && !came) std::this_thread::yield();
    there = true;
    BriefWait::sent(other, mine);
  });
  writer.join();
  reader.join();
  EXPECT_TRUE(came);
  EXPECT_EQ(mine.waits, 0u);
}

TEST_F(BriefWaitTest, ASleepEndsWithoutAWord) {
  // The end of a process shows in its socket alone.
  EXPECT_FALSE(take(true, true));
  EXPECT_EQ(mine.waits, Pulse::Side::kInSocket);
}

TEST_F(BriefWaitTest, AWordThatChangesForNothingEndsTheWaitAllTheSame) {
  std::atomic<bool> over{false};
  std::thread broken([&] {
    while (!over) other.sent.fetch_add(1);
  });
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(take(true, true));
  over = true;
  broken.join();
}

TEST_F(BriefWaitTest, OnOneCoreNobodyIsLookedFor) {
  EXPECT_TRUE(BriefWait::apart(mine, other));
  other.core = 0;
  EXPECT_FALSE(BriefWait::apart(mine, other));
  other.waits = Pulse::Side::kInSocket;
  EXPECT_FALSE(BriefWait::is_wanted(mine, other, 100)) << "it has its turn when we have ours no more";
  other.waits = Pulse::Side::kForWord;
  EXPECT_TRUE(BriefWait::is_wanted(mine, other, BriefWait::kWorthSending));
  EXPECT_FALSE(BriefWait::is_wanted(mine, other, BriefWait::kWorthSending - 1));
}

}  // namespace
}  // namespace trunkline::remote
