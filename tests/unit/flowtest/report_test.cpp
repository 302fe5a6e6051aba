#include "runtime/flowtest/report.h"

#include <gmock/gmock.h>

#include "runtime/flowtest/test_runner.h"

namespace trunkline::flowtest {
namespace {

using expression::parse_value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> differences(const char* expected, const char* actual, bool partial = false) {
  std::vector<Difference> found;
  compare(parse_value(expected), parse_value(actual), partial, "x", found);
  std::vector<std::string> out;
  for (const Difference& one : found) out.push_back(one.where + " " + one.expected + " " + one.actual);
  return out;
}

TEST(Compare, NamesEachPlace) {
  EXPECT_THAT(differences(R"j({"a":1,"b":[1,2],"c":"x"})j", R"j({"b":[1,3,4],"a":1.0,"d":0})j"),
              ElementsAre("x.b[1] 2 3", "x.b[2] (nothing) 4", "x.c \"x\" (missing)", "x.d (nothing) 0"));
  EXPECT_THAT(differences(R"j({"a":1})j", R"j({"a":1,"d":0})j", true), IsEmpty());
  EXPECT_THAT(differences(R"j({"$regex":"^a+$"})j", R"j("aab")j"), ElementsAre(HasSubstr("/^a+$/")));
  EXPECT_THAT(differences(R"j({"$regex":"^a+"})j", R"j("aab")j"), IsEmpty());
}

constexpr const char* kTest = R"j({"definition":{
"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
"triggers":{"manual":{"type":"Request"}},
"actions":{
 "Call":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/"}},
 "Big":{"type":"If","expression":"@greater(triggerBody()['n'],3)","actions":{"Yes":{"type":"Compose","inputs":"yes"}},"runAfter":{"Call":["Failed"]}}}},
"trigger":{"body":{"n":2}},
"httpMocks":[{"method":"GET","urlPattern":"http://x\\.example/","responses":[{"status":404}]}],
"expect":{"runStatus":"Failed","actions":{"Yes":{"status":"Succeeded"},"Nobody":{"status":"Succeeded"}}}})j";

TEST(RunTest, ReportsWhatIsNotAsExpected) {
  const TestReport report = run_test(kTest, "some.json");
  EXPECT_EQ(report.problem, "");
  std::vector<std::string> where;
  for (const Difference& one : report.differences) where.push_back(one.where);
  EXPECT_THAT(where, ElementsAre("runStatus", "actions.Yes.status", "actions.Nobody", "calls"));
  EXPECT_FALSE(report.passed());
}

TEST(RunTest, CountsActionsAndBranchesByLine) {
  const TestReport report = run_test(kTest, "some.json");
  ASSERT_EQ(report.coverage.actions.size(), 3u);
  EXPECT_EQ(report.coverage.covered_actions(), 2u);
  EXPECT_EQ(report.coverage.actions[0].line, 5u);
  ASSERT_EQ(report.coverage.branches.size(), 2u);
  EXPECT_EQ(report.coverage.branches[0].taken, 0u);
  EXPECT_EQ(report.coverage.branches[1].taken, 1u);
  const std::string trace = lcov(merge({report, report}));
  EXPECT_THAT(trace, HasSubstr("SF:some.json\n"));
  EXPECT_THAT(trace, HasSubstr("DA:5,2\n"));
  EXPECT_THAT(trace, HasSubstr("BRDA:6,0,1,2\n"));
  EXPECT_THAT(trace, HasSubstr("LF:3\nLH:2\n"));
}

TEST(RunTest, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(run_test("{", "a").problem, HasSubstr("JSON"));
  EXPECT_THAT(run_test("{}", "a").problem, HasSubstr("definition"));
  EXPECT_THAT(run_test(R"j({"definition":{}})j", "a").problem, HasSubstr("$schema"));
  EXPECT_THAT(run_test_file("/nowhere/x.json").problem, HasSubstr("cannot read"));
}

