#include "runtime/api/control_workflows_api.h"

#include <memory>
#include <unordered_map>

#include "runtime/api/control_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/clock/signal.h"
#include "runtime/connectors/connector_uses.h"
#include "runtime/core/runtime.h"
#include "runtime/core/workflow_config.h"
#include "runtime/core/workflow_views.h"

namespace trunkline::api {
namespace {

using expression::Value;
using flows::WorkflowPtr;
using server::RouteContext;

constexpr std::size_t kMaxDefinitionBytes = 16u << 20;

/// Members keep their order: definitions and inputs are shown as they are written.
net::Response value_response(int status, const Value& body) {
  net::Response response;
  response.status = status;
  response.body = expression::to_json_text(body);
  return response;
}

Value parse(const RouteContext& context) {
  if (context.request.body.empty()) return Value::object();
  Value body = expression::parse_value(context.request.body);
  if (!body.is_object()) throw Error(ErrorCode::kInvalidArgument, "the body must be a JSON object", "");
  return body;
}

std::string text_at(const Value& body, const char* member) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null()) return {};
  if (!found->is_string()) throw Error(ErrorCode::kInvalidArgument, std::string(member) + " must be text", member);
  return found->get<std::string>();
}

bool flag_at(const Value& body, const char* member, bool fallback) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null()) return fallback;
  if (!found->is_boolean()) throw Error(ErrorCode::kInvalidArgument, std::string(member) + " must be true or false", member);
  return found->get<bool>();
}

void set_json(Value& out, const char* member, const std::optional<std::string>& text) {
  if (text) out[member] = expression::parse_value(*text);
}

void set_moment(Value& out, const char* member, const std::optional<Time>& time) {
  if (time) out[member] = rfc3339_us(*time);
}

const char* word(workflows::WorkflowStatus status) {
  switch (status) {
    case workflows::WorkflowStatus::kWaiting:
      return "waiting";
    case workflows::WorkflowStatus::kRunning:
      return "running";
    case workflows::WorkflowStatus::kSucceeded:
      return "succeeded";
    case workflows::WorkflowStatus::kFailed:
      return "failed";
    case workflows::WorkflowStatus::kSkipped:
      return "skipped";
    case workflows::WorkflowStatus::kTimedOut:
      return "timed_out";
    case workflows::WorkflowStatus::kCancelled:
      return "cancelled";
    default:
      return "unknown";
  }
}

std::optional<workflow::Status> parse_word(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::string plain = text;
  std::erase(plain, '_');
  if (const auto status = workflow::parse_status(plain)) return status;
  throw Error(ErrorCode::kInvalidArgument, "'" + text.substr(0, 80) + "' is no status of a run", "status");
}

Value to_json(const workflows::WorkflowInfo& info) {
  Value out;
  out["name"] = info.name;
  out["workflow_id"] = info.workflow_id;
  out["enabled"] = info.enabled;
  out["stateless"] = info.stateless;
  out["version"] = info.version;
  out["triggers"] = Value::array();
  for (const workflows::WorkflowTriggerInfo& trigger : info.triggers) {
    Value one;
    one["name"] = trigger.name;
    one["type"] = trigger.type;
    if (trigger.callback_url) one["callback_url"] = *trigger.callback_url;
    set_moment(one, "next_run_at", trigger.next_run_at);
    if (trigger.problem) one["problem"] = *trigger.problem;
    out["triggers"].push_back(std::move(one));
  }
  out["tags"] = Value::object();
  for (const auto& [name, value] : info.tags) out["tags"][name] = value;
  out["created_at"] = rfc3339_us(info.created_at);
  out["changed_at"] = rfc3339_us(info.changed_at);
  return out;
}

Value to_json(const workflows::WorkflowRunInfo& run) {
  Value out;
  out["run"] = run.name;
  out["workflow"] = run.workflow;
  out["version"] = run.version;
  out["trigger"] = run.trigger;
  out["status"] = word(run.status);
  if (run.code) out["code"] = *run.code;
  set_json(out, "error", run.error);
  out["client_tracking_id"] = run.client_tracking_id;
  if (run.repeats) out["repeats"] = *run.repeats;
  if (run.repeats_from) out["repeats_from"] = *run.repeats_from;
  out["started_at"] = rfc3339_us(run.started_at);
  set_moment(out, "ended_at", run.ended_at);
  return out;
}

