#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using workflow::Status;

class LimitsTest : public FlowsTest {
 protected:
  /// What deploying it is refused with; empty: it is not.
  std::string refusal(const std::string& text) {
    try {
      deploy(text, "limited");
      return {};
    } catch (const Error& error) {
      return error.service_code + " " + error.message;
    }
  }
  static std::string computed(const std::string& expression) {
    return definition(R"j({"C":{"type":"Compose","inputs":")j" + expression + R"j("}})j");
  }
  std::string error_of(const WorkflowPtr& workflow, const char* action) {
    call(workflow);
    settle();
    const auto view = last_view(workflow).action(action);
    return !view->error.is_null() ? view->error["code"].get<std::string>() + " " + view->error["message"].get<std::string>() : "";
  }
};

TEST_F(LimitsTest, OfADefinition) {
  options_.plan.max_actions = 2;
  options_.plan.max_depth = 1;
  options_.plan.max_variables = 1;
  options_.plan.compile.max_expression_length = 40;
  options_.plan.max_foreach_concurrency = 5;
  options_.plan.max_concurrent_runs = 3;
  options_.plan.max_waiting_runs = 4;
  options_.plan.default_concurrent_runs = 2;
  open();
  EXPECT_THAT(
      refusal(definition(
          R"j({"A":{"type":"Compose","inputs":1},"B":{"type":"Compose","inputs":1},"C":{"type":"Compose","inputs":1}})j")),
      HasSubstr("has 3 actions; at most 2 are allowed"));
  EXPECT_THAT(refusal(computed("@concat('0123456789','0123456789','0123456789')")), HasSubstr("/actions/C/inputs"));
  EXPECT_THAT(
      refusal(definition(
          R"j({"A":{"type":"Foreach","foreach":[1],"actions":{},"runtimeConfiguration":{"concurrency":{"repetitions":6}}}})j")),
      HasSubstr("from 1 to 5"));
  const auto with_runs = [](const std::string& concurrency) {
    return definition("{}", R"j({"manual":{"type":"Request","runtimeConfiguration":{"concurrency":)j" + concurrency + "}}}");
  };
  EXPECT_THAT(refusal(with_runs(R"j({"runs":4})j")), HasSubstr("'runs' must be a whole number from 1 to 3"));
  EXPECT_THAT(refusal(with_runs(R"j({"runs":2,"maximumWaitingRuns":5})j")), HasSubstr("from 1 to 4"));
  EXPECT_EQ(refusal(with_runs("{}")), "");
  EXPECT_EQ(service().get("limited")->version->plan->triggers[0].concurrent_runs, 2);
}

TEST_F(LimitsTest, OfItsBytes) {
  options_.plan.max_definition_bytes = 400;
  open();
  EXPECT_EQ(refusal(computed("x")), "");
  EXPECT_THAT(refusal(computed(std::string(400, 'x'))), HasSubstr("InvalidRequestContent the definition has"));
}

TEST_F(LimitsTest, OfLoops) {
  options_.plan.max_foreach_items = 3;
  options_.plan.default_until_count = 2;
  options_.plan.max_until_count = 4;
  options_.plan.default_until_timeout = std::chrono::minutes{5};
  open();
  const WorkflowPtr each = deploy(definition(R"j({"Each":{"type":"Foreach","foreach":"@range(0,4)","actions":{}}})j"), "each");
  EXPECT_THAT(error_of(each, "Each"), HasSubstr("ExpressionEvaluationFailed The Foreach 'Each' has 4 items; at most 3"));
  EXPECT_THAT(refusal(definition(R"j({"U":{"type":"Until","expression":"@equals(1,2)","limit":{"count":5},"actions":{}}})j")),
              HasSubstr("'count' must be from 1 to 4"));
  const WorkflowPtr until = deploy(definition(R"j({"U":{"type":"Until","expression":"@equals(1,2)","actions":{
      "P":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}}}}})j"),
                                   "until");
  start(until);
  advance(std::chrono::minutes{4});
  EXPECT_THAT(last_view(until).repetitions("P"), SizeIs(2)) << "the default of the count";
  EXPECT_EQ(status_of(last_view(until), "U"), Status::kSucceeded);
  const WorkflowPtr slow =
      deploy(definition(R"j({"U":{"type":"Until","expression":"@equals(1,2)","operationOptions":"FailWhenLimitsReached",
      "actions":{"P":{"type":"Wait","inputs":{"interval":{"count":6,"unit":"Minute"}}}}}})j"),
             "slow");
  start(slow);
  advance(std::chrono::minutes{7});
  EXPECT_NE(status_of(last_view(slow), "U"), Status::kRunning) << "the default of the timeout";
}

