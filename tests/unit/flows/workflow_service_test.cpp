#include "runtime/flows/workflow_service.h"

#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using workflow::Status;

constexpr const char* kEcho = R"j({"Say":{"type":"Compose","inputs":"@triggerBody()"},
 "Reply":{"type":"Response","inputs":{"statusCode":201,"headers":{"x-a":"b","Set-Cookie":"no"},"body":"@outputs('Say')"},"runAfter":{"Say":["Succeeded"]}}})j";

class ServiceTest : public FlowsTest {};

TEST_F(ServiceTest, DeploysCallsAndShowsARun) {
  open();
  const WorkflowPtr workflow = deploy(definition(kEcho));
  const net::Response response = call(workflow, R"j({"n":[1,2.5,"x"]})j");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, R"j({"n":[1,2.5,"x"]})j");
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.headers.get("x-a"), "b");
  EXPECT_FALSE(response.headers.has("Set-Cookie"));
  const std::vector<RunRow> rows = runs(workflow);
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].name(), response.headers.get("x-ms-workflow-run-id"));
  EXPECT_EQ(rows[0].name().size(), 33u);
  EXPECT_EQ(rows[0].status, Status::kSucceeded);
  EXPECT_FALSE(rows[0].active);
  EXPECT_FALSE(rows[0].due);
  const RunView view = last_view(workflow);
  EXPECT_EQ(view.trigger()["outputs"]["body"]["n"][1], 2.5);
  EXPECT_EQ(view.action("say")->code, "OK");
  EXPECT_EQ(view.action("Reply")->outputs->at("statusCode"), 201);
  const auto histories = service().histories(workflow, "manual", "", 10);
  ASSERT_THAT(histories, SizeIs(1));
  EXPECT_TRUE(histories[0].fired);
  EXPECT_EQ(histories[0].run, rows[0].name());
}

TEST_F(ServiceTest, KeepsEverythingOverARestart) {
  open(true);
  const WorkflowPtr workflow = deploy(definition(kEcho));
  call(workflow, "1");
  restart();
  const WorkflowPtr again = service().get("FLOW");
  EXPECT_EQ(again->id, workflow->id);
  EXPECT_EQ(call(again, "2").body, "2");
  EXPECT_THAT(runs(again), SizeIs(2));
  EXPECT_LT(runs(again)[0].key, runs(again)[1].key);
}

TEST_F(ServiceTest, MakesANewVersionOnlyForANewText) {
  open();
  const WorkflowPtr first = deploy(definition(kEcho));
  EXPECT_EQ(deploy(definition(kEcho))->version->name, first->version->name);
  const WorkflowPtr second = deploy(definition("{}"));
  EXPECT_NE(second->version->name, first->version->name);
  EXPECT_EQ(second->id, first->id);
  EXPECT_THAT(service().versions(*second), SizeIs(2));
}

TEST_F(ServiceTest, RunsGoOnWithTheVersionTheyBeganWith) {
  open(true);
  const WorkflowPtr first = deploy(definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}},
    "Old":{"type":"Compose","inputs":"old","runAfter":{"Pause":["Succeeded"]}}})j"));
  call(first);
  deploy(definition("{}"));
  restart();
  advance(std::chrono::hours{2});
  const WorkflowPtr now = service().get("flow");
  EXPECT_EQ(runs(now)[0].status, Status::kSucceeded);
  EXPECT_EQ(*last_view(now).action("Old")->outputs, "old");
}

