#include "runtime/workflow/compile.h"

#include "tests/unit/workflow/definition.h"

namespace trunkline::workflow {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

auto Problem_(const std::string& pointer, const std::string& part) { return AllOf(StartsWith(pointer + ": "), HasSubstr(part)); }

TEST(Compile, MakesAPlanOfGroupsAndRegions) {
  const PlanPtr plan = plan_of(definition_of(R"j({
    "Loop": {"type":"Foreach","foreach":"@triggerBody()","actions":{"Inner":{"type":"Compose","inputs":"@item()"}}},
    "Check": {"type":"If","expression":"@true","actions":{"Yes":{"type":"Compose","inputs":1}},"else":{"actions":{}},
              "runAfter":{"Loop":["SUCCEEDED","failed"]}}})j"));
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->actions.size(), 4u);
  EXPECT_EQ(plan->regions.size(), 2u);
  const Action& loop = plan->actions[plan->find_action("LOOP")];
  EXPECT_EQ(loop.concurrency, 20);
  EXPECT_EQ(loop.followers.size(), 1u);
  const Action& check = plan->actions[plan->find_action("Check")];
  EXPECT_EQ(check.arms.size(), 2u);
  EXPECT_TRUE(check.run_after.front().statuses.has(Status::kFailed));
  EXPECT_FALSE(check.run_after.front().statuses.has(Status::kSkipped));
  EXPECT_EQ(plan->regions[0].body.leaves, std::vector<ActionIndex>{check.index});
}

TEST(Compile, KnowsTheKindsOfExpressionActions) {
  const std::string text = definition_of(R"j({
 "Now": {"type":"Expression","kind":"CurrentTime"},
 "None": {"type":"Expression","inputs":{}},
 "Other": {"type":"Expression","kind":"Reverse","inputs":{"text":"abc"}},
 "Text": {"type":"Expression","kind":"IndexOf","inputs":"abc"}})j");
  EXPECT_THAT(problems_of(text), ::testing::UnorderedElementsAre(
                                     Problem_("/actions/None", "needs a 'kind': one of AddToTime, ConvertTimeZone, CurrentTime"),
                                     Problem_("/actions/Other/kind", "unknown kind 'Reverse'. There are AddToTime, "),
                                     Problem_("/actions/Text/inputs", "must be an object")));
}

TEST(Compile, ReportsEverythingAtOnceWithPlaces) {
  const std::string text = definition_of(R"j({
 "A": {"type":"Nonsense","inputs":1},
 "B": {"type":"Compose","inputs":"@nothing()"},
 "C": {"type":"Compose","inputs":{"x":"@body('Missing')"}},
 "D": {"type":"Compose","inputs":1,"runAfter":{"Other":["Succeeded"]}},
 "E": {"type":"Compose","inputs":1,"runAfter":{"B":["Sometimes"]},"colour":"red"}})j");
  const Compiled compiled = compile_text(text);
  EXPECT_FALSE(compiled.plan);
  EXPECT_THAT(problems_of(text), AllOf(Contains(Problem_("/actions/A/type", "unknown type 'Nonsense'")),
                                       Contains(Problem_("/actions/B/inputs", "nothing")),
                                       Contains(Problem_("/actions/C/inputs/x", "'Missing' is referenced and not defined")),
                                       Contains(Problem_("/actions/D/runAfter/Other", "non-existent action: 'Other'")),
                                       Contains(Problem_("/actions/E/runAfter/B", "Succeeded, Failed, Skipped and TimedOut")),
                                       Contains(Problem_("/actions/E/colour", "Could not find member 'colour'"))));
  for (const Problem& problem : compiled.problems)
    if (problem.pointer == "/actions/C/inputs/x") {
      EXPECT_EQ(problem.code, "InvalidTemplate");
      EXPECT_EQ(problem.location.line, 6u);
      EXPECT_GT(problem.location.column, 1u);
    }
  const Error error = to_error(compiled.problems);
  EXPECT_EQ(error.http_status, 400);
  EXPECT_EQ(error.details.size(), compiled.problems.size());
}

