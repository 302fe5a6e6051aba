#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using workflow::Status;

constexpr const char* kGuid = "[0-9a-f-]{36}";

class HeadersTest : public FlowsTest {
 protected:
  static std::vector<std::string> own(const net::Headers& headers) {
    std::vector<std::string> out;
    for (const auto& [name, value] : headers)
      if (istarts_with(name, "x-ms-")) out.push_back(name);
    return out;
  }
  static std::string get_with(const std::string& options) {
    return R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/"})j" + options + "}}";
  }
};

TEST_F(HeadersTest, TellTheCallerOfTheRun) {
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({"R":{"type":"Response","inputs":{"statusCode":200}}})j"));
  TriggerCall call = json_call("{}");
  call.headers.set("x-ms-client-tracking-id", "order-7");
  const net::Response response = sync_wait(service().call_trigger(workflow, "manual", call));
  const RunRow row = runs(workflow)[0];
  const auto header = [&](const char* name) { return std::string(response.headers.get(name)); };
  EXPECT_EQ(header("x-ms-workflow-run-id"), row.name());
  EXPECT_EQ(header("x-ms-trigger-history-name"), row.name());
  EXPECT_EQ(header("x-ms-workflow-id"), workflow->id);
  EXPECT_EQ(header("x-ms-workflow-name"), "flow");
  EXPECT_EQ(header("x-ms-workflow-version"), workflow->version->name);
  EXPECT_EQ(header("x-ms-workflow-system-id"), "/locations/local/scaleunits/local/workflows/" + workflow->id);
  EXPECT_EQ(header("x-ms-client-tracking-id"), "order-7");
  EXPECT_EQ(header("x-ms-execution-location"), "local");
  EXPECT_THAT(header("x-ms-correlation-id"), MatchesRegex(kGuid));
  EXPECT_EQ(header("x-ms-tracking-id"), service().histories(workflow, "manual", "", 1)[0].tracking_id);
  const net::Response other = this->call(workflow);
  EXPECT_EQ(other.headers.get("x-ms-client-tracking-id"), runs(workflow)[1].name());
  EXPECT_NE(other.headers.get("x-ms-correlation-id"), header("x-ms-correlation-id"));
}

TEST_F(HeadersTest, AreKeptBackFromTheCallerWhereTheTriggerSaysSo) {
  open();
  const WorkflowPtr workflow =
      deploy(definition("{}", R"j({"manual":{"type":"Request","operationOptions":"SuppressWorkflowHeadersOnResponse"}})j"));
  const net::Response response = call(workflow);
  EXPECT_EQ(response.status, 202);
  EXPECT_THAT(own(response.headers), IsEmpty());
}

TEST_F(HeadersTest, TellTheOtherSideWhoAsks) {
  open();
  const WorkflowPtr workflow = deploy(definition(get_with("")));
  TriggerCall call = json_call("{}");
  call.headers.set("x-ms-client-tracking-id", "order-7");
  sync_wait(service().call_trigger(workflow, "manual", call));
  settle();
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  const net::Headers headers = life_->http.requests()[0].headers;
  const auto header = [&](const char* name) { return std::string(headers.get(name)); };
  EXPECT_EQ(header("x-ms-workflow-id"), workflow->id);
  EXPECT_EQ(header("x-ms-workflow-name"), "flow");
  EXPECT_EQ(header("x-ms-workflow-version"), workflow->version->name);
  EXPECT_EQ(header("x-ms-workflow-run-id"), runs(workflow)[0].name());
  EXPECT_EQ(header("x-ms-workflow-operation-name"), "Get");
  EXPECT_EQ(header("x-ms-workflow-subscription-id"), workflow->subscription);
  EXPECT_EQ(header("x-ms-workflow-resourcegroup-name"), workflow->resource_group);
  EXPECT_EQ(header("x-ms-client-tracking-id"), "order-7");
  EXPECT_EQ(header("x-ms-tracking-id"), last_view(workflow).action("Get")->tracking_id);
  for (const char* name : {"x-ms-correlation-id", "x-ms-client-request-id", "x-ms-workflow-run-tracking-id"})
    EXPECT_THAT(header(name), MatchesRegex(kGuid)) << name;
  EXPECT_FALSE(headers.has("x-ms-workflow-trigger-name"));
}

TEST_F(HeadersTest, AreKeptBackFromTheOtherSideWhereTheActionSaysSo) {
  open();
  call(deploy(definition(get_with(R"j(,"operationOptions":"DisableAsyncPattern, SuppressWorkflowHeaders")j"))));
  settle();
  ASSERT_THAT(life_->http.requests(), SizeIs(1));
  EXPECT_THAT(own(life_->http.requests()[0].headers), IsEmpty());
}

