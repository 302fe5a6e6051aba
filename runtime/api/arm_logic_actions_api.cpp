// Actions of a run: their repetitions, what was sent and answered, and what their expressions gave.
#include <algorithm>

#include "runtime/api/arm_logic.h"
#include "runtime/base/strings.h"
#include "runtime/flows/expression_traces.h"

namespace trunkline::api {
namespace {

using flows::ActionView;
using flows::RunView;
using flows::Workflow;
using flows::WorkflowPtr;
using server::RouteContext;

Error no_action(const std::string& name) {
  return Error(ErrorCode::kNotFound, "The workflow run action '" + name.substr(0, 100) + "' could not be found.", "actionName")
      .with_service_code("WorkflowRunActionNotFound");
}

Error no_repetition(const std::string& name) {
  return Error(ErrorCode::kNotFound, "The repetition '" + name.substr(0, 100) + "' could not be found.", "repetitionName")
      .with_service_code("WorkflowRunActionRepetitionNotFound");
}

/// The run that a path means, and where in it the path stands. Throws 404.
struct Place {
  Place(const LogicServices& services, const RouteContext& context)
      : workflow(workflow_of(services, context)), run(services.workflows.view(workflow, context.param("runName"))) {
    const std::string& wanted = context.param("actionName");
    const workflow::ActionIndex index = run.version().plan->find_action(wanted);
    if (index == workflow::kNone) throw no_action(wanted);
    action = run.version().plan->actions[index].name;
    what = "/runs/" + run.row().name() + "/actions/" + action;
  }

