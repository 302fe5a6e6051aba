// Addresses with a signature: what starts runs, ends webhook actions, polls for responses, and shows contents.
#include <map>

#include "runtime/api/arm_logic.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"

namespace trunkline::api {
namespace {

using flows::ActionView;
using flows::RunView;
using flows::Workflow;
using flows::WorkflowPtr;
using server::RouteContext;

constexpr std::string_view kInvoke = "/paths/invoke";

std::map<std::string, std::string> queries_of(const RouteContext& context) {
  std::map<std::string, std::string> out;
  for (const std::string_view pair : split(context.request.query(), '&')) {
    if (pair.empty()) continue;
    const std::size_t at = pair.find('=');
    const std::string_view name = pair.substr(0, at),
                           value = at == std::string_view::npos ? std::string_view() : pair.substr(at + 1);
    out[net::percent_decode(name, true).value_or(std::string(name))] =
        net::percent_decode(value, true).value_or(std::string(value));
  }
  return out;
}

WorkflowPtr workflow_at(const LogicServices& services, const RouteContext& context) {
  if (WorkflowPtr workflow = services.workflows.find_by_guid(context.param("workflowId"))) return workflow;
  throw Error(ErrorCode::kNotFound, "The workflow '" + context.param("workflowId").substr(0, 80) + "' could not be found.",
              "workflow")
      .with_service_code("WorkflowNotFound");
}

flows::TriggerCall call_of(RouteContext& context) {
  flows::TriggerCall call;
  call.method = context.request.method;
  call.queries = queries_of(context);
  call.headers = context.request.headers;
  call.body = std::move(context.request.body);
  return call;
}

Task<net::Response> invoke(LogicServices services, RouteContext& context) {
  WorkflowPtr workflow = workflow_at(services, context);
  std::string trigger = context.param("triggerName");
  flows::TriggerCall call = call_of(context);
  flows::check_callback(*workflow, flows::trigger_permission(trigger), call.queries, services.clock.now());
  const std::string_view path = context.request.path();
  const std::size_t at = ifind(path, kInvoke);
  if (at != std::string_view::npos) call.relative_path = path.substr(at + kInvoke.size());
  co_return co_await services.workflows.call_trigger(std::move(workflow), std::move(trigger), std::move(call));
}

Task<net::Response> end_action(LogicServices services, RouteContext& context) {
  WorkflowPtr workflow = workflow_at(services, context);
  std::string run = context.param("runName"), action = context.param("actionName");
  const auto frame = parse_number<flows::FrameId>(context.param("frame"));
  if (!frame) throw arm_bad_request("InvalidRequestContent", "The address of the callback is malformed.", "frame");
  flows::TriggerCall call = call_of(context);
  flows::check_callback(*workflow, flows::action_permission(run, action, *frame), call.queries, services.clock.now());
  co_return co_await services.workflows.call_action(std::move(workflow), std::move(run), std::move(action), *frame,
                                                    std::move(call));
}

net::Response content(const LogicValue* value) {
  if (value == nullptr || value->is_null())
    throw Error(ErrorCode::kNotFound, "There is no such content, or it is secured.", "contentName")
        .with_service_code("ContentNotFound");
  return logic_response(200, *value);
}

/// What the path after `/workflows/{id}` says is what was signed.
void check_content(const LogicServices& services, const RouteContext& context, const Workflow& workflow,
                   const std::string& what) {
  flows::check_callback(workflow, what + "/read", queries_of(context), services.clock.now());
}

const LogicValue* of_action(const ActionView& view, const std::string& name) {
  if (iequals(name, "ActionInputs")) return view.inputs.get();
  if (iequals(name, "ActionOutputs")) return view.outputs.get();
  return nullptr;
}

net::Response action_content(const LogicServices& services, const RouteContext& context, bool repeated) {
  const WorkflowPtr workflow = workflow_at(services, context);
  const std::string &run_name = context.param("runName"), &action = context.param("actionName"),
                    &name = context.param("contentName");
  std::string what = "/runs/" + run_name + "/actions/" + action;
  if (repeated) what += "/repetitions/" + context.param("repetitionName");
  check_content(services, context, *workflow, what + "/contents/" + name);
  const RunView run = services.workflows.view(workflow, run_name);
  const std::optional<ActionView> view = repeated ? run.repetition(action, context.param("repetitionName")) : run.action(action);
  return content(view ? of_action(*view, name) : nullptr);
}

net::Response run_content(const LogicServices& services, const RouteContext& context) {
  const WorkflowPtr workflow = workflow_at(services, context);
  const std::string &run_name = context.param("runName"), &name = context.param("contentName");
  check_content(services, context, *workflow, "/runs/" + run_name + "/contents/" + name);
  const RunView run = services.workflows.view(workflow, run_name);
  if (iequals(name, "ResponseOutputs")) return content(run.response().get());
  const LogicValue trigger = run.trigger();
  return content(expression::find_member(trigger, iequals(name, "TriggerInputs") ? "inputs" : "outputs"));
}

net::Response history_content(const LogicServices& services, const RouteContext& context) {
  const WorkflowPtr workflow = workflow_at(services, context);
  const std::string &trigger = context.param("triggerName"), &history = context.param("historyName");
  const std::string& name = context.param("contentName");
  check_content(services, context, *workflow, "/triggers/" + trigger + "/histories/" + history + "/contents/" + name);
  const auto entry = services.workflows.history(workflow, trigger, history);
  return content(!entry ? nullptr : iequals(name, "TriggerInputs") ? &entry->inputs : &entry->outputs);
}

server::Route door(const LogicServices& services, const char* method, const std::string& path, server::RouteHandler handler) {
  server::Route route;
  route.method = method;
  route.path = "/workflows/{workflowId}" + path;
  route.auth = server::Auth::kNone;
  route.body = server::BodyRule::kAny;
  route.max_body_bytes = services.workflows.options().plan.max_message_bytes;
  route.handler = std::move(handler);
  return route;
}

}  // namespace

void add_workflow_door_routes(std::vector<server::Route>& routes, const LogicServices& services) {
  const std::string trigger = "/triggers/{triggerName}", run = "/runs/{runName}", action = run + "/actions/{actionName}";
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
    for (const char* tail : {"", "/{*relativePath}"})
      routes.push_back(door(services, method, trigger + std::string(kInvoke) + tail,
                            [services](RouteContext& context) { return invoke(services, context); }));
  routes.push_back(door(services, "POST", action + "/{frame}/run",
                        [services](RouteContext& context) { return end_action(services, context); }));
  routes.push_back(door(services, "GET", run + "/operations/response", [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_at(services, context);
    const std::string& name = context.param("runName");
    flows::check_callback(*workflow, "/runs/" + name + "/operations/response/read", queries_of(context), services.clock.now());
    co_return services.workflows.poll_response(workflow, name);
  }));
  routes.push_back(door(services, "GET", run + "/contents/{contentName}",
                        [services](RouteContext& context) -> Task<net::Response> { co_return run_content(services, context); }));
  routes.push_back(
      door(services, "GET", action + "/contents/{contentName}",
           [services](RouteContext& context) -> Task<net::Response> { co_return action_content(services, context, false); }));
  routes.push_back(
      door(services, "GET", action + "/repetitions/{repetitionName}/contents/{contentName}",
           [services](RouteContext& context) -> Task<net::Response> { co_return action_content(services, context, true); }));
  routes.push_back(
      door(services, "GET", trigger + "/histories/{historyName}/contents/{contentName}",
           [services](RouteContext& context) -> Task<net::Response> { co_return history_content(services, context); }));
}

}  // namespace trunkline::api
