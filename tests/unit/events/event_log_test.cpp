#include "runtime/events/event_log.h"

#include <gmock/gmock.h>

#include <latch>
#include <thread>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/store/sqlite_store.h"

namespace trunkline {
namespace {

using store::Session;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kResource = 1, kOther = 2;

LogOptions silent() {
  LogOptions options;
  options.level = LogLevel::kOff;
  return options;
}

store::StoreOptions in_memory() {
  store::StoreOptions options;
  options.memory = true;
  options.locations = {{"Europe", "europe.db"}};
  return options;
}

/// The end of a next() that runs by itself.
struct Pending {
  explicit Pending(Task<std::vector<Event>> task) {
    spawn(std::move(task), [this](Result<std::vector<Event>> r) {
      result = std::move(r);
      finished.store(true);
      done.count_down();
    });
  }
  std::vector<Event> get() {
    done.wait();
    return std::move(result).value();
  }
  std::latch done{1};
  std::atomic<bool> finished{false};
  Result<std::vector<Event>> result;
};

class EventLogTest : public ::testing::Test {
 protected:
  EventLogTest() {
    for (store::Database* database : store_->all()) database->migrate(event_migrations());
  }

  store::Database& db() { return store_->of_location(""); }
  NewEvent event(std::string id, std::string type = "Sent", std::string subject = "/phonenumber/14255550123") {
    NewEvent e;
    e.id = std::move(id);
    e.type = std::move(type);
    e.subject = std::move(subject);
    e.topic = "/subscriptions/0/resources/acs";
    e.time = clock_.now();
    e.data = R"({"n":1})";
    return e;
  }
  std::int64_t publish(std::string id, std::int64_t resource = kResource, std::string type = "Sent",
                       std::string subject = "/phonenumber/1") {
    return sync_wait(log_.publish(db(), resource, event(std::move(id), std::move(type), std::move(subject))));
  }
  void settle() { executor_.work().wait_idle(); }
  static std::vector<std::string> ids(const std::vector<Event>& events) {
    std::vector<std::string> all;
    for (const Event& e : events) all.push_back(e.id);
    return all;
  }