TEST_F(HeadersTest, OfATriggerThatAsksNameIt) {
  open();
  const auto poll = [](const std::string& options) {
    return definition("{}", R"j({"poll":{"type":"Http","recurrence":{"frequency":"Hour","interval":1},"inputs":{"method":"GET",
      "uri":"http://x.example/"})j" +
                                options + "}}");
  };
  deploy(poll(""));
  settle();
  const net::Headers headers = life_->http.requests().at(0).headers;
  EXPECT_EQ(headers.get("x-ms-workflow-trigger-name"), "poll");
  EXPECT_FALSE(headers.has("x-ms-workflow-run-id")) << "there is no run yet";
  deploy(poll(R"j(,"operationOptions":"SuppressWorkflowHeaders")j"), "quiet");
  settle();
  EXPECT_THAT(own(life_->http.requests().at(1).headers), IsEmpty());
}

TEST_F(HeadersTest, OfAuthorizationAreShownOnlyWhereTheTriggerSaysSo) {
  open();
  const WorkflowPtr silent = deploy(definition("{}"), "silent");
  const WorkflowPtr open_hearted = deploy(
      definition("{}", R"j({"manual":{"type":"Request","operationOptions":"IncludeAuthorizationHeadersInOutputs"}})j"), "open");
  for (const char* name : {"Authorization", "AUTHORIZATION"}) {
    TriggerCall call = json_call("{}");
    call.headers.set(name, "Bearer t");
    sync_wait(service().call_trigger(silent, "manual", call));
    EXPECT_FALSE(last_view(silent).trigger()["outputs"]["headers"].contains(name));
    sync_wait(service().call_trigger(open_hearted, "manual", call));
    EXPECT_EQ(last_view(open_hearted).trigger()["outputs"]["headers"][name], "Bearer t");
  }
}

TEST_F(HeadersTest, OfAuthorizationOfACallbackAreNotKept) {
  open();
  const WorkflowPtr workflow = deploy(
      definition(R"j({"Ask":{"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST","uri":"http://x.example/ask"}}}})j"));
  start(workflow);
  TriggerCall call = json_call("{}");
  call.headers.set("authorization", "Bearer t");
  call.headers.set("x-kept", "yes");
  EXPECT_EQ(sync_wait(service().call_action(workflow, runs(workflow)[0].name(), "Ask", 0, call)).status, 200);
  settle();
  const Value headers = (*last_view(workflow).action("Ask")->outputs)["headers"];
  EXPECT_FALSE(headers.contains("authorization"));
  EXPECT_EQ(headers["x-kept"], "yes");
}

class OperationOptionsTest : public FlowsTest {};

TEST_F(OperationOptionsTest, ASingleInstanceRunsOneAfterTheOther) {
  open();
  const WorkflowPtr workflow =
      deploy(definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}}})j",
                        R"j({"manual":{"type":"Request","operationOptions":"SingleInstance"}})j"));
  for (int i = 0; i < 12; ++i) EXPECT_EQ(call(workflow).status, 202);
  const net::Response full = call(workflow);
  EXPECT_EQ(full.status, 429) << "one runs, and ten more than that wait";
  EXPECT_THAT(full.body, ::testing::HasSubstr("WorkflowRunConcurrencyLimitExceeded"));
  EXPECT_EQ(runs(workflow)[0].status, Status::kRunning);
  for (int i = 1; i < 12; ++i) EXPECT_EQ(runs(workflow)[i].status, Status::kWaiting);
  advance(std::chrono::seconds{61});
  EXPECT_EQ(runs(workflow)[0].status, Status::kSucceeded);
  EXPECT_EQ(runs(workflow)[1].status, Status::kRunning);
  EXPECT_EQ(runs(workflow)[2].status, Status::kWaiting);
}

TEST_F(OperationOptionsTest, AnUntilFailsAtItsLimitsWhereItIsToldTo) {
  open();
  const auto until = [](const std::string& limit, const std::string& options) {
    return definition(R"j({"U":{"type":"Until","expression":"@equals(1,2)","limit":)j" + limit + options +
                      R"j(,"actions":{"P":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}}}}})j");
  };
  const char* fails = R"j(,"operationOptions":"FailWhenLimitsReached")j";
  int n = 0;
  for (const char* limit : {R"j({"count":2,"timeout":"PT1H"})j", R"j({"count":60,"timeout":"PT90S"})j"})
    for (const char* options : {"", fails}) {
      const WorkflowPtr workflow = deploy(until(limit, options), "until-" + std::to_string(++n));
      start(workflow);
      advance(std::chrono::minutes{4});
      const auto view = last_view(workflow).action("U");
      EXPECT_EQ(view->status, *options == '\0' ? Status::kSucceeded : Status::kFailed) << limit << options;
      if (*options != '\0') {
        EXPECT_EQ(view->error["code"], "ActionFailed");
      }
    }
}

}  // namespace
}  // namespace trunkline::flows
