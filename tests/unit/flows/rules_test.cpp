// Rules of single actions in whole runs: what variables take, which case a Switch takes, static results, secrets.
#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using workflow::Status;

class RulesTest : public FlowsTest {
 protected:
  RunView run(const std::string& actions, const std::string& body = "{}", const std::string& more = "") {
    if (!life_) open();
    const WorkflowPtr workflow = deploy(definition(actions, R"j({"manual":{"type":"Request","kind":"Http"}})j", more));
    call(workflow, body);
    settle();
    return last_view(workflow);
  }
  static std::string why(const RunView& view, const char* action) {
    const auto found = view.action(action);
    return found && found->error.is_object()
               ? found->code + " " + found->error["code"].get<std::string>() + ": " + found->error["message"].get<std::string>()
               : "";
  }
};

TEST_F(RulesTest, AVariableBeginsWithWhatItsTypeSays) {
  std::string actions = "{", names;
  for (const char* type : {"String", "integer", "Float", "BOOLEAN", "Object", "array"}) {
    const std::string name(type);
    actions += "\"" + name + R"j(":{"type":"InitializeVariable","inputs":{"variables":[{"name":")j" + name + R"j(","type":")j" +
               name + R"j("}]}},)j";
    names += (names.empty() ? "\"@variables('" : "\",\"@variables('") + name + "')";
  }
  actions += R"j("Read":{"type":"Compose","inputs":[)j" + names +
             R"j("],"runAfter":{"String":["Succeeded"],"integer":["Succeeded"],"Float":["Succeeded"],"BOOLEAN":["Succeeded"],)j"
             R"j("Object":["Succeeded"],"array":["Succeeded"]}}})j";
  EXPECT_EQ(*run(actions).action("Read")->outputs, Value::array({"", 0, 0.0, false, nullptr, Value::array()}));
}

TEST_F(RulesTest, AVariableTakesWhatFitsItsType) {
  const auto set = [&](const std::string& type, const std::string& action, const std::string& value) {
    return run(R"j({"V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":")j" + type + R"j("}]}},
      "Do":{"type":")j" +
                   action + R"j(","inputs":{"name":"V")j" + (value.empty() ? "" : ",\"value\":" + value) +
                   R"j(},"runAfter":{"V":["Succeeded"]}},
      "Read":{"type":"Compose","inputs":"@variables('v')","runAfter":{"Do":["Succeeded"]}}})j",
               R"j({"n":null,"list":[1,2]})j");
  };
  EXPECT_EQ(*set("Float", "SetVariable", "3").action("Read")->outputs, 3) << "a whole number is a number";
  EXPECT_EQ(*set("Integer", "IncrementVariable", "").action("Read")->outputs, 1) << "by one unless told otherwise";
  EXPECT_EQ(*set("Integer", "DecrementVariable", "4").action("Read")->outputs, -4);
  EXPECT_EQ(*set("Float", "DecrementVariable", "0.5").action("Read")->outputs, -0.5);
  EXPECT_EQ(*set("String", "AppendToStringVariable", "7").action("Read")->outputs, "7");
  EXPECT_EQ(*set("String", "AppendToStringVariable", R"j("@triggerBody()['n']")j").action("Read")->outputs, "")
      << "null adds nothing";
  EXPECT_EQ(*set("Array", "AppendToArrayVariable", R"j("@triggerBody()['list']")j").action("Read")->outputs,
            Value::array({Value::array({1, 2})}))
      << "one element, whatever it is";
  EXPECT_EQ(set("Integer", "IncrementVariable", "2").action("Do")->outputs->at("body"), Value({{"name", "v"}, {"value", 2}}));
  for (const auto& [type, value] : {std::pair{"Integer", R"j("1")j"}, std::pair{"Integer", "1.5"}, std::pair{"Boolean", "0"},
                                    std::pair{"Array", "{}"}, std::pair{"String", "1"}}) {
    const RunView view = set(type, "SetVariable", value);
    EXPECT_EQ(status_of(view, "Do"), Status::kFailed) << type << value;
    EXPECT_THAT(why(view, "Do"), AllOf(HasSubstr("BadRequest InvalidTemplate"), HasSubstr("'v'"), HasSubstr(type)));
    EXPECT_EQ(status_of(view, "Read"), Status::kSkipped);
  }
  EXPECT_THAT(why(set("Integer", "IncrementVariable", "1.5"), "Do"), HasSubstr("cannot be changed by a value of type"));
}

