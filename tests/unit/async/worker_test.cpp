#include "runtime/async/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace trunkline::testing {
namespace {

TEST(Worker, RunsOneAfterAnotherOnOneThread) {
  Worker worker;
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  std::promise<void> all;
  for (int i = 0; i < 3; ++i)
    worker.post([&, i] {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
      if (i == 2) all.set_value();
    });
  all.get_future().wait();
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(threads, ::testing::Each(threads[0]));
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(Worker, AFunctionMayPostAnother) {
  Worker worker;
  std::promise<void> second;
  worker.post([&] { worker.post([&] { second.set_value(); }); });
  second.get_future().wait();
}

TEST(Worker, StopWaitsForWhatRunsAndDropsTheRest) {
  Worker worker;
  std::promise<void> begun, go_on;
  bool ended = false, second = false;
  auto held = std::make_shared<int>(1);
  worker.post([&] {
    begun.set_value();
    go_on.get_future().wait();
    ended = true;
  });
  worker.post([&second, held] { second = true; });
  begun.get_future().wait();
  std::thread stopper([&] { worker.stop(); });
  // The second function goes when stop() has begun, while the first one still runs.
  while (held.use_count() > 1) std::this_thread::yield();
  go_on.set_value();
  stopper.join();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(second);
  EXPECT_EQ(held.use_count(), 1);
  worker.post([&second] { second = true; });
  worker.stop();
  EXPECT_FALSE(second);
}

TEST(Worker, WithoutWorkThereIsNothingToStop) {
  Worker worker;
  worker.stop();
  worker.stop();
}

}  // namespace
}  // namespace trunkline::testing
