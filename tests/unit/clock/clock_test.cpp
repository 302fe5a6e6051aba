#include "runtime/clock/clock.h"

#include <gmock/gmock.h>

#include <latch>
#include <mutex>

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr Time kStart{std::chrono::seconds{1767225600}};

// What happened, in order; timers run on pool threads.
class Journal {
 public:
  void add(std::string entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  std::vector<std::string> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> entries_;
};

class VirtualClockTest : public testing::Test {
 protected:
  void note_after(Duration delay, std::string entry) {
    clock_.schedule_after(delay, [this, entry] { journal_.add(entry); });
  }

  Executor executor_{2};
  Clock clock_{executor_, Clock::Mode::kVirtual, kStart};
  Journal journal_;
};

TEST_F(VirtualClockTest, StandsStillUntilAdvanced) {
  EXPECT_EQ(clock_.now(), kStart);
  EXPECT_EQ(clock_.advance(90s), kStart + 90s);
  EXPECT_EQ(clock_.now(), kStart + 90s);
  EXPECT_EQ(clock_.now_unix_us(), 1767225690'000000);
}

TEST_F(VirtualClockTest, FiresInOrderOfDueTimeThenCreation) {
  note_after(3s, "c");
  note_after(1s, "a1");
  note_after(2s, "b");
  note_after(1s, "a2");
  note_after(11s, "late");
  clock_.advance(10s);
  EXPECT_THAT(journal_.entries(), ElementsAre("a1", "a2", "b", "c"));
  EXPECT_EQ(clock_.pending(), 1u);
}

TEST_F(VirtualClockTest, ShowsEachTimerItsOwnDueTime) {
  for (const auto delay : {5s, 1s, 3s}) clock_.schedule_after(delay, [this] { journal_.add(format_rfc3339(clock_.now())); });
  clock_.advance(1min);
  EXPECT_THAT(journal_.entries(), ElementsAre("2026-01-01T00:00:01Z", "2026-01-01T00:00:03Z", "2026-01-01T00:00:05Z"));
}

TEST_F(VirtualClockTest, MeetsTimersSetByTimersAndByTheWorkTheyCause) {
  clock_.schedule_after(1s, [this] {
    journal_.add("first");
    note_after(0s, "same moment, created later");
    executor_.post([this] { executor_.post([this] { note_after(1s, "from posted work"); }); });
  });
  note_after(1s, "same moment, created earlier");
  note_after(3s, "last");
  clock_.advance(3s);
  EXPECT_THAT(journal_.entries(),
              ElementsAre("first", "same moment, created earlier", "same moment, created later", "from posted work", "last"));
}

TEST_F(VirtualClockTest, SettlesWhatIsUnderWayFirst) {
  std::latch go(1);
  executor_.post([&] {
    go.wait();
    note_after(1s, "set by earlier work");
  });
  go.count_down();
  clock_.advance(1s);
  EXPECT_THAT(journal_.entries(), ElementsAre("set by earlier work"));
}

TEST_F(VirtualClockTest, FiresPastTimersWithoutAnAdvance) {
  note_after(0s, "now");
  note_after(-5s, "past");
  executor_.work().wait_idle();
  EXPECT_THAT(journal_.entries(), testing::UnorderedElementsAre("now", "past"));
}

TEST_F(VirtualClockTest, CancelsExactlyThePendingOnes) {
  const auto kept = clock_.schedule_after(1s, [this] { journal_.add("kept"); });
  const auto dropped = clock_.schedule_after(1s, [this] { journal_.add("dropped"); });
  EXPECT_TRUE(clock_.cancel(dropped));
  EXPECT_FALSE(clock_.cancel(dropped));
  EXPECT_FALSE(clock_.cancel(0));
  EXPECT_FALSE(clock_.cancel(~Clock::TimerId{0}));
  clock_.advance(1s);
  EXPECT_FALSE(clock_.cancel(kept));
  const auto reused = clock_.schedule_after(1s, [] {});
  EXPECT_NE(reused, kept);
  EXPECT_FALSE(clock_.cancel(kept));
  EXPECT_THAT(journal_.entries(), ElementsAre("kept"));
}

TEST_F(VirtualClockTest, KeepsOrderThroughManyCancellations) {
  std::vector<Clock::TimerId> ids;
  for (int i = 0; i < 2000; ++i)
    ids.push_back(clock_.schedule_after(std::chrono::milliseconds((i * 7919) % 1000),
                                        [this, i] { journal_.add(std::to_string((i * 7919) % 1000)); }));
  executor_.work().wait_idle();  // the two that are due at once
  for (int i = 0; i < 2000; ++i)
    if (i % 10 != 1) clock_.cancel(ids[i]);
  EXPECT_EQ(clock_.pending(), 200u);
  clock_.advance(1s);
  std::vector<int> fired;
  for (const std::string& entry : journal_.entries()) fired.push_back(std::stoi(entry));
  EXPECT_EQ(fired.size(), 202u);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST_F(VirtualClockTest, DestroysCancelledFunctions) {
  const auto token = std::make_shared<int>(0);
  const auto id = clock_.schedule_after(1h, [token] {});
  EXPECT_EQ(token.use_count(), 2);
  clock_.cancel(id);
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(VirtualClockTest, RefusesToGoBack) {
  try {
    clock_.advance(-1ns);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(clock_.now(), kStart);
}

TEST_F(VirtualClockTest, SurvivesAnAdvanceToTheEndOfTime) {
  note_after(24h * 365, "next year");
  clock_.advance(Duration::max());
  EXPECT_EQ(clock_.now(), Time::max());
  EXPECT_THAT(journal_.entries(), ElementsAre("next year"));
}

TEST_F(VirtualClockTest, WakesSleepers) {
  const auto sleeper = [](Clock& clock, Journal& journal) -> Task<void> {
    co_await clock.sleep(1s);
    journal.add("one");
    co_await clock.sleep(2s);
    journal.add("three");
  };
  std::atomic<bool> done{false};
  spawn(sleeper(clock_, journal_), [&](Result<void> r) { done = r.ok(); });
  clock_.advance(2s);
  EXPECT_THAT(journal_.entries(), ElementsAre("one"));
  clock_.advance(1s);
  EXPECT_THAT(journal_.entries(), ElementsAre("one", "three"));
  EXPECT_TRUE(done);
}

TEST_F(VirtualClockTest, AdvancesForATask) {
  note_after(1s, "fired");
  EXPECT_EQ(sync_wait(clock_.advance_async(5s)), kStart + 5s);
  EXPECT_THAT(journal_.entries(), ElementsAre("fired"));
  EXPECT_THROW(sync_wait(clock_.advance_async(-1s)), Error);
}

TEST_F(VirtualClockTest, SumsConcurrentAdvances) {
  std::atomic<int> fired{0};
  for (int i = 1; i <= 100; ++i) clock_.schedule_after(std::chrono::milliseconds(i), [&] { ++fired; });
  std::thread a([&] { clock_.advance(60ms); });
  std::thread b([&] { clock_.advance(40ms); });
  a.join();
  b.join();
  EXPECT_EQ(clock_.now(), kStart + 100ms);
  EXPECT_EQ(fired, 100);
}

TEST_F(VirtualClockTest, EndsSleepersAndAdvancesWhenItStops) {
  ErrorCode code{};
  spawn(clock_.sleep(1h), [&](Result<void> r) { code = r.error().code; });
  const auto token = std::make_shared<int>(0);
  clock_.schedule_after(1h, [token] {});
  clock_.stop();
  EXPECT_EQ(code, ErrorCode::kCancelled);
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(clock_.pending(), 0u);
  EXPECT_THROW(clock_.advance(1s), Error);
  EXPECT_THROW(sync_wait(clock_.advance_async(1s)), Error);
  EXPECT_NE(clock_.schedule_after(0s, [] { FAIL(); }), 0u);
  executor_.work().wait_idle();
}

TEST(RealClock, FollowsTheSystemClock) {
  Executor executor(1);
  Clock clock(executor, Clock::Mode::kReal, kStart);
  const Time before = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  EXPECT_GE(clock.now(), before);
}

TEST(RealClock, FiresByItself) {
  Executor executor(1);
  Clock clock(executor, Clock::Mode::kReal);
  std::latch fired(2);
  clock.schedule_after(2ms, [&] { fired.count_down(); });
  clock.schedule_after(1ms, [&] { fired.count_down(); });
  fired.wait();
  EXPECT_EQ(clock.pending(), 0u);
}

TEST(RealClock, AdvancesPastTimersOfTheFuture) {
  Executor executor(2);
  Clock clock(executor, Clock::Mode::kReal);
  Journal journal;
  const Time before = clock.now();
  clock.schedule_after(2h, [&] {
    journal.add("second");
    clock.schedule_after(30min, [&] { journal.add("third"); });
  });
  clock.schedule_after(1h, [&] { journal.add("first"); });
  EXPECT_GE(clock.advance(3h), before + 3h);
  EXPECT_THAT(journal.entries(), ElementsAre("first", "second", "third"));
  EXPECT_GE(clock.now(), before + 3h);
  EXPECT_LT(clock.now(), before + 4h);

  std::latch fired(1);  // and it still fires by itself
  clock.schedule_after(1ms, [&] { fired.count_down(); });
  fired.wait();
}

}  // namespace
}  // namespace trunkline
