// Who waits is told of what comes, whichever way it waits, and a broken other side costs it a moment.
#include "runtime/remote/brief_wait.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
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

// A backlog is told of once, and takes many reads.
TEST_F(BriefWaitTest, NobodySleepsOverABacklog) {
  constexpr std::size_t kWhole = std::size_t{1} << 20;
  std::array<int, 2> sockets{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), 0);
  const std::string bytes(kWhole, 'x');
  std::string room(16 * 1024, '\0');
  int longest = 0;
  for (std::size_t sent = 0; sent < kWhole;) {
    // As much as the socket takes, and one word of it.
    std::size_t there = 0;
    for (ssize_t took = 0; (took = ::send(sockets[0], bytes.data(), kWhole - sent, MSG_DONTWAIT)) > 0;) {
      sent += static_cast<std::size_t>(took);
      there += static_cast<std::size_t>(took);
      if (sent == kWhole) break;
    }
    ASSERT_GT(there, 0u);
    BriefWait::sent(other, mine);
    int reads = 0;
    for (; there > 0; ++reads) {
      const ssize_t got = wait.receive(sockets[1], room, mine, other, true, true);
      ASSERT_GT(got, 0);
      there -= static_cast<std::size_t>(got);
    }
    longest = std::max(longest, reads);
  }
  EXPECT_GT(longest, 1) << "no backlog";
  EXPECT_EQ(wait.sleeps(), 0u);
  ::close(sockets[0]);
  char nothing = 0;
  EXPECT_EQ(wait.receive(sockets[1], {&nothing, 1}, mine, other, true, true), 0) << "the end shows all the same";
  ::close(sockets[1]);
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
