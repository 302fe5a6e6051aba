#include "runtime/clock/signal.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using Wake = Signal::Wake;

class SignalTest : public testing::Test {
 protected:
  // A wait that is over at once.
  Wake look() { return sync_wait(signal_.wait(clock_.now() - 1s)); }
  // Begins a wait; it is registered when this returns.
  void begin_wait(std::optional<Duration> timeout = {}) {
    woken_ = false;
    std::optional<Time> deadline;
    if (timeout) deadline = clock_.now() + *timeout;
    spawn(signal_.wait(deadline), [this, starter = std::this_thread::get_id()](Result<Wake> result) {
      wake_ = result.value();
      on_starter_ = std::this_thread::get_id() == starter;
      woken_ = true;
      woken_.notify_one();
    });
  }
  Wake end_wait() {
    woken_.wait(false);
    return wake_;
  }

  Executor executor_{2};
  Clock clock_{executor_, Clock::Mode::kVirtual};
  Signal signal_{executor_, clock_, false};
  std::atomic<bool> woken_{false};
  Wake wake_{};
  bool on_starter_ = false;
};

TEST_F(SignalTest, NewsStayUntilTheyAreTakenAndSeveralAreOne) {
  EXPECT_EQ(look(), Wake::kTimeout);
  signal_.set();
  signal_.set();
  EXPECT_EQ(look(), Wake::kNews);
  EXPECT_EQ(look(), Wake::kTimeout);
  signal_.set();
  EXPECT_EQ(sync_wait(signal_.wait({})), Wake::kNews);
  EXPECT_EQ(look(), Wake::kTimeout);
}

TEST_F(SignalTest, MayBeginWithNews) {
  Signal signal(executor_, clock_, true);
  EXPECT_EQ(sync_wait(signal.wait({})), Wake::kNews);
}

TEST_F(SignalTest, WakesTheConsumerElsewhereAndHeTakesTheNews) {
  begin_wait();
  EXPECT_FALSE(woken_);
  signal_.set();
  EXPECT_EQ(end_wait(), Wake::kNews);
  EXPECT_FALSE(on_starter_);
  EXPECT_EQ(look(), Wake::kTimeout);
}

TEST_F(SignalTest, ClosingEndsThePendingWaitAndAllLaterOnes) {
  begin_wait();
  EXPECT_FALSE(signal_.closed());
  signal_.close();
  EXPECT_EQ(end_wait(), Wake::kClosed);
  EXPECT_TRUE(signal_.closed());
  signal_.close();
  signal_.set();
  EXPECT_EQ(look(), Wake::kClosed);
  EXPECT_EQ(sync_wait(signal_.wait(clock_.now() + 1h)), Wake::kClosed);
}

TEST_F(SignalTest, ClosingHidesNewsThatNobodyTook) {
  signal_.set();
  signal_.close();
  EXPECT_EQ(look(), Wake::kClosed);
}

TEST_F(SignalTest, TimesOutOnTheClock) {
  begin_wait(5s);
  clock_.advance(4999ms);
  EXPECT_FALSE(woken_);
  clock_.advance(1ms);
  EXPECT_EQ(end_wait(), Wake::kTimeout);
  signal_.set();
  EXPECT_EQ(look(), Wake::kNews);
}

TEST_F(SignalTest, ADeadlineInThePastStillTakesNews) {
  signal_.set();
  EXPECT_EQ(look(), Wake::kNews);
  EXPECT_EQ(look(), Wake::kTimeout);
}

TEST_F(SignalTest, TheTimerOfAWaitThatWasWokenIsGoneAndDoesNotEndTheNext) {
  begin_wait(5s);
  signal_.set();
  EXPECT_EQ(end_wait(), Wake::kNews);
  executor_.work().wait_idle();
  EXPECT_EQ(clock_.pending(), 0u);
  begin_wait();
  clock_.advance(10s);
  EXPECT_FALSE(woken_);
  signal_.close();
  EXPECT_EQ(end_wait(), Wake::kClosed);
}

TEST_F(SignalTest, OneTurnAtATime) {
  {
    const Signal::Turn turn(signal_, "stream");
    try {
      const Signal::Turn second(signal_, "stream");
      FAIL() << "a second turn began";
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
      EXPECT_STREQ(error.what(), "another next() of this stream is pending");
    }
  }
  EXPECT_NO_THROW(Signal::Turn(signal_, "stream"));
}

// Every count is seen although producers, timers and the consumer meet at all times.
TEST_F(SignalTest, LosesNoNewsBetweenALookAndAWait) {
  constexpr int kProducers = 3;
  constexpr int kEach = 2000;
  std::atomic<int> produced{0};
  Executor producers(kProducers);
  for (int i = 0; i < kProducers; ++i)
    producers.post([&] {
      for (int n = 0; n < kEach; ++n) {
        ++produced;
        signal_.set();
      }
    });
  int seen = 0;
  while (seen < kProducers * kEach) {
    ASSERT_EQ(sync_wait(signal_.wait({})), Wake::kNews);
    seen = produced;
  }
  EXPECT_EQ(seen, kProducers * kEach);
}

}  // namespace
}  // namespace trunkline