Value to_json(const workflows::WorkflowResponse& response) {
  Value out;
  out["status_code"] = response.status_code;
  out["headers"] = Value::object();
  for (const auto& [name, value] : response.headers) out["headers"][name] = value;
  set_json(out, "body", response.body);
  return out;
}

Value to_json(const workflows::WorkflowStep& step) {
  Value out;
  out["name"] = step.name;
  out["type"] = step.type;
  if (step.scope) out["scope"] = *step.scope;
  out["depth"] = step.depth;
  if (step.repetition) out["repetition"] = *step.repetition;
  out["status"] = word(step.status);
  if (step.code) out["code"] = *step.code;
  set_json(out, "error", step.error);
  set_json(out, "inputs", step.inputs);
  set_json(out, "outputs", step.outputs);
  set_json(out, "tracked_properties", step.tracked_properties);
  if (!step.retries.empty()) {
    out["retries"] = Value::array();
    for (const workflows::WorkflowRetry& retry : step.retries) {
      Value one;
      one["started_at"] = rfc3339_us(retry.started_at);
      one["ended_at"] = rfc3339_us(retry.ended_at);
      one["code"] = retry.code;
      set_json(one, "error", retry.error);
      out["retries"].push_back(std::move(one));
    }
  }
  set_moment(out, "due_at", step.due_at);
  set_moment(out, "started_at", step.started_at);
  set_moment(out, "ended_at", step.ended_at);
  return out;
}

Value to_json(const workflows::WorkflowRunDetails& details) {
  Value out = to_json(details.run);
  set_json(out, "trigger_inputs", details.trigger_inputs);
  set_json(out, "trigger_outputs", details.trigger_outputs);
  set_json(out, "outputs", details.outputs);
  if (details.response) out["response"] = to_json(*details.response);
  out["steps"] = Value::array();
  for (const workflows::WorkflowStep& step : details.steps) out["steps"].push_back(to_json(step));
  return out;
}

Value to_json(const workflows::WorkflowFiring& firing) {
  Value out;
  out["firing"] = firing.name;
  out["trigger"] = firing.trigger;
  out["status"] = word(firing.status);
  if (firing.code) out["code"] = *firing.code;
  set_json(out, "error", firing.error);
  if (firing.run) out["run"] = *firing.run;
  out["client_tracking_id"] = firing.client_tracking_id;
  set_json(out, "inputs", firing.inputs);
  set_json(out, "outputs", firing.outputs);
  set_moment(out, "scheduled_at", firing.scheduled_at);
  out["started_at"] = rfc3339_us(firing.started_at);
  out["ended_at"] = rfc3339_us(firing.ended_at);
  return out;
}

flows::WorkflowSpec spec_of(const RouteContext& context) {
  const Value body = parse(context);
  const auto definition = body.find("definition");
  if (definition == body.end() || !definition->is_object())
    throw Error(ErrorCode::kInvalidArgument, "definition is missing or no object", "definition");
  const auto parameters = body.find("parameters");
  flows::WorkflowSpec spec =
      workflow_spec(context.param("name"), expression::to_json_text(*definition),
                    parameters == body.end() || parameters->is_null() ? std::string() : expression::to_json_text(*parameters));
  if (flag_at(body, "stateless", false)) spec.kind = flows::WorkflowKind::kStateless;
  if (!flag_at(body, "enabled", true)) spec.enabled = false;
  if (const auto tags = body.find("tags"); tags != body.end() && tags->is_object())
    for (const auto& tag : tags->items()) spec.tags[tag.key()] = expression::to_text(tag.value());
  return spec;
}

const char* word(connectors::ConnectorUse::Kind kind) {
  switch (kind) {
    case connectors::ConnectorUse::Kind::kFunction:
      return "function";
    case connectors::ConnectorUse::Kind::kActionType:
      return "action_type";
    default:
      return "connector";
  }
}