  Log text_log_{silent()};
  Metrics metrics_;
  Executor executor_{2};
  Clock clock_{executor_, Clock::Mode::kVirtual};
  std::unique_ptr<store::Store> store_ = store::make_sqlite_store(in_memory(), text_log_, metrics_, executor_, clock_);
  EventLog log_{*store_, executor_, clock_, metrics_};
};

TEST_F(EventLogTest, KeepsEveryMember) {
  NewEvent e = event("a");
  e.time = Time{std::chrono::microseconds{1'767'225'600'123'456}};
  e.data_version = "2.0";
  e.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const std::int64_t sequence = sync_wait(log_.publish(db(), kResource, e));
  const auto read = log_.read(db(), kResource, {}, 0, 10);
  ASSERT_THAT(read, SizeIs(1));
  EXPECT_EQ(read[0].sequence, sequence);
  EXPECT_EQ(read[0].id, e.id);
  EXPECT_EQ(read[0].type, e.type);
  EXPECT_EQ(read[0].subject, e.subject);
  EXPECT_EQ(read[0].topic, e.topic);
  EXPECT_EQ(read[0].time, e.time);
  EXPECT_EQ(read[0].data_version, e.data_version);
  EXPECT_EQ(read[0].data, e.data);
  EXPECT_EQ(read[0].traceparent, e.traceparent);
  EXPECT_EQ(log_.last_sequence(db(), kResource), sequence);
}

TEST_F(EventLogTest, AnEventSharesTheFateOfItsTransaction) {
  const auto fails = [this](Session& s) {
    log_.append(s, kResource, event("a"));
    throw Error(ErrorCode::kAborted, "no");
  };
  EXPECT_THROW(sync_wait(db().write(fails)), Error);
  EXPECT_THAT(log_.read(db(), kResource, {}, 0, 10), IsEmpty());
  EXPECT_EQ(log_.last_sequence(db(), kResource), 0);
}

TEST_F(EventLogTest, ReadsFromACursorInOrder) {
  publish("a");
  const std::int64_t second = publish("b");
  publish("c");
  publish("d");
  EXPECT_THAT(ids(log_.read(db(), kResource, {}, second, 10)), ElementsAre("c", "d"));
  EXPECT_THAT(ids(log_.read(db(), kResource, {}, second, 1)), ElementsAre("c"));
  EXPECT_THAT(log_.read(db(), kResource, {}, 0, 0), IsEmpty());
}

TEST_F(EventLogTest, FiltersByTypeAndSubject) {
  publish("a", kResource, "Sent", "/phonenumber/1");
  publish("b", kResource, "Received", "/phonenumber/1");
  publish("c", kResource, "Received", "/phonenumber/22");
  publish("d", kResource, "Delivered", "/phonenumber/2");
  EventFilter filter;
  filter.types = {"Received", "Delivered"};
  EXPECT_THAT(ids(log_.read(db(), kResource, filter, 0, 10)), ElementsAre("b", "c", "d"));
  filter.subject_begins_with = "/phonenumber/2";
  EXPECT_THAT(ids(log_.read(db(), kResource, filter, 0, 10)), ElementsAre("c", "d"));
}

TEST_F(EventLogTest, AResourceSeesOnlyItsOwn) {
  publish("a", kResource);
  publish("b", kOther);
  EXPECT_THAT(ids(log_.read(db(), kResource, {}, 0, 10)), ElementsAre("a"));
  const auto mine = log_.subscribe(db(), kResource, {}, 0);
  EXPECT_THAT(ids(sync_wait(mine->next(10))), ElementsAre("a"));
  Pending waiting(mine->next(10));
  publish("c", kOther);
  settle();
  EXPECT_FALSE(waiting.finished);
  mine->close();
  EXPECT_THAT(waiting.get(), IsEmpty());
}

TEST_F(EventLogTest, ALongStretchThatTheFilterSkipsIsCrossed) {
  const auto many = [this](Session& s) {
    for (int i = 0; i < 10'000; ++i) log_.append(s, kResource, event("x", "Noise"));
    log_.append(s, kResource, event("wanted", "Signal"));
  };
  sync_wait(db().write(many));
  EventFilter filter;
  filter.types = {"Signal"};
  EXPECT_THAT(ids(log_.read(db(), kResource, filter, 0, 10)), ElementsAre("wanted"));
  EXPECT_THAT(ids(sync_wait(log_.subscribe(db(), kResource, filter, 0)->next(10))), ElementsAre("wanted"));
}

TEST_F(EventLogTest, ASubscriptionBeginsNowOrWhereItIsTold) {
  publish("a");
  const auto from_now = log_.subscribe(db(), kResource, {});
  const auto from_start = log_.subscribe(db(), kResource, {}, 0);
  publish("b");
  EXPECT_THAT(ids(sync_wait(from_now->next(10))), ElementsAre("b"));
  EXPECT_THAT(ids(sync_wait(from_start->next(10))), ElementsAre("a", "b"));
}

TEST_F(EventLogTest, AWaitingSubscriberWakesForACommit) {
  const auto subscription = log_.subscribe(db(), kResource, {});
  Pending waiting(subscription->next(10));
  settle();
  EXPECT_FALSE(waiting.finished);
  const auto two = [this](Session& s) {
    log_.append(s, kResource, event("a"));
    log_.append(s, kResource, event("b"));
  };
  sync_wait(db().write(two));
  EXPECT_THAT(ids(waiting.get()), ElementsAre("a", "b"));
}

TEST_F(EventLogTest, AFilteredSubscriberSleepsOnThroughOtherEvents) {
  EventFilter filter;
  filter.types = {"Received"};
  const auto subscription = log_.subscribe(db(), kResource, filter);
  Pending waiting(subscription->next(10));
  publish("a", kResource, "Sent");
  settle();
  EXPECT_FALSE(waiting.finished);
  publish("b", kResource, "Received");
  EXPECT_THAT(ids(waiting.get()), ElementsAre("b"));
}

TEST_F(EventLogTest, ASlowConsumerGetsItsEventsInPieces) {
  const auto subscription = log_.subscribe(db(), kResource, {}, 0);
  for (int i = 0; i < 7; ++i) publish(std::to_string(i));
  EXPECT_THAT(ids(sync_wait(subscription->next(3))), ElementsAre("0", "1", "2"));
  EXPECT_THAT(ids(sync_wait(subscription->next(3))), ElementsAre("3", "4", "5"));
  publish("7");
  EXPECT_THAT(ids(sync_wait(subscription->next(3))), ElementsAre("6", "7"));
}

TEST_F(EventLogTest, ACursorIsTakenUpByAnotherSubscription) {
  for (int i = 0; i < 4; ++i) publish(std::to_string(i));
  auto first = log_.subscribe(db(), kResource, {}, 0);
  sync_wait(first->next(2));
  const std::int64_t cursor = first->cursor();
  first.reset();
  EXPECT_THAT(ids(sync_wait(log_.subscribe(db(), kResource, {}, cursor)->next(10))), ElementsAre("2", "3"));
}

TEST_F(EventLogTest, NoEventIsLostOrDoubledWhileManyPublish) {
  constexpr int kPublishers = 4, kEach = 100, kConsumers = 3;
  std::vector<std::thread> consumers;
  std::vector<std::vector<std::int64_t>> seen(kConsumers);
  for (int c = 0; c < kConsumers; ++c) {
    consumers.emplace_back([this, &mine = seen[static_cast<std::size_t>(c)], subscription = log_.subscribe(db(), kResource, {})] {
      while (mine.size() < kPublishers * kEach)
        for (const Event& e : sync_wait(subscription->next(7))) mine.push_back(e.sequence);
    });
  }
  std::vector<std::thread> publishers;
  for (int p = 0; p < kPublishers; ++p)
    publishers.emplace_back([this] {
      for (int i = 0; i < kEach; ++i) publish("x");
    });
  for (std::thread& t : publishers) t.join();
  for (std::thread& t : consumers) t.join();
  std::vector<std::int64_t> expected;
  for (const Event& e : log_.read(db(), kResource, {}, 0, 10'000)) expected.push_back(e.sequence);
  ASSERT_THAT(expected, SizeIs(kPublishers * kEach));
  for (const auto& sequences : seen) EXPECT_EQ(sequences, expected);
}

TEST_F(EventLogTest, ALongPollEndsWithTheClock) {
  const auto subscription = log_.subscribe(db(), kResource, {});
  Pending waiting(subscription->next_within(10, std::chrono::seconds{20}));
  clock_.advance(std::chrono::seconds{19});
  EXPECT_FALSE(waiting.finished);
  clock_.advance(std::chrono::seconds{1});
  EXPECT_THAT(waiting.get(), IsEmpty());
  EXPECT_FALSE(subscription->closed());
  publish("a");
  EXPECT_THAT(ids(sync_wait(subscription->next_within(10, std::chrono::seconds{20}))), ElementsAre("a"));
}

TEST_F(EventLogTest, ALongPollThatFindsSomethingLeavesNoTimer) {
  const auto subscription = log_.subscribe(db(), kResource, {});
  Pending waiting(subscription->next_within(10, std::chrono::seconds{20}));
  EXPECT_EQ(clock_.pending(), 1u);
  publish("a");
  EXPECT_THAT(ids(waiting.get()), ElementsAre("a"));
  EXPECT_EQ(clock_.pending(), 0u);
}

TEST_F(EventLogTest, ClosingEndsAWait) {
  const auto subscription = log_.subscribe(db(), kResource, {});
  Pending waiting(subscription->next(10));
  subscription->close();
  EXPECT_THAT(waiting.get(), IsEmpty());
  publish("a");
  EXPECT_THAT(sync_wait(subscription->next(10)), IsEmpty());
}

TEST_F(EventLogTest, TheLastHandleClosesEvenWithAWaitPending) {
  auto subscription = log_.subscribe(db(), kResource, {});
  Pending waiting(subscription->next(10));
  subscription.reset();
  EXPECT_THAT(waiting.get(), IsEmpty());
}

TEST_F(EventLogTest, OnlyOneNextAtATime) {
  const auto subscription = log_.subscribe(db(), kResource, {});
  Pending first(subscription->next(10));
  Pending second(subscription->next(10));
  second.done.wait();
  ASSERT_FALSE(second.result.ok());
  EXPECT_EQ(second.result.error().code, ErrorCode::kFailedPrecondition);
  publish("a");
  EXPECT_THAT(ids(first.get()), ElementsAre("a"));
}

TEST_F(EventLogTest, StoppingEndsAllAndLetsNoneBegin) {
  const auto one = log_.subscribe(db(), kResource, {});
  const auto two = log_.subscribe(store_->of_location("Europe"), kOther, {});
  Pending first(one->next(10)), second(two->next(10));
  log_.stop();
  EXPECT_THAT(first.get(), IsEmpty());
  EXPECT_THAT(second.get(), IsEmpty());
  EXPECT_TRUE(log_.subscribe(db(), kResource, {})->closed());
}

TEST_F(EventLogTest, EveryDatabaseWakesItsSubscribers) {
  store::Database& europe = store_->of_location("Europe");
  const auto subscription = log_.subscribe(europe, kOther, {});
  Pending waiting(subscription->next(10));
  sync_wait(log_.publish(europe, kOther, event("a")));
  EXPECT_THAT(ids(waiting.get()), ElementsAre("a"));
  EXPECT_THAT(log_.read(db(), kOther, {}, 0, 10), IsEmpty());
}

TEST_F(EventLogTest, ThousandsOfSubscriptionsWakeForTheirResourceAlone) {
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  std::vector<std::unique_ptr<Pending>> waits;
  for (std::int64_t key = 1; key <= 2000; ++key) {
    subscriptions.push_back(log_.subscribe(db(), key, {}));
    waits.push_back(std::make_unique<Pending>(subscriptions.back()->next(1)));
  }
  publish("a", 1234);
  EXPECT_THAT(ids(waits[1233]->get()), ElementsAre("a"));
  settle();
  EXPECT_EQ(std::count_if(waits.begin(), waits.end(), [](const auto& w) { return w->finished.load(); }), 1);
  subscriptions.clear();
  for (const auto& wait : waits) wait->done.wait();
}

TEST_F(EventLogTest, TrimmingTakesTheOldAndNeverGivesASequenceTwice) {
  publish("a");
  const std::int64_t last_old = publish("b", kOther);
  clock_.advance(std::chrono::hours{1});
  EXPECT_EQ(sync_wait(log_.trim(db(), clock_.now())), 2);
  EXPECT_THAT(log_.read(db(), kResource, {}, 0, 10), IsEmpty());
  EXPECT_GT(publish("c"), last_old);
  EXPECT_EQ(sync_wait(log_.trim(db(), clock_.now())), 0);
  EXPECT_THAT(ids(log_.read(db(), kResource, {}, 0, 10)), ElementsAre("c"));
}

TEST_F(EventLogTest, TrimmingWorksThroughMoreThanOneStep) {
  const auto many = [this](Session& s) {
    for (int i = 0; i < 2500; ++i) log_.append(s, kResource, event("x"));
  };
  sync_wait(db().write(many));
  clock_.advance(std::chrono::hours{1});
  EXPECT_EQ(sync_wait(log_.trim(db(), clock_.now())), 2500);
}

TEST_F(EventLogTest, AForkGetsACopyAndGoesItsOwnWay) {
  publish("a");
  publish("b");
  sync_wait(db().write([this](Session& s) { log_.copy_resource(s, kResource, kOther); }));
  publish("c", kOther);
  EXPECT_THAT(ids(log_.read(db(), kOther, {}, 0, 10)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids(log_.read(db(), kResource, {}, 0, 10)), ElementsAre("a", "b"));
}

TEST_F(EventLogTest, DroppingAResourceEndsItsSubscriptionsAndNoOthers) {
  publish("a");
  publish("b", kOther);
  const auto dropped = log_.subscribe(db(), kResource, {});
  const auto kept = log_.subscribe(db(), kOther, {});
  Pending waiting(dropped->next(10));
  sync_wait(db().write([this](Session& s) { log_.drop_resource(s, kResource); }));
  EXPECT_THAT(waiting.get(), IsEmpty());
  EXPECT_TRUE(dropped->closed());
  EXPECT_FALSE(kept->closed());
  EXPECT_THAT(log_.read(db(), kResource, {}, 0, 10), IsEmpty());
  EXPECT_THAT(ids(log_.read(db(), kOther, {}, 0, 10)), ElementsAre("b"));
}

}  // namespace
}  // namespace trunkline
