#include "runtime/async/executor.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

#include "trunkline/task.hpp"

namespace trunkline {
namespace {

TEST(Executor, RunsEverythingThatIsPosted) {
  Executor executor(2);
  std::atomic<int> ran{0};
  for (int i = 0; i < 1000; ++i)
    executor.post([&] {
      ++ran;
      executor.post([&] { ++ran; });
    });
  executor.work().wait_idle();
  EXPECT_EQ(ran, 2000);
  EXPECT_EQ(executor.work().count(), 0u);
}

TEST(Executor, KeepsOrderOnOneThread) {
  Executor executor(1);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) executor.post([&order, i] { order.push_back(i); });
  executor.work().wait_idle();
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Executor, UsesAllItsThreads) {
  Executor executor(3);
  EXPECT_EQ(executor.thread_count(), 3u);
  std::latch together(3);
  for (int i = 0; i < 3; ++i) executor.post([&] { together.arrive_and_wait(); });
  executor.work().wait_idle();  // would hang with fewer threads
}

TEST(Executor, KnowsItsThreads) {
  Executor executor(1), other(1);
  EXPECT_FALSE(executor.runs_here());
  bool here = false, there = true;
  executor.post([&] {
    here = executor.runs_here();
    there = other.runs_here();
  });
  executor.work().wait_idle();
  EXPECT_TRUE(here);
  EXPECT_FALSE(there);
}

TEST(Executor, SchedulesCoroutines) {
  Executor executor(2);
  const auto on_pool = [](Executor& executor) -> Task<bool> {
    co_await executor.schedule();
    co_return executor.runs_here();
  };
  EXPECT_TRUE(sync_wait(on_pool(executor)));
}

TEST(Executor, DropsWhatIsPostedAfterItStopped) {
  const auto token = std::make_shared<int>(0);
  {
    Executor executor(1);
    executor.stop();
    executor.stop();
    executor.post([token] { FAIL() << "ran after stop"; });
    EXPECT_EQ(token.use_count(), 1) << "it is kept until the executor goes";
    EXPECT_EQ(executor.work().count(), 0u);
  }
}

TEST(WorkTracker, WaitsForTheLastGuard) {
  WorkTracker tracker;
  tracker.wait_idle();  // idle from the start
  std::atomic<bool> released{false};
  WorkGuard first(tracker);
  WorkGuard second = std::move(first);
  EXPECT_EQ(tracker.count(), 1u);
  std::thread waiter([&] {
    tracker.wait_idle();
    EXPECT_TRUE(released);
  });
  released = true;
  second = WorkGuard();
  waiter.join();
}

TEST(Executor, DropsWhatComesAfterItsEnd) {
  Executor executor(1);
  executor.stop();
  const auto held = std::make_shared<int>(1);
  executor.post([held] { FAIL() << "nobody runs this"; });
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(executor.work().count(), 0u);
}

}  // namespace
}  // namespace trunkline
