// The history of a trigger: firings that started runs and those that did not, in their order, page by page.
#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TriggerHistoryTest : public FlowsTest {
 protected:
  std::vector<std::string> names(const WorkflowPtr& workflow, std::size_t page_size) {
    std::vector<std::string> out;
    std::string before;
    for (;;) {
      const std::vector<HistoryEntry> page = service().histories(workflow, "manual", before, page_size);
      for (const HistoryEntry& entry : page) out.push_back(before = entry.name);
      if (page.size() < page_size) return out;
    }
  }
};

TEST_F(TriggerHistoryTest, LosesNothingBehindManyRepeatedRuns) {
  open();
  const WorkflowPtr workflow =
      deploy(definition(R"j({"Say":{"type":"Compose","inputs":1}})j",
                        R"j({"manual":{"type":"Request","conditions":[{"expression":"@equals(triggerBody()?['go'],true)"}]}})j"));
  call(workflow, R"({"go":true})");
  settle();
  const std::string first = runs(workflow)[0].name();
  call(workflow, "{}");
  call(workflow, "{}");
  // They have the entry of the run that they repeat.
  for (int i = 0; i < 7; ++i) {
    sync_wait(service().resubmit(workflow, first));
    settle();
  }
  call(workflow, "{}");
  const std::vector<HistoryEntry> all = service().histories(workflow, "manual", "", 100);
  std::vector<std::string> what, every;
  for (const HistoryEntry& entry : all) {
    what.push_back(entry.fired ? "run" : std::string(workflow::to_text(entry.status)));
    every.push_back(entry.name);
  }
  EXPECT_THAT(what, ElementsAre("Skipped", "Skipped", "Skipped", "run"));
  EXPECT_EQ(all.back().run, first);
  for (const std::size_t size : {1, 2, 3, 5}) EXPECT_EQ(names(workflow, size), every) << size << " at a time";
  EXPECT_THAT(service().histories(workflow, "nobody", "", 5), IsEmpty());
}

}  // namespace
}  // namespace trunkline::flows
