#include "runtime/delivery/engine.h"

#include "runtime/delivery/dead_letter.h"
#include "runtime/delivery/destination.h"
#include "runtime/delivery/flusher.h"
#include "runtime/delivery/source.h"
#include "tests/unit/delivery/delivery_fixture.h"

namespace trunkline::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(DeliveryTest, NewEventsArriveOnceAndEarlierOnesDoNot) {
  open();
  publish("before");
  const SubscriptionRow row = subscribe("all-of-it");
  const std::int64_t first = publish("a");
  publish("b");
  EXPECT_THAT(target().ids(), ElementsAre("a", "b"));
  const Explanation why = explain(row, first);
  EXPECT_EQ(why.state, Explanation::State::kDelivered);
  ASSERT_THAT(why.attempts, SizeIs(1));
  EXPECT_EQ(why.attempts[0].number, 1);
  EXPECT_EQ(explain(row, first - 1).state, Explanation::State::kEarlier);
}

TEST_F(DeliveryTest, FiltersDecideAndSayWhy) {
  open();
  const SubscriptionRow row = subscribe("some-of-it", R"({"filter":{"subjectBeginsWith":"yes"}})");
  const std::int64_t no = publish("a", "no/1");
  publish("b", "YES/1");
  EXPECT_THAT(target().ids(), ElementsAre("b"));
  const Explanation why = explain(row, no);
  EXPECT_EQ(why.state, Explanation::State::kFiltered);
  EXPECT_EQ(why.verdict.rule, "subjectBeginsWith");
  EXPECT_EQ(why.verdict.found, "no/1");
}

TEST_F(DeliveryTest, RetriesByTheDocumentedSchedule) {
  open();
  const SubscriptionRow row = subscribe("stubborn");
  target().script = [](const DeliveryRequest&) { return status(500, "not now"); };
  const std::int64_t sequence = publish("a");
  const Time start = life_->clock.now();
  advance(hours{24});
  std::vector<std::int64_t> at;
  for (const auto& got : target().got()) at.push_back(std::chrono::duration_cast<seconds>(got.at - start).count());
  // 10 s, 30 s, 1 min, 5 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h after the one before.
  EXPECT_THAT(at, ElementsAre(0, 10, 40, 100, 400, 1000, 2800, 6400, 17200, 38800, 82000));
  const Explanation why = explain(row, sequence);
  EXPECT_EQ(why.state, Explanation::State::kRetrying);
  ASSERT_THAT(why.attempts, SizeIs(11));
  EXPECT_EQ(why.attempts[4].reply, "not now");
  EXPECT_EQ(why.attempts[4].status, 500);
  EXPECT_EQ(why.attempts[4].number, 5);
  // The time to live is looked at when the next attempt is due.
  advance(hours{12});
  EXPECT_EQ(target().got().size(), 11u);
  EXPECT_EQ(explain(row, sequence).state, Explanation::State::kDropped);
  EXPECT_EQ(explain(row, sequence).retry->reason, "TimeToLiveExceeded");
}

TEST_F(DeliveryTest, LeastWaitsForCertainAnswers) {
  open();
  subscribe("one");
  target().script = [](const DeliveryRequest&) { return status(404); };
  publish("a");
  advance(minutes{5} - seconds{1});
  EXPECT_THAT(target().got(), SizeIs(1));
  advance(seconds{1});
  EXPECT_THAT(target().got(), SizeIs(2));
}

TEST_F(DeliveryTest, DeliveryCountRises) {
  open();
  const SubscriptionRow row = subscribe("one");
  target().script = [](const DeliveryRequest& request) { return status(request.delivery_count < 2 ? 503 : 204); };
  const std::int64_t sequence = publish("a");
  advance(minutes{2});
  std::vector<int> counts;
  for (const auto& got : target().got()) counts.push_back(got.delivery_count);
  EXPECT_THAT(counts, ElementsAre(0, 1, 2));
  EXPECT_EQ(explain(row, sequence).state, Explanation::State::kDelivered);
  EXPECT_FALSE(explain(row, sequence).retry);
}

TEST_F(DeliveryTest, MaximumAttempts) {
  open();
  const SubscriptionRow row = subscribe("three-times", R"({"retryPolicy":{"maxDeliveryAttempts":3}})");
  target().script = [](const DeliveryRequest&) { return status(500); };
  const std::int64_t sequence = publish("a");
  advance(hours{5});
  EXPECT_THAT(target().got(), SizeIs(3));
  EXPECT_EQ(explain(row, sequence).retry->reason, "MaxDeliveryAttemptsExceeded");
}

