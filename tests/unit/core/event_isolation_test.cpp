// Endpoints side by side: what one of them does is nothing to the others.
#include <atomic>
#include <future>
#include <set>

#include "tests/unit/core/event_fixture.h"

namespace trunkline {
namespace {

using std::chrono::hours;
using ::testing::SizeIs;
using DeliveryState = delivery::Explanation::State;

constexpr int kEvents = 200;

/// Becomes ready with the n-th count.
class CountTo {
 public:
  explicit CountTo(int n) : left_(n) {}
  void count() {
    if (left_.fetch_sub(1) == 1) reached_.set_value();
  }
  /// False: not within a time that only a broken program takes.
  bool reached() { return future_.wait_for(std::chrono::seconds{60}) == std::future_status::ready; }

 private:
  std::atomic<int> left_;
  std::promise<void> reached_;
  std::shared_future<void> future_{reached_.get_future()};
};

class EventIsolationTest : public EventTest {
 protected:
  std::vector<std::string> publish_together(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back(runtime_->ids().uuid4().str());
    auto work = [&](store::Session& session) {
      for (const std::string& id : ids) {
        NewEvent event;
        event.id = id;
        event.type = "Microsoft.Communication.SMSReceived";
        event.subject = "s";
        event.topic = resource_->arm_id;
        event.time = runtime_->clock().now();
        event.data = "{}";
        runtime_->events().append(session, resource_->key, event);
      }
    };
    sync_wait(resource_->database->write(std::move(work)));
    return ids;
  }
  static std::set<std::string> distinct_ids(const WebhookReceiver& receiver) {
    const std::vector<std::string> ids = receiver.ids();
    return {ids.begin(), ids.end()};
  }
};

// The slow one and the hanging one answer nothing before the healthy one has got everything: if it had to wait for them, it would
// wait for ever. Time on the runtime's clock stands still meanwhile, so nothing can have been a second attempt.
TEST_F(EventIsolationTest, ASlowAFailingAndAHangingEndpointAreNothingToAHealthyOne) {
  const auto all = std::make_shared<CountTo>(1 + kEvents);
  const auto others_began = std::make_shared<CountTo>(3);
  std::atomic<bool> fails{true};
  WebhookReceiver slow, failing, hanging;
  // After the receivers: that they go lets those go that wait for them.
  std::promise<void> slow_may, hanging_may;
  const auto waits_for = [others_began](std::promise<void>& promise) {
    return [others_began, began = std::make_shared<std::atomic<bool>>(false),
            ready = promise.get_future().share()](const net::Request&) {
      if (!began->exchange(true)) others_began->count();
      ready.wait();
      return 200;
    };
  };
  slow.status = waits_for(slow_may);
  hanging.status = waits_for(hanging_may);
  failing.status = [others_began, began = std::make_shared<std::atomic<bool>>(false), &fails](const net::Request&) {
    if (!began->exchange(true)) others_began->count();
    return fails ? 500 : 200;
  };
  receiver_.status = [all](const net::Request&) {
    all->count();
    return 200;
  };
  subscribe("healthy");
  subscribe_to("slow", webhook(slow.url()));
  subscribe_to("failing", webhook(failing.url()));
  subscribe_to("hanging", webhook(hanging.url()));
  const Time before = runtime_->clock().now();

  const std::string first = publish_together(1).front();
  ASSERT_TRUE(others_began->reached());
  const std::vector<std::string> rest = publish_together(kEvents);
  ASSERT_TRUE(all->reached());
  EXPECT_EQ(runtime_->clock().now(), before);
  EXPECT_EQ(distinct_ids(receiver_).size(), 1u + kEvents);

  slow_may.set_value();
  hanging_may.set_value();
  settle();
  EXPECT_THAT(receiver_.requests(), SizeIs(1 + kEvents));
  for (const std::string& id : {first, rest.front(), rest.back()}) {
    const delivery::Explanation healthy = explain("healthy", id);
    EXPECT_EQ(healthy.state, DeliveryState::kDelivered);
    ASSERT_THAT(healthy.attempts, SizeIs(1));
    EXPECT_EQ(healthy.attempts[0].at, before);
  }
  EXPECT_EQ(distinct_ids(slow).size(), 1u + kEvents);
  EXPECT_EQ(distinct_ids(hanging).size(), 1u + kEvents);
  // The failing one was left alone after a few failures, and gets everything in its time.
  EXPECT_LT(failing.requests().size(), 1u + kEvents);
  EXPECT_EQ(explain("failing", first).state, DeliveryState::kRetrying);
  fails = false;
  for (int i = 0; i < 4; ++i) advance(hours{1});
  EXPECT_EQ(distinct_ids(failing).size(), 1u + kEvents);
  EXPECT_EQ(explain("failing", first).state, DeliveryState::kDelivered);
}

}  // namespace
}  // namespace trunkline