/// What it calls that is not HTTP, and what stands for it here; without `stands_for`: nothing.
Value connectors_json(const Runtime& runtime, const flows::Workflow& workflow) {
  Value out = Value::array();
  const Value definition = expression::parse_value(workflow.version->definition);
  for (const connectors::ConnectorUse& use :
       connectors::connector_uses(*workflow.version->plan, definition, connection_mappings(runtime.config()))) {
    Value one;
    one["name"] = use.name;
    one["kind"] = word(use.kind);
    if (!use.stands_for.empty()) one["stands_for"] = use.stands_for;
    one["used_by"] = use.used_by;
    out.push_back(std::move(one));
  }
  return out;
}

Task<net::Response> deploy(Runtime& runtime, RouteContext& context) {
  flows::WorkflowSpec spec = spec_of(context);
  const bool there = runtime.workflows().find(spec.name) != nullptr;
  const WorkflowPtr deployed = co_await runtime.workflows().deploy(std::move(spec));
  Value answer = to_json(describe(runtime.workflows(), *deployed));
  answer["connectors"] = connectors_json(runtime, *deployed);
  co_return value_response(there ? 200 : 201, answer);
}

Task<net::Response> validate(Runtime& runtime, RouteContext& context) {
  Value answer;
  answer["problems"] = Value::array();
  for (const workflow::Problem& problem : runtime.workflows().validate(spec_of(context))) {
    Value one;
    one["code"] = problem.code;
    one["message"] = problem.message;
    one["pointer"] = problem.pointer;
    answer["problems"].push_back(std::move(one));
  }
  co_return value_response(200, answer);
}

Task<net::Response> change_workflow(Runtime& runtime, RouteContext& context) {
  const Value body = parse(context);
  std::string id = runtime.workflows().get(context.param("name"))->arm_id;
  const WorkflowPtr changed = co_await runtime.workflows().set_enabled(std::move(id), flag_at(body, "enabled", true));
  co_return value_response(200, to_json(describe(runtime.workflows(), *changed)));
}

Task<net::Response> remove_workflow(Runtime& runtime, RouteContext& context) {
  std::string id = runtime.workflows().get(context.param("name"))->arm_id;
  co_await runtime.workflows().remove(std::move(id));
  co_return empty_response(204);
}

Task<net::Response> start(Runtime& runtime, RouteContext& context) {
  const Value body = parse(context);
  workflows::WorkflowRunRequest request;
  request.workflow = context.param("name");
  const auto optional = [&](const char* member) {
    const std::string text = text_at(body, member);
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
  };
  request.trigger = optional("trigger");
  request.path = optional("path");
  request.client_tracking_id = optional("client_tracking_id");
  if (const auto given = body.find("body"); given != body.end()) request.body = expression::to_json_text(*given);
  if (const auto headers = body.find("headers"); headers != body.end() && headers->is_object()) {
    request.headers.emplace();
    for (const auto& header : headers->items()) (*request.headers)[header.key()] = expression::to_text(header.value());
  }
  const workflows::WorkflowStart started = co_await start_workflow(runtime.workflows(), std::move(request));
  Value answer;
  answer["workflow"] = context.param("name");
  if (started.run) answer["run"] = *started.run;
  answer["runs"] = started.runs;
  if (started.response) answer["response"] = to_json(*started.response);
  co_return value_response(202, answer);
}

