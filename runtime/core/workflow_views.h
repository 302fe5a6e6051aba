// Workflows and their runs in the terms of the packages; the control API shows the same.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/flows/workflow_service.h"
#include "trunkline/workflows.hpp"

namespace trunkline {

workflows::WorkflowStatus to_service(workflow::Status status);
std::optional<workflow::Status> from_service(workflows::WorkflowStatus status);

workflows::WorkflowInfo describe(const flows::WorkflowService& workflows, const flows::Workflow& workflow);
workflows::WorkflowRunInfo describe(const flows::Workflow& workflow, const flows::RunRow& row, std::string version);
workflows::WorkflowRunDetails describe(const flows::Workflow& workflow, const flows::RunView& run);

/// Blocks. Errors: kNotFound, kInvalidArgument.
workflows::WorkflowHistoryPage read_trigger_history(flows::WorkflowService& workflows,
                                                    const workflows::WorkflowHistoryQuery& query);

/// `document`: a definition, or what holds one: `{definition, parameters}`, a resource, a template with one workflow.
/// `parameters`: JSON, `{ name: value }`, empty for none; they win over those of the document. Throws kInvalidArgument.
flows::WorkflowSpec workflow_spec(std::string name, std::string_view document, std::string_view parameters);

/// Fires a trigger; empty: the only one. `body`: JSON, empty for none. Errors: those of WorkflowService, and kInvalidArgument,
/// kFailedPrecondition, … for what its door would refuse.
Task<workflows::WorkflowStart> start_workflow(flows::WorkflowService& workflows, workflows::WorkflowRunRequest request);

}  // namespace trunkline
