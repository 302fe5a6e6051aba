#include "runtime/delivery/consumer.h"

#include "tests/unit/delivery/delivery_fixture.h"

namespace trunkline::delivery {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConsumerTest : public DeliveryTest {
 protected:
  void SetUp() override {
    open();
    row_ = subscribe("handler", R"({"destination":{"endpointType":"Handler","properties":{}}})");
    id_ = life_->engine->worker_id(*life_->database, row_.key);
  }
  PullTarget& handlers() { return life_->engine->handlers(); }
  std::shared_ptr<Consumer> consumer(std::uint32_t credits) {
    return std::make_shared<Consumer>(handlers().shared_from_this(), id_, credits, minutes{5});
  }
  static std::vector<std::string> ids(const std::vector<Delivery>& deliveries) {
    std::vector<std::string> out;
    for (const Delivery& one : deliveries) out.push_back(one.event->id);
    return out;
  }
  /// A take that waits; what it brings is in `got` once it has ended.
  struct Waiting {
    std::vector<Delivery> got;
    std::atomic<bool> ended{false};
  };
  std::shared_ptr<Waiting> take(std::shared_ptr<Consumer> consumer, std::uint32_t max) {
    auto waiting = std::make_shared<Waiting>();
    spawn(consumer->take(max), [waiting, consumer](Result<std::vector<Delivery>> result) {
      waiting->got = std::move(result).value();
      waiting->ended = true;
    });
    return waiting;
  }

  SubscriptionRow row_;
  std::uint64_t id_ = 0;
};

TEST_F(ConsumerTest, HoldsNoMoreThanItsCredits) {
  publish_many(10);
  const auto slow = consumer(3);
  const std::vector<Delivery> first = sync_wait(slow->take(100));
  EXPECT_THAT(ids(first), ElementsAre("e0", "e1", "e2"));
  const auto waiting = take(slow, 100);
  settle();
  EXPECT_FALSE(waiting->ended) << "it has no credit left";
  EXPECT_TRUE(handlers().acknowledge(id_, first[1].id));
  settle();
  EXPECT_THAT(ids(waiting->got), ElementsAre("e3"));
  EXPECT_TRUE(handlers().reject(id_, first[0].id, "no"));
  EXPECT_THAT(ids(sync_wait(slow->take(100))), ElementsAre("e4"));
}

TEST_F(ConsumerTest, ALockThatRunsOutGivesTheCreditBack) {
  publish_many(2);
  const auto forgetful = consumer(1);
  const std::vector<Delivery> first = sync_wait(forgetful->take(1));
  const auto waiting = take(forgetful, 1);
  advance(minutes{5});
  EXPECT_THAT(ids(waiting->got), ElementsAre("e1"));
  EXPECT_FALSE(handlers().acknowledge(id_, first[0].id)) << "too late";
}

TEST_F(ConsumerTest, WhatItHoldsGoesBackWhenItIsClosed) {
  publish_many(3);
  const auto one = consumer(2);
  const std::vector<Delivery> held = sync_wait(one->take(2));
  const auto other = consumer(10);
  EXPECT_THAT(ids(sync_wait(other->take(10))), ElementsAre("e2"));
  const auto waiting = take(other, 10);
  EXPECT_TRUE(handlers().acknowledge(id_, held[0].id));
  one->close();
  settle();
  EXPECT_THAT(ids(waiting->got), ElementsAre("e1"));
  EXPECT_EQ(waiting->got[0].attempt, 1) << "nobody has failed";
  EXPECT_FALSE(handlers().acknowledge(id_, held[1].id)) << "it is another's now";
  EXPECT_THAT(sync_wait(one->take(5)), IsEmpty());
}

TEST_F(ConsumerTest, ClosingEndsATakeWithoutLosingAnEvent) {
  const auto one = consumer(2);
  const auto waiting = take(one, 2);
  settle();
  EXPECT_FALSE(waiting->ended);
  one->close();
  settle();
  EXPECT_TRUE(waiting->ended);
  EXPECT_THAT(waiting->got, IsEmpty());
  publish("x");
  EXPECT_THAT(ids(sync_wait(consumer(1)->take(1))), ElementsAre("x"));
}

TEST_F(ConsumerTest, EndsWithItsSubscription) {
  const auto one = consumer(2);
  const auto waiting = take(one, 2);
  life_->engine->remove(*life_->database, row_.key);
  settle();
  EXPECT_TRUE(waiting->ended);
  EXPECT_THAT(sync_wait(one->take(5)), IsEmpty()) << "it does not wait for what is gone";
  one->close();
}

TEST_F(ConsumerTest, ATakeOfWhatIsGoneEndsAtOnce) {
  EXPECT_THAT(sync_wait(handlers().take(id_ + 1, 1, minutes{1})), IsEmpty()) << "it never was there";
  life_->engine->remove(*life_->database, row_.key);
  EXPECT_THAT(sync_wait(handlers().take(id_, 1, minutes{1})), IsEmpty());
  EXPECT_THAT(sync_wait(consumer(1)->take(1)), IsEmpty());
  EXPECT_THAT(sync_wait(handlers().take(id_, 1, minutes{1})), IsEmpty()) << "also after somebody came too late";
}

TEST_F(ConsumerTest, OneWithoutCreditDoesNotKeepAnEventFromOthers) {
  publish_many(1);
  const auto full = consumer(1);
  const std::vector<Delivery> held = sync_wait(full->take(1));
  const auto waits = take(full, 1);
  const auto free = consumer(1);
  const auto gets = take(free, 1);
  publish("x");
  EXPECT_FALSE(waits->ended);
  EXPECT_THAT(ids(gets->got), ElementsAre("x"));
  full->close();
  settle();
}

}  // namespace
}  // namespace trunkline::delivery
