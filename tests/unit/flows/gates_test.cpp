#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using workflow::Status;

/// How many runs there may be at a time, when that changes while they run.
class GatesTest : public FlowsTest {
 protected:
  static std::string limited(int runs, int minutes = 10) {
    const std::string limit = R"j(,"runtimeConfiguration":{"concurrency":{"runs":)j" + std::to_string(runs) + "}}";
    return definition(
        R"j({"Pause":{"type":"Wait","inputs":{"interval":{"count":)j" + std::to_string(minutes) + R"j(,"unit":"Minute"}}}})j",
        R"j({"manual":{"type":"Request")j" + (runs == 0 ? "" : limit) + "}}");
  }
  std::vector<Status> statuses() {
    std::vector<Status> out;
    for (const RunRow& row : runs(service().get("flow"))) out.push_back(row.status);
    return out;
  }
};

constexpr Status kRuns = Status::kRunning, kWaits = Status::kWaiting, kDone = Status::kSucceeded;

TEST_F(GatesTest, RunsThatBeganBeforeALimitTakeNobodysPlace) {
  for (const WorkflowKind kind : {WorkflowKind::kStateless, WorkflowKind::kStateful}) {
    open();
    deploy(limited(0, 1), "flow", kind);
    for (int i = 0; i < 3; ++i) call(service().get("flow"));
    // The limit comes while they run; they end afterwards.
    deploy(limited(1), "flow", kind);
    advance(std::chrono::minutes{2});
    const WorkflowPtr workflow = service().get("flow");
    EXPECT_EQ(call(workflow).status, 202);
    EXPECT_EQ(call(workflow).status, 202);
    EXPECT_EQ(service().engine().loaded_runs(), 2u);
    if (kind == WorkflowKind::kStateful) {
      EXPECT_THAT(statuses(), ElementsAre(kDone, kDone, kDone, kRuns, kWaits));
    }
    for (int i = 0; i < 10; ++i) call(workflow);
    EXPECT_EQ(call(workflow).status, 429) << "one runs, eleven wait";
  }
}

TEST_F(GatesTest, ThoseOnDiskCountAgainstIt) {
  open();
  deploy(limited(0, 5));
  call(service().get("flow"));
  settle();
  deploy(limited(1));
  call(service().get("flow"));
  EXPECT_THAT(statuses(), ElementsAre(kRuns, kWaits));
  advance(std::chrono::minutes{6});
  EXPECT_THAT(statuses(), ElementsAre(kDone, kRuns));
}

TEST_F(GatesTest, AHigherLimitLetsThoseWhoWaitGoOnAtOnce) {
  open();
  deploy(limited(1));
  for (int i = 0; i < 4; ++i) call(service().get("flow"));
  EXPECT_THAT(statuses(), ElementsAre(kRuns, kWaits, kWaits, kWaits));
  deploy(limited(3));
  settle();
  EXPECT_THAT(statuses(), ElementsAre(kRuns, kRuns, kRuns, kWaits));
  deploy(limited(0));
  settle();
  EXPECT_THAT(statuses(), ElementsAre(kRuns, kRuns, kRuns, kRuns));
}

}  // namespace
}  // namespace trunkline::flows