TEST(RunTest, NamesWhatIsMisspeltWithItsLine) {
  const std::string problem = run_test(R"j({"definition":{},
"parametres":{},
"trigger":{"boddy":1},
"httpMocks":[{"method":"GET","urlPatern":"x","responses":[{"status":"200"}]}],
"expect":{"runstatus":"Failed",
 "actions":{"A":{"output":1,
  "repetitions":[{"iterations":2,"repetitions":[]}]}},
 "response":{"status":200},"calls":{}}})j",
                                       "a")
                                  .problem;
  EXPECT_EQ(problem,
            "line 2: 'parametres' is no member of a test, did you mean 'parameters'?\n"
            "line 3: 'boddy' is no member of 'trigger', did you mean 'body'?\n"
            "line 4: 'urlPatern' is no member of a mock, did you mean 'urlPattern'?\n"
            "line 4: 'status' of a response of a mock must be a number\n"
            "line 5: 'runstatus' is no member of 'expect', did you mean 'runStatus'?\n"
            "line 6: 'output' is no member of an action's entry, did you mean 'outputs'?\n"
            "line 7: 'repetitions' is no member of an action's entry\n"
            "line 8: 'status' is no member of a response\n"
            "line 8: 'calls' of 'expect' must be an array");
}

TEST(RunTest, RefusesCallbacksOfNobodyAndOtherFaults) {
  std::string text(kTest);
  text.insert(1, R"j("callbacks":[{"action":"Cal","afterSeconds":1}],)j");
  EXPECT_THAT(run_test(text, "a").problem, HasSubstr("'Cal', which is no action"));
  text = kTest;
  text.replace(text.find(R"j("status":404)j"), 12, R"j("fault":"disk")j");
  EXPECT_THAT(run_test(text, "a").problem, HasSubstr("'connection', and no other"));
}

/// A trigger that asks a service, whose answers are these; `expect` about what comes of it.
TestReport poll(const std::string& responses, const std::string& expect, const std::string& type = R"j("type":"Http",
 "inputs":{"method":"GET","uri":"http://x.example/new"})j") {
  return run_test(R"j({"definition":{
"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
"triggers":{"look":{"recurrence":{"frequency":"Hour","interval":1},)j" +
                      type + R"j(}},
"actions":{"Got":{"type":"Compose","inputs":"@triggerBody()"},
 "Rest":{"type":"Wait","inputs":{"interval":{"count":5,"unit":"Hour"}},"runAfter":{"Got":["Succeeded"]}}}},
"httpMocks":[{"method":"GET","urlPattern":"https?://.*","responses":)j" +
                      responses + R"j(}],"expect":)j" + expect + "}",
                  "poll.json");
}

TEST(RunTest, TriggersAskTheMocksUntilTheyFire) {
  const TestReport report =
      poll(R"j([{"status":202},{"status":202,"headers":{"Retry-After":"60","Location":"/more"}},{"status":200,"body":{"n":7}}])j",
           R"j({"runStatus":"Succeeded","actions":{"Got":{"outputs":{"n":7}}},"elapsedSeconds":{"min":18000,"max":18001},
"calls":[{"method":"GET","urlPattern":"http://x\\.example/new","count":2,"atSeconds":[0,3600]},
{"method":"GET","urlPattern":"http://x\\.example/more","count":1,"atSeconds":[3660]}]})j");
  EXPECT_TRUE(report.passed()) << report.problem << (report.differences.empty() ? "" : report.differences[0].where);
}

TEST(RunTest, TriggersThatFindNothingDoNotFire) {
  TestReport report =
      poll(R"j([{"status":202},{"status":202}])j", R"j({"fired":false,"calls":[{"method":"GET","urlPattern":".*","count":2}]})j");
  EXPECT_TRUE(report.passed()) << report.problem << (report.differences.empty() ? "" : report.differences[0].actual);
  report = poll(R"j([{"status":404}])j", R"j({"runStatus":"Succeeded","calls":[{"count":1}]})j");
  ASSERT_EQ(report.differences.size(), 1u);
  EXPECT_EQ(report.differences[0].where, "fired");
}

TEST(RunTest, TriggersOfConnectorsAskAsWell) {
  const TestReport report =
      poll(R"j([{"status":200,"body":{"n":1}}])j",
           R"j({"runStatus":"Succeeded","calls":[{"method":"GET","urlPattern":"https://queue\\.connector/head","count":1}]})j",
           R"j("type":"ApiConnection","inputs":{"host":{"connection":{"name":"queue"}},"method":"get","path":"/head"})j");
  EXPECT_TRUE(report.passed()) << report.problem << (report.differences.empty() ? "" : report.differences[0].where);
}

}  // namespace
}  // namespace trunkline::flowtest
