// Runs: retries, polls, webhooks, children, timeouts, and what a restart takes up.
#include <set>

#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using workflow::Status;

using Answer = std::optional<Result<net::ClientResponse>>;

class RunTest : public FlowsTest {};

constexpr const char* kGet =
    R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/a","retryPolicy":{"type":"fixed","count":2,"interval":"PT10S"}}}})j";
constexpr const char* kPost =
    R"j({"Post":{"type":"Http","inputs":{"method":"POST","uri":"http://x.example/a","body":{"n":1}}}})j";

TEST_F(RunTest, RetriesAcrossARestart) {
  std::atomic<int> calls{0};
  script_ = [&](const net::ClientRequest&) -> Answer {
    return Result<net::ClientResponse>(json_answer(++calls < 3 ? 503 : 200, "{}"));
  };
  open(true);
  const WorkflowPtr workflow = deploy(definition(kGet));
  start(workflow);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(runs(workflow)[0].due);
  restart();
  EXPECT_EQ(calls, 1) << "its time has not come";
  advance(std::chrono::seconds{10});
  EXPECT_EQ(calls, 2);
  advance(std::chrono::seconds{10});
  const WorkflowPtr now = service().get("flow");
  EXPECT_EQ(runs(now)[0].status, Status::kSucceeded);
  EXPECT_THAT(last_view(now).action("Get")->retry_history, SizeIs(2));
}

TEST_F(RunTest, TakesUpWhatWasUnderWay) {
  std::vector<std::string> keys;
  bool answers = false;
  script_ = [&](const net::ClientRequest& request) -> Answer {
    keys.emplace_back(request.headers.get("x-ms-client-request-id"));
    if (!answers) return std::nullopt;
    return Result<net::ClientResponse>(json_answer(200, "{}"));
  };
  open(true);
  const WorkflowPtr workflow = deploy(definition(kPost));
  EXPECT_EQ((*start(workflow))->status, 202);
  ASSERT_THAT(keys, SizeIs(1));
  EXPECT_TRUE(runs(workflow)[0].active);
  answers = true;
  restart();
  settle();
  EXPECT_EQ(runs(service().get("flow"))[0].status, Status::kSucceeded);
  ASSERT_THAT(keys, SizeIs(2));
  EXPECT_EQ(keys[0], keys[1]) << "the same message to whoever looks at its key";
}