TEST_F(LimitsTest, OfExpressions) {
  options_.plan.evaluate.max_text_length = 100;
  options_.plan.evaluate.max_range_count = 10;
  open();
  EXPECT_THAT(error_of(deploy(computed("@{range(0,11)}"), "a"), "C"), HasSubstr("InvalidTemplate"));
  EXPECT_THAT(error_of(deploy(computed("@concat(join(range(0,9),'0123456789'),join(range(0,9),'0123456789'))"), "b"), "C"),
              HasSubstr("InvalidTemplate"));
  EXPECT_EQ(error_of(deploy(computed("@range(0,10)"), "c"), "C"), "");
}

TEST_F(LimitsTest, OfMessages) {
  options_.plan.max_message_bytes = 1'000;
  options_.plan.max_uri_bytes = 60;
  open();
  const WorkflowPtr workflow = deploy(definition(
      R"j({"Send":{"type":"Http","inputs":{"method":"POST","uri":"http://x.example/","body":"@concat(triggerBody(),triggerBody())"}}})j"));
  const net::Response refused = call(workflow, "\"" + std::string(1'000, 'x') + "\"");
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, HasSubstr("RequestEntityTooLarge"));
  EXPECT_THAT(runs(workflow), SizeIs(0));
  EXPECT_EQ(call(workflow, "\"" + std::string(600, 'x') + "\"").status, 202);
  settle();
  EXPECT_THAT(last_view(workflow).action("Send")->error["message"].get<std::string>(),
              HasSubstr("has 1200 bytes, and 1000 are allowed"));
  EXPECT_EQ(call(workflow, "\"" + std::string(400, 'x') + "\"").status, 202);
  settle();
  EXPECT_EQ(status_of(last_view(workflow), "Send"), Status::kSucceeded);
  ASSERT_FALSE(life_->http.requests().empty());
  EXPECT_EQ(life_->http.requests().back().max_response_bytes, 1'000u);
  const WorkflowPtr far = deploy(definition(R"j({"Send":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/)j" +
                                            std::string(60, 'y') + R"j("}}})j"),
                                 "far");
  EXPECT_THAT(error_of(far, "Send"), HasSubstr("60 are allowed"));
}

TEST_F(LimitsTest, OfAnswersAboveWhatIsUsual) {
  options_.plan.max_message_bytes = std::size_t{300} << 20;
  open();
  call(deploy(definition(R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/"}}})j")));
  settle();
  EXPECT_EQ(life_->http.requests().back().max_response_bytes, std::size_t{300} << 20);
}

TEST_F(LimitsTest, OfTimes) {
  options_.engine.max_run = std::chrono::hours{2};
  options_.engine.max_stateless_run = std::chrono::seconds{30};
  options_.engine.caller_timeout = std::chrono::seconds{10};
  options_.http.timeout = std::chrono::seconds{7};
  open();
  const std::string pause = R"j({"P":{"type":"Wait","inputs":{"interval":{"count":5,"unit":"Hour"}}},
    "R":{"type":"Response","inputs":{},"runAfter":{"P":["Succeeded"]}}})j";
  const WorkflowPtr kept = deploy(definition(pause), "kept");
  const auto response = start(kept);
  advance(std::chrono::seconds{11});
  ASSERT_TRUE(*response);
  EXPECT_EQ((*response)->status, 504);
  advance(std::chrono::hours{3});
  EXPECT_EQ(runs(kept)[0].status, Status::kTimedOut);
  const WorkflowPtr brief = deploy(definition(pause), "brief", WorkflowKind::kStateless);
  start(brief);
  EXPECT_EQ(service().engine().loaded_runs(), 1u);
  advance(std::chrono::minutes{1});
  EXPECT_EQ(service().engine().loaded_runs(), 0u);
  call(deploy(definition(R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/"}}})j"), "http"));
  settle();
  EXPECT_EQ(life_->http.requests().back().timeout, std::chrono::seconds{7});
}

TEST_F(LimitsTest, OfBatches) {
  options_.plan.max_batch_messages = 2;
  open();
  EXPECT_THAT(
      refusal(definition("{}", R"j({"b":{"type":"Batch","inputs":{"mode":"Inline","configurations":{"main":{"releaseCriteria":{
    "messageCount":3}}}}}})j")),
      HasSubstr("'messageCount' must be a whole number from 1 to 2"));
}

