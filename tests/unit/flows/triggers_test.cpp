#include "runtime/flows/triggers.h"

#include <map>

#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using workflow::Status;

using Answer = std::optional<Result<net::ClientResponse>>;

class TriggersTest : public FlowsTest {
 protected:
  std::vector<std::string> starts(const WorkflowPtr& workflow) {
    std::vector<std::string> out;
    for (const RunRow& row : runs(workflow)) out.push_back(format_rfc3339(row.started));
    return out;
  }
  static std::string scheduled(const std::string& recurrence, const char* type = "Recurrence", const std::string& more = "") {
    return R"j({"tick":{"type":")j" + std::string(type) + R"j(","recurrence":)j" + recurrence + more + "}}";
  }
};

TEST_F(TriggersTest, FireByTheClock) {
  open();
  const WorkflowPtr workflow = deploy(definition("{}", scheduled(R"j({"frequency":"Hour","interval":2})j")));
  settle();
  EXPECT_THAT(starts(workflow), ElementsAre("2026-03-02T08:00:00Z"));
  advance(std::chrono::hours{5});
  EXPECT_THAT(starts(workflow), ElementsAre("2026-03-02T08:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T12:00:00Z"));
  EXPECT_EQ(last_view(workflow).trigger()["scheduledTime"], "2026-03-02T12:00:00.0000000Z");
  EXPECT_EQ(service().triggers(*workflow)[0].next, parse_rfc3339("2026-03-02T14:00:00Z"));
}

TEST_F(TriggersTest, DoNotMakeUpMissedTimesOverARestart) {
  open(true);
  deploy(definition("{}", scheduled(R"j({"frequency":"Hour","interval":1})j")));
  settle();
  life_.reset();
  now_ += std::chrono::minutes{150};
  open(true);
  const WorkflowPtr workflow = service().get("flow");
  EXPECT_THAT(starts(workflow), SizeIs(1)) << "it is not switched on anew";
  advance(std::chrono::hours{1});
  EXPECT_THAT(starts(workflow), ElementsAre("2026-03-02T08:00:00Z", "2026-03-02T11:00:00Z"));
}

TEST_F(TriggersTest, RestWhileTheWorkflowIsDisabled) {
  open();
  WorkflowPtr workflow = deploy(definition("{}", scheduled(R"j({"frequency":"Hour","interval":1})j")));
  settle();
  sync_wait(service().set_enabled("flow", false));
  advance(std::chrono::hours{5});
  EXPECT_THAT(starts(workflow), SizeIs(1));
  sync_wait(service().set_enabled("flow", true));
  settle();
  EXPECT_THAT(starts(workflow), SizeIs(2)) << "counted anew";
}

TEST_F(TriggersTest, GoOnWithANewVersionInTheirOldTime) {
  open();
  const std::string trigger = scheduled(R"j({"frequency":"Hour","interval":1})j");
  deploy(definition("{}", trigger));
  settle();
  advance(std::chrono::minutes{30});
  const WorkflowPtr workflow = deploy(definition(R"j({"New":{"type":"Compose","inputs":1}})j", trigger));
  settle();
  EXPECT_THAT(starts(workflow), SizeIs(1));
  advance(std::chrono::minutes{30});
  EXPECT_THAT(starts(workflow), ElementsAre("2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z"));
  EXPECT_TRUE(last_view(workflow).action("New"));
}

TEST_F(TriggersTest, SlideTheirWindowsWithoutGaps) {
  open(true);
  const std::string text = definition(R"j({"W":{"type":"Compose","inputs":"@triggerOutputs()"}})j",
                                      scheduled(R"j({"frequency":"Hour","interval":1,"startTime":"2026-03-02T06:00:00Z"})j",
                                                "SlidingWindow", R"j(,"inputs":{"delay":"PT10M"})j"));
  WorkflowPtr workflow = deploy(text);
  settle();
  EXPECT_THAT(runs(workflow), SizeIs(1)) << "the window that ended at 7 and its delay are over; that of 8 is not";
  life_.reset();
  now_ += std::chrono::minutes{200};
  open(true);
  settle();
  workflow = service().get("flow");
  std::vector<std::string> windows;
  for (const RunRow& row : runs(workflow))
    windows.push_back(
        (*service().view(workflow, row.name()).action("W")->outputs)["windowStartTime"].get<std::string>().substr(11, 5));
  EXPECT_THAT(windows, ElementsAre("06:00", "07:00", "08:00", "09:00", "10:00"));
}

