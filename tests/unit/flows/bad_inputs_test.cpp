#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using workflow::Status;

/// What is wrong with a definition or with what it is given: the service's code, and the place.
class BadInputsTest : public FlowsTest {
 protected:
  std::string refusal(const std::string& text) {
    try {
      deploy(text);
      return {};
    } catch (const Error& error) {
      return error.service_code + " " + error.target + " " + error.message;
    }
  }
};

TEST_F(BadInputsTest, AForeachOverWhatIsNoArray) {
  open();
  const WorkflowPtr workflow = deploy(definition(
      R"j({"Each":{"type":"Foreach","foreach":"@triggerBody()?['rows']","actions":{"In":{"type":"Compose","inputs":1}}},
    "After":{"type":"Compose","inputs":1,"runAfter":{"Each":["Failed"]}}})j"));
  for (const auto& [body, kind] :
       {std::pair{R"({"rows":null})", "'Null'"}, std::pair{"{}", "'Null'"}, std::pair{R"({"rows":{"a":1}})", "'Object'"},
        std::pair{R"({"rows":"ab"})", "'String'"}, std::pair{R"({"rows":7})", "'Integer'"}}) {
    call(workflow, body);
    settle();
    const RunView view = last_view(workflow);
    EXPECT_EQ(status_of(view, "Each"), Status::kFailed) << body;
    EXPECT_EQ(view.action("Each")->code, "BadRequest");
    EXPECT_EQ(view.action("Each")->error["code"], "ExpressionEvaluationFailed");
    EXPECT_THAT(
        view.action("Each")->error["message"].get<std::string>(),
        AllOf(HasSubstr("'foreach' expression of the action 'Each'"), HasSubstr(kind), HasSubstr("must be a valid array")));
    EXPECT_EQ(status_of(view, "In"), Status::kSkipped);
    EXPECT_EQ(status_of(view, "After"), Status::kSucceeded) << "the run goes on as runAfter says";
  }
  call(workflow, R"({"rows":[]})");
  settle();
  EXPECT_EQ(status_of(last_view(workflow), "Each"), Status::kSucceeded) << "nothing is no mistake";
}

TEST_F(BadInputsTest, ABodyThatIsTooLarge) {
  options_.plan.max_message_bytes = 100;
  open();
  const WorkflowPtr workflow = deploy(definition("{}"));
  const net::Response response = call(workflow, "\"" + std::string(100, 'x') + "\"");
  EXPECT_EQ(response.status, 413);
  const Value body = expression::parse_value(response.body);
  EXPECT_EQ(body["error"]["code"], "RequestEntityTooLarge");
  EXPECT_THAT(body["error"]["message"].get<std::string>(), HasSubstr("102 bytes; at most 100"));
  EXPECT_THAT(runs(workflow), SizeIs(0));
}

TEST_F(BadInputsTest, MoreRunsThanMayWait) {
  open();
  const WorkflowPtr workflow = deploy(
      definition(R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}}}})j",
                 R"j({"manual":{"type":"Request","runtimeConfiguration":{"concurrency":{"runs":2,"maximumWaitingRuns":3}}}})j"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(call(workflow).status, 202);
  const net::Response refused = call(workflow);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(expression::parse_value(refused.body)["error"]["code"], "WorkflowRunConcurrencyLimitExceeded");
  EXPECT_THAT(runs(workflow), SizeIs(5));
  advance(std::chrono::seconds{61});
  EXPECT_EQ(call(workflow).status, 202) << "there is room again";
}

TEST_F(BadInputsTest, AResponseThatDoesNotCome) {
  open();
  const WorkflowPtr skipped = deploy(
      definition(
          R"j({"A":{"type":"If","expression":"@equals(triggerBody()?['x'],1)","actions":{"R":{"type":"Response","inputs":{"statusCode":200}}}}})j"),
      "skipped");
  const net::Response none = call(skipped);
  EXPECT_EQ(none.status, 502);
  EXPECT_EQ(expression::parse_value(none.body)["error"]["code"], "NoResponse");
  EXPECT_EQ(none.headers.get("x-ms-workflow-run-id"), runs(skipped)[0].name()) << "where to look";
  const WorkflowPtr failed = deploy(
      definition(
          R"j({"F":{"type":"Compose","inputs":"@div(1,0)"},"R":{"type":"Response","inputs":{},"runAfter":{"F":["Succeeded"]}}})j"),
      "failed");
  EXPECT_EQ(expression::parse_value(call(failed).body)["error"]["code"], "NoResponse");
  EXPECT_EQ(call(deploy(definition("{}"), "without")).status, 202) << "nobody promised one";
}