TEST_F(DeliveryTest, SomeAnswersAreNeverTriedAgain) {
  open();
  const SubscriptionRow row = subscribe("one");
  std::vector<std::int64_t> sequences;
  for (const int code : {400, 401, 403, 413}) {
    target().script = [code](const DeliveryRequest&) { return status(code); };
    sequences.push_back(publish("e" + std::to_string(code)));
  }
  advance(hours{24});
  EXPECT_THAT(target().got(), SizeIs(4));
  EXPECT_EQ(explain(row, sequences[0]).retry->reason, "UndeliverableDueToHttpBadRequest");
  EXPECT_EQ(explain(row, sequences[3]).retry->reason, "UndeliverableDueToHttpEntityTooLarge");
}

TEST_F(DeliveryTest, NoMoreRequestsAMinuteThanAskedFor) {
  open();
  const SubscriptionRow row = subscribe("paced", R"({"trunkline":{"requestsPerMinute":30}})");
  publish_many(5);
  EXPECT_THAT(target().got(), SizeIs(1));
  advance(seconds{3});
  EXPECT_THAT(target().got(), SizeIs(2));
  // Attempts count, whether they are the first or not.
  target().script = [](const DeliveryRequest& request) { return status(request.delivery_count == 0 ? 503 : 200); };
  advance(seconds{5});
  EXPECT_THAT(target().ids(), ElementsAre("e0", "e1", "e2", "e3", "e4"));
  advance(minutes{2});
  const auto got = target().got();
  ASSERT_THAT(got, SizeIs(8));
  for (std::size_t i = 1; i < got.size(); ++i) EXPECT_GE(got[i].at - got[i - 1].at, seconds{2});

  nlohmann::json properties = nlohmann::json::parse(row.properties);
  properties["trunkline"]["requestsPerMinute"] = 0;
  target().script = nullptr;
  publish_many(3, "f");
  EXPECT_THAT(target().got(), SizeIs(9));
  life_->engine->change(*life_->database, row.key,
                        std::make_shared<const SubscriptionSpec>(parse_spec(row.name, JsonRef(properties), options_)));
  settle();
  EXPECT_THAT(target().got(), SizeIs(11)) << "the change holds at once";
}

TEST_F(DeliveryTest, BatchesAsManyAsAskedFor) {
  open();
  subscribe("batched", R"({"destination":{"properties":{"maxEventsPerBatch":10}}})");
  publish_many(25);
  ASSERT_THAT(target().got(), SizeIs(25));
  EXPECT_EQ(target().got()[0].batch, 10u);
  EXPECT_EQ(target().got()[24].batch, 5u);
}

TEST_F(DeliveryTest, OrderIsKeptForEachKey) {
  open();
  const SubscriptionRow row = subscribe("ordered", R"({"trunkline":{"orderingKey":"subject"}})");
  bool broken = true;
  target().script = [&](const DeliveryRequest& request) {
    return status(broken && request.events.front()->subject == "x" ? 503 : 200);
  };
  publish("x1", "x");
  publish("y1", "y");
  publish("x2", "x");
  publish("x3", "x");
  publish("y2", "y");
  EXPECT_THAT(target().ids(), ElementsAre("x1", "y1", "y2"));
  EXPECT_EQ(explain(row, 3).state, Explanation::State::kBlocked);
  target().forget();
  broken = false;
  advance(minutes{1});
  publish("x4", "x");
  EXPECT_THAT(target().ids(), ElementsAre("x1", "x2", "x3", "x4"));
}

TEST_F(DeliveryTest, OrderIsKeptWhileOneIsOnItsWay) {
  open();
  subscribe("ordered", R"({"trunkline":{"orderingKey":"data.n"}})");
  target().hold = true;
  publish_many(5);
  EXPECT_THAT(target().ids(), ElementsAre("e0"));
  target().release();
  settle();
  EXPECT_THAT(target().ids(), ElementsAre("e0", "e1", "e2", "e3", "e4"));
}

TEST_F(DeliveryTest, AnEventThatExpiresInTheQueueLeavesItsKeyToTheOneOnItsWay) {
  open();
  subscribe("ordered", R"({"retryPolicy":{"eventTimeToLiveInMinutes":1},"trunkline":{"orderingKey":"subject","concurrency":2}})");
  target().hold = true;
  publish("x1", "x");
  publish("y1", "y");
  publish("x2", "x");  // both places are taken: it waits in the queue, and expires there
  advance(minutes{2});
  publish("x3", "x");
  target().release_last();  // y1; a place is free, but x1 is still on its way
  settle();
  EXPECT_THAT(target().ids(), ElementsAre("x1", "y1"));
  target().release();
  settle();
  EXPECT_THAT(target().ids(), ElementsAre("x1", "y1", "x3"));
}