TEST_F(TriggersTest, PollAndFollowWhatTheAnswersSay) {
  std::vector<net::ClientResponse> answers;
  std::size_t at = 0;
  script_ = [&](const net::ClientRequest&) -> Answer {
    return Result<net::ClientResponse>(answers.at(std::min(at++, answers.size() - 1)));
  };
  net::ClientResponse nothing = json_answer(202, "");
  nothing.headers.set("Retry-After", "60");
  nothing.headers.set("Location", "http://x.example/next");
  answers = {json_answer(200, R"j({"rows":[1,2]})j"), nothing, json_answer(404, "{}"), json_answer(200, R"j({"rows":[]})j")};
  open();
  const WorkflowPtr workflow = deploy(definition(
      "{}", scheduled(R"j({"frequency":"Hour","interval":1})j", "Http",
                      R"j(,"inputs":{"method":"GET","uri":"http://x.example/q"},"splitOn":"@triggerBody()['rows']")j")));
  settle();
  EXPECT_THAT(runs(workflow), SizeIs(2)) << "one for each row";
  EXPECT_EQ(service().view(workflow, runs(workflow)[0].name()).trigger()["outputs"]["body"], 1);
  advance(std::chrono::hours{1});
  EXPECT_EQ(at, 2u);
  advance(std::chrono::seconds{61});
  EXPECT_EQ(at, 3u) << "asked for sooner than the recurrence";
  EXPECT_EQ(life_->http.requests().back().url, "http://x.example/next");
  const auto histories = service().histories(workflow, "tick", "", 10);
  ASSERT_THAT(histories, SizeIs(4));
  EXPECT_EQ(histories[0].status, Status::kFailed);
  EXPECT_EQ(histories[0].code, "NotFound");
  EXPECT_EQ(histories[1].status, Status::kSkipped);
  EXPECT_EQ(histories[1].code, "Accepted");
}

TEST_F(TriggersTest, TakeAllItemsOfAnAnswerWhateverRoomThereIs) {
  for (const WorkflowKind kind : {WorkflowKind::kStateful, WorkflowKind::kStateless}) {
    int asked = 0, told = 0;
    open();
    life_->http.script = [&](const net::ClientRequest& request) -> Answer {
      if (request.method == "POST") return ++told, Result<net::ClientResponse>(json_answer(200, "{}"));
      return Result<net::ClientResponse>(++asked == 1 ? json_answer(200, "[1,2,3,4]") : json_answer(202, ""));
    };
    deploy(definition(
               R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}},
          "Tell":{"type":"Http","runAfter":{"Pause":["Succeeded"]},"inputs":{"method":"POST","uri":"http://x.example/"}}})j",
               scheduled(R"j({"frequency":"Hour","interval":1})j", "Http",
                         R"j(,"inputs":{"method":"GET","uri":"http://x.example/q"},"splitOn":"@triggerBody()",
          "runtimeConfiguration":{"concurrency":{"runs":1,"maximumWaitingRuns":1}})j")),
           "flow", kind);
    settle();
    advance(std::chrono::minutes{10});
    EXPECT_EQ(told, 4) << "those for which there is no room wait too";
  }
}

TEST_F(TriggersTest, FireOnlyWhenTheirConditionsHold) {
  open();
  const WorkflowPtr workflow =
      deploy(definition("{}", R"j({"manual":{"type":"Request","conditions":[{"expression":"@equals(triggerBody()?['kind'],'x')"}],
        "correlation":{"clientTrackingId":"@triggerBody()?['id']"}}})j"));
  EXPECT_EQ(call(workflow, R"j({"kind":"y"})j").status, 202);
  EXPECT_THAT(runs(workflow), IsEmpty());
  EXPECT_EQ(call(workflow, R"j({"kind":"x","id":"order-7"})j").status, 202);
  EXPECT_EQ(runs(workflow)[0].client_tracking_id, "order-7");
  settle();
  EXPECT_EQ(service().histories(workflow, "manual", "", 10)[1].status, Status::kSkipped);
}