TEST_F(ServiceTest, RefusesABadDefinitionWithAllItsProblems) {
  open();
  try {
    deploy(definition(R"j({"A":{"type":"Compose","inputs":"@nope()"},"B":{"type":"Compose","inputs":"@body('C')"}})j"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.service_code, "InvalidTemplate");
    EXPECT_EQ(error.details.size(), 2u);
    EXPECT_THAT(error.message, HasSubstr("line"));
  }
  EXPECT_FALSE(service().find("flow"));
}

TEST_F(ServiceTest, RefusesCallsAsTheServiceDoes) {
  open();
  const WorkflowPtr workflow = deploy(definition(
      kEcho,
      R"j({"manual":{"type":"Request","inputs":{"method":"PUT","relativePath":"/o/{id}","schema":{"type":"object","required":["a"]}},
                              "operationOptions":"EnableSchemaValidation"}})j"));
  const auto status_and_body = [&](TriggerCall call) {
    const net::Response response = sync_wait(service().call_trigger(workflow, "manual", std::move(call)));
    return std::to_string(response.status) + " " + response.body;
  };
  TriggerCall good = json_call(R"j({"a":1})j");
  good.method = "PUT";
  good.relative_path = "o/7%2F8";
  TriggerCall wrong_method = good, wrong_path = good, wrong_json = good, wrong_body = good;
  wrong_method.method = "POST";
  wrong_path.relative_path = "/p/7";
  wrong_json.body = "{";
  wrong_body.body = "{}";
  EXPECT_THAT(status_and_body(wrong_method), HasSubstr("400 {\"error\":{\"code\":\"TriggerRequestMethodNotValid\""));
  EXPECT_THAT(status_and_body(wrong_path), HasSubstr("404 "));
  EXPECT_THAT(status_and_body(wrong_json), HasSubstr("InvalidRequestContent"));
  EXPECT_THAT(status_and_body(wrong_body), HasSubstr("Required properties are missing from object: a."));
  EXPECT_THAT(status_and_body(good), HasSubstr("201 "));
  EXPECT_EQ(last_view(workflow).trigger()["outputs"]["relativePathParameters"]["id"], "7/8");
  settle();
  EXPECT_THAT(service().histories(workflow, "manual", "", 10), SizeIs(2)) << "the run, and the body that did not fit";
  sync_wait(service().set_enabled("flow", false));
  EXPECT_THAT(status_and_body(good).substr(0, 4), "201 ") << "the old workflow object is still enabled";
  const net::Response disabled = sync_wait(service().call_trigger(service().get("flow"), "manual", good));
  EXPECT_THAT(disabled.body, HasSubstr("WorkflowTriggerIsNotEnabled"));
}

TEST_F(ServiceTest, SignsItsAddresses) {
  open();
  const WorkflowPtr workflow = deploy(definition(kEcho));
  service().set_endpoint("http://localhost:4600/");
  const CallbackUrl url = service().callback_url(*workflow, "manual");
  EXPECT_THAT(url.value, HasSubstr("http://localhost:4600/workflows/" + workflow->id + "/triggers/manual/paths/invoke?"));
  EXPECT_NO_THROW(check_callback(*workflow, trigger_permission("manual"), url.queries, now_));
  auto forged = url.queries;
  forged["sig"] += "x";
  EXPECT_THROW(check_callback(*workflow, trigger_permission("manual"), forged, now_), Error);
  EXPECT_THROW(check_callback(*workflow, trigger_permission("other"), url.queries, now_), Error);
  EXPECT_THROW(check_callback(*workflow, trigger_permission("manual"), {}, now_), Error);
  const auto until = callback_queries(*workflow, trigger_permission("manual"), "2026-03-02T09:00:00Z");
  EXPECT_NO_THROW(check_callback(*workflow, trigger_permission("manual"), until, now_));
  EXPECT_THROW(check_callback(*workflow, trigger_permission("manual"), until, now_ + std::chrono::hours{2}), Error);
  const WorkflowPtr renewed = sync_wait(service().regenerate_signing_key("flow"));
  EXPECT_THROW(check_callback(*renewed, trigger_permission("manual"), url.queries, now_), Error);
}

TEST_F(ServiceTest, CancelsARunThatWaits) {
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Day"}}},
    "Then":{"type":"Compose","inputs":1,"runAfter":{"Pause":["Succeeded","Failed","Skipped","TimedOut"]}}})j"));
  call(workflow);
  const std::string name = runs(workflow)[0].name();
  sync_wait(service().cancel(workflow, name));
  EXPECT_EQ(runs(workflow)[0].status, Status::kCancelled);
  const RunView view = last_view(workflow);
  EXPECT_EQ(status_of(view, "Pause"), Status::kCancelled);
  EXPECT_EQ(status_of(view, "Then"), Status::kSkipped);
  EXPECT_NO_THROW(sync_wait(service().cancel(workflow, name))) << "it stays as it is";
  EXPECT_THROW(sync_wait(service().cancel(workflow, "08584")), Error);
}

