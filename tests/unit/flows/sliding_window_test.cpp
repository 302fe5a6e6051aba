#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SlidingWindowTest : public FlowsTest {
 protected:
  static std::string sliding(const std::string& recurrence, const std::string& more = "", const std::string& actions = "") {
    return definition(R"j({"W":{"type":"Compose","inputs":"@triggerOutputs()"})j" + actions + "}",
                      R"j({"tick":{"type":"SlidingWindow","recurrence":)j" + recurrence + more + "}}");
  }
  /// When the windows began that were run, by the hour.
  std::vector<std::string> windows() {
    const WorkflowPtr workflow = service().get("flow");
    std::vector<std::string> out;
    for (const RunRow& row : runs(workflow))
      out.push_back(
          (*service().view(workflow, row.name()).action("W")->outputs)["windowStartTime"].get<std::string>().substr(11, 5));
    return out;
  }
  void enable(bool on) {
    sync_wait(service().set_enabled("flow", on));
    settle();
  }
};

constexpr const char* kHourly = R"j({"frequency":"Hour","interval":1})j";

TEST_F(SlidingWindowTest, MakesUpTheWindowsOfTheTimeForWhichItWasDisabled) {
  open(true);
  deploy(sliding(kHourly));
  advance(std::chrono::minutes{70});
  enable(false);
  advance(std::chrono::minutes{150});
  EXPECT_THAT(windows(), ElementsAre("08:00"));
  enable(true);
  EXPECT_THAT(windows(), ElementsAre("08:00", "09:00", "10:00")) << "one after the other, and not the one that is not over";
  advance(std::chrono::minutes{30});
  EXPECT_THAT(windows(), ElementsAre("08:00", "09:00", "10:00", "11:00"));
}

TEST_F(SlidingWindowTest, MakesThemUpThoughItWasDisabledBeforeTheFirstOneWasOver) {
  open(true);
  deploy(sliding(kHourly));
  advance(std::chrono::minutes{30});
  enable(false);
  advance(std::chrono::hours{1});
  enable(true);
  EXPECT_THAT(windows(), ElementsAre("08:00"));
}

TEST_F(SlidingWindowTest, KeepsItsPlaceOverARestartWhileItIsDisabled) {
  open(true);
  deploy(sliding(kHourly));
  advance(std::chrono::minutes{70});
  enable(false);
  restart();
  advance(std::chrono::hours{2});
  restart();
  enable(true);
  EXPECT_THAT(windows(), ElementsAre("08:00", "09:00", "10:00"));
}

TEST_F(SlidingWindowTest, KeepsItsPlaceOverARestartBeforeTheFirstWindowIsOver) {
  open(true);
  deploy(sliding(kHourly));
  settle();
  life_.reset();
  now_ += std::chrono::minutes{130};
  open(true);
  EXPECT_THAT(windows(), ElementsAre("08:00", "09:00"));
}

TEST_F(SlidingWindowTest, BeginsAnewWhenItBecomesAnotherOne) {
  open(true);
  deploy(sliding(kHourly));
  advance(std::chrono::minutes{70});
  enable(false);
  WorkflowSpec spec;
  spec.name = "flow";
  spec.definition = sliding(R"j({"frequency":"Minute","interval":30})j");
  spec.enabled = false;
  sync_wait(service().deploy(std::move(spec)));
  advance(std::chrono::minutes{50});
  enable(true);
  EXPECT_THAT(windows(), ElementsAre("08:00")) << "windows of the old length are no windows of the new one";
  advance(std::chrono::minutes{30});
  EXPECT_THAT(windows(), ElementsAre("08:00", "10:00"));
}

TEST_F(SlidingWindowTest, LosesNoWindowBecauseOthersTakeTheirTime) {
  open();
  const std::string text =
      sliding(R"j({"frequency":"Hour","interval":1,"startTime":"2026-03-02T04:00:00Z"})j",
              R"j(,"runtimeConfiguration":{"concurrency":{"runs":1,"maximumWaitingRuns":1}})j",
              R"j(,"Pause":{"type":"Wait","inputs":{"interval":{"count":30,"unit":"Second"}},"runAfter":{"W":["Succeeded"]}})j");
  deploy(text);
  settle();
  EXPECT_THAT(runs(service().get("flow")), ::testing::SizeIs(2)) << "there is room for two of the four that are over";
  advance(std::chrono::minutes{5});
  EXPECT_THAT(windows(), ElementsAre("04:00", "05:00", "06:00", "07:00"));
}

TEST_F(SlidingWindowTest, AStatelessOneKeepsItsPlaceWhileItIsDisabled) {
  open(true);
  int seen = 0;
  life_->http.script = [&](const net::ClientRequest&) {
    ++seen;
    return std::optional<Result<net::ClientResponse>>(json_answer(200, "{}"));
  };
  deploy(definition(R"j({"Tell":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/"}}})j",
                    R"j({"tick":{"type":"SlidingWindow","recurrence":{"frequency":"Hour","interval":1}}})j"),
         "flow", WorkflowKind::kStateless);
  advance(std::chrono::minutes{70});
  enable(false);
  advance(std::chrono::hours{2});
  enable(true);
  EXPECT_EQ(seen, 3);
}

}  // namespace
}  // namespace trunkline::flows