TEST_F(TriggersTest, LookAtEachItemTheySplitInto) {
  open();
  const WorkflowPtr workflow = deploy(definition(
      "{}",
      R"j({"manual":{"type":"Request","splitOn":"@triggerBody()?['rows']","conditions":[{"expression":"@equals(triggerBody()?['kind'],'x')"}],
        "splitOnConfiguration":{"correlation":{"clientTrackingId":"@triggerBody()?['id']"}}}})j"));
  EXPECT_EQ(
      call(workflow, R"j({"rows":[{"kind":"x","id":"1"},{"kind":"y","id":"2"},{"kind":"x","id":"3"},{"kind":"y","id":"4"}]})j")
          .status,
      202);
  settle();
  ASSERT_THAT(runs(workflow), SizeIs(2));
  EXPECT_EQ(runs(workflow)[0].client_tracking_id, "1");
  EXPECT_EQ(runs(workflow)[1].client_tracking_id, "3");
  const auto histories = service().histories(workflow, "manual", "", 10);
  ASSERT_THAT(histories, SizeIs(4));
  EXPECT_EQ(
      std::count_if(histories.begin(), histories.end(), [](const HistoryEntry& one) { return one.status == Status::kSkipped; }),
      2);
  EXPECT_EQ(call(workflow, R"j({"rows":[{"kind":"y"}]})j").status, 202) << "the caller is let go although nothing fires";
  // What is no array fails the firing, unless the conditions do not hold for the whole either.
  EXPECT_EQ(call(workflow, R"j({"rows":1,"kind":"y"})j").status, 202);
  EXPECT_EQ(call(workflow, R"j({"rows":1,"kind":"x"})j").status, 400);
  EXPECT_THAT(runs(workflow), SizeIs(2));
}

TEST_F(TriggersTest, AskWhatAServiceProviderIsMappedTo) {
  options_.http.addresses["serviceBus"] = "http://bus.example/api/";
  int asked = 0;
  script_ = [&asked](const net::ClientRequest&) -> Answer {
    return Result<net::ClientResponse>(++asked == 1 ? json_answer(202, "") : json_answer(200, R"j([{"n":1},{"n":2}])j"));
  };
  open();
  const std::string trigger = R"j({"Messages":{"type":"ServiceProvider","inputs":{"parameters":{"queueName":"orders"},
      "serviceProviderConfiguration":{"connectionName":"bus","operationId":"receive","serviceProviderId":"/serviceProviders/%"}},
      "splitOn":"@triggerOutputs()?['body']"}})j";
  const auto of = [&](const char* provider) {
    std::string text = trigger;
    return definition("{}", text.replace(text.find('%'), 1, provider));
  };
  const WorkflowPtr workflow = deploy(of("serviceBus"));
  settle();
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(runs(workflow), IsEmpty());
  advance(std::chrono::seconds{31});
  ASSERT_THAT(runs(workflow), SizeIs(2));
  const net::ClientRequest request = life_->http.requests().back();
  EXPECT_EQ(request.method + " " + request.url + " " + request.body,
            R"j(POST http://bus.example/api/receive {"queueName":"orders"})j");
  // One that stands for nothing says so, and can be fired by hand.
  const WorkflowPtr unmapped = deploy(of("eventHub"), "unmapped");
  advance(std::chrono::minutes{2});
  EXPECT_THAT(service().triggers(*unmapped)[0].problem, HasSubstr("nothing here fires a trigger of 'eventHub'"));
  sync_wait(service().run_trigger(unmapped, "Messages", Value{{"body", Value::array({7})}}));
  EXPECT_EQ(last_view(unmapped).trigger()["outputs"]["body"], 7);
}

TEST_F(TriggersTest, SubscribeAndUnsubscribe) {
  open(true);
  const std::string text = definition(
      "{}",
      R"j({"hook":{"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST","uri":"http://x.example/sub","body":{"url":"@{listCallbackUrl()}"}},
                       "unsubscribe":{"method":"DELETE","uri":"http://x.example/sub"}}}})j");
  const WorkflowPtr workflow = deploy(text);
  settle();
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  EXPECT_THAT(life_->http.requests()[0].body, HasSubstr("/triggers/hook/paths/invoke?"));
  restart();
  EXPECT_THAT(life_->http.requests(), IsEmpty()) << "the subscription stands";
  EXPECT_EQ(call(service().get("flow"), R"j({"a":1})j").status, 202);
  EXPECT_EQ(last_view(service().get("flow")).trigger()["outputs"]["body"]["a"], 1);
  sync_wait(service().set_enabled("flow", false));
  settle();
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  EXPECT_EQ(life_->http.requests()[0].method, "DELETE");
}

TEST_F(TriggersTest, TryAgainToRenewASubscription) {
  int asked = 0;
  script_ = [&asked](const net::ClientRequest&) -> Answer {
    return Result<net::ClientResponse>(json_answer(++asked == 2 || asked == 3 ? 403 : 200, "{}"));
  };
  open();
  const WorkflowPtr workflow = deploy(definition("{}", R"j({"hook":{"type":"HttpWebhook","limit":{"timeout":"PT1H"},
      "inputs":{"subscribe":{"method":"POST","uri":"http://x.example/sub"},"unsubscribe":{}}}})j"));
  settle();
  EXPECT_EQ(asked, 1);
  advance(std::chrono::minutes{60});
  EXPECT_EQ(asked, 2);
  EXPECT_THAT(service().triggers(*workflow)[0].problem, HasSubstr("403"));
  advance(std::chrono::seconds{31});
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(service().triggers(*workflow)[0].problem, "");
  advance(std::chrono::minutes{59});
  EXPECT_EQ(asked, 4) << "the new one lasts an hour too";
  advance(std::chrono::minutes{2});
  EXPECT_EQ(asked, 5);
}