TEST_F(RulesTest, ASwitchTakesTheCaseThatIsEqual) {
  const auto chosen = [&](const std::string& value, const std::string& more = "") {
    const RunView view = run(R"j({"S":{"type":"Switch","expression":"@triggerBody()['v']","cases":{
      "One":{"case":"one","actions":{"A":{"type":"Compose","inputs":1}}},
      "Upper":{"case":"ONE","actions":{"B":{"type":"Compose","inputs":2}}}})j" +
                                 more + R"j(}})j",
                             R"j({"v":)j" + value + "}");
    if (status_of(view, "S") == Status::kFailed) return why(view, "S");
    std::string out;
    for (const char* name : {"A", "B", "D"})
      if (view.action(name) && status_of(view, name) == Status::kSucceeded) out += name;
    return out;
  };
  const std::string fallback = R"j(,"default":{"actions":{"D":{"type":"Compose","inputs":3}}})j";
  EXPECT_EQ(chosen(R"j("one")j"), "A");
  EXPECT_EQ(chosen(R"j("ONE")j"), "B");
  EXPECT_EQ(chosen(R"j("two")j"), "") << "no match and no default: nothing runs, and that is well";
  EXPECT_EQ(chosen(R"j("two")j", fallback), "D");
  for (const char* wrong : {"null", "1", "true", "[\"one\"]"})
    EXPECT_THAT(chosen(wrong, fallback), AllOf(HasSubstr("ExpressionEvaluationFailed"), HasSubstr("'S'"))) << wrong;
}

TEST_F(RulesTest, ATerminateCancelsWhatItStandsIn) {
  // Whether something would come after it or not.
  for (const char* after : {"", R"j(,"Never":{"type":"Compose","inputs":1,"runAfter":{"Stop":["Succeeded"]}})j"}) {
    const RunView view = run(R"j({"Outer":{"type":"Scope","actions":{"Inner":{"type":"If","expression":"@true","actions":{
        "Stop":{"type":"Terminate","inputs":{"runStatus":"Cancelled"}})j" +
                             std::string(after) + R"j(}}}},
      "Later":{"type":"Compose","inputs":1,"runAfter":{"Outer":["Succeeded","Failed","Skipped","TimedOut"]}}})j");
    EXPECT_EQ(view.row().status, Status::kCancelled);
    EXPECT_EQ(status_of(view, "Stop"), Status::kSucceeded);
    EXPECT_EQ(status_of(view, "Inner"), Status::kCancelled);
    EXPECT_EQ(status_of(view, "Outer"), Status::kCancelled);
    EXPECT_EQ(status_of(view, "Later"), Status::kSkipped);
    EXPECT_EQ(view.action("Later")->code, "Terminated");
  }
}

TEST_F(RulesTest, ARunThatWasTerminatedIsTerminatedAgainWhenItBeginsAgain) {
  open();
  int asked = 0;
  life_->http.script = [&](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    return Result<net::ClientResponse>(json_answer(200, std::to_string(++asked)));
  };
  const WorkflowPtr workflow = deploy(definition(
      R"j({"Ask":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example"}},
      "Stop":{"type":"Terminate","inputs":{"runStatus":"Failed","runError":{"code":"@{body('Ask')}","message":"m"}},"runAfter":{"Ask":["Succeeded"]}},
      "Never":{"type":"Compose","inputs":1,"runAfter":{"Stop":["Succeeded"]}}})j"));
  start(workflow);
  const std::string first = runs(workflow)[0].name();
  for (const char* from : {"Ask", "Stop", "Never"}) {
    sync_wait(service().rerun(workflow, first, from));
    settle();
    const RunView view = last_view(workflow);
    EXPECT_EQ(view.row().status, Status::kFailed) << from;
    EXPECT_EQ(view.row().code, from == std::string("Ask") ? "2" : "1") << from;
    EXPECT_EQ(status_of(view, "Never"), Status::kSkipped);
  }
  EXPECT_EQ(asked, 2);
}