net::Response list_runs(Runtime& runtime, const RouteContext& context) {
  const WorkflowPtr workflow = runtime.workflows().get(context.param("name"));
  flows::RunFilter filter;
  filter.status = parse_word(context.query("status").value_or(""));
  filter.client_tracking_id = context.query("client_tracking_id").value_or("");
  const std::size_t limit = static_cast<std::size_t>(integer_parameter(context, "limit", 30, 1, 250));
  filter.limit = limit + 1;
  if (const auto after = context.query("continuation")) {
    std::string_view suffix;
    filter.before = flows::parse_run_name(*after, suffix);
    if (filter.before == 0) throw Error(ErrorCode::kInvalidArgument, "continuation is not one of ours", "continuation");
  }
  std::vector<flows::RunRow> rows = runtime.workflows().runs(*workflow, filter);
  Value answer;
  answer["items"] = Value::array();
  const bool more = rows.size() > limit;
  if (more) rows.pop_back();
  std::unordered_map<std::int64_t, std::string> versions;
  for (const flows::WorkflowVersion& version : runtime.workflows().versions(*workflow)) versions[version.key] = version.name;
  for (const flows::RunRow& row : rows) answer["items"].push_back(to_json(describe(*workflow, row, versions[row.version_key])));
  if (more) answer["continuation"] = rows.back().name();
  return value_response(200, answer);
}

net::Response list_versions(Runtime& runtime, const RouteContext& context) {
  const WorkflowPtr workflow = runtime.workflows().get(context.param("name"));
  Value answer;
  answer["items"] = Value::array();
  for (const flows::WorkflowVersion& version : runtime.workflows().versions(*workflow)) {
    Value one;
    one["version"] = version.name;
    one["current"] = version.name == workflow->version->name;
    one["created_at"] = rfc3339_us(version.created_at);
    one["definition"] = expression::parse_value(version.definition);
    answer["items"].push_back(std::move(one));
  }
  return value_response(200, answer);
}

net::Response list_history(Runtime& runtime, const RouteContext& context) {
  workflows::WorkflowHistoryQuery query;
  query.workflow = context.param("name");
  query.trigger = context.query("trigger");
  if (const auto status = parse_word(context.query("status").value_or(""))) query.status = to_service(*status);
  query.limit = static_cast<std::int32_t>(integer_parameter(context, "limit", 30, 1, 250));
  query.continuation = context.query("continuation");
  workflows::WorkflowHistoryPage page = read_trigger_history(runtime.workflows(), query);
  Value answer;
  answer["items"] = Value::array();
  for (const workflows::WorkflowFiring& firing : page.items) answer["items"].push_back(to_json(firing));
  if (page.continuation) answer["continuation"] = *page.continuation;
  return value_response(200, answer);
}

/// The run of a path; `last` is the newest.
std::string run_of(Runtime& runtime, const flows::Workflow& workflow, const RouteContext& context) {
  const std::string& name = context.param("run");
  if (name != "last") return name;
  flows::RunFilter filter;
  filter.limit = 1;
  const std::vector<flows::RunRow> rows = runtime.workflows().runs(workflow, filter);
  if (rows.empty()) throw Error(ErrorCode::kNotFound, "the workflow '" + workflow.name + "' has no runs", "run");
  return rows.front().name();
}

/// Waits until the run has ended, at most as long as the caller wants to.
Task<void> wait_for_end(Runtime& runtime, Clock& wall, WorkflowPtr workflow, std::string run, std::int64_t wait_ms) {
  const auto signal = std::make_shared<Signal>(runtime.executor(), wall, false);
  spawn(runtime.workflows().wait(std::move(workflow), std::move(run)), [signal](const Result<flows::RunRow>&) { signal->set(); });
  const Signal::Turn turn(*signal, "a run of a workflow");
  co_await signal->wait(wall.now() + std::chrono::milliseconds{wait_ms});
}

Task<net::Response> show(Runtime& runtime, Clock& wall, RouteContext& context) {
  const WorkflowPtr workflow = runtime.workflows().get(context.param("name"));
  const std::string run = run_of(runtime, *workflow, context);
  const std::int64_t wait_ms = integer_parameter(context, "wait_ms", 0, 0, kMaxWaitMs);
  if (wait_ms > 0) {
    const auto row = runtime.workflows().run(*workflow, run);
    if (!row || !row->ended) co_await wait_for_end(runtime, wall, workflow, run, wait_ms);
  }
  co_return value_response(200, to_json(describe(*workflow, runtime.workflows().view(workflow, run))));
}

Value named(const flows::Workflow& workflow, const std::string& run) {
  Value answer;
  answer["workflow"] = workflow.name;
  answer["run"] = run;
  return answer;
}