TEST_F(TriggersTest, TryAgainToSubscribeAtAll) {
  int asked = 0;
  script_ = [&asked](const net::ClientRequest&) -> Answer {
    return Result<net::ClientResponse>(json_answer(++asked < 3 ? 403 : 200, "{}"));
  };
  open();
  const WorkflowPtr workflow = deploy(definition("{}", R"j({"hook":{"type":"HttpWebhook",
      "inputs":{"subscribe":{"method":"POST","uri":"http://x.example/sub"},"unsubscribe":{}}}})j"));
  settle();
  EXPECT_THAT(service().triggers(*workflow)[0].problem, HasSubstr("403"));
  advance(std::chrono::seconds{31});
  EXPECT_EQ(asked, 3) << "after ten seconds and twenty more";
  EXPECT_EQ(service().triggers(*workflow)[0].problem, "");
  advance(std::chrono::hours{25});
  EXPECT_EQ(asked, 3) << "it has no end";
}

TEST_F(TriggersTest, EndASubscriptionThatComesAfterTheyWereDisabled) {
  open();
  life_->http.script = [](const net::ClientRequest&) { return Answer(); };
  deploy(definition("{}", R"j({"hook":{"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST","uri":"http://x.example/sub"},
      "unsubscribe":{"method":"DELETE","uri":"http://x.example/sub"}}}})j"));
  settle();
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  sync_wait(service().set_enabled("flow", false));
  settle();
  EXPECT_THAT(life_->http.requests(), SizeIs(1)) << "nothing stands yet";
  life_->http.script = [](const net::ClientRequest&) -> Answer { return Result<net::ClientResponse>(json_answer(200, "{}")); };
  life_->http.answer_held(json_answer(200, "{}"));
  settle();
  ASSERT_THAT(life_->http.requests(), SizeIs(2));
  EXPECT_EQ(life_->http.requests()[1].method, "DELETE");
}

TEST_F(TriggersTest, SubscribeOnceANewVersionMendsWhatKeptThemFromIt) {
  open(true);
  const std::string actions = "{}", triggers = R"j({"hook":{"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST",
      "uri":"@{parameters('hub')['url']}","body":{"url":"@{listCallbackUrl()}"}},"unsubscribe":{}}}})j";
  const auto with_hub = [&](const std::string& value) {
    return definition(actions, triggers, R"j(,"parameters":{"hub":{"type":"Object","defaultValue":)j" + value + "}}");
  };
  const WorkflowPtr broken = deploy(with_hub("{}"));
  settle();
  EXPECT_THAT(service().triggers(*broken)[0].problem, HasSubstr("property 'url' doesn't exist"));
  const WorkflowPtr mended = deploy(with_hub(R"j({"url":"http://x.example/sub"})j"));
  settle();
  EXPECT_THAT(life_->http.requests(), SizeIs(1));
  EXPECT_EQ(service().triggers(*mended)[0].problem, "");
}

TEST_F(TriggersTest, ReleaseBatches) {
  open(true);
  deploy(definition(
             R"j({"Count":{"type":"Compose","inputs":"@length(triggerBody()['items'])"}})j",
             R"j({"batch":{"type":"Batch","inputs":{"mode":"Inline","configurations":{"main":{"releaseCriteria":{"messageCount":3,
                        "recurrence":{"frequency":"Minute","interval":10}}}}}}})j"),
         "receiver");
  const WorkflowPtr sender =
      deploy(definition(R"j({"Send":{"type":"SendToBatch","inputs":{"batchName":"main","content":"@triggerBody()",
      "partitionName":"@triggerBody()['p']","host":{"triggerName":"batch","workflow":{"id":"receiver"}}}}})j"),
             "sender");
  for (int i = 0; i < 4; ++i) start(sender, R"j({"p":"a","i":)j" + std::to_string(i) + "}");
  settle();
  const WorkflowPtr receiver = service().get("receiver");
  ASSERT_THAT(runs(receiver), SizeIs(1));
  EXPECT_EQ(*last_view(receiver).action("Count")->outputs, 3);
  advance(std::chrono::minutes{11});
  ASSERT_THAT(runs(receiver), SizeIs(2)) << "the rest, when its time came";
  EXPECT_EQ(*last_view(receiver).action("Count")->outputs, 1);
  EXPECT_EQ(last_view(receiver).trigger()["outputs"]["body"]["partitionName"], "a");
}

