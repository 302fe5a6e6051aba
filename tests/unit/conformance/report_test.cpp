#include "runtime/conformance/report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "trunkline/error.hpp"

namespace trunkline::conformance {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Report example() {
  Report report;
  report.plugin = "acme";
  report.version = "1.2.3";
  report.interfaces = {"trunkline.sms/1"};
  report.results.push_back({"sms.normal", Outcome::kPassed, "", 0.25, {{"p99_us", 12.5}}});
  report.results.push_back({"sms.leaks", Outcome::kFailed, "leaves <9> bytes & \"more\"\nevery \x01 time", 1, {}});
  report.results.push_back({"sms.threads", Outcome::kSkipped, "quirks: none", 0, {}});
  return report;
}

TEST(Report, TextHasEveryCheckAndASummary) {
  EXPECT_EQ(to_text(example()),
            "acme  1.2.3\n  pass  sms.normal  p99_us=12\n  FAIL  sms.leaks\n        leaves <9> bytes & \"more\"\n"
            "        every \x01 time\n  skip  sms.threads\n        quirks: none\n1 passed, 1 failed, 1 skipped");
}

TEST(Report, JsonHasCountsAndChecks) {
  const auto json = nlohmann::json::parse(to_json(example()));
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["checks"][0]["figures"]["p99_us"], 12.5);
  EXPECT_EQ(json["checks"][2]["outcome"], "skipped");
}

TEST(Report, JunitIsWellFormed) {
  EXPECT_THAT(to_junit(example()),
              AllOf(HasSubstr("<testsuite name=\"acme\" tests=\"3\" failures=\"1\" skipped=\"1\" time=\"1.250\">"),
                    HasSubstr("<failure message=\"leaves &lt;9&gt; bytes &amp; &quot;more&quot;\nevery ? time\"/>"),
                    HasSubstr("<property name=\"p99_us\" value=\"12.500000\"/>")));
}

TEST(Report, NothingThatRanIsNoSuccess) {
  EXPECT_FALSE(Report{}.passed());
  EXPECT_FALSE(example().passed());
}

TEST(Report, LinesComeBackAsTheyWere) {
  for (const CheckResult& result : example().results) {
    const CheckResult back = from_line(to_line(result));
    EXPECT_EQ(back.name, result.name);
    EXPECT_EQ(back.outcome, result.outcome);
    EXPECT_EQ(back.detail, result.detail);
    EXPECT_EQ(back.figures, result.figures);
  }
  CheckResult odd;
  odd.detail = "\xff";
  EXPECT_EQ(from_line(to_line(odd)).detail, "\xef\xbf\xbd");
  EXPECT_THROW(from_line("{}"), Error);
  EXPECT_THROW(from_line("x"), Error);
}

}  // namespace
}  // namespace trunkline::conformance
