#include "tests/unit/core/event_fixture.h"

namespace trunkline {
namespace {

using eventgrid::EventQuery;
using State = delivery::Explanation::State;
using nlohmann::json;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EventHistoryTest : public EventTest {
 protected:
  std::vector<std::string> find(const EventQuery& query) {
    std::vector<std::string> ids;
    for (const Event& event : history().query(source(), query).events) ids.push_back(event.id);
    return ids;
  }
};

TEST_F(EventHistoryTest, FindsByTimeTypeSubjectAndCorrelation) {
  const Time start = runtime_->clock().now();
  const std::string a = publish("a", R"({"messageId":"m-1"})");
  advance(minutes{10});
  const std::string b = publish("b", R"({"messageId":"m-2"})", "Microsoft.Communication.SMSDeliveryReportReceived");
  advance(minutes{10});
  const std::string c = publish("a/c", R"({"messageId":"m-1"})");

  EXPECT_THAT(find({}), ElementsAre(a, b, c));
  EventQuery query;
  query.newest_first = true;
  EXPECT_THAT(find(query), ElementsAre(c, b, a));
  query.from = start + minutes{5};
  EXPECT_THAT(find(query), ElementsAre(c, b));
  query.to = start + minutes{15};
  EXPECT_THAT(find(query), ElementsAre(b));
  query.newest_first = false;
  EXPECT_THAT(find(query), ElementsAre(b));
  query = {};
  query.types = {"microsoft.communication.smsreceived"};
  EXPECT_THAT(find(query), ElementsAre(a, c));
  query.subject_begins_with = "a/";
  EXPECT_THAT(find(query), ElementsAre(c));
  query = {};
  query.correlation_id = "m-1";
  EXPECT_THAT(find(query), ElementsAre(a, c));
}

TEST_F(EventHistoryTest, PagesBothWays) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(publish());
  for (const bool newest_first : {false, true}) {
    EventQuery query;
    query.limit = 2;
    query.newest_first = newest_first;
    std::vector<std::string> seen;
    for (int page = 0; page < 5; ++page) {
      const eventgrid::EventPage found = history().query(source(), query);
      for (const Event& event : found.events) seen.push_back(event.id);
      query.after = found.next;
      if (!found.next) break;
    }
    std::vector<std::string> wanted = ids;
    if (newest_first) std::reverse(wanted.begin(), wanted.end());
    EXPECT_EQ(seen, wanted);
  }
  EventQuery query;
  query.limit = 0;
  EXPECT_EQ(error_of([&] { history().query(source(), query); }).target, "limit");
}

TEST_F(EventHistoryTest, SaysWhatEachSubscriptionMadeOfAnEvent) {
  subscribe("takes-all");
  subscribe("takes-yes", R"({"filter":{"subjectBeginsWith":"yes"}})");
  subscribe_to("fails", webhook(receiver_.url("/fails")));
  receiver_.status = [](const net::Request& request) { return request.target == "/fails" ? 500 : 200; };
  const std::string id = publish("no");
  EXPECT_EQ(explain("takes-all", id).state, State::kDelivered);
  const delivery::Explanation refused = explain("takes-yes", id);
  EXPECT_EQ(refused.state, State::kFiltered);
  EXPECT_EQ(refused.verdict.rule, "subjectBeginsWith");
  EXPECT_EQ(refused.verdict.found, "no");
  const delivery::Explanation failed = explain("fails", id);
  EXPECT_EQ(failed.state, State::kRetrying);
  ASSERT_THAT(failed.attempts, SizeIs(1));
  EXPECT_EQ(failed.attempts[0].status, 500);
  ASSERT_TRUE(failed.retry);
  EXPECT_GT(failed.retry->due, runtime_->clock().now());

  EventQuery query;
  query.subscription = "fails";
  query.state = State::kRetrying;
  EXPECT_THAT(find(query), ElementsAre(id));
  query.state = State::kDelivered;
  EXPECT_THAT(find(query), IsEmpty());
  query.subscription = "takes-all";
  EXPECT_THAT(find(query), ElementsAre(id));
  query.subscription = "takes-yes";
  query.state.reset();
  EXPECT_THAT(find(query), IsEmpty());
  query = {};
  query.state = State::kDelivered;
  EXPECT_EQ(error_of([&] { history().query(source(), query); }).target, "subscription");
}

TEST_F(EventHistoryTest, SendsAgainWhatWasDeliveredRefusedOrGivenUp) {
  subscribe("hook", R"({"filter":{"subjectBeginsWith":"yes"},"retryPolicy":{"maxDeliveryAttempts":1}})");
  const std::string delivered = publish("yes/1");
  const std::string filtered = publish("no/1");
  receiver_.status = [](const net::Request&) { return 503; };
  const std::string dropped = publish("yes/2");
  EXPECT_EQ(explain("hook", dropped).state, State::kDropped);
  receiver_.status = nullptr;
  receiver_.forget();
  for (const std::string& id : {delivered, filtered, dropped}) {
    sync_wait(history().redeliver(source(), "hook", id));
    settle();
    EXPECT_EQ(explain("hook", id).state, State::kDelivered);
  }
  EXPECT_THAT(receiver_.ids(), ElementsAre(delivered, filtered, dropped));
  EXPECT_THAT(explain("hook", dropped).attempts, SizeIs(2));
  EXPECT_EQ(error_of([&] { sync_wait(history().redeliver(source(), "hook", "unknown-id")); }).code, ErrorCode::kNotFound);
}

TEST_F(EventHistoryTest, SendsAgainByFilter) {
  subscribe("hook", R"({"retryPolicy":{"maxDeliveryAttempts":1}})");
  receiver_.status = [](const net::Request&) { return 503; };
  std::vector<std::string> lost;
  for (int i = 0; i < 5; ++i) lost.push_back(publish("lost/" + std::to_string(i)));
  receiver_.status = nullptr;
  advance(minutes{1});  // an endpoint that failed five times is left alone for a while
  const std::string fine = publish("fine");
  receiver_.forget();
  EventQuery query;
  query.state = State::kDropped;
  EXPECT_EQ(sync_wait(history().redeliver_all(source(), "hook", query)), 5);
  settle();
  EXPECT_THAT(receiver_.ids(), ::testing::UnorderedElementsAreArray(lost));
  query = {};
  query.subject_begins_with = "fine";
  EXPECT_EQ(sync_wait(history().redeliver_all(source(), "hook", query)), 1);
  settle();
  EXPECT_EQ(receiver_.ids().back(), fine);
}

TEST_F(EventHistoryTest, ReplaysARangeToAnotherEndpointAndEnds) {
  publish("1");
  advance(minutes{10});
  const Time from = runtime_->clock().now();
  const std::string second = publish("2"), third = publish("3");
  advance(minutes{10});
  const Time to = runtime_->clock().now();
  publish("4");
  const auto replay = sync_wait(history().replay(source(), "again", webhook(receiver_.url("/replay")), from, to));
  settle();
  EXPECT_THAT(receiver_.ids(), ::testing::UnorderedElementsAre(second, third));  // the order is for who asks for it
  publish("5");
  EXPECT_THAT(receiver_.requests(), SizeIs(2));
  ASSERT_TRUE(subscriptions().find(source(), "again"));
  EXPECT_TRUE(subscriptions().get(source(), "again")->finished());
  EXPECT_EQ(explain("again", second).state, State::kDelivered);
  EXPECT_EQ(error_of([&] { sync_wait(history().replay(source(), "again", webhook(receiver_.url()), from, to)); }).code,
            ErrorCode::kAlreadyExists);
  advance(hours{25});
  settle();
  EXPECT_FALSE(subscriptions().find(source(), "again"));
}

TEST_F(EventHistoryTest, AReplayWaitsForItsLastRetry) {
  const std::string id = publish("1");
  receiver_.status = [](const net::Request&) { return 503; };
  sync_wait(history().replay(source(), "again", webhook(receiver_.url("/replay")), std::nullopt, std::nullopt));
  settle();
  EXPECT_FALSE(subscriptions().get(source(), "again")->finished());
  receiver_.status = nullptr;
  advance(minutes{2});
  settle();
  EXPECT_TRUE(subscriptions().get(source(), "again")->finished());
  EXPECT_EQ(receiver_.ids().back(), id);
}

TEST_F(EventHistoryTest, OldEventsGo) {
  runtime_->close();
  open("events: {retention: 1h, max_events: 3}\n" + test_config(kSandbox));
  for (int i = 0; i < 5; ++i) publish();
  advance(minutes{10});
  settle();
  EXPECT_THAT(events(), SizeIs(3));
  advance(minutes{70});
  settle();
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(EventHistoryTest, TheOldestGoWhenTheyAreTooLarge) {
  runtime_->close();
  open("events: {retention: 1h, max_size_mb: 1}\n" + test_config(kSandbox));
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(publish("s", R"({"text":")" + std::string(400'000, 'x') + R"("})"));
  advance(minutes{10});
  settle();
  std::vector<std::string> left;
  for (const Event& event : events()) left.push_back(event.id);
  EXPECT_THAT(left, ElementsAre(ids[2], ids[3]));
}

TEST_F(EventHistoryTest, WhatASubscriptionWaitsForStaysUntilItsTimeIsOver) {
  runtime_.reset();
  open("events: {max_events: 3, retention: 48h}\n" + test_config(kSandbox));
  receiver_.status = [](const net::Request&) { return 503; };
  subscribe("waiting");
  for (int i = 0; i < 6; ++i) publish();
  advance(hours{6});
  settle();
  EXPECT_THAT(events(), SizeIs(6));
  advance(hours{20});
  settle();
  EXPECT_THAT(events(), SizeIs(3));
}

TEST_F(EventHistoryTest, AgeCountsFromWhenAnEventWasLogged) {
  runtime_.reset();
  open("events: {retention: 1h}\n" + test_config(kSandbox));
  const Time now = runtime_->clock().now();
  for (const Time said : {now + hours{24 * 365}, now - hours{24 * 365}}) {
    NewEvent event;
    event.id = runtime_->ids().uuid4().str();
    event.type = "T";
    event.topic = resource_->arm_id;
    event.time = said;
    event.published = now;
    sync_wait(runtime_->events().publish(*resource_->database, resource_->key, std::move(event)));
  }
  advance(minutes{30});
  settle();
  EXPECT_THAT(events(), SizeIs(2));
  advance(hours{1});
  settle();
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(EventHistoryTest, NothingIsRememberedOfWhatWasGivenUpAndHasLeftTheLog) {
  runtime_.reset();
  open("events: {retention: 1h}\n" + test_config(kSandbox));
  const auto hook = subscribe("hook", R"({"retryPolicy":{"maxDeliveryAttempts":1}})");
  receiver_.status = [](const net::Request&) { return 400; };
  publish();
  EXPECT_EQ(subscriptions().activity(*hook).dropped, 1);
  advance(hours{2});
  settle();
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(subscriptions().activity(*hook).dropped, 0);
}

TEST_F(EventHistoryTest, PropertiesOfAReplayAreChecked) {
  json properties = webhook(receiver_.url());
  properties["trunkline"] = 5;
  const Error error = error_of([&] { sync_wait(history().replay(source(), "again", properties, std::nullopt, std::nullopt)); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.target, "trunkline");
}

}  // namespace
}  // namespace trunkline