TEST_F(DeliveryTest, OrderSurvivesARestart) {
  open(true);
  subscribe("ordered", R"({"trunkline":{"orderingKey":"subject"}})");
  target().script = [&](const DeliveryRequest&) { return status(503); };
  publish("a");
  publish("b");
  publish("c");
  restart();
  advance(minutes{10});
  publish("d");
  EXPECT_THAT(target().ids(), ElementsAre("a", "b", "c", "d"));
}

TEST_F(DeliveryTest, ManyUndeliveredEventsWaitOnDisk) {
  open(true);
  const SubscriptionRow row = subscribe("slow");
  target().hold = true;
  publish_many(20000);
  EXPECT_LE(life_->engine->status(*life_->database, row.key)->queued, 2000u);
  EXPECT_TRUE(life_->engine->status(*life_->database, row.key)->lagging);
  target().release();
  settle();
  EXPECT_THAT(target().got(), SizeIs(20000));
  EXPECT_FALSE(life_->engine->status(*life_->database, row.key)->lagging);
  publish("last");
  EXPECT_EQ(target().ids().back(), "last");
}

TEST_F(DeliveryTest, WhatIsOpenComesAgainAfterARestartAndNothingElse) {
  open(true);
  subscribe("one");
  subscribe("other", R"({"filter":{"subjectBeginsWith":"x"}})");
  publish_many(100, "done");
  target().hold = true;
  publish_many(10, "open");
  EXPECT_GT(target().held(), 0u);
  {
    // What is held is answered with "aborted" by nobody: the life ends with it.
    target().hold = true;
  }
  const Time now = life_->clock.now();
  std::unique_ptr<Life> old = std::move(life_);
  old->engine->stop();
  old->events->stop();
  life_ = std::make_unique<Life>(std::filesystem::path(), options_, now);
  old.reset();
  life_ = std::make_unique<Life>(directory_.path(), options_, now);
  for (const SubscriptionRow& row : read_subscriptions(*life_->database, kResource)) run(row);
  settle();
  for (const std::string& id : target().ids()) EXPECT_TRUE(id.starts_with("open")) << id;
  publish("new");
  EXPECT_EQ(target().ids().back(), "new");
}

TEST_F(DeliveryTest, RetriesSurviveARestart) {
  open(true);
  const SubscriptionRow row = subscribe("one");
  target().script = [](const DeliveryRequest&) { return status(503); };
  const std::int64_t sequence = publish("a");
  publish_many(3);
  restart();
  EXPECT_THAT(target().got(), IsEmpty());
  advance(minutes{1});
  EXPECT_THAT(target().got(), SizeIs(4));
  EXPECT_EQ(target().got()[0].delivery_count, 1);
  EXPECT_THAT(explain(row, sequence).attempts, SizeIs(2));
}

TEST_F(DeliveryTest, EventsOfTheTimeOfAPauseAreDeliveredAfterIt) {
  open(true);
  subscribe("one");
  publish("a");
  const Time now = life_->clock.now();
  life_ = nullptr;
  life_ = std::make_unique<Life>(directory_.path(), options_, now);
  publish_many(700, "while-away");
  for (const SubscriptionRow& row : read_subscriptions(*life_->database, kResource)) run(row);
  settle();
  EXPECT_THAT(target().got(), SizeIs(700));
}

TEST_F(DeliveryTest, ADeadEndpointIsLeftAloneAndFoundAgain) {
  open();
  const SubscriptionRow row = subscribe("dead");
  bool up = false;
  target().script = [&](const DeliveryRequest&) { return status(up ? 200 : 503); };
  publish_many(200);
  // Those on their way when it opened, and no more.
  EXPECT_LE(target().got().size(), 40u);
  EXPECT_TRUE(life_->engine->status(*life_->database, row.key)->open_until);
  up = true;
  advance(hours{1});
  std::set<std::string> ids;
  for (const std::string& id : target().ids()) ids.insert(id);
  EXPECT_THAT(ids, SizeIs(200));
  EXPECT_TRUE(life_->engine->status(*life_->database, row.key)->idle);
}

