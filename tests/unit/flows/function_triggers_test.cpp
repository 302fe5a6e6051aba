#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Stands for the functions of an application.
class FakeFunctions final : public ActionPort {
 public:
  bool handles(const ActionCall& call) const override {
    return call.action->type == workflow::ActionType::kApiConnection ||
           call.action->type == workflow::ActionType::kApiConnectionWebhook ||
           call.action->type == workflow::ActionType::kServiceProvider;
  }
  bool repeats_safely(const ActionCall&) const override { return true; }
  bool stands_behind(const std::vector<std::string>&) const override { return true; }
  void run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) override {
    asked.push_back(std::string(call.trigger_operation) + " " + expression::to_json_text(call.cursor));
    inputs = *call.inputs;
    done(answer(call));
  }
  static ActionAnswer gave(Value body, Value cursor) {
    ActionAnswer out;
    out.outputs = Value{{"statusCode", body.is_null() ? 202 : 200}, {"headers", Value::object()}};
    if (!body.is_null()) out.outputs["body"] = std::move(body);
    out.cursor = std::move(cursor);
    return out;
  }

  std::function<ActionAnswer(const ActionCall&)> answer;
  std::vector<std::string> asked;
  Value inputs;
};

class FunctionTriggersTest : public FlowsTest {
 protected:
  FunctionTriggersTest() {
    ports_ = {&functions};
    functions.answer = [this](const ActionCall& call) {
      if (call.trigger_operation == "unsubscribe") return FakeFunctions::gave(Value(), Value());
      if (call.trigger_operation == "subscribe") return FakeFunctions::gave(Value(), "s-7");
      const std::int64_t at = call.cursor.is_null() ? 0 : call.cursor.get<std::int64_t>();
      if (at >= there) return FakeFunctions::gave(Value(), at);
      return FakeFunctions::gave(Value::array({at, at + 1}), at + 2);
    };
  }
  static std::string poll(const std::string& more = "") {
    return definition(
        "{}", R"j({"new":{"type":"ApiConnection","recurrence":{"frequency":"Minute","interval":5},"splitOn":"@triggerBody()",
      "inputs":{"host":{"connection":{"name":"orders"}},"method":"get","path":"/new"})j" +
                  more + "}}");
  }
  FakeFunctions functions;
  std::int64_t there = 4;
};

TEST_F(FunctionTriggersTest, PollsWithItsCursorAndKeepsItOverARestart) {
  open(true);
  const WorkflowPtr workflow = deploy(poll());
  settle();
  EXPECT_THAT(functions.asked, ElementsAre("poll null"));
  EXPECT_EQ(functions.inputs["path"], "/new");
  EXPECT_THAT(runs(workflow), SizeIs(2));
  restart();
  advance(std::chrono::minutes{11});
  EXPECT_THAT(functions.asked, ElementsAre("poll null", "poll 2", "poll 4"));
  const WorkflowPtr again = service().get("flow");
  ASSERT_THAT(runs(again), SizeIs(4));
  EXPECT_EQ(last_view(again).trigger()["outputs"]["body"], 3);
  EXPECT_EQ(service().histories(again, "new", "", 10)[0].status, workflow::Status::kSkipped);
}

TEST_F(FunctionTriggersTest, SayWhenTheFunctionFails) {
  functions.answer = [](const ActionCall&) { return ActionAnswer::failed("BadGateway", "OutOfPaper", "no paper"); };
  open();
  const WorkflowPtr workflow = deploy(poll());
  settle();
  const auto histories = service().histories(workflow, "new", "", 10);
  ASSERT_THAT(histories, SizeIs(1));
  EXPECT_EQ(histories[0].code, "OutOfPaper");
  EXPECT_THAT(service().triggers(*workflow)[0].problem, HasSubstr("no paper"));
}

TEST_F(FunctionTriggersTest, TryAgainWhenThatMayHelp) {
  int calls = 0;
  functions.answer = [&](const ActionCall& call) {
    if (++calls > 1) return FakeFunctions::gave(Value::array({1}), Value());
    EXPECT_EQ(call.retries, 0);
    ActionAnswer busy = ActionAnswer::failed("ServiceUnavailable", "Busy", "later");
    busy.retryable = true;
    return busy;
  };
  open();
  const WorkflowPtr workflow = deploy(poll());
  advance(std::chrono::seconds{20});
  EXPECT_THAT(runs(workflow), SizeIs(1));
}

TEST_F(FunctionTriggersTest, AskNothingThatThereIsNoRoomFor) {
  open();
  const WorkflowPtr workflow = deploy(
      definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}}})j",
                 R"j({"new":{"type":"ApiConnection","recurrence":{"frequency":"Minute","interval":5},"splitOn":"@triggerBody()",
      "inputs":{"host":{"connection":{"name":"orders"}},"method":"get","path":"/new"},
      "runtimeConfiguration":{"concurrency":{"runs":1,"maximumWaitingRuns":1}}}})j"));
  advance(std::chrono::minutes{16});
  EXPECT_THAT(functions.asked, SizeIs(1)) << "one runs and one waits; polls are skipped";
  EXPECT_THAT(runs(workflow), SizeIs(2));
  advance(std::chrono::minutes{50});
  EXPECT_GT(functions.asked.size(), 1u);
}

TEST_F(FunctionTriggersTest, ServiceProvidersAreAskedToo) {
  open();
  const WorkflowPtr workflow = deploy(definition("{}", R"j({"peek":{"type":"ServiceProvider","splitOn":"@triggerBody()","inputs":{
    "parameters":{"queueName":"q"},"serviceProviderConfiguration":{"connectionName":"bus","operationId":"receive","serviceProviderId":"/serviceProviders/serviceBus"}}}})j"));
  settle();
  EXPECT_THAT(functions.asked, ElementsAre("poll null"));
  EXPECT_EQ(service().triggers(*workflow)[0].problem, "");
  EXPECT_THAT(runs(workflow), SizeIs(2));
}

TEST_F(FunctionTriggersTest, SubscribeAndEndWithWhatTheFunctionGave) {
  open(true);
  deploy(definition("{}",
                    R"j({"hook":{"type":"ApiConnectionWebhook","inputs":{"host":{"connection":{"name":"orders"}},"path":"/hooks",
    "body":{"callback":"@{listCallbackUrl()}"}}}})j"));
  settle();
  EXPECT_THAT(functions.asked, ElementsAre("subscribe null"));
  EXPECT_THAT(functions.inputs["body"]["callback"].get<std::string>(), HasSubstr("/triggers/hook/paths/invoke?"));
  EXPECT_EQ(call(service().get("flow"), R"j({"a":1})j").status, 202);
  restart();
  sync_wait(service().remove("flow"));
  settle();
  EXPECT_THAT(functions.asked, ElementsAre("subscribe null", R"(unsubscribe "s-7")"));
}

TEST_F(FunctionTriggersTest, ANotificationMakesItFetch) {
  open();
  const WorkflowPtr workflow =
      deploy(definition("{}", R"j({"new":{"type":"ApiConnectionNotification","splitOn":"@triggerBody()","inputs":{
    "host":{"connection":{"name":"orders"}},"subscribe":{"pathTemplate":{"template":"/s"},"body":{"url":"@{listCallbackUrl()}"}},
    "fetch":{"pathTemplate":{"template":"/f"}}}}})j"));
  settle();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(call(workflow).status, 202);
    settle();
  }
  EXPECT_THAT(functions.asked, ElementsAre("subscribe null", "fetch null", "fetch 2", "fetch 4"));
  EXPECT_THAT(runs(workflow), SizeIs(4));
}

}  // namespace
}  // namespace trunkline::flows
