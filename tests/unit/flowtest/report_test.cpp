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

}  // namespace
}  // namespace trunkline::flowtest