TEST_F(DeliveryTest, AChangedFilterHolds) {
  open();
  const SubscriptionRow row = subscribe("one");
  nlohmann::json properties = nlohmann::json::parse(row.properties);
  properties["filter"]["subjectBeginsWith"] = "only";
  life_->engine->change(*life_->database, row.key,
                        std::make_shared<const SubscriptionSpec>(parse_spec("one", JsonRef(properties), options_)));
  publish("a", "no");
  publish("b", "only");
  EXPECT_THAT(target().ids(), ElementsAre("b"));
}

TEST_F(DeliveryTest, ARemovedSubscriptionGetsNothing) {
  open();
  const SubscriptionRow row = subscribe("one");
  target().script = [](const DeliveryRequest&) { return status(503); };
  publish("a");
  life_->engine->remove(*life_->database, row.key);
  auto work = [&](store::Session& session) { delete_subscription(session, row.key); };
  sync_wait(life_->database->write(std::move(work)));
  publish("b");
  advance(hours{1});
  EXPECT_THAT(target().ids(), ElementsAre("a"));
}

/// Each thread event stands for one event a participant as well.
class Participants final : public events::EventExpander {
 public:
  std::vector<std::string> types_from(std::string_view type) const override {
    if (type == "Test.Type") return {"Test.PerUser"};
    return {};
  }
  std::vector<Event> expand(const Event& event) const override {
    std::vector<Event> out;
    for (int i = 1; i <= 3; ++i) {
      Event one = event;
      one.id = events::part_id(event.id, i);
      one.type = "Test.PerUser";
      one.subject = "user/" + std::to_string(i);
      out.push_back(std::move(one));
    }
    return out;
  }
};

TEST_F(DeliveryTest, EventsThatStandForSeveral) {
  open(true);
  static const Participants participants;
  life_->engine->set_expander(participants);
  subscribe("thread", R"({"filter":{"includedEventTypes":["Test.Type"]}})");
  subscribe("users", R"({"filter":{"includedEventTypes":["Test.PerUser"],"advancedFilters":[
      {"operatorType":"StringNotIn","key":"subject","values":["user/2"]}]}})");
  target().script = [](const DeliveryRequest& request) {
    return status(request.events.front()->subject == "user/3" ? 503 : 200);
  };
  publish("a");
  EXPECT_THAT(target().ids(), ::testing::UnorderedElementsAre("a", "a_1", "a_3"));
  target().forget();
  target().script = nullptr;
  advance(minutes{1});
  EXPECT_THAT(target().ids(), ElementsAre("a_3"));
}

TEST_F(DeliveryTest, HandlersTakeWhatTheyAskForAndAcknowledge) {
  open();
  const SubscriptionRow row = subscribe("handler", R"({"destination":{"endpointType":"Handler","properties":{}}})");
  publish_many(3);
  PullTarget& handlers = life_->engine->handlers();
  const std::uint64_t id = life_->engine->worker_id(*life_->database, row.key);
  const std::vector<Delivery> two = sync_wait(handlers.take(id, 2, minutes{1}));
  ASSERT_THAT(two, SizeIs(2));
  EXPECT_EQ(two[0].event->id, "e0");
  EXPECT_TRUE(handlers.acknowledge(id, two[0].id));
  EXPECT_FALSE(handlers.acknowledge(id, two[0].id));
  EXPECT_TRUE(handlers.reject(id, two[1].id, "busy"));
  settle();
  EXPECT_EQ(explain(row, 1).state, Explanation::State::kDelivered);
  EXPECT_EQ(explain(row, 2).state, Explanation::State::kRetrying);
  EXPECT_EQ(explain(row, 2).attempts[0].reply, "busy");
  // Not acknowledged in time: comes again.
  EXPECT_THAT(sync_wait(handlers.take(id, 5, minutes{1})), SizeIs(1));
  advance(minutes{2});
  EXPECT_THAT(sync_wait(handlers.take(id, 5, minutes{1})), SizeIs(2));
}

TEST_F(DeliveryTest, AttemptsAsBytes) {
  Attempt a;
  a.sequence = 1'000'000;
  a.part = 3;
  a.number = 30;
  a.at = Time{std::chrono::microseconds{1767225600123456}};
  a.status = 503;
  a.outcome = Outcome::kBusy;
  a.latency = std::chrono::microseconds{1234};
  a.reply = "nö";
  Attempt b = a;
  b.sequence = 5;
  b.reply = "";
  b.at -= hours{1};
  const std::vector<Attempt> both{a, b};
  const std::string bytes = encode_attempts(both);
  const std::vector<Attempt> back = decode_attempts(bytes);
  ASSERT_THAT(back, SizeIs(2));
  EXPECT_EQ(back[0].reply, "nö");
  EXPECT_EQ(back[0].at, a.at);
  EXPECT_EQ(back[1].sequence, 5);
  EXPECT_EQ(back[1].at, b.at);
  EXPECT_EQ(back[1].latency, a.latency);
  EXPECT_THROW(decode_attempts(std::string_view(bytes).substr(0, bytes.size() - 1)), Error);
  EXPECT_THROW(decode_attempts(""), Error);
}