TEST_F(BadInputsTest, ReferencesInACircle) {
  open();
  EXPECT_THAT(refusal(definition(R"j({
    "A":{"type":"Compose","inputs":1,"runAfter":{"C":["Succeeded"]}},
    "B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}},
    "C":{"type":"Compose","inputs":1,"runAfter":{"B":["Succeeded"]}},
    "D":{"type":"Compose","inputs":1,"runAfter":{"C":["Succeeded"]}}})j")),
              AllOf(HasSubstr("InvalidTemplate /actions/A/runAfter"), HasSubstr("circular dependency"),
                    HasSubstr("'A', 'C', 'B'"), HasSubstr("line 3")));
}

TEST_F(BadInputsTest, ReferencesToWhatRunsLater) {
  open();
  const std::string later = refusal(definition(R"j({
    "A":{"type":"Compose","inputs":"@outputs('B')"},
    "B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}})j"));
  EXPECT_THAT(later, AllOf(HasSubstr("InvalidTemplate /actions/A/inputs"), HasSubstr("'B'")));
  EXPECT_THAT(refusal(definition(R"j({"A":{"type":"Compose","inputs":"@outputs('A')"}})j")),
              AllOf(HasSubstr("InvalidTemplate /actions/A/inputs"), HasSubstr("'A'")))
      << "to itself";
  EXPECT_THAT(refusal(definition(R"j({
    "V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"Integer","value":1}]}},
    "S":{"type":"SetVariable","inputs":{"name":"v","value":"@add(variables('v'),1)"},"runAfter":{"V":["Succeeded"]}}})j")),
              AllOf(HasSubstr("InvalidTemplate /actions/S/inputs"), HasSubstr("'v'")))
      << "a variable by itself";
}

TEST_F(BadInputsTest, NotificationsThatAreMalformed) {
  open();
  const auto notification = [](const std::string& inputs) {
    return definition("{}", R"j({"mail":{"type":"ApiConnectionNotification","inputs":)j" + inputs + "}}");
  };
  const std::string good = R"j("host":{"connection":{"name":"c"}},"subscribe":{"pathTemplate":{"template":"/s"}},)j";
  EXPECT_THAT(refusal(notification("{" + good + R"j("fetch":{"pathTemplate":{"template":"/f/{a}","parameters":{"a":"1"}}}})j")),
              "");
  EXPECT_THAT(refusal(notification(R"j({"host":{"connection":{"name":"c"}},"fetch":{"pathTemplate":{"template":"/f"}}})j")),
              HasSubstr("/triggers/mail/inputs The template validation failed: 'Required property 'subscribe' is missing"));
  EXPECT_THAT(refusal(notification("{" + good + R"j("path":"/f"})j")),
              AllOf(HasSubstr("/triggers/mail/inputs/path"), HasSubstr("Required property 'fetch'")));
  EXPECT_THAT(refusal(notification("{" + good + R"j("fetch":{"pathTemplate":{"template":"/f/{a}","parameters":{"b":1}}}})j")),
              AllOf(HasSubstr("/triggers/mail/inputs/fetch/pathTemplate/template"), HasSubstr("names 'a'")));
  EXPECT_THAT(refusal(notification("{" + good + R"j("fetch":{"pathTemplate":{"template":"/f/{a"}}})j")),
              HasSubstr("do not match"));
  EXPECT_THAT(refusal(notification("{" + good + R"j("fetch":{"pathTemplate":"/f"}})j")),
              HasSubstr("InvalidRequestContent /triggers/mail/inputs/fetch/pathTemplate"));
  EXPECT_THAT(refusal(notification("{" + good + R"j("fetch":{"method":"get"}})j")),
              HasSubstr("/triggers/mail/inputs/fetch The template validation failed: 'Required property 'pathTemplate'"));
  EXPECT_THAT(refusal(notification("{" + good + R"j("fetch":{"patTemplate":{"template":"/f"}}})j")),
              HasSubstr("Did you mean 'pathTemplate'?"));
}

}  // namespace
}  // namespace trunkline::flows
