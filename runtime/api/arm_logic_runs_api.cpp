// Runs of workflows.
#include <unordered_map>

#include "runtime/api/arm_logic.h"
#include "runtime/api/rest.h"

namespace trunkline::api {
namespace {

using flows::RunRow;
using flows::RunView;
using flows::Workflow;
using flows::WorkflowPtr;
using server::RouteContext;

LogicValue frame_json(const Workflow& workflow, const RunRow& row) {
  LogicValue out;
  out["properties"] = LogicValue::object();
  out["id"] = workflow.arm_id + "/runs/" + row.name();
  out["name"] = row.name();
  out["type"] = "Microsoft.Logic/workflows/runs";
  return out;
}

/// What the row says by itself.
void fill(LogicValue& properties, const Workflow& workflow, const RunRow& row, const std::string& version) {
  properties["waitEndTime"] = logic_time(row.started);
  properties["startTime"] = logic_time(row.started);
  set_time(properties, "endTime", row.ended);
  properties["status"] = workflow::to_text(row.status);
  if (!row.code.empty()) properties["code"] = row.code;
  if (!row.error.empty()) properties["error"] = expression::parse_value(row.error);
  properties["correlationId"] = row.name();
  properties["correlation"]["clientTrackingId"] = row.client_tracking_id;
  properties["workflow"] = version_reference(workflow, version);
  LogicValue& trigger = properties["trigger"];
  trigger["name"] = row.trigger;
  trigger["startTime"] = logic_time(row.started);
  trigger["endTime"] = logic_time(row.started);
  trigger["originHistoryName"] = row.origin.empty() ? row.name() : row.origin;
  trigger["correlation"]["clientTrackingId"] = row.client_tracking_id;
  trigger["code"] = "OK";
  trigger["status"] = "Succeeded";
  // Members of our own: what the run repeats, and from where.
  if (!row.repeats.empty()) properties["trunkline"]["repeats"] = row.repeats;
  if (!row.repeats_from.empty()) properties["trunkline"]["repeatsFrom"] = row.repeats_from;
}

LogicValue run_json(const LogicServices& services, const Workflow& workflow, const RunView& run) {
  const RunRow& row = run.row();
  LogicValue out = frame_json(workflow, row);
  LogicValue& properties = out["properties"];
  fill(properties, workflow, row, run.version().name);
  const std::string what = "/runs/" + row.name();
  const LogicValue record = run.trigger();
  LogicValue& trigger = properties["trigger"];
  for (const char* member : {"startTime", "endTime", "scheduledTime", "trackingId", "code", "status"})
    if (const auto found = record.find(member); found != record.end() && found->is_string()) trigger[member] = *found;
  if (const auto inputs = record.find("inputs"); inputs != record.end())
    set_link(services, workflow, trigger, "inputsLink", what + "/contents/TriggerInputs", *inputs);
  if (const auto outputs = record.find("outputs"); outputs != record.end())
    set_link(services, workflow, trigger, "outputsLink", what + "/contents/TriggerOutputs", *outputs);
  const LogicValue outputs = run.outputs();
  properties["outputs"] = outputs.is_null() ? LogicValue::object() : outputs;
  LogicValue& response = properties["response"];
  response["startTime"] = logic_time(row.started);
  set_time(response, "endTime", row.ended);
  response["correlation"]["clientTrackingId"] = row.client_tracking_id;
  response["status"] = run.response() ? "Succeeded" : "Skipped";
  if (run.response()) set_link(services, workflow, response, "outputsLink", what + "/contents/ResponseOutputs", *run.response());
  return out;
}

net::Response list_runs(const LogicServices& services, const RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  flows::RunFilter filter = run_filter(context);
  const std::size_t top = logic_top(context);
  filter.limit = top + 1;
  if (const std::string skip = logic_skip(context); !skip.empty()) {
    std::string_view suffix;
    filter.before = flows::parse_run_name(skip, suffix);
    if (filter.before == 0) throw arm_bad_request("InvalidSkipToken", "The skip token is not one of ours.", "$skiptoken");
  }
  const std::vector<RunRow> rows = services.workflows.runs(*workflow, filter);
  std::unordered_map<std::int64_t, std::string> versions;
  for (const flows::WorkflowVersion& version : services.workflows.versions(*workflow)) versions[version.key] = version.name;
  LogicValue items = LogicValue::array();
  for (const RunRow& row : rows) {
    if (items.size() == top) break;
    LogicValue item = frame_json(*workflow, row);
    fill(item["properties"], *workflow, row, versions[row.version_key]);
    item["properties"]["outputs"] = LogicValue::object();
    items.push_back(std::move(item));
  }
  const std::string next = rows.size() > top ? rows[top - 1].name() : std::string();
  return logic_page(context, std::move(items), next);
}

Task<net::Response> cancel(LogicServices services, RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  std::string name = context.param("runName");
  const auto row = services.workflows.run(*workflow, name);
  if (row && row->ended)
    throw Error(ErrorCode::kFailedPrecondition, "The workflow run '" + name + "' has ended, so it cannot be cancelled.",
                "runName")
        .with_service_code("WorkflowRunNotCancellable");
  co_await services.workflows.cancel(workflow, std::move(name));
  co_return empty_response(200);
}

}  // namespace

void add_logic_run_routes(std::vector<server::Route>& routes, const LogicServices& services) {
  const auto& v = arm_logic_versions();
  const std::string one = kLogicWorkflow + "/runs/{runName}";
  const auto show = [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    const RunView run = services.workflows.view(workflow, context.param("runName"));
    co_return logic_response(200, run_json(services, *workflow, run));
  };
  routes.push_back(arm_route("GET", kLogicWorkflow + "/runs", v, [services](RouteContext& context) -> Task<net::Response> {
    co_return list_runs(services, context);
  }));
  routes.push_back(arm_route("GET", one, v, show));
  // An operation of a run is the run itself: ours have no steps of their own.
  routes.push_back(arm_route("GET", one + "/operations/{operationId}", v, show));
  routes.push_back(
      arm_route("POST", one + "/cancel", v, [services](RouteContext& context) { return cancel(services, context); }));
}

}  // namespace trunkline::api