TEST_F(DeliveryTest, WhatWasDeliveredBeyondTheCursorIsNotSentAgainAfterACrash) {
  open(true);
  subscribe("all-of-it");
  target().hold = true;
  for (const char* id : {"a", "b", "c", "d"}) publish(id);
  ASSERT_EQ(target().held(), 4u);
  target().release_last();  // d
  settle();
  crash();
  settle();
  EXPECT_THAT(target().ids(), ElementsAre("a", "b", "c"));
}

TEST_F(DeliveryTest, WhatFailedBeyondTheCursorWaitsForItsRetryAfterACrash) {
  open(true);
  const SubscriptionRow row = subscribe("all-of-it");
  target().hold = true;
  publish("a");
  target().hold = false;
  target().script = [](const DeliveryRequest&) { return status(500); };
  const std::int64_t second = publish("b");
  EXPECT_EQ(explain(row, second).state, Explanation::State::kRetrying);
  crash();
  settle();
  EXPECT_THAT(target().ids(), ElementsAre("a"));
  advance(minutes{1});
  EXPECT_THAT(target().ids(), ElementsAre("a", "b"));
}

TEST_F(DeliveryTest, WhatIsSentAgainKeepsNoOrderAndReleasesNone) {
  open();
  const SubscriptionRow row = subscribe("ordered", R"({"trunkline":{"orderingKey":"subject"}})");
  const std::int64_t done = publish("a1", "k");
  target().script = [](const DeliveryRequest& request) { return status(request.events[0]->id == "a2" ? 500 : 200); };
  publish("a2", "k");
  RetryRow again;  // as somebody asks for it
  again.sequence = done;
  again.due = life_->clock.now();
  again.expires = again.due + hours{1};
  auto put = [&](store::Session& session) { put_retry(session, row.key, again); };
  sync_wait(life_->database->write(std::move(put)));
  life_->engine->look_for_due(*life_->database, row.key);
  settle();
  publish("a3", "k");
  EXPECT_THAT(target().ids(), ElementsAre("a1", "a2", "a1"));  // a3 waits behind a2
  target().script = nullptr;
  advance(minutes{1});
  EXPECT_THAT(target().ids(), ElementsAre("a1", "a2", "a1", "a2", "a3"));
}

/// A worker alone, given events as a source gives them.
TEST_F(DeliveryTest, PartsOfAnEventMayComeAfterTheFirstIsDelivered) {
  open();
  net::HttpClient http(life_->executor);
  DeadLetterWriter dead_letters(http, seconds{1});
  Core core{life_->executor, life_->clock, life_->log, life_->ids, *life_->events, dead_letters, options_};
  const auto flusher = std::make_shared<Flusher>(core, *life_->database);
  const auto source = std::make_shared<Source>(core, *life_->database, kResource, flusher, 0);
  const nlohmann::json properties =
      nlohmann::json::parse(R"({"destination":{"endpointType":"Workflow","properties":{"trigger":"t"}}})");
  const auto spec = std::make_shared<const SubscriptionSpec>(parse_spec("alone", JsonRef(properties), options_));
  SubscriptionRow row;
  row.resource_key = kResource;
  row.name = "alone";
  const auto worker =
      std::make_shared<Worker>(core, 1, source, flusher, row, spec, std::make_shared<Destination>(core, 1, false), target(), 0);
  worker->go_live(0);
  Event event;
  static_cast<NewEvent&>(event) = this->event("first");
  event.time = life_->clock.now();
  event.sequence = 1;
  ASSERT_TRUE(worker->push(std::make_shared<const Event>(event), 0));
  worker->pump();
  EXPECT_THAT(target().ids(), ElementsAre("first"));
  event.id = "second";
  ASSERT_TRUE(worker->push(std::make_shared<const Event>(event), 1));
  worker->pump();
  EXPECT_THAT(target().ids(), ElementsAre("first", "second"));
  worker->stop();
  settle();
  source->stop();
  source->clear();
  core.stopped = true;
  http.stop();
}

}  // namespace
}  // namespace trunkline::delivery