  const WorkflowPtr workflow;
  const RunView run;
  std::string action;  // as the definition spells it
  std::string what;    // `/runs/{run}/actions/{action}`
};

Place place_of(const LogicServices& services, const RouteContext& context) { return Place(services, context); }

ActionView repetition_of(const Place& place, const RouteContext& context) {
  const std::string& name = context.param("repetitionName");
  if (auto view = place.run.repetition(place.action, name)) return *std::move(view);
  throw no_repetition(name);
}

LogicValue properties_of(const LogicServices& services, const Workflow& workflow, const ActionView& view,
                         const std::string& what) {
  LogicValue out;
  if (view.inputs) set_link(services, workflow, out, "inputsLink", what + "/contents/ActionInputs", *view.inputs);
  if (view.outputs) set_link(services, workflow, out, "outputsLink", what + "/contents/ActionOutputs", *view.outputs);
  if (view.secured_inputs || view.secured_outputs) {
    LogicValue& hidden = out["secureData"]["properties"] = LogicValue::array();
    if (view.secured_inputs) hidden.push_back("inputs");
    if (view.secured_outputs) hidden.push_back("outputs");
  }
  set_time(out, "startTime", view.started);
  set_time(out, "endTime", view.ended);
  out["correlation"]["actionTrackingId"] = view.tracking_id;
  out["correlation"]["clientTrackingId"] = view.client_tracking_id;
  out["trackingId"] = view.tracking_id;
  out["status"] = workflow::to_text(view.status);
  out["code"] = view.code;
  if (!view.error.is_null()) out["error"] = view.error;
  if (!view.tracked_properties.is_null()) out["trackedProperties"] = view.tracked_properties;
  if (!view.retry_history.is_null()) out["retryHistory"] = view.retry_history;
  if (view.iterations) out["iterationCount"] = *view.iterations;
  if (view.repetitions) out["repetitionCount"] = *view.repetitions;
  return out;
}

LogicValue action_json(const LogicServices& services, const Workflow& workflow, const std::string& run, const ActionView& view) {
  const std::string what = "/runs/" + run + "/actions/" + view.name;
  LogicValue out;
  out["properties"] = properties_of(services, workflow, view, what);
  // Of an action inside a loop each repetition has its own.
  if (view.repetitions)
    for (const char* member : {"inputsLink", "outputsLink"}) out["properties"].erase(member);
  out["id"] = workflow.arm_id + what;
  out["name"] = view.name;
  out["type"] = "Microsoft.Logic/workflows/runs/actions";
  return out;
}

LogicValue repetition_json(const LogicServices& services, const Place& place, const ActionView& view, const char* kind) {
  const std::string what = place.what + "/" + kind + "/" + view.repetition_name();
  LogicValue out;
  LogicValue& properties = out["properties"];
  properties = properties_of(services, *place.workflow, view, what);
  properties["repetitionIndexes"] = LogicValue::array();
  for (const auto& [scope, index] : view.indexes)
    properties["repetitionIndexes"].push_back(LogicValue{{"scopeName", scope}, {"itemIndex", index}});
  out["id"] = place.workflow->arm_id + what;
  out["name"] = view.repetition_name();
  out["type"] = std::string("Microsoft.Logic/workflows/runs/actions/") + kind;
  return out;
}

// ---- requests: what the history has of them

bool sends_requests(const ActionView& view) {
  for (const char* type : {"Http", "HttpWebhook", "ApiConnection", "ApiConnectionWebhook", "Function"})
    if (iequals(view.type, type)) return true;
  return false;
}

/// One for each attempt: what was sent is the same for all; of the answer only the last one's is kept.
std::vector<LogicValue> requests_of(const LogicServices& services, const Place& place, const ActionView& view,
                                    const std::string& what) {
  std::vector<LogicValue> out;
  if (!sends_requests(view) || !view.started) return out;
  LogicValue request;
  if (view.inputs) {
    for (const char* member : {"headers", "uri", "method"})
      if (const LogicValue* value = expression::find_member(*view.inputs, member)) request[member] = *value;
    if (!request.contains("uri"))
      if (const LogicValue* path = expression::find_member(*view.inputs, "path")) request["uri"] = *path;
    if (const LogicValue* body = expression::find_member(*view.inputs, "body"))
      set_link(services, *place.workflow, request, "bodyLink", what + "/contents/ActionInputs", *body);
  }
  const auto add = [&](LogicValue properties) {
    std::string name = std::to_string(out.size());
    if (name.size() < 6) name.insert(0, 6 - name.size(), '0');
    LogicValue item;
    properties["request"] = request;
    item["properties"] = std::move(properties);
    item["id"] = place.workflow->arm_id + what + "/requestHistories/" + name;
    item["name"] = name;
    item["type"] = "Microsoft.Logic/workflows/runs/actions/requestHistories";
    out.push_back(std::move(item));
  };
  if (view.retry_history.is_array())
    for (const LogicValue& retry : view.retry_history) {
      LogicValue properties;
      for (const char* member : {"startTime", "endTime"})
        if (const auto time = retry.find(member); time != retry.end()) properties[member] = *time;
      LogicValue& response = properties["response"] = LogicValue::object();
      if (const auto code = retry.find("code"); code != retry.end()) response["code"] = *code;
      add(std::move(properties));
    }
  LogicValue last;
  last["startTime"] = logic_time(*view.started);
  set_time(last, "endTime", view.ended);
  if (view.outputs) {
    LogicValue& response = last["response"] = LogicValue::object();
    for (const char* member : {"headers", "statusCode"})
      if (const LogicValue* value = expression::find_member(*view.outputs, member)) response[member] = *value;
    if (const LogicValue* body = expression::find_member(*view.outputs, "body"))
      set_link(services, *place.workflow, response, "bodyLink", what + "/contents/ActionOutputs", *body);
  }
  add(std::move(last));
  return out;
}

net::Response one_request(const RouteContext& context, std::vector<LogicValue> requests) {
  const std::string& name = context.param("requestHistoryName");
  for (const LogicValue& request : requests)
    if (request["name"] == name) return logic_response(200, request);
  throw Error(ErrorCode::kNotFound, "The request history '" + name.substr(0, 80) + "' could not be found.", "requestHistoryName")
      .with_service_code("WorkflowRunActionRequestHistoryNotFound");
}

net::Response list_actions(const LogicServices& services, const RouteContext& context) {
  const WorkflowPtr workflow = workflow_of(services, context);
  const RunView run = services.workflows.view(workflow, context.param("runName"));
  const std::vector<LogicTerm> terms = logic_filter(context, {"status"});
  std::vector<LogicValue> items;
  for (const ActionView& view : run.actions()) {
    const bool fits =
        std::all_of(terms.begin(), terms.end(), [&](const LogicTerm& term) { return view.status == logic_status(term); });
    // What has not begun is not there yet.
    if (fits && view.status != workflow::Status::kNotStarted)
      items.push_back(action_json(services, *workflow, run.row().name(), view));
  }
  return logic_list(context, std::move(items));
}

net::Response traces(const LogicServices& services, const Place& place, const ActionView& view) {
  LogicValue out;
  out["inputs"] = flows::expression_traces(services.workflows, place.workflow, place.run, view);
  return logic_response(200, out);
}

ActionView action_of(const Place& place) {
  auto view = place.run.action(place.action);
  if (!view) throw no_action(place.action);
  return *std::move(view);
}

}  // namespace

void add_logic_action_routes(std::vector<server::Route>& routes, const LogicServices& services) {
  const auto& v = arm_logic_versions();
  const std::string all = kLogicWorkflow + "/runs/{runName}/actions", one = all + "/{actionName}";
  const std::string repetition = one + "/repetitions/{repetitionName}";
  const auto add = [&](const char* method, const std::string& path,
                       net::Response (*handler)(const LogicServices&, const RouteContext&)) {
    routes.push_back(arm_route(method, path, v, [services, handler](RouteContext& context) -> Task<net::Response> {
      co_return handler(services, context);
    }));
  };
  add("GET", all, list_actions);
  add("GET", one, [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    return logic_response(200, action_json(s, *place.workflow, place.run.row().name(), action_of(place)));
  });
  add("POST", one + "/listExpressionTraces", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    return traces(s, place, action_of(place));
  });
  add("GET", one + "/repetitions", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    std::vector<LogicValue> items;
    for (const ActionView& view : place.run.repetitions(place.action))
      items.push_back(repetition_json(s, place, view, "repetitions"));
    return logic_list(context, std::move(items));
  });
  add("GET", repetition, [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    return logic_response(200, repetition_json(s, place, repetition_of(place, context), "repetitions"));
  });
  add("POST", repetition + "/listExpressionTraces", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    return traces(s, place, repetition_of(place, context));
  });
  add("GET", repetition + "/requestHistories", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    const ActionView view = repetition_of(place, context);
    return logic_list(context, requests_of(s, place, view, place.what + "/repetitions/" + view.repetition_name()));
  });
  add("GET", repetition + "/requestHistories/{requestHistoryName}", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    const ActionView view = repetition_of(place, context);
    return one_request(context, requests_of(s, place, view, place.what + "/repetitions/" + view.repetition_name()));
  });
  add("GET", one + "/requestHistories", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    return logic_list(context, requests_of(s, place, action_of(place), place.what));
  });
  add("GET", one + "/requestHistories/{requestHistoryName}", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    return one_request(context, requests_of(s, place, action_of(place), place.what));
  });
  add("GET", one + "/scopeRepetitions", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    std::vector<LogicValue> items;
    for (const ActionView& view : place.run.scope_repetitions(place.action))
      items.push_back(repetition_json(s, place, view, "scopeRepetitions"));
    return logic_list(context, std::move(items));
  });
  add("GET", one + "/scopeRepetitions/{repetitionName}", [](const LogicServices& s, const RouteContext& context) {
    const Place place = place_of(s, context);
    const std::string& name = context.param("repetitionName");
    for (const ActionView& view : place.run.scope_repetitions(place.action))
      if (view.repetition_name() == name) return logic_response(200, repetition_json(s, place, view, "scopeRepetitions"));
    throw no_repetition(name);
  });
}

}  // namespace trunkline::api