TEST_F(ServiceTest, RepeatsARunAndBeginsAgainAtAFailedAction) {
  bool works = false;
  int calls = 0;
  script_ = [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    ++calls;
    if (request.url.ends_with("/first")) return Result<net::ClientResponse>(json_answer(200, R"j({"v":1})j"));
    return Result<net::ClientResponse>(json_answer(works ? 200 : 400, R"j({"v":2})j"));
  };
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({
    "First":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/first"}},
    "Loop":{"type":"Foreach","foreach":[1,2],"actions":{"In":{"type":"Compose","inputs":"@item()"}},"runAfter":{"First":["Succeeded"]}},
    "Second":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/second"},"runAfter":{"Loop":["Succeeded"]}},
    "Sum":{"type":"Compose","inputs":"@add(body('First')['v'],body('Second')['v'])","runAfter":{"Second":["Succeeded"]}}})j"));
  call(workflow, R"j({"id":8})j");
  settle();
  const std::string failed = runs(workflow)[0].name();
  EXPECT_EQ(runs(workflow)[0].status, Status::kFailed);
  EXPECT_EQ(calls, 2);
  works = true;
  const std::string again = sync_wait(service().rerun(workflow, failed, ""));
  settle();
  const RunView view = service().view(workflow, again);
  EXPECT_EQ(view.row().status, Status::kSucceeded);
  EXPECT_EQ(calls, 3) << "the first call was not made again";
  EXPECT_EQ(*view.action("Sum")->outputs, 3);
  EXPECT_THAT(view.repetitions("In"), SizeIs(2));
  EXPECT_EQ(view.row().repeats, failed);
  EXPECT_EQ(view.row().repeats_from, "Second");
  const std::string whole = sync_wait(service().resubmit(workflow, failed));
  settle();
  EXPECT_EQ(service().view(workflow, whole).trigger()["outputs"]["body"]["id"], 8);
  EXPECT_EQ(calls, 5);
  EXPECT_THROW(sync_wait(service().rerun(workflow, failed, "In")), Error) << "no action at the top level";
}

TEST_F(ServiceTest, LimitsRunsAndLetsOthersWait) {
  open(true);
  const WorkflowPtr workflow = deploy(
      definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}}})j",
                 R"j({"manual":{"type":"Request","runtimeConfiguration":{"concurrency":{"runs":1,"maximumWaitingRuns":1}}}})j"));
  EXPECT_EQ(call(workflow).status, 202);
  EXPECT_EQ(call(workflow).status, 202);
  EXPECT_EQ(call(workflow).status, 429);
  EXPECT_EQ(runs(workflow)[1].status, Status::kWaiting);
  restart();
  advance(std::chrono::seconds{90});
  const WorkflowPtr now = service().get("flow");
  EXPECT_EQ(runs(now)[0].status, Status::kSucceeded);
  EXPECT_EQ(runs(now)[1].status, Status::kRunning);
  advance(std::chrono::seconds{60});
  EXPECT_EQ(runs(now)[1].status, Status::kSucceeded);
}

TEST_F(ServiceTest, AnswersThoseWhoWaitInVain) {
  open();
  const WorkflowPtr none = deploy(
      definition(R"j({"A":{"type":"If","expression":"@equals(1,2)","actions":{"R":{"type":"Response","inputs":{}}}}})j"), "none");
  EXPECT_EQ(call(none).status, 502);
  const WorkflowPtr late = deploy(definition(R"j({"P":{"type":"Wait","inputs":{"interval":{"count":5,"unit":"Minute"}}},
     "R":{"type":"Response","inputs":{},"runAfter":{"P":["Succeeded"]}}})j"),
                                  "late");
  const auto response = start(late);
  EXPECT_FALSE(*response);
  advance(std::chrono::seconds{121});
  ASSERT_TRUE(*response);
  EXPECT_EQ((*response)->status, 504);
  advance(std::chrono::minutes{5});
  EXPECT_EQ(runs(late)[0].status, Status::kSucceeded);
  EXPECT_EQ(last_view(late).action("R")->error["code"], "ActionResponseSkipped");
}

TEST_F(ServiceTest, KeepsNothingOfAStatelessRun) {
  open(true);
  const WorkflowPtr workflow = deploy(definition(kEcho), "flow", WorkflowKind::kStateless);
  EXPECT_EQ(call(workflow, "[1]").body, "[1]");
  EXPECT_THAT(runs(workflow), IsEmpty());
  const WorkflowPtr waits = deploy(definition(R"j({"P":{"type":"Wait","inputs":{"interval":{"count":5,"unit":"Second"}}},
     "R":{"type":"Response","inputs":{"body":"late"},"runAfter":{"P":["Succeeded"]}}})j"),
                                   "waits", WorkflowKind::kStateless);
  const auto response = start(waits);
  advance(std::chrono::seconds{6});
  ASSERT_TRUE(*response);
  EXPECT_EQ((*response)->body, "late");
}

TEST_F(ServiceTest, RunsThatHaveEndedLeaveMemory) {
  open(true);
  for (const WorkflowKind kind : {WorkflowKind::kStateless, WorkflowKind::kStateful}) {
    const WorkflowPtr workflow = deploy(definition(kEcho), kind == WorkflowKind::kStateful ? "kept" : "flow", kind);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(call(workflow, "[1]").body, "[1]");
    settle();
    EXPECT_EQ(service().engine().loaded_runs(), 0u);
  }
}

