#include "runtime/core/workflows_object.h"

#include <unordered_map>

#include "runtime/async/executor.h"
#include "runtime/connectors/function_calls.h"
#include "runtime/core/workflow_views.h"
#include "runtime/flowtest/test_runner.h"

namespace trunkline {
namespace {

using expression::Value;

constexpr std::int32_t kMaxActionCredits = 1000;
constexpr std::int32_t kMaxPage = 250;

flows::WorkflowSpec spec_of(workflows::WorkflowSpec given) {
  flows::WorkflowSpec spec = workflow_spec(std::move(given.name), given.definition, given.parameters.value_or(""));
  if (given.stateless) spec.kind = flows::WorkflowKind::kStateless;
  if (!given.enabled) spec.enabled = false;
  if (given.tags) spec.tags = std::move(*given.tags);
  return spec;
}

/// The calls of one consumer.
class CallStream final : public StreamSource<workflows::WorkflowFunctionCall> {
 public:
  CallStream(std::shared_ptr<connectors::FunctionCalls> calls, std::uint64_t consumer)
      : calls_(std::move(calls)), consumer_(consumer) {}
  ~CallStream() override { calls_->detach(consumer_); }
  Task<std::vector<workflows::WorkflowFunctionCall>> next(std::uint32_t max) override {
    std::vector<connectors::FunctionCall> taken = co_await calls_->take(consumer_, max);
    std::vector<workflows::WorkflowFunctionCall> out(taken.size());
    for (std::size_t i = 0; i < taken.size(); ++i) {
      out[i].id = taken[i].id;
      out[i].function = std::move(taken[i].function);
      out[i].workflow = std::move(taken[i].workflow);
      out[i].run = std::move(taken[i].run);
      out[i].action = std::move(taken[i].action);
      out[i].inputs = std::move(taken[i].inputs);
      out[i].attempt = taken[i].attempt;
      out[i].idempotency_key = std::move(taken[i].idempotency_key);
    }
    co_return out;
  }
  void close() override { calls_->detach(consumer_); }