TEST(Compile, FindsCircles) {
  EXPECT_THAT(problems_of(definition_of(R"j({
 "A":{"type":"Compose","inputs":1,"runAfter":{"C":["Succeeded"]}},
 "B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}},
 "C":{"type":"Compose","inputs":1,"runAfter":{"B":["Succeeded"]}},
 "D":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}})j")),
              ElementsAre(AllOf(HasSubstr("circular"), HasSubstr("'A'"), HasSubstr("'B'"), HasSubstr("'C'"),
                                ::testing::Not(HasSubstr("'D'")))));
}

TEST(Compile, LetsOnlyWhatRanBeforeBeRead) {
  EXPECT_THAT(problems_of(definition_of(R"j({
 "A":{"type":"Compose","inputs":"@outputs('B')"},
 "B":{"type":"Compose","inputs":1}})j")),
              ElementsAre(Problem_("/actions/A/inputs", "not among the actions that run before")));
  // What stands in a container that ran before, and what ran before the container one stands in, may be read.
  EXPECT_THAT(problems_of(definition_of(R"j({
 "S":{"type":"Scope","actions":{"In":{"type":"Compose","inputs":1}}},
 "T":{"type":"Scope","actions":{"Use":{"type":"Compose","inputs":"@outputs('In')"}},"runAfter":{"S":["Succeeded"]}},
 "U":{"type":"Until","expression":"@equals(outputs('Try'), 1)","actions":{"Try":{"type":"Compose","inputs":1}}}})j")),
              IsEmpty());
}

TEST(Compile, ChecksLoopsVariablesAndParameters) {
  EXPECT_THAT(
      problems_of(definition_of(R"j({
 "V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"integer","value":1}]}},
 "W":{"type":"InitializeVariable","inputs":{"variables":[{"name":"N","type":"String"}]}},
 "Set":{"type":"SetVariable","inputs":{"name":"n","value":"@add(variables('N'),1)"},"runAfter":{"V":["Succeeded"]}},
 "Text":{"type":"AppendToStringVariable","inputs":{"name":"n","value":"x"},"runAfter":{"V":["Succeeded"]}},
 "Other":{"type":"Compose","inputs":"@variables('m')"},
 "Item":{"type":"Compose","inputs":"@item()"},
 "Items":{"type":"Compose","inputs":"@items('Loop')"},
 "Param":{"type":"Compose","inputs":"@parameters('p')"},
 "Loop":{"type":"Foreach","foreach":[1],"operationOptions":"Sequential","runtimeConfiguration":{"concurrency":{"repetitions":3}},
   "actions":{"Ok":{"type":"Compose","inputs":"@items('loop')"},
              "Stop":{"type":"Terminate","inputs":{"runStatus":"Failed"}},
              "Late":{"type":"InitializeVariable","inputs":{"variables":[{"name":"l","type":"String"}]}}}}})j")),
      ElementsAre(
          Problem_("/actions/W/inputs/variables/0", "more than once"),
          Problem_("/actions/Text/inputs/name", "takes variables of type 'String'"),
          Problem_("/actions/Loop/runtimeConfiguration/concurrency/repetitions", "only one of them"),
          Problem_("/actions/Loop/actions/Stop", "inside a loop"), Problem_("/actions/Loop/actions/Late", "top level only"),
          Problem_("/actions/Set/inputs/value", "cannot be used in the action that sets it"),
          Problem_("/actions/Other/inputs", "variable 'm'"), Problem_("/actions/Item/inputs", "outside of a repeating"),
          Problem_("/actions/Items/inputs", "no loop named 'Loop'"), Problem_("/actions/Param/inputs", "'p' is not found")));
}

TEST(Compile, ChecksValuesOfParameters) {
  const std::string text = definition_of("{}", R"j(,"parameters":{
 "text":{"type":"String","allowedValues":["a","b"]},
 "number":{"type":"Int","defaultValue":3},
 "secret":{"type":"SecureString"},
 "list":{"type":"Array","defaultValue":{}},
 "odd":{"type":"Decimal"}})j");
  EXPECT_THAT(
      problems_of(text, R"j({"text":{"value":"c"},"number":{"value":"4"},"more":{"value":1}})j"),
      ElementsAre(Problem_("/parameters/text/value", "'allowedValues'"),
                  Problem_("/parameters/number/value", "must be of type 'Int'"), Problem_("/parameters/secret", "no value"),
                  Problem_("/parameters/list/defaultValue", "must be of type 'Array'"),
                  Problem_("/parameters/odd/type", "must be one of"), Problem_("/parameters/more", "not declared")));
}