Task<net::Response> cancel(Runtime& runtime, RouteContext& context) {
  const WorkflowPtr workflow = runtime.workflows().get(context.param("name"));
  const std::string run = run_of(runtime, *workflow, context);
  const auto row = runtime.workflows().run(*workflow, run);
  if (row && row->ended) throw Error(ErrorCode::kFailedPrecondition, "the run '" + run + "' has ended", "run");
  std::string name = run;
  co_await runtime.workflows().cancel(workflow, std::move(name));
  co_return value_response(200, named(*workflow, run));
}

Task<net::Response> resubmit(Runtime& runtime, RouteContext& context) {
  const WorkflowPtr workflow = runtime.workflows().get(context.param("name"));
  std::string run = run_of(runtime, *workflow, context);
  const std::string again = co_await runtime.workflows().resubmit(workflow, std::move(run));
  co_return value_response(202, named(*workflow, again));
}

Task<net::Response> rerun(Runtime& runtime, RouteContext& context) {
  const WorkflowPtr workflow = runtime.workflows().get(context.param("name"));
  std::string run = run_of(runtime, *workflow, context), action = text_at(parse(context), "action");
  const std::string again = co_await runtime.workflows().rerun(workflow, std::move(run), std::move(action));
  co_return value_response(202, named(*workflow, again));
}

}  // namespace

void add_control_workflow_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall) {
  constexpr const char* kOne = "/_control/workflows/{name}";
  constexpr const char* kRuns = "/_control/workflows/{name}/runs";
  constexpr const char* kRun = "/_control/workflows/{name}/runs/{run}";
  const auto add = [&](const char* method, const std::string& path, auto handler) {
    add_control_route(routes, method, path.c_str(), std::move(handler));
    routes.back().max_body_bytes = kMaxDefinitionBytes;
  };
  add("GET", "/_control/workflows", [&runtime](RouteContext&) -> Task<net::Response> {
    Value answer;
    answer["items"] = Value::array();
    for (const WorkflowPtr& workflow : runtime.workflows().list())
      answer["items"].push_back(to_json(describe(runtime.workflows(), *workflow)));
    co_return value_response(200, answer);
  });
  add("GET", kOne, [&runtime](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = runtime.workflows().get(context.param("name"));
    Value answer = to_json(describe(runtime.workflows(), *workflow));
    answer["connectors"] = connectors_json(runtime, *workflow);
    answer["definition"] = expression::parse_value(workflow->version->definition);
    co_return value_response(200, answer);
  });
  add("PUT", kOne, [&runtime](RouteContext& context) { return deploy(runtime, context); });
  add("PATCH", kOne, [&runtime](RouteContext& context) { return change_workflow(runtime, context); });
  add("DELETE", kOne, [&runtime](RouteContext& context) { return remove_workflow(runtime, context); });
  add("POST", std::string(kOne) + "/validate", [&runtime](RouteContext& context) { return validate(runtime, context); });
  add("GET", std::string(kOne) + "/versions",
      [&runtime](RouteContext& context) -> Task<net::Response> { co_return list_versions(runtime, context); });
  add("GET", std::string(kOne) + "/history",
      [&runtime](RouteContext& context) -> Task<net::Response> { co_return list_history(runtime, context); });
  add("GET", kRuns, [&runtime](RouteContext& context) -> Task<net::Response> { co_return list_runs(runtime, context); });
  add("POST", kRuns, [&runtime](RouteContext& context) { return start(runtime, context); });
  add("GET", kRun, [&runtime, &wall](RouteContext& context) { return show(runtime, wall, context); });
  add("POST", std::string(kRun) + "/cancel", [&runtime](RouteContext& context) { return cancel(runtime, context); });
  add("POST", std::string(kRun) + "/resubmit", [&runtime](RouteContext& context) { return resubmit(runtime, context); });
  add("POST", std::string(kRun) + "/rerun", [&runtime](RouteContext& context) { return rerun(runtime, context); });
}

}  // namespace trunkline::api