 private:
  const std::shared_ptr<connectors::FunctionCalls> calls_;
  const std::uint64_t consumer_;
};

}  // namespace

Task<workflows::WorkflowInfo> WorkflowsObject::deploy(Call, workflows::WorkflowSpec workflow) {
  const flows::WorkflowPtr deployed = co_await runtime_.workflows().deploy(spec_of(std::move(workflow)));
  co_return describe(runtime_.workflows(), *deployed);
}

Task<std::vector<workflows::WorkflowProblem>> WorkflowsObject::validate(Call, workflows::WorkflowSpec workflow) {
  std::vector<workflows::WorkflowProblem> out;
  for (workflow::Problem& problem : runtime_.workflows().validate(spec_of(std::move(workflow)))) {
    workflows::WorkflowProblem one;
    one.code = std::move(problem.code);
    one.message = std::move(problem.message);
    one.pointer = std::move(problem.pointer);
    out.push_back(std::move(one));
  }
  co_return out;
}

Task<workflows::WorkflowInfo> WorkflowsObject::get(Call, std::string name) {
  co_return describe(runtime_.workflows(), *runtime_.workflows().get(name));
}

Task<std::vector<workflows::WorkflowInfo>> WorkflowsObject::list(Call) {
  std::vector<workflows::WorkflowInfo> out;
  for (const flows::WorkflowPtr& workflow : runtime_.workflows().list()) out.push_back(describe(runtime_.workflows(), *workflow));
  co_return out;
}

Task<workflows::WorkflowInfo> WorkflowsObject::set_enabled(Call, std::string name, bool enabled) {
  std::string id = runtime_.workflows().get(name)->arm_id;
  const flows::WorkflowPtr changed = co_await runtime_.workflows().set_enabled(std::move(id), enabled);
  co_return describe(runtime_.workflows(), *changed);
}

Task<bool> WorkflowsObject::remove(Call, std::string name) {
  const flows::WorkflowPtr there = runtime_.workflows().find(name);
  if (!there) co_return false;
  std::string id = there->arm_id;
  co_return co_await runtime_.workflows().remove(std::move(id));
}

Task<std::vector<workflows::WorkflowVersionInfo>> WorkflowsObject::versions(Call, std::string name) {
  co_await runtime_.executor().schedule();
  std::vector<workflows::WorkflowVersionInfo> out;
  const flows::WorkflowPtr workflow = runtime_.workflows().get(name);
  for (flows::WorkflowVersion& version : runtime_.workflows().versions(*workflow)) {
    workflows::WorkflowVersionInfo one;
    one.name = std::move(version.name);
    one.definition = std::move(version.definition);
    one.created_at = version.created_at;
    out.push_back(std::move(one));
  }
  co_return out;
}

Task<workflows::WorkflowStart> WorkflowsObject::run(Call, workflows::WorkflowRunRequest request) {
  co_return co_await start_workflow(runtime_.workflows(), std::move(request));
}

Task<workflows::WorkflowRunPage> WorkflowsObject::runs(Call, workflows::WorkflowRunQuery query) {
  co_await runtime_.executor().schedule();
  if (query.limit < 1 || query.limit > kMaxPage)
    throw Error(ErrorCode::kInvalidArgument, "limit must be 1 to 250, not " + std::to_string(query.limit), "limit");
  const flows::WorkflowPtr workflow = runtime_.workflows().get(query.workflow);
  flows::RunFilter filter;
  if (query.status) filter.status = from_service(*query.status);
  if (query.client_tracking_id) filter.client_tracking_id = *query.client_tracking_id;
  if (query.continuation) {
    std::string_view suffix;
    filter.before = flows::parse_run_name(*query.continuation, suffix);
    if (filter.before == 0) throw Error(ErrorCode::kInvalidArgument, "continuation is not one of ours", "continuation");
  }
  filter.limit = static_cast<std::size_t>(query.limit) + 1;
  std::vector<flows::RunRow> rows = runtime_.workflows().runs(*workflow, filter);
  workflows::WorkflowRunPage page;
  if (rows.size() > static_cast<std::size_t>(query.limit)) {
    rows.pop_back();
    page.continuation = rows.back().name();
  }
  std::unordered_map<std::int64_t, std::string> versions;
  for (const flows::WorkflowVersion& version : runtime_.workflows().versions(*workflow)) versions[version.key] = version.name;
  for (const flows::RunRow& row : rows) page.items.push_back(describe(*workflow, row, versions[row.version_key]));
  co_return page;
}

Task<workflows::WorkflowRunDetails> WorkflowsObject::show(Call, std::string workflow, std::string run) {
  co_await runtime_.executor().schedule();
  const flows::WorkflowPtr found = runtime_.workflows().get(workflow);
  co_return describe(*found, runtime_.workflows().view(found, run));
}

Task<workflows::WorkflowRunDetails> WorkflowsObject::wait(Call, std::string workflow, std::string run) {
  const flows::WorkflowPtr found = runtime_.workflows().get(workflow);
  std::string name = run;
  co_await runtime_.workflows().wait(found, std::move(name));
  co_await runtime_.executor().schedule();
  co_return describe(*found, runtime_.workflows().view(found, run));
}

Task<void> WorkflowsObject::cancel(Call, std::string workflow, std::string run) {
  co_await runtime_.executor().schedule();
  const flows::WorkflowPtr found = runtime_.workflows().get(workflow);
  if (const auto row = runtime_.workflows().run(*found, run); row && row->ended)
    throw Error(ErrorCode::kFailedPrecondition, "the run '" + run + "' has ended", "run");
  co_await runtime_.workflows().cancel(found, std::move(run));
}

Task<std::string> WorkflowsObject::resubmit(Call, std::string workflow, std::string run) {
  co_await runtime_.executor().schedule();
  co_return co_await runtime_.workflows().resubmit(runtime_.workflows().get(workflow), std::move(run));
}

Task<std::string> WorkflowsObject::rerun(Call, std::string workflow, std::string run, std::optional<std::string> action) {
  co_await runtime_.executor().schedule();
  std::string from = action.value_or("");
  co_return co_await runtime_.workflows().rerun(runtime_.workflows().get(workflow), std::move(run), std::move(from));
}

Task<std::unique_ptr<StreamSource<workflows::WorkflowFunctionCall>>> WorkflowsObject::function_calls(Call, std::string function,
                                                                                                     std::int32_t credits) {
  if (function.empty()) throw Error(ErrorCode::kInvalidArgument, "the name of the function is empty", "function");
  if (credits < 1 || credits > kMaxActionCredits)
    throw Error(ErrorCode::kInvalidArgument, "credits must be 1 to 1000, not " + std::to_string(credits), "credits");
  const std::shared_ptr<connectors::FunctionCalls> calls = runtime_.function_calls().shared_from_this();
  const std::uint64_t consumer = calls->attach(function, static_cast<std::uint32_t>(credits));
  co_return std::make_unique<CallStream>(calls, consumer);
}

Task<workflows::WorkflowTestReport> WorkflowsObject::run_test(Call, std::string file) {
  co_await runtime_.executor().schedule();
  const flowtest::TestReport report = flowtest::run_test_file(file);
  workflows::WorkflowTestReport out;
  out.name = report.name;
  out.file = report.file;
  out.passed = report.passed();
  if (!report.problem.empty()) out.problem = report.problem;
  for (const flowtest::Difference& difference : report.differences) {
    workflows::WorkflowTestDifference one;
    one.where = difference.where;
    one.expected = difference.expected;
    one.actual = difference.actual;
    out.differences.push_back(std::move(one));
  }
  out.elapsed = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(report.elapsed_seconds));
  out.actions = static_cast<std::int32_t>(report.coverage.actions.size());
  out.covered_actions = static_cast<std::int32_t>(report.coverage.covered_actions());
  out.branches = static_cast<std::int32_t>(report.coverage.branches.size());
  out.covered_branches = static_cast<std::int32_t>(report.coverage.covered_branches());
  co_return out;
}

Task<workflows::WorkflowHistoryPage> WorkflowsObject::trigger_history(Call, workflows::WorkflowHistoryQuery query) {
  co_await runtime_.executor().schedule();
  co_return read_trigger_history(runtime_.workflows(), query);
}

bool WorkflowsObject::complete_call(const Call&, std::int64_t call_id, std::string_view result) {
  flows::ActionAnswer answer;
  answer.outputs = Value::object();
  answer.outputs["statusCode"] = 200;
  answer.outputs["headers"] = Value::object();
  Value body = expression::parse_value(result);
  if (!body.is_null()) answer.outputs["body"] = std::move(body);
  return runtime_.function_calls().complete(call_id, std::move(answer));
}

bool WorkflowsObject::fail_call(const Call&, std::int64_t call_id, std::string_view code, std::string_view message, bool retry) {
  const std::string named(code.empty() ? "FunctionFailed" : code);
  flows::ActionAnswer answer = flows::ActionAnswer::failed(named, named, std::string(message));
  answer.retryable = retry;
  return runtime_.function_calls().complete(call_id, std::move(answer));
}

}  // namespace trunkline
