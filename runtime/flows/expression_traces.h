// What the expressions of an action gave, worked out again from the history.
#pragma once
#include "runtime/flows/workflow_service.h"

namespace trunkline::flows {

/// `[ { path, text, value } ]`, or `error` instead of `value`; one for each expression of the action's inputs, in their order. An
/// expression that makes a whole value has the value that was recorded; those inside texts are evaluated as of when the action
/// began, where guid() and rand() give something else than they did. Empty for secured inputs and for what never began. Blocks.
Value expression_traces(const WorkflowService& workflows, const WorkflowPtr& workflow, const RunView& run,
                        const ActionView& action);

}  // namespace trunkline::flows