TEST_F(RulesTest, AStaticResultMayBeAFailure) {
  script_ = [](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    ADD_FAILURE() << "nothing is sent";
    return Result<net::ClientResponse>(net::ClientResponse{200, {}, ""});
  };
  const RunView view = run(
      R"j({"Ask":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example"},
        "runtimeConfiguration":{"staticResult":{"name":"down","staticResultOptions":"Enabled"}}},
      "Tell":{"type":"Compose","inputs":"@actions('Ask')","runAfter":{"Ask":["Failed"]}}})j",
      "{}",
      R"j(,"staticResults":{"down":{"status":"Failed","outputs":{"statusCode":"ServiceUnavailable","body":"later"},
        "error":{"code":"Down","message":"as the definition says"}}})j");
  EXPECT_EQ(status_of(view, "Ask"), Status::kFailed);
  EXPECT_EQ(view.action("Ask")->error["code"], "Down");
  EXPECT_EQ((*view.action("Tell")->outputs)["outputs"]["body"], "later");
  EXPECT_EQ(view.row().status, Status::kSucceeded);
}

TEST_F(RulesTest, SecureParametersAreNotShown) {
  open();
  WorkflowSpec spec;
  spec.name = "secret";
  spec.definition = definition(
      R"j({"Send":{"type":"Http","inputs":{"method":"POST","uri":"http://x.example","body":"@{parameters('login')['user']} and @{parameters('key')}"},
        "runtimeConfiguration":{"secureData":{"properties":["inputs"]}}}})j",
      R"j({"manual":{"type":"Request","kind":"Http"}})j",
      R"j(,"parameters":{"login":{"type":"SecureObject"},"key":{"type":"SecureString"}})j");
  spec.parameters = R"j({"login":{"value":{"user":"ada-the-hidden"}},"key":{"value":"k-of-nobody"}})j";
  const WorkflowPtr workflow = sync_wait(service().deploy(std::move(spec)));
  call(workflow);
  settle();
  EXPECT_EQ(life_->http.requests().at(0).body, "ada-the-hidden and k-of-nobody");
  const RunView view = last_view(workflow);
  EXPECT_EQ(status_of(view, "Send"), Status::kSucceeded);
  EXPECT_FALSE(view.action("Send")->inputs);
}

TEST_F(RulesTest, ABatchOfAnIntegrationAccountIsRefusedWithItsPlace) {
  open();
  try {
    deploy(
        definition("{}", R"j({"b":{"type":"Batch","inputs":{"mode":"IntegrationAccount","batchConfigurationName":"orders"}}})j"));
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.target, "/triggers/b/inputs/mode");
    EXPECT_THAT(error.message, AllOf(HasSubstr("no integration accounts here"), HasSubstr("Inline")));
  }
}

TEST_F(RulesTest, ARunThatFailsTouchesNoOther) {
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({
    "V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"Array"}]}},
    "Each":{"type":"Foreach","foreach":"@triggerBody()","actions":{"Add":{"type":"AppendToArrayVariable","inputs":{"name":"v","value":"@div(60,item())"}}},
      "runAfter":{"V":["Succeeded"]}},
    "Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}},"runAfter":{"Each":["Succeeded"]}},
    "Sum":{"type":"Compose","inputs":"@variables('v')","runAfter":{"Pause":["Succeeded"]}}})j"));
  std::vector<std::string> names;
  for (const char* body : {"[1,2]", "[0]", "[3]", "[4,0,5]", "[6]"}) {
    call(workflow, body);
    settle();
    names.push_back(runs(workflow).back().name());
  }
  advance(std::chrono::minutes{2});
  const auto outcome = [&](std::size_t i) {
    const RunView view = service().view(workflow, names[i]);
    return view.row().status == Status::kSucceeded ? expression::to_json_text(*view.action("Sum")->outputs) : "failed";
  };
  EXPECT_EQ(outcome(0), "[60,30]");
  EXPECT_EQ(outcome(1), "failed");
  EXPECT_EQ(outcome(2), "[20]");
  EXPECT_EQ(outcome(3), "failed");
  EXPECT_EQ(outcome(4), "[10]");
}

}  // namespace
}  // namespace trunkline::flows