TEST_F(ServiceTest, AStatelessRunSeesTheRecordOfItsTriggerWhenItAsks) {
  open();
  const WorkflowPtr workflow =
      deploy(definition(R"j({"R":{"type":"Response","inputs":{"body":"@trigger()"}}})j"), "flow", WorkflowKind::kStateless);
  const Value record = expression::parse_value(call(workflow, "[1]").body);
  std::vector<std::string> members;
  for (const auto& member : record.items()) members.push_back(member.key());
  EXPECT_THAT(members, ElementsAre("name", "outputs", "startTime", "endTime", "trackingId", "clientTrackingId",
                                   "originHistoryName", "code", "status"));
  EXPECT_EQ(record["outputs"]["body"], Value({1}));
}

TEST_F(ServiceTest, WhatIsSharedNeverChanges) {
  open();
  // Values of the trigger, of actions, of loops inside loops and of the definition are taken over as they are, and a variable
  // that grows while a loop goes over it leaves the loop alone.
  const std::string actions = R"j({
"List":{"type":"InitializeVariable","inputs":{"variables":[{"name":"list","type":"Array","value":"@triggerBody()['rows'][0]"}]}},
"Seen":{"type":"InitializeVariable","inputs":{"variables":[{"name":"seen","type":"Array"}]},"runAfter":{"List":["Succeeded"]}},
"Whole":{"type":"Compose","inputs":"@triggerBody()","runAfter":{"Seen":["Succeeded"]}},
"Part":{"type":"Compose","inputs":"@outputs('Whole')['rows']","runAfter":{"Whole":["Succeeded"]}},
"Fixed":{"type":"Compose","inputs":{"a":[1]},"runAfter":{"Part":["Succeeded"]}},
"Grow":{"type":"Foreach","foreach":"@variables('list')","operationOptions":"Sequential","runAfter":{"Fixed":["Succeeded"]},
  "actions":{"More":{"type":"AppendToArrayVariable","inputs":{"name":"list","value":"@item()"}}}},
"Rows":{"type":"Foreach","foreach":"@if(true,outputs('Part'),triggerBody())","operationOptions":"Sequential","runAfter":{"Grow":["Succeeded"]},
  "actions":{"Cells":{"type":"Foreach","foreach":"@item()","operationOptions":"Sequential",
    "actions":{"Cell":{"type":"Compose","inputs":"@items('Cells')"},
               "Keep":{"type":"AppendToArrayVariable","inputs":{"name":"seen","value":"@outputs('Cell')"},"runAfter":{"Cell":["Succeeded"]}}}}}},
"R":{"type":"Response","inputs":{"body":{"list":"@variables('list')","seen":"@variables('seen')","part":"@outputs('Part')",
  "fixed":"@outputs('Fixed')","body":"@triggerBody()"}},"runAfter":{"Rows":["Succeeded"]}}})j";
  const std::string body = R"({"rows":[[{"n":1},{"n":2}],[],["x",[3]]]})";
  for (const WorkflowKind kind : {WorkflowKind::kStateless, WorkflowKind::kStateful})
    EXPECT_EQ(
        call(deploy(definition(actions), kind == WorkflowKind::kStateful ? "kept" : "flow", kind), body).body,
        R"({"list":[{"n":1},{"n":2},{"n":1},{"n":2}],"seen":[{"n":1},{"n":2},"x",[3]],"part":[[{"n":1},{"n":2}],[],["x",[3]]],)"
        R"("fixed":{"a":[1]},"body":{"rows":[[{"n":1},{"n":2}],[],["x",[3]]]}})");
}

TEST_F(ServiceTest, RemovesAWorkflowWithEverything) {
  open(true);
  const WorkflowPtr workflow =
      deploy(definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}}})j"));
  call(workflow);
  EXPECT_TRUE(sync_wait(service().remove("flow")));
  EXPECT_FALSE(sync_wait(service().remove("flow")));
  EXPECT_THROW(service().get("flow"), Error);
  EXPECT_THAT(runs(workflow), IsEmpty());
  advance(std::chrono::hours{2});
  restart();
  EXPECT_THAT(service().list(), IsEmpty());
}

TEST_F(ServiceTest, DeletesWhatIsOld) {
  options_.engine.retention = std::chrono::hours{24};
  open();
  const WorkflowPtr workflow = deploy(definition(kEcho));
  call(workflow);
  advance(std::chrono::hours{12});
  call(workflow);
  advance(std::chrono::hours{14});
  EXPECT_THAT(runs(workflow), SizeIs(1)) << "the older one is gone by itself";
}

}  // namespace
}  // namespace trunkline::flows