TEST_F(TriggersTest, TakeEventsOfTheRuntime) {
  open();
  const WorkflowPtr one = deploy(definition("{}", R"j({"event":{"type":"Request"}})j"), "one");
  const WorkflowPtr split = deploy(
      definition("{}",
                 R"j({"event":{"type":"ApiConnectionWebhook","inputs":{"host":{},"path":"/"},"splitOn":"@triggerBody()"}})j"),
      "split");
  const auto deliver = [&](std::string endpoint, int count) {
    delivery::DeliveryRequest request;
    auto spec = std::make_shared<delivery::SubscriptionSpec>();
    spec->name = "sub";
    spec->endpoint = std::move(endpoint);
    spec->kind = delivery::SubscriptionSpec::Kind::kWorkflow;
    request.spec = spec;
    for (int i = 0; i < count; ++i) {
      Event event;
      event.id = "e" + std::to_string(i);
      event.type = "Microsoft.Communication.SMSReceived";
      event.data = R"j({"message":"STATUS"})j";
      request.events.push_back(std::make_shared<const Event>(event));
    }
    auto out = std::make_shared<std::optional<delivery::DeliveryAnswer>>();
    service().event_target().deliver(std::move(request), [out](delivery::DeliveryAnswer answer) { *out = std::move(answer); });
    settle();
    return **out;
  };
  EXPECT_EQ(deliver("one", 1).rule.outcome, delivery::Outcome::kDelivered);
  EXPECT_EQ(last_view(one).trigger()["outputs"]["body"]["data"]["message"], "STATUS");
  EXPECT_EQ(deliver(split->arm_id + "/triggers/event", 2).rule.outcome, delivery::Outcome::kDelivered);
  EXPECT_THAT(runs(split), SizeIs(2));
  EXPECT_EQ(last_view(split).trigger()["outputs"]["body"]["id"], "e1");
  EXPECT_TRUE(deliver("nobody", 1).rule.final);
}

/// Keeps who is subscribed to what.
class Subscribers final : public EventSubscriber {
 public:
  Task<void> subscribe(std::string name, std::string, Value filter, std::string endpoint) override {
    const std::lock_guard lock(mutex_);
    standing_[name] = endpoint.substr(endpoint.rfind('/') + 1) + " " + expression::to_json_text(filter);
    co_return;
  }
  Task<void> unsubscribe(std::string name, std::string) override {
    const std::lock_guard lock(mutex_);
    standing_.erase(name);
    co_return;
  }
  std::vector<std::string> standing() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [name, what] : standing_) out.push_back(what);
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::string> names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [name, what] : standing_) out.push_back(name);
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> standing_;
};

TEST_F(TriggersTest, SubscribeEachToItsOwnEvents) {
  Subscribers events;
  open();
  service().set_event_subscriber(events);
  const auto trigger = [](const std::string& name, const std::string& type) {
    return "\"" + name +
           R"j(":{"type":"ApiConnectionWebhook","inputs":{"host":{"connection":{"name":"azureeventgrid"}},"path":"/x","body":{"properties":{
        "topic":"","destination":{"endpointType":"webhook","properties":{"endpointUrl":"@{listCallbackUrl()}"}},"filter":{"includedEventTypes":[")j" +
           type + R"j("]}}}}})j";
  };
  const WorkflowPtr two = deploy(definition("{}", "{" + trigger("a", "A") + "," + trigger("b (2)", "B") + "}"), "two");
  settle();
  EXPECT_THAT(events.standing(),
              ::testing::ElementsAre(R"j(a {"includedEventTypes":["A"]})j", R"j(b (2) {"includedEventTypes":["B"]})j"));
  for (const std::string& name : events.names()) EXPECT_THAT(name, ::testing::MatchesRegex("[A-Za-z0-9-]+"));
  deploy(definition("{}", "{" + trigger("b (2)", "B") + "}"), "two");
  settle();
  EXPECT_THAT(events.standing(), ::testing::ElementsAre(R"j(b (2) {"includedEventTypes":["B"]})j"));
  sync_wait(service().set_enabled(two->arm_id, false));
  settle();
  EXPECT_THAT(events.standing(), ::testing::IsEmpty());
  life_.reset();  // before whom it would tell
}

}  // namespace
}  // namespace trunkline::flows
