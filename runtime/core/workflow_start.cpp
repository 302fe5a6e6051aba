// Fires a trigger on behalf of somebody in this process.
#include "runtime/core/workflow_views.h"
#include "runtime/flows/workflow_headers.h"

namespace trunkline {
namespace {

using expression::Value;
using workflow::TriggerType;

constexpr const char* kTrackingHeader = "x-ms-client-tracking-id";

const workflow::Trigger& trigger_of(const flows::Workflow& workflow, const std::optional<std::string>& name) {
  const workflow::Plan* plan = workflow.version ? workflow.version->plan.get() : nullptr;
  if (plan == nullptr || plan->triggers.empty())
    throw Error(ErrorCode::kFailedPrecondition, "the workflow '" + workflow.name + "' has no trigger", "trigger");
  if (!name) {
    if (plan->triggers.size() == 1) return plan->triggers.front();
    throw Error(ErrorCode::kInvalidArgument, "the workflow '" + workflow.name + "' has several triggers; name one", "trigger");
  }
  if (const workflow::Trigger* found = plan->find_trigger(*name)) return *found;
  throw Error(ErrorCode::kNotFound, "The trigger '" + name->substr(0, 100) + "' could not be found.", "trigger")
      .with_service_code("WorkflowTriggerNotFound");
}

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kFailedPrecondition;
    case 429:
      return ErrorCode::kResourceExhausted;
    case 504:
      return ErrorCode::kDeadlineExceeded;
    default:
      return status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable;
  }
}

/// What the door of a trigger said instead of starting a run, or instead of a Response.
Error refusal_of(const net::Response& response) {
  std::string code, message = "the trigger answered with status " + std::to_string(response.status);
  try {
    const Value body = expression::parse_value(response.body);
    if (const auto error = body.find("error"); error != body.end() && error->is_object()) {
      code = error->value("code", "");
      message = error->value("message", message);
    }
  } catch (const Error&) {
    // It says what it has to say with its status.
  }
  ErrorCode kind = code_of(response.status);
  if (code == "WorkflowTriggerIsNotEnabled") kind = ErrorCode::kFailedPrecondition;
  return Error(kind, std::move(message), "trigger").with_http_status(response.status).with_service_code(std::move(code));
}

workflows::WorkflowResponse workflow_response(const net::Response& response) {
  workflows::WorkflowResponse out;
  out.status_code = response.status;
  for (const auto& [name, value] : response.headers)
    if (!flows::is_answer_header(name)) out.headers[name] = value;
  if (response.body.empty()) return out;
  out.headers["Content-Type"] = response.content_type;
  const bool is_json = response.content_type.find("json") != std::string::npos;
  out.body = is_json ? response.body : expression::to_json_text(Value(response.body));
  return out;
}

Task<workflows::WorkflowStart> call_request(flows::WorkflowService& workflows, flows::WorkflowPtr workflow,
                                            const workflow::Trigger& trigger, workflows::WorkflowRunRequest request) {
  flows::TriggerCall call;
  call.method = trigger.method.empty() ? "POST" : trigger.method;
  if (request.path) call.relative_path = *request.path;
  if (request.headers)
    for (const auto& [name, value] : *request.headers) call.headers.set(name, value);
  if (request.client_tracking_id) call.headers.set(kTrackingHeader, *request.client_tracking_id);
  if (request.body) {
    call.body = *request.body;
    if (call.headers.get("Content-Type").empty()) call.headers.set("Content-Type", "application/json");
  }
  std::string name = trigger.name;
  const net::Response response = co_await workflows.call_trigger(workflow, std::move(name), std::move(call));
  workflows::WorkflowStart out;
  const std::string_view run = response.headers.get("x-ms-workflow-run-id");
  const bool responds = workflow->version->plan->has_response && !trigger.split_on;
  const bool own_refusal = response.status >= 400 && (run.empty() || response.status == 502 || response.status == 504);
  // A trigger that suppresses its headers does not name its run.
  if (own_refusal && !(responds && trigger.suppress_headers)) throw refusal_of(response);
  if (!run.empty()) {
    out.run = std::string(run);
    out.runs.push_back(*out.run);
  }
  if (responds) out.response = workflow_response(response);
  co_return out;
}

}  // namespace

Task<workflows::WorkflowStart> start_workflow(flows::WorkflowService& workflows, workflows::WorkflowRunRequest request) {
  const flows::WorkflowPtr workflow = workflows.get(request.workflow);
  const workflow::Trigger& trigger = trigger_of(*workflow, request.trigger);
  if (trigger.type == TriggerType::kRequest || trigger.type == TriggerType::kHttpWebhook)
    co_return co_await call_request(workflows, workflow, trigger, std::move(request));
  if (request.path) throw Error(ErrorCode::kInvalidArgument, "only Request triggers have a path", "path");
  Value outputs;
  if (request.body || request.headers) {
    outputs = Value::object();
    if (request.headers)
      for (const auto& [name, value] : *request.headers) outputs["headers"][name] = value;
    if (request.body) outputs["body"] = expression::parse_value(*request.body);
  }
  std::string name = trigger.name;
  const flows::FiringResult result = co_await workflows.run_trigger(workflow, std::move(name), std::move(outputs));
  if (result.kind == flows::FiringResult::Kind::kFailed)
    throw Error(ErrorCode::kInvalidArgument, result.message, "trigger").with_service_code(result.code);
  workflows::WorkflowStart out;
  out.runs = result.runs;
  if (!out.runs.empty()) out.run = out.runs.front();
  co_return out;
}

}  // namespace trunkline