TEST_F(RunTest, DoesNotRepeatWhatMayNotBeRepeated) {
  std::atomic<int> calls{0};
  script_ = [&](const net::ClientRequest&) -> Answer {
    ++calls;
    return std::nullopt;
  };
  open(true);
  const WorkflowPtr workflow = deploy(definition(
      R"j({"Post":{"type":"Http","inputs":{"method":"POST","uri":"http://x.example/a","retryPolicy":{"type":"none"}}}})j"));
  start(workflow);
  restart();
  settle();
  EXPECT_EQ(calls, 1);
  const RunView view = last_view(service().get("flow"));
  EXPECT_EQ(view.row().status, Status::kFailed);
  EXPECT_EQ(view.action("Post")->code, "OutcomeUnknown");
}

TEST_F(RunTest, WritesDownBeforeItSendsWhatMayNotBeRepeated) {
  bool stored = false;
  script_ = [&](const net::ClientRequest&) -> Answer {
    std::size_t count = 0;
    life_->service.find("flow")->database->read(
        [&](store::Session& session) { count = records::active_runs(session, 0, 10).size(); });
    stored = count == 1;
    return Result<net::ClientResponse>(json_answer(200, "{}"));
  };
  open(true);
  start(deploy(definition(kPost)));
  EXPECT_TRUE(stored);
}

TEST_F(RunTest, FollowsAnAsynchronousOperation) {
  std::atomic<int> polls{0};
  script_ = [&](const net::ClientRequest& request) -> Answer {
    net::ClientResponse response = json_answer(202, "");
    if (request.method == "POST") {
      response.headers.set("Location", "/jobs/5");
      response.headers.set("Retry-After", "15");
    } else if (++polls == 2) {
      response = json_answer(200, R"j({"done":true})j");
    }
    return Result<net::ClientResponse>(std::move(response));
  };
  open(true);
  const WorkflowPtr workflow = deploy(definition(kPost));
  start(workflow);
  advance(std::chrono::seconds{15});
  EXPECT_EQ(polls, 1);
  restart();
  advance(std::chrono::seconds{10});
  const WorkflowPtr now = service().get("flow");
  EXPECT_EQ(runs(now)[0].status, Status::kSucceeded);
  EXPECT_EQ((*last_view(now).action("Post")->outputs)["body"]["done"], true);
  EXPECT_EQ(life_->http.requests().back().url, "http://x.example/jobs/5");
}

TEST_F(RunTest, GivesUpAtItsTimeout) {
  script_ = [](const net::ClientRequest&) -> Answer { return std::nullopt; };
  open();
  const WorkflowPtr workflow = deploy(
      definition(R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/a"},"limit":{"timeout":"PT1M"}},
     "Late":{"type":"Compose","inputs":"late","runAfter":{"Get":["TimedOut"]}}})j"));
  start(workflow);
  advance(std::chrono::seconds{61});
  const RunView view = last_view(workflow);
  EXPECT_EQ(view.row().status, Status::kSucceeded);
  EXPECT_EQ(status_of(view, "Get"), Status::kTimedOut);
  EXPECT_EQ(view.action("Get")->code, "ActionTimedOut");
}

TEST_F(RunTest, WaitsForAWebhookAcrossARestartAndUnsubscribesInTheEnd) {
  open(true);
  const std::string text = definition(R"j({"Ask":{"type":"HttpWebhook","inputs":{
      "subscribe":{"method":"POST","uri":"http://x.example/ask","body":{"url":"@listCallbackUrl()"}},
      "unsubscribe":{"method":"DELETE","uri":"http://x.example/ask"}},"limit":{"timeout":"PT1H"}}})j");
  const WorkflowPtr workflow = deploy(text);
  start(workflow);
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  EXPECT_THAT(life_->http.requests()[0].body, HasSubstr("/actions/Ask/0/run?"));
  EXPECT_FALSE(runs(workflow)[0].active) << "a run that waits for somebody costs a row";
  restart();
  EXPECT_THAT(life_->http.requests(), SizeIs(0));
  const std::string name = runs(service().get("flow"))[0].name();
  EXPECT_EQ(sync_wait(service().call_action(service().get("flow"), name, "Ask", 3, json_call("{}"))).status, 404);
  EXPECT_EQ(sync_wait(service().call_action(service().get("flow"), name, "ask", 0, json_call(R"j({"ok":1})j"))).status, 200);
  settle();
  EXPECT_EQ((*last_view(service().get("flow")).action("Ask")->outputs)["body"]["ok"], 1);
  EXPECT_EQ(sync_wait(service().call_action(service().get("flow"), name, "Ask", 0, json_call("{}"))).status, 404) << "once";
  start(service().get("flow"));
  advance(std::chrono::minutes{61});
  EXPECT_EQ(runs(service().get("flow"))[1].status, Status::kTimedOut);
  EXPECT_EQ(life_->http.requests().back().method, "DELETE");
}

TEST_F(RunTest, WaitsForAChildAcrossARestart) {
  open(true);
  deploy(definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}},
    "Reply":{"type":"Response","inputs":{"statusCode":200,"body":"@add(triggerBody()['n'],1)"},"runAfter":{"Pause":["Succeeded"]}}})j"),
         "child");
  const WorkflowPtr parent = deploy(
      definition(
          R"j({"Ask":{"type":"Workflow","inputs":{"host":{"workflow":{"id":"child"},"triggerName":"manual"},"body":{"n":41}}}})j"),
      "parent");
  start(parent);
  EXPECT_THAT(runs(service().get("child")), SizeIs(1));
  restart();
  advance(std::chrono::minutes{30});
  EXPECT_EQ(runs(service().get("parent"))[0].status, Status::kRunning);
  restart();
  advance(std::chrono::minutes{31});
  const WorkflowPtr now = service().get("parent");
  EXPECT_EQ(runs(now)[0].status, Status::kSucceeded);
  EXPECT_EQ((*last_view(now).action("Ask")->outputs)["body"], 42);
  EXPECT_THAT(runs(service().get("child")), SizeIs(1)) << "one child, whatever happened";
}