TEST_F(LimitsTest, OfRetries) {
  open();
  const auto retried = [](const std::string& policy) {
    return definition(R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/","retryPolicy":)j" + policy +
                      "}}}");
  };
  const auto at = [](const char* member) { return std::string("/actions/Get/inputs/retryPolicy/") + member; };
  EXPECT_THAT(refusal(retried(R"j({"type":"fixed","count":91,"interval":"PT5S"})j")),
              AllOf(HasSubstr("InvalidTemplate"), HasSubstr(at("count")), HasSubstr("from 1 to 90")));
  EXPECT_THAT(refusal(retried(R"j({"type":"fixed","count":0,"interval":"PT5S"})j")), HasSubstr(at("count")));
  EXPECT_THAT(refusal(retried(R"j({"type":"fixed","count":2.5,"interval":"PT5S"})j")), HasSubstr(at("count")));
  EXPECT_THAT(refusal(retried(R"j({"type":"fixed","count":2,"interval":"PT4S"})j")),
              AllOf(HasSubstr("InvalidTemplate"), HasSubstr(at("interval")), HasSubstr("from '5s' to '1d'")));
  EXPECT_THAT(refusal(retried(R"j({"type":"fixed","count":2,"interval":"P1DT1S"})j")), HasSubstr(at("interval")));
  EXPECT_THAT(refusal(retried(R"j({"type":"exponential","count":2,"interval":"PT5S","minimumInterval":"PT1S"})j")),
              HasSubstr(at("minimumInterval")));
  EXPECT_THAT(refusal(retried(R"j({"type":"exponential","count":2,"interval":"PT5S","maximumInterval":"P2D"})j")),
              HasSubstr(at("maximumInterval")));
  EXPECT_THAT(refusal(retried(
                  R"j({"type":"exponential","count":2,"interval":"PT5S","minimumInterval":"PT1H","maximumInterval":"PT1M"})j")),
              HasSubstr("must not be longer than its 'maximumInterval'"));
  EXPECT_THAT(refusal(retried(R"j({"type":"fixed","count":2,"interval":"PT5S","wait":1})j")),
              HasSubstr("Could not find member 'wait'"));
  EXPECT_EQ(refusal(retried(
                R"j({"type":"exponential","count":90,"interval":"PT5S","minimumInterval":"PT5S","maximumInterval":"P1D"})j")),
            "");
  EXPECT_EQ(refusal(retried(R"j({"type":"none"})j")), "");
  EXPECT_THAT(
      refusal(definition("{}", R"j({"poll":{"type":"Http","recurrence":{"frequency":"Hour","interval":1},"inputs":{"method":"GET",
    "uri":"http://x.example/","retryPolicy":{"type":"fixed","count":2,"interval":"PT1S"}}}})j")),
      HasSubstr("/triggers/poll/inputs/retryPolicy/interval"));
}

TEST_F(LimitsTest, OfRetriesThatAreComputed) {
  options_.plan.max_retry_interval = std::chrono::minutes{1};
  script_ = [](const net::ClientRequest&) { return std::optional<Result<net::ClientResponse>>(json_answer(503, "{}")); };
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/",
    "retryPolicy":{"type":"fixed","count":2,"interval":"@concat('PT','2M')"}}}})j"));
  EXPECT_THAT(error_of(workflow, "Get"),
              HasSubstr("InvalidTemplate the retry policy has a 'interval' that is not from 5s to 1m"));
}

TEST_F(LimitsTest, WhatWasDeployedUnderOthersStillRuns) {
  options_.plan.min_retry_interval = std::chrono::seconds{1};
  open(true);
  deploy(definition(R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/",
    "retryPolicy":{"type":"fixed","count":2,"interval":"PT1S"}}}})j"));
  deploy(definition(R"j({"A":{"type":"Compose","inputs":1},"B":{"type":"If","expression":true,"actions":{
    "C":{"type":"Compose","inputs":2}}}})j",
                    R"j({"b":{"type":"Batch","inputs":{"mode":"Inline","configurations":{"main":{"releaseCriteria":{
    "messageCount":30}}}},"runtimeConfiguration":{"concurrency":{"runs":20}}}})j"),
         "many");
  options_.plan.min_retry_interval = std::chrono::seconds{5};
  options_.plan.max_actions = 1;
  options_.plan.max_depth = 0;
  options_.plan.max_batch_messages = 10;
  options_.plan.max_concurrent_runs = options_.plan.default_concurrent_runs = 5;
  options_.plan.max_name_length = 1;
  options_.plan.max_definition_bytes = 50;
  restart();
  EXPECT_EQ(error_of(service().get("flow"), "Get"), "");
  ASSERT_TRUE(service().get("many")->version->plan);
  EXPECT_EQ(service().get("many")->version->plan->triggers[0].batches[0].message_count, 30);
}

TEST_F(LimitsTest, WhatWasDeployedWhenLessWasLookedAtStillRuns) {
  const std::string text =
      R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/","retryPolicy":{"type":"fixed","count":2,
    "interval":"PT5S","wait":1}}}})j";
  const Value definition_value = expression::parse_value(definition(text));
  EXPECT_FALSE(workflow::compile({.definition = definition_value}).problems.empty());
  EXPECT_TRUE(workflow::compile({.definition = definition_value, .stored = true}).problems.empty());
  const Value other = expression::parse_value(definition(R"j({"E":{"type":"Expression","kind":"Guess","inputs":{"a":1}}})j"));
  EXPECT_FALSE(workflow::compile({.definition = other}).problems.empty());
  EXPECT_TRUE(workflow::compile({.definition = other, .stored = true}).problems.empty());
}

}  // namespace
}  // namespace trunkline::flows
