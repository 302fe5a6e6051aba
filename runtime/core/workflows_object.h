// Workflows of the embedding API.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/core/runtime.h"
#include "trunkline/service_provider.hpp"

namespace trunkline {

/// Reads wait for the disk, so they leave the caller's thread. [any-thread]
class WorkflowsObject final : public service::WorkflowsService {
 public:
  explicit WorkflowsObject(Runtime& runtime) : runtime_(runtime) {}
  Task<service::WorkflowInfo> deploy(Call, service::WorkflowSpec workflow) override;
  Task<std::vector<service::WorkflowProblem>> validate(Call, service::WorkflowSpec workflow) override;
  Task<service::WorkflowInfo> get(Call, std::string name) override;
  Task<std::vector<service::WorkflowInfo>> list(Call) override;
  Task<service::WorkflowInfo> set_enabled(Call, std::string name, bool enabled) override;
  Task<bool> remove(Call, std::string name) override;
  Task<std::vector<service::WorkflowVersionInfo>> versions(Call, std::string name) override;
  Task<service::WorkflowStart> run(Call, service::WorkflowRunRequest request) override;
  Task<service::WorkflowRunPage> runs(Call, service::WorkflowRunQuery query) override;
  Task<service::WorkflowRunDetails> show(Call, std::string workflow, std::string run) override;
  Task<service::WorkflowRunDetails> wait(Call, std::string workflow, std::string run) override;
  Task<void> cancel(Call, std::string workflow, std::string run) override;
  Task<std::string> resubmit(Call, std::string workflow, std::string run) override;
  Task<std::string> rerun(Call, std::string workflow, std::string run, std::optional<std::string> action) override;
  Task<std::unique_ptr<StreamSource<service::WorkflowFunctionCall>>> function_calls(Call, std::string function,
                                                                                     std::int32_t credits) override;
  bool complete_call(const Call&, std::int64_t call_id, std::string_view result) override;
  bool fail_call(const Call&, std::int64_t call_id, std::string_view code, std::string_view message, bool retry) override;

 private:
  Runtime& runtime_;
};

}  // namespace trunkline