TEST_F(RunTest, CallsAChildAgainWhenItsAnswerAsksForIt) {
  open(true);
  // Its callers are told how often it was called, and it goes on after it has answered.
  int called = 0;
  script_ = [&](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    return Result<net::ClientResponse>(json_answer(200, std::to_string(++called)));
  };
  restart();
  deploy(definition(R"j({"Count":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/count"}},
    "Reply":{"type":"Response","inputs":{"statusCode":"@if(less(body('Count'),3),triggerBody()['code'],200)","headers":{"Retry-After":"@{triggerBody()?['after']}"},
      "body":"@body('Count')"},"runAfter":{"Count":["Succeeded"]}},
    "Pause":{"type":"Wait","inputs":{"interval":{"count":15,"unit":"Second"}},"runAfter":{"Reply":["Succeeded"]}}})j"),
         "child");
  const auto ask = [&](const std::string& policy, const std::string& body) {
    called = 0;
    const WorkflowPtr parent =
        deploy(definition(R"j({"Ask":{"type":"Workflow","inputs":{"host":{"workflow":{"id":"child"}},"body":"@triggerBody()")j" +
                          (policy.empty() ? "" : R"j(,"retryPolicy":)j" + policy) + "}}}"),
               "parent");
    start(parent, body);
  };
  ask(R"j({"type":"fixed","count":2,"interval":"PT10S"})j", R"j({"code":503})j");
  EXPECT_EQ(last_view(service().get("parent")).row().status, Status::kRunning);
  EXPECT_EQ(called, 1);
  restart();
  advance(std::chrono::seconds{10});
  EXPECT_EQ(called, 2);
  // The first child ends here, which says nothing of the one that is under way.
  advance(std::chrono::seconds{10});
  const RunView view = last_view(service().get("parent"));
  EXPECT_EQ(view.row().status, Status::kSucceeded);
  EXPECT_EQ((*view.action("Ask")->outputs)["body"], 3);
  ASSERT_THAT(view.action("Ask")->retry_history, SizeIs(2));
  EXPECT_EQ(view.action("Ask")->retry_history[0]["code"], "ServiceUnavailable");
  advance(std::chrono::minutes{1});
  EXPECT_THAT(runs(service().get("child")), SizeIs(3));

  ask(R"j({"type":"fixed","count":1,"interval":"PT10S"})j", R"j({"code":500})j");
  advance(std::chrono::seconds{10});
  EXPECT_EQ(status_of(last_view(service().get("parent")), "Ask"), Status::kFailed) << "once more, and then no more";
  EXPECT_EQ(last_view(service().get("parent")).action("Ask")->code, "InternalServerError");
  ask(R"j({"type":"none"})j", R"j({"code":500})j");
  EXPECT_EQ(status_of(last_view(service().get("parent")), "Ask"), Status::kFailed);
  EXPECT_EQ(called, 1);
  ask("", R"j({"code":404})j");
  EXPECT_EQ(status_of(last_view(service().get("parent")), "Ask"), Status::kFailed) << "another attempt would not help";
  EXPECT_EQ(called, 1);
  ask("", R"j({"code":429,"after":"3"})j");
  advance(std::chrono::seconds{6});
  EXPECT_EQ(status_of(last_view(service().get("parent")), "Ask"), Status::kSucceeded) << "as soon as the answer says";
  advance(std::chrono::minutes{1});
}

TEST_F(RunTest, NamesWhatIsWrongWithAChild) {
  open();
  deploy(definition("{}"), "mute");
  deploy(definition(R"j({"A":{"type":"If","expression":"@equals(1,2)","actions":{"R":{"type":"Response","inputs":{}}}}})j"),
         "silent");
  const auto ask = [&](const char* child) {
    const WorkflowPtr parent = deploy(
        definition(std::string(R"j({"Ask":{"type":"Workflow","inputs":{"host":{"workflow":{"id":")j") + child + R"j("}}}}})j"),
        "parent");
    start(parent);
    return last_view(parent).action("Ask")->error["code"].get<std::string>();
  };
  EXPECT_EQ(ask("nobody"), "WorkflowNotFound");
  EXPECT_EQ(ask("mute"), "NestedWorkflowDoesNotContainResponseAction");
  EXPECT_EQ(ask("silent"), "NoResponse");
}

TEST_F(RunTest, CostsNoMemoryWhileItWaits) {
  options_.engine.idle_runs = 8;
  open();
  const WorkflowPtr workflow =
      deploy(definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}}})j"));
  for (int i = 0; i < 200; ++i) start(workflow);
  EXPECT_LE(service().engine().loaded_runs(), 8u);
  advance(std::chrono::hours{1});
  for (const RunRow& row : runs(workflow)) EXPECT_EQ(row.status, Status::kSucceeded);
  EXPECT_THAT(runs(workflow), SizeIs(200));
}

