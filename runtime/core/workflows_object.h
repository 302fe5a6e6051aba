// Workflows of the embedding API.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/core/runtime.h"
#include "trunkline/workflows_provider.hpp"

namespace trunkline {

/// Reads wait for the disk, so they leave the caller's thread. [any-thread]
class WorkflowsObject final : public workflows::WorkflowsService {
 public:
  explicit WorkflowsObject(Runtime& runtime) : runtime_(runtime) {}
  Task<workflows::WorkflowInfo> deploy(Call, workflows::WorkflowSpec workflow) override;
  Task<std::vector<workflows::WorkflowProblem>> validate(Call, workflows::WorkflowSpec workflow) override;
  Task<workflows::WorkflowInfo> get(Call, std::string name) override;
  Task<std::vector<workflows::WorkflowInfo>> list(Call) override;
  Task<workflows::WorkflowInfo> set_enabled(Call, std::string name, bool enabled) override;
  Task<bool> remove(Call, std::string name) override;
  Task<std::vector<workflows::WorkflowVersionInfo>> versions(Call, std::string name) override;
  Task<workflows::WorkflowStart> run(Call, workflows::WorkflowRunRequest request) override;
  Task<workflows::WorkflowRunPage> runs(Call, workflows::WorkflowRunQuery query) override;
  Task<workflows::WorkflowRunDetails> show(Call, std::string workflow, std::string run) override;
  Task<workflows::WorkflowRunDetails> wait(Call, std::string workflow, std::string run) override;
  Task<void> cancel(Call, std::string workflow, std::string run) override;
  Task<std::string> resubmit(Call, std::string workflow, std::string run) override;
  Task<std::string> rerun(Call, std::string workflow, std::string run, std::optional<std::string> action) override;
  Task<workflows::WorkflowTestReport> run_test(Call, std::string file) override;
  Task<workflows::WorkflowHistoryPage> trigger_history(Call, workflows::WorkflowHistoryQuery query) override;
  Task<std::unique_ptr<StreamSource<workflows::WorkflowFunctionCall>>> function_calls(Call, std::string function,
                                                                                      std::int32_t credits) override;
  bool complete_call(const Call&, std::int64_t call_id, std::string_view result) override;
  bool fail_call(const Call&, std::int64_t call_id, std::string_view code, std::string_view message, bool retry) override;

 private:
  Runtime& runtime_;
};

}  // namespace trunkline