TEST(Compile, HoldsToItsLimits) {
  Options options;
  options.max_actions = 1;
  options.max_depth = 0;
  EXPECT_THAT(
      problems_of(definition_of(R"j({"S":{"type":"Scope","actions":{"A":{"type":"Compose","inputs":1}}}})j"), "{}", options),
      ElementsAre(Problem_("/actions/S/actions/A", "nested too deeply"), Problem_("/actions", "at most 1")));
}

TEST(Compile, ChecksTriggers) {
  EXPECT_THAT(
      problems_of(definition_of("{}", "", R"j({
 "a":{"type":"Recurrence","recurrence":{"frequency":"Fortnight","interval":0}},
 "b":{"type":"Recurrence","recurrence":{"frequency":"Day","interval":1,"timeZone":"Atlantis"}},
 "c":{"type":"Request","inputs":{"relativePath":"/x/{id}"}},
 "d":{"type":"Telepathy"},
 "e":{"type":"Request","operationOptions":"SingleInstance","runtimeConfiguration":{"concurrency":{"runs":2}}},
 "f":{"type":"Request","splitOn":"rows"},
 "g":{"type":"Http","inputs":{"method":"GET"},"recurrence":{"frequency":"minute","interval":"5"}},
 "h":{"type":"Request","conditions":[{"expression":"@equals(1)"}]}})j")),
      ElementsAre(Problem_("/triggers/a/recurrence/frequency", "must be one of"),
                  Problem_("/triggers/a/recurrence/interval", "whole number"),
                  Problem_("/triggers/b/recurrence/timeZone", "'Atlantis' is not valid"),
                  Problem_("/triggers/c/inputs/relativePath", "needs a 'method'"), Problem_("/triggers/d/type", "'Telepathy'"),
                  Problem_("/triggers/e/runtimeConfiguration/concurrency/runs", "only one of them"),
                  Problem_("/triggers/f/splitOn", "gives an array"), Problem_("/triggers/g/inputs", "'uri'"),
                  Problem_("/triggers/h/conditions/0/expression", "equals")));
}

TEST(Compile, WantsASchemaActionsAndTriggers) {
  EXPECT_THAT(problems_of("{}"), ElementsAre(HasSubstr("$schema"), HasSubstr("'actions'"), HasSubstr("'triggers'")));
  const Value text = "x";
  EXPECT_THAT(compile({.definition = text}).problems.size(), 1u);
}

TEST(Compile, KeepsIterationsOnlyForWhoLooksAtThem) {
  const PlanPtr plan = plan_of(definition_of(R"j({
 "Plain":{"type":"Foreach","foreach":[1],"actions":{"P":{"type":"Compose","inputs":1}}},
 "Looked":{"type":"Foreach","foreach":[1],"actions":{"L":{"type":"Compose","inputs":1}}},
 "Last":{"type":"Foreach","foreach":[1],"actions":{"O":{"type":"Compose","inputs":1}}},
 "Use":{"type":"Compose","inputs":["@result('Looked')","@outputs('O')"],"runAfter":{"Looked":["Succeeded"],"Last":["Succeeded"]}}})j"));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->actions[plan->find_action("Plain")].keep, Keep::kNothing);
  EXPECT_EQ(plan->actions[plan->find_action("Looked")].keep, Keep::kAll);
  EXPECT_EQ(plan->actions[plan->find_action("Last")].keep, Keep::kLast);
}

TEST(Locate, FindsValuesInText) {
  const std::string text = "{\n \"a\": [1,\n  {\"b/c\": \"x\\\"y\", \"d\": true}]\n}";
  const auto at = [&](const char* pointer) {
    const Location location = locate(text, pointer);
    return std::pair(location.line, location.column);
  };
  EXPECT_EQ(at(""), std::pair(std::size_t{1}, std::size_t{1}));
  EXPECT_EQ(at("/a"), std::pair(std::size_t{2}, std::size_t{7}));
  EXPECT_EQ(at("/a/1/b~1c"), std::pair(std::size_t{3}, std::size_t{11}));
  EXPECT_EQ(at("/a/1/d"), std::pair(std::size_t{3}, std::size_t{24}));
  EXPECT_EQ(at("/a/7"), std::pair(std::size_t{2}, std::size_t{7})) << "the deepest part that exists";
}

}  // namespace
}  // namespace trunkline::workflow
