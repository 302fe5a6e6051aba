// What blocks on a task gets what it gave or threw, wherever the task ended.
#include "trunkline/task.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

namespace trunkline {
namespace {

/// Completes on another thread.
auto elsewhere(std::vector<std::jthread>& threads) {
  return from_callback<void>(
      [&threads](auto done) { threads.emplace_back([done = std::move(done)]() mutable { done(Result<void>()); }); });
}

TEST(SyncWait, GetsWhatEndedAtOnce) {
  const auto at_once = []() -> Task<int> { co_return 7; };
  EXPECT_EQ(sync_wait(at_once()), 7);
}

TEST(SyncWait, GetsWhatEndedElsewhere) {
  for (int i = 0; i < 1'000; ++i) {  // either side may come first
    std::vector<std::jthread> threads;
    const auto ends_elsewhere = [&threads](int given) -> Task<int> {
      co_await elsewhere(threads);
      co_return given;
    };
    ASSERT_EQ(sync_wait(ends_elsewhere(i)), i);
  }
}

TEST(SyncWait, ThrowsErrorsWhateverWasThrown) {
  std::vector<std::jthread> threads;
  const auto fails = [&threads]() -> Task<> {
    co_await elsewhere(threads);
    throw std::runtime_error("out of paper");
  };
  try {
    sync_wait(fails());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInternal);
    EXPECT_EQ(error.message, "out of paper");
  }
}

}  // namespace
}  // namespace trunkline
