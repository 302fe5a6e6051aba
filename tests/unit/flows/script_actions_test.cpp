// Inline code in whole runs, in real worker processes.
#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::HasSubstr;
using workflow::Status;

class ScriptActionsTest : public FlowsTest {
 protected:
  ScriptActionsTest() { options_.scripts.host.worker = TRUNKLINE_SCRIPT_WORKER; }

  /// Runs one workflow to its end, and gives it.
  RunView run(const std::string& actions, const std::string& body = "{}") {
    const WorkflowPtr workflow = deploy(definition(actions));
    start(workflow, body);
    settle();
    return last_view(workflow);
  }
  static std::string code(const std::string& code, const std::string& more = "") {
    return R"j({"type":"JavaScriptCode","inputs":{"code":)j" + expression::to_json_text(Value(code)) + more + "}";
  }
};

TEST_F(ScriptActionsTest, SeesTriggerActionsAndWorkflow) {
  open();
  const RunView view =
      run(R"j({"Get":{"type":"Compose","inputs":{"n":"@triggerBody()['n']"}},"Twice":)j" +
              code("const n = workflowContext.actions.Get.outputs.n;\n"
                   "return { twice: 2 * n, from: workflowContext.trigger.outputs.body.n,"
                   " workflow: workflowContext.workflow.name, status: workflowContext.actions.Get.status };") +
              R"j(,"runAfter":{"Get":["Succeeded"]}},"After":{"type":"Compose","inputs":"@body('Twice')?['twice']",)j"
              R"j("runAfter":{"Twice":["Succeeded"]}}})j",
          R"j({"n":21})j");
  EXPECT_EQ(*view.action("Twice")->outputs,
            expression::parse_value(R"j({"body":{"twice":42,"from":21,"workflow":"flow","status":"Succeeded"}})j"));
  EXPECT_EQ(*view.action("After")->outputs, 42);
  EXPECT_EQ(view.row().status, Status::kSucceeded);
}

TEST_F(ScriptActionsTest, SeesWhatIsSaidToBeSeen) {
  open();
  const RunView view = run(R"j({"A B":{"type":"Compose","inputs":1},"Other":{"type":"Compose","inputs":2},"Code":)j" +
                           code("const all = workflowContext; return [Object.keys(all.actions), typeof all.trigger];",
                                R"j(,"explicitDependencies":{"actions":["A B"],"includeTrigger":true})j") +
                           R"j(,"runAfter":{"A B":["Succeeded"],"Other":["Succeeded"]}}})j");
  EXPECT_EQ((*view.action("Code")->outputs)["body"], expression::parse_value(R"j([["A B"],"object"])j"));
}

TEST_F(ScriptActionsTest, FailsAsTheServiceDoes) {
  open();
  const RunView view =
      run(R"j({"Code":)j" + code("const a = 1;\nthrow new TypeError('no order');") + R"j(},)j" +
          R"j("Handled":{"type":"Compose","inputs":"@actions('Code')['error']['code']","runAfter":{"Code":["Failed"]}}})j");
  const auto failed = view.action("Code");
  EXPECT_EQ(failed->status, Status::kFailed);
  EXPECT_EQ(failed->code, "InlineCodeScriptRuntimeFailure");
  EXPECT_THAT(failed->error["message"].get<std::string>(), HasSubstr("TypeError: no order' (line 2)"));
  EXPECT_EQ(*view.action("Handled")->outputs, "InlineCodeScriptRuntimeFailure");
}

TEST_F(ScriptActionsTest, IsHeldToItsLimits) {
  options_.scripts.limits.time = std::chrono::milliseconds{200};
  options_.scripts.limits.max_result_bytes = 1000;
  options_.plan.max_code_length = 60;
  open();
  const RunView view = run(R"j({"Slow":)j" + code("for (;;) ;") + R"j(},"Long":)j" + code("return 'x'.repeat(2000)") + "}}");
  EXPECT_THAT(view.action("Slow")->error["message"].get<std::string>(), HasSubstr("longer than it may"));
  EXPECT_THAT(view.action("Long")->error["message"].get<std::string>(), HasSubstr("longer than it may be"));
  EXPECT_THROW(deploy(definition(R"j({"A":)j" + code("return 1;" + std::string(100, ' ')) + "}}"), "other"), Error);
}

TEST_F(ScriptActionsTest, RunsInEveryIteration) {
  open();
  const RunView view = run(
      R"j({"Each":{"type":"Foreach","foreach":"@triggerBody()","actions":{"Item":{"type":"Compose","inputs":"@item()"},"Code":)j" +
          code("return workflowContext.actions.Item.outputs * 10;") +
          R"j(,"runAfter":{"Item":["Succeeded"]}}}},"All":{"type":"Compose","inputs":"@result('Each')",)j"
          R"j("runAfter":{"Each":["Succeeded"]}}})j",
      "[1,2,3,4,5,6,7,8]");
  EXPECT_EQ(view.row().status, Status::kSucceeded);
  const std::vector<ActionView> all = view.repetitions("Code");
  ASSERT_EQ(all.size(), 8u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ((*all[i].outputs)["body"], Value(10 * (i + 1)));
}

TEST_F(ScriptActionsTest, KeepsSecretsOfWhatItLooksAt) {
  open();
  const RunView view = run(
      R"j({"Secret":{"type":"Compose","inputs":"x","runtimeConfiguration":{"secureData":{"properties":["outputs"]}}},"Code":)j" +
      code("return workflowContext.actions.Secret.outputs.length;") + R"j(,"runAfter":{"Secret":["Succeeded"]}}})j");
  EXPECT_EQ((*view.action("Code")->outputs)["body"], 1);
  EXPECT_TRUE(view.version().plan->actions[view.version().plan->find_action("Code")].secure_inputs);
}

TEST_F(ScriptActionsTest, IsRefusedForUnknownDependencies) {
  open();
  try {
    deploy(definition(R"j({"Code":)j" + code("return 1", R"j(,"explicitDependencies":{"actions":["Nobody"]})j") + "}}"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("depends on the action 'Nobody'"));
  }
}

TEST_F(ScriptActionsTest, SaysThatItsProgramIsMissing) {
  options_.scripts.host.worker = "/nowhere/trunkline-script";
  open();
  const RunView view = run(R"j({"Code":)j" + code("return 1") + "}}");
  EXPECT_EQ(view.action("Code")->code, "InlineCodeNotAvailable");
  EXPECT_THAT(view.action("Code")->error["message"].get<std::string>(), HasSubstr("cannot start '/nowhere/trunkline-script'"));
}

}  // namespace
}  // namespace trunkline::flows
