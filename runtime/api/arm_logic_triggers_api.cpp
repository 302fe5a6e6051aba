// Triggers, their callback URLs and histories.
#include <algorithm>

#include "runtime/api/arm_logic.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"

namespace trunkline::api {
namespace {

using flows::HistoryEntry;
using flows::TriggerState;
using flows::Workflow;
using flows::WorkflowPtr;
using server::RouteContext;

constexpr const char* kTriggerType = "Microsoft.Logic/workflows/triggers";

std::string trigger_id(const Workflow& workflow, const std::string& trigger) { return workflow.arm_id + "/triggers/" + trigger; }

TriggerState trigger_of(const LogicServices& services, const Workflow& workflow, const std::string& name) {
  for (TriggerState& state : services.workflows.triggers(workflow))
    if (iequals(state.trigger->name, name)) return std::move(state);
  throw Error(ErrorCode::kNotFound, "The workflow trigger '" + name.substr(0, 100) + "' could not be found.", "triggerName")
      .with_service_code("WorkflowTriggerNotFound");
}

LogicValue trigger_json(const Workflow& workflow, const TriggerState& state) {
  LogicValue properties;
  properties["provisioningState"] = "Succeeded";
  properties["createdTime"] = logic_time(workflow.created_at);
  properties["changedTime"] = logic_time(workflow.changed_at);
  properties["state"] = state.enabled ? "Enabled" : "Disabled";
  properties["status"] = !state.problem.empty() ? "Failed" : state.next ? "Waiting" : "NotSpecified";
  set_time(properties, "lastExecutionTime", state.last);
  set_time(properties, "nextExecutionTime", state.next);
  if (!state.trigger->raw_recurrence.is_null()) properties["recurrence"] = state.trigger->raw_recurrence;
  properties["workflow"] = version_reference(workflow, workflow.version->name);
  if (!state.problem.empty()) properties["error"] = LogicValue{{"code", "TriggerFailed"}, {"message", state.problem}};
  LogicValue out;
  out["properties"] = std::move(properties);
  out["id"] = trigger_id(workflow, state.trigger->name);
  out["name"] = state.trigger->name;
  out["type"] = kTriggerType;
  return out;
}

LogicValue history_json(const LogicServices& services, const Workflow& workflow, const std::string& trigger,
                        const HistoryEntry& entry) {
  const std::string what = "/triggers/" + trigger + "/histories/" + entry.name;
  LogicValue properties;
  properties["startTime"] = logic_time(entry.started);
  properties["endTime"] = logic_time(entry.ended);
  set_time(properties, "scheduledTime", entry.scheduled);
  properties["status"] = workflow::to_text(entry.status);
  properties["code"] = entry.code;
  if (!entry.error.is_null()) properties["error"] = entry.error;
  properties["trackingId"] = entry.tracking_id;
  properties["correlation"]["clientTrackingId"] = entry.client_tracking_id;
  set_link(services, workflow, properties, "inputsLink", what + "/contents/TriggerInputs", entry.inputs);
  set_link(services, workflow, properties, "outputsLink", what + "/contents/TriggerOutputs", entry.outputs);
  properties["fired"] = entry.fired;
  if (!entry.run.empty())
    properties["run"] = reference(workflow.arm_id + "/runs/" + entry.run, entry.run, "Microsoft.Logic/workflows/runs");
  LogicValue out;
  out["properties"] = std::move(properties);
  out["id"] = trigger_id(workflow, trigger) + "/histories/" + entry.name;
  out["name"] = entry.name;
  out["type"] = "Microsoft.Logic/workflows/triggers/histories";
  return out;
}

HistoryEntry history_of(const LogicServices& services, const WorkflowPtr& workflow, const std::string& trigger,
                        const std::string& name) {
  if (auto entry = services.workflows.history(workflow, trigger, name)) return *std::move(entry);
  throw Error(ErrorCode::kNotFound, "The workflow trigger history '" + name.substr(0, 80) + "' could not be found.",
              "historyName")
      .with_service_code("WorkflowTriggerHistoryNotFound");
}

net::Response list_histories(const LogicServices& services, const RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  const std::string trigger = trigger_of(services, *workflow, context.param("triggerName")).trigger->name;
  const std::vector<LogicTerm> terms = logic_filter(context, {"status", "startTime", "clientTrackingId"});
  const std::size_t top = logic_top(context);
  LogicValue items = LogicValue::array();
  std::string before = logic_skip(context);
  for (;;) {
    const std::vector<HistoryEntry> page = services.workflows.histories(workflow, trigger, before, top + 1);
    for (const HistoryEntry& entry : page) {
      const bool fits = std::all_of(terms.begin(), terms.end(), [&](const LogicTerm& term) {
        if (term.name == "status") return entry.status == logic_status(term);
        if (term.name == "clientTrackingId") return (entry.client_tracking_id == term.value) == (term.op != "ne");
        const Time at = logic_moment(term);
        return term.op == "ge"   ? entry.started >= at
               : term.op == "gt" ? entry.started > at
               : term.op == "le" ? entry.started <= at
               : term.op == "lt" ? entry.started < at
                                 : entry.started == at;
      });
      if (fits && items.size() == top) return logic_page(context, std::move(items), before);
      before = entry.name;
      if (fits) items.push_back(history_json(services, *workflow, trigger, entry));
    }
    if (page.size() <= top) return logic_page(context, std::move(items), {});
  }
}

Task<net::Response> run(LogicServices services, RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  const TriggerState state = trigger_of(services, *workflow, context.param("triggerName"));
  LogicValue outputs;
  if (!context.request.body.empty()) {
    // A body is what a caller of a Request trigger would have sent.
    outputs["headers"] = LogicValue::object();
    outputs["body"] = expression::parse_value(context.request.body);
  }
  std::string name = state.trigger->name;
  const flows::FiringResult result = co_await services.workflows.run_trigger(workflow, std::move(name), std::move(outputs));
  net::Response response = empty_response(202);
  if (!result.runs.empty()) {
    response.headers.set("x-ms-workflow-run-id", result.runs.front());
    response.headers.set("Location",
                         workflow->arm_id + "/runs/" + result.runs.front() + "?api-version=" + std::string(context.api_version));
  }
  co_return response;
}

/// What it remembers is forgotten: a schedule begins anew, a poll looks from the beginning, a subscription is made again.
Task<net::Response> reset(LogicServices services, RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  std::string name = trigger_of(services, *workflow, context.param("triggerName")).trigger->name;
  co_await services.workflows.reset_trigger(workflow, std::move(name), nullptr, {});
  co_return empty_response(200);
}

/// Takes over what a trigger, of this or another workflow, remembers.
Task<net::Response> set_state(LogicServices services, RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  std::string name = trigger_of(services, *workflow, context.param("triggerName")).trigger->name;
  const LogicValue body = logic_body(context);
  const LogicValue* source = expression::find_member(body, "source");
  if (source == nullptr || !source->is_object())
    throw arm_bad_request("InvalidRequestContent", "The source is missing: the trigger whose state is taken over.", "source");
  std::string flow = logic_text(*source, "flowName"), trigger = logic_text(*source, "triggerName");
  const std::string id = logic_text(*source, "id");
  if (const auto parsed = ArmId::parse(id); parsed && parsed->is("Microsoft.Logic/workflows/triggers")) {
    flow = id.substr(0, ifind(id, "/triggers/"));
    trigger = parsed->name();
  } else if (!flow.empty()) {
    ArmId beside = workflow_arm_id(context);
    beside.segments = {{"workflows", flow}};
    flow = beside.str();
  }
  const WorkflowPtr from = services.workflows.find(flow);
  if (!from) throw arm_bad_request("InvalidRequestContent", "The source names no workflow that is there.", "source");
  trigger = trigger_of(services, *from, trigger).trigger->name;
  co_await services.workflows.reset_trigger(workflow, std::move(name), from, std::move(trigger));
  co_return empty_response(200);
}

Task<net::Response> resubmit(LogicServices services, RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  const std::string trigger = trigger_of(services, *workflow, context.param("triggerName")).trigger->name;
  const HistoryEntry entry = history_of(services, workflow, trigger, context.param("historyName"));
  if (entry.run.empty())
    throw arm_bad_request("WorkflowTriggerHistoryNotResubmittable", "The trigger did not fire, so there is nothing to run again.",
                          "historyName");
  std::string old = entry.run;
  const std::string run = co_await services.workflows.resubmit(workflow, std::move(old));
  net::Response response = empty_response(202);
  response.headers.set("x-ms-workflow-run-id", run);
  co_return response;
}

/// With the end that the request asks for, if it does.
net::Response callback_url(const LogicServices& services, const RouteContext& context, const WorkflowPtr& workflow,
                           const std::string& trigger) {
  const TriggerState state = trigger_of(services, *workflow, trigger);
  flows::CallbackUrl url = services.workflows.callback_url(*workflow, state.trigger->name);
  const std::string until = logic_text(logic_body(context), "notAfter");
  if (!until.empty()) {
    const auto end = parse_rfc3339(until);
    if (!end) throw arm_bad_request("InvalidRequestContent", "notAfter is no time such as 2026-03-02T08:00:00Z.", "notAfter");
    url.queries = flows::callback_queries(*workflow, flows::trigger_permission(state.trigger->name), logic_time(*end));
    url.value = url.value.substr(0, url.value.find('?'));
    char separator = '?';
    for (const auto& [name, value] : url.queries) {
      url.value += separator + name + "=" + net::percent_encode(value);
      separator = '&';
    }
  }
  return logic_response(200, callback_json(url));
}

}  // namespace

void add_logic_trigger_routes(std::vector<server::Route>& routes, const LogicServices& services) {
  const auto& v = arm_logic_versions();
  const std::string one = kLogicWorkflow + "/triggers/{triggerName}";
  const auto get = [&](const std::string& path, auto handler) {
    routes.push_back(arm_route("GET", path, v, std::move(handler)));
  };
  const auto post = [&](const std::string& path, auto handler) {
    routes.push_back(arm_route("POST", path, v, std::move(handler)));
  };
  get(kLogicWorkflow + "/triggers", [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    const std::vector<LogicTerm> terms = logic_filter(context, {"state"});
    std::vector<LogicValue> items;
    for (const TriggerState& state : services.workflows.triggers(*workflow)) {
      const bool fits = std::all_of(terms.begin(), terms.end(), [&](const LogicTerm& term) {
        return iequals(term.value, state.enabled ? "Enabled" : "Disabled") == (term.op == "eq");
      });
      if (fits) items.push_back(trigger_json(*workflow, state));
    }
    co_return logic_list(context, std::move(items));
  });
  get(one, [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    co_return logic_response(200, trigger_json(*workflow, trigger_of(services, *workflow, context.param("triggerName"))));
  });
  get(one + "/schemas/json", [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    const TriggerState state = trigger_of(services, *workflow, context.param("triggerName"));
    const LogicValue* schema = expression::find_member(state.trigger->raw_inputs, "schema");
    LogicValue out;
    out["title"] = state.trigger->name;
    out["content"] = expression::to_json_text(schema == nullptr ? LogicValue::object() : *schema);
    co_return logic_response(200, out);
  });
  post(one + "/run", [services](RouteContext& context) { return run(services, context); });
  post(one + "/reset", [services](RouteContext& context) { return reset(services, context); });
  post(one + "/setState", [services](RouteContext& context) { return set_state(services, context); });
  post(one + "/listCallbackUrl", [services](RouteContext& context) -> Task<net::Response> {
    co_return callback_url(services, context, workflow_of(services, context), context.param("triggerName"));
  });
  post(kLogicWorkflow + "/versions/{versionId}/triggers/{triggerName}/listCallbackUrl",
       [services](RouteContext& context) -> Task<net::Response> {
         const WorkflowPtr workflow = workflow_of(services, context);
         if (workflow->version->name != context.param("versionId"))
           throw Error(ErrorCode::kNotFound,
                       "The workflow version '" + context.param("versionId").substr(0, 80) +
                           "' could not be found, or calls of it are not taken any more.",
                       "versionId")
               .with_service_code("WorkflowVersionNotFound");
         co_return callback_url(services, context, workflow, context.param("triggerName"));
       });
  post(kLogicWorkflow + "/listCallbackUrl", [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    for (const TriggerState& state : services.workflows.triggers(*workflow))
      if (state.trigger->type == workflow::TriggerType::kRequest)
        co_return callback_url(services, context, workflow, state.trigger->name);
    throw arm_bad_request("WorkflowHasNoRequestTrigger", "The workflow has no trigger that takes calls.", "workflowName");
  });
  get(one + "/histories",
      [services](RouteContext& context) -> Task<net::Response> { co_return list_histories(services, context); });
  get(one + "/histories/{historyName}", [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    const std::string trigger = trigger_of(services, *workflow, context.param("triggerName")).trigger->name;
    const HistoryEntry entry = history_of(services, workflow, trigger, context.param("historyName"));
    co_return logic_response(200, history_json(services, *workflow, trigger, entry));
  });
  post(one + "/histories/{historyName}/resubmit", [services](RouteContext& context) { return resubmit(services, context); });
}

}  // namespace trunkline::api