TEST_F(RunTest, EndsARunThatTakesTooLong) {
  options_.engine.max_run = std::chrono::hours{24};
  open(true);
  const WorkflowPtr workflow =
      deploy(definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":3,"unit":"Day"}}}})j"));
  start(workflow);
  restart();
  advance(std::chrono::hours{25});
  EXPECT_EQ(runs(service().get("flow"))[0].status, Status::kTimedOut);
}

TEST_F(RunTest, FailsAnActionThatNobodyPerforms) {
  open();
  const WorkflowPtr workflow = deploy(definition(
      R"j({
    "Mail":{"type":"ApiConnection","inputs":{"host":{"connection":{"name":"@parameters('$connections')['office365']['connectionId']"}},"method":"post","path":"/v2/Mail"}},
    "Map":{"type":"Xslt","inputs":{}},
    "After":{"type":"Compose","inputs":1,"runAfter":{"Mail":["Failed"],"Map":["Failed"]}}})j",
      R"j({"manual":{"type":"Request"}})j",
      R"j(,"parameters":{"$connections":{"type":"Object","defaultValue":{"office365":{"connectionId":"/x/connections/office365-1","id":"/x/managedApis/office365"}}}})j"));
  start(workflow);
  const RunView view = last_view(workflow);
  EXPECT_EQ(view.row().status, Status::kSucceeded) << "the failures were handled";
  EXPECT_EQ(view.action("Mail")->error["code"], "ConnectorNotMapped");
  EXPECT_THAT(view.action("Mail")->error["message"].get<std::string>(), HasSubstr("office365"));
  EXPECT_EQ(view.action("Map")->error["code"], "ConnectorNotMapped");
}

TEST_F(RunTest, CallsTheAddressThatAConnectorIsMappedTo) {
  options_.http.addresses["Office365"] = "http://mail.example/api/";
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({
    "Mail":{"type":"ApiConnection","inputs":{"host":{"connection":{"referenceName":"office365"}},"method":"post","path":"/v2/Mail","queries":{"a b":true},"body":{"To":"x"}}}})j"));
  start(workflow);
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  EXPECT_EQ(life_->http.requests()[0].url, "http://mail.example/api/v2/Mail?a%20b=True");
  EXPECT_EQ(life_->http.requests()[0].method, "POST");
  EXPECT_EQ(life_->http.requests()[0].headers.get("Content-Type"), "application/json");
}

TEST_F(RunTest, HidesSecrets) {
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({
    "Call":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/","authentication":{"type":"Basic","username":"u","password":"p"}},
            "runtimeConfiguration":{"secureData":{"properties":["outputs"]}}},
    "Use":{"type":"Compose","inputs":"@outputs('Call')","runAfter":{"Call":["Succeeded"]}}})j"));
  start(workflow);
  EXPECT_EQ(life_->http.requests()[0].headers.get("Authorization"), "Basic dTpw");
  const RunView view = last_view(workflow);
  EXPECT_EQ((*view.action("Call")->inputs)["authentication"], "*sanitized*");
  EXPECT_FALSE(view.action("Call")->outputs);
  EXPECT_TRUE(view.action("Call")->secured_outputs);
  EXPECT_FALSE(view.action("Use")->inputs) << "its inputs come from secured outputs";
}

TEST_F(RunTest, GoesThroughALongLoopInSegments) {
  options_.engine.segment_bytes = 4 << 10;
  options_.engine.turn_actions = 50;
  open(true);
  const WorkflowPtr workflow =
      deploy(definition(R"j({"N":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"Integer"}]}},
    "Each":{"type":"Foreach","foreach":"@range(1,2000)","actions":{"Add":{"type":"IncrementVariable","inputs":{"name":"n","value":"@item()"}}},"runAfter":{"N":["Succeeded"]}},
    "Sum":{"type":"Compose","inputs":"@variables('n')","runAfter":{"Each":["Succeeded"]}}})j"));
  start(workflow);
  restart();
  const RunView view = last_view(service().get("flow"));
  EXPECT_EQ(view.row().status, Status::kSucceeded);
  EXPECT_EQ(*view.action("Sum")->outputs, 2'001'000);
  EXPECT_THAT(view.repetitions("Add"), SizeIs(2000));
  EXPECT_EQ(view.repetitions("Add")[1999].repetition_name(), "001999");
}

}  // namespace
}  // namespace trunkline::flows
