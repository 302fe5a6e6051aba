#include "runtime/workflow/script_dependencies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ScriptDependencies, AreWhatTheCodeNames) {
  const ScriptDependencies found = find_dependencies(
      "const a = workflowContext.actions.Get_order.outputs.body;\n"
      "const b = workflowContext . actions['With blanks'], c = workflowContext?.actions?.[\"Third\"];\n"
      "return [workflowContext.trigger.outputs, workflowContext.actions.Get_order.name];");
  EXPECT_THAT(found.actions, ElementsAre("Get_order", "With blanks", "Third"));
  EXPECT_TRUE(found.trigger);
}

TEST(ScriptDependencies, AreNotWhatItComputes) {
  const ScriptDependencies found = find_dependencies(
      "const { actions } = workflowContext; return workflowContext.actions[name] + myworkflowContext.actions.A;");
  EXPECT_THAT(found.actions, IsEmpty());
  EXPECT_FALSE(found.trigger);
  for (const char* code : {"workflowContext", "workflowContext.", "workflowContext.actions[", "workflowContext.actions['a", ""})
    EXPECT_THAT(find_dependencies(code).actions, IsEmpty()) << code;
}

}  // namespace
}  // namespace trunkline::workflow
