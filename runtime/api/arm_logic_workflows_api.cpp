// Workflows and their versions.
#include <algorithm>

#include "runtime/api/arm_logic.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/services/arm_id.h"

namespace trunkline::api {
namespace {

using flows::Workflow;
using flows::WorkflowPtr;
using flows::WorkflowVersion;
using server::RouteContext;

/// A definition of the documented length with its parameters and what stands around them.
constexpr std::size_t kMaxWorkflowBytes = 8u << 20;
/// Settings that are kept and given back, and change nothing.
constexpr const char* kKept[] = {"accessControl", "endpointsConfiguration", "integrationAccount",
                                 "integrationServiceEnvironment"};

Error invalid(std::string message, std::string target) {
  return arm_bad_request("InvalidRequestContent", std::move(message), std::move(target));
}

/// Parameters as they were deployed, without the values that are secure.
LogicValue parameters_of(const WorkflowVersion& version) {
  LogicValue parameters = version.parameters.empty() ? LogicValue::object() : expression::parse_value(version.parameters);
  const LogicValue definition = expression::parse_value(version.definition);
  const LogicValue* declared = expression::find_member(definition, "parameters");
  for (const auto& item : parameters.items()) {
    const LogicValue* one = declared == nullptr ? nullptr : expression::find_member(*declared, item.key());
    const LogicValue* type = one == nullptr ? nullptr : expression::find_member(*one, "type");
    if (type != nullptr && type->is_string() && istarts_with(type->get_ref<const std::string&>(), "secure"))
      if (item.value().is_object()) item.value().erase("value");
  }
  return parameters;
}

LogicValue properties_of(const LogicServices& services, const Workflow& workflow, const WorkflowVersion& version) {
  LogicValue out;
  out["provisioningState"] = "Succeeded";
  out["createdTime"] = logic_time(workflow.created_at);
  out["changedTime"] = logic_time(version.name == workflow.version->name ? workflow.changed_at : version.created_at);
  out["state"] = workflow.enabled ? "Enabled" : "Disabled";
  out["version"] = version.name;
  out["accessEndpoint"] = services.workflows.endpoint() + "workflows/" + workflow.id;
  const LogicValue kept = expression::parse_value(workflow.kept);
  if (const LogicValue* settings = expression::find_member(kept, "properties"))
    for (const auto& item : settings->items()) out[item.key()] = item.value();
  out["definition"] = expression::parse_value(version.definition);
  out["parameters"] = parameters_of(version);
  return out;
}

LogicValue workflow_json(const LogicServices& services, const Workflow& workflow) {
  LogicValue out;
  out["properties"] = properties_of(services, workflow, *workflow.version);
  out["id"] = workflow.arm_id;
  out["name"] = workflow.name;
  out["type"] = "Microsoft.Logic/workflows";
  out["location"] = workflow.location;
  out["tags"] = LogicValue::object();
  for (const auto& [name, value] : workflow.tags) out["tags"][name] = value;
  const LogicValue kept = expression::parse_value(workflow.kept);
  if (const LogicValue* identity = expression::find_member(kept, "identity")) out["identity"] = *identity;
  return out;
}

LogicValue version_json(const LogicServices& services, const Workflow& workflow, const WorkflowVersion& version) {
  LogicValue out = reference(workflow.arm_id + "/versions/" + version.name, version.name, "Microsoft.Logic/workflows/versions");
  out["location"] = workflow.location;
  out["properties"] = properties_of(services, workflow, version);
  return out;
}

/// What a PUT, a PATCH or a validation says. `before`: what there is, for what a PATCH leaves out; null: none.
flows::WorkflowSpec spec_of(const RouteContext& context, const LogicValue& body, const WorkflowPtr& before) {
  flows::WorkflowSpec spec;
  const ArmId id = workflow_arm_id(context);
  spec.name = id.name();
  spec.subscription = id.subscription;
  spec.resource_group = id.resource_group;
  spec.location = logic_text(body, "location");
  LogicValue kept = LogicValue::object();
  if (before) {
    if (spec.location.empty()) spec.location = before->location;
    spec.enabled = before->enabled;
    spec.kind = before->kind;
    spec.tags = before->tags;
    spec.definition = before->version->definition;
    spec.parameters = before->version->parameters;
    kept = expression::parse_value(before->kept);
  }
  if (const LogicValue* tags = expression::find_member(body, "tags"); tags != nullptr && !tags->is_null())
    spec.tags = arm_tags(nlohmann::json(*tags));
  if (const LogicValue* identity = expression::find_member(body, "identity"); identity != nullptr && !identity->is_null()) {
    const std::string text = arm_identity(nlohmann::json(*identity));
    if (text.empty())
      kept.erase("identity");
    else
      kept["identity"] = expression::parse_value(text);
  }
  const LogicValue* properties = expression::find_member(body, "properties");
  if (properties != nullptr && !properties->is_null()) {
    if (!properties->is_object()) throw invalid("properties must be an object.", "properties");
    if (const std::string state = logic_text(*properties, "state"); !state.empty()) {
      if (!iequals(state, "Enabled") && !iequals(state, "Disabled"))
        throw invalid("The state of a workflow is Enabled or Disabled, not '" + state.substr(0, 80) + "'.", "properties.state");
      spec.enabled = iequals(state, "Enabled");
    }
    if (const LogicValue* definition = expression::find_member(*properties, "definition");
        definition != nullptr && !definition->is_null()) {
      if (!definition->is_object()) throw invalid("The definition must be an object.", "properties.definition");
      spec.definition = expression::to_json_text(*definition);
      spec.definition_pointer = "/properties/definition";
      spec.parameters.clear();
    }
    if (const LogicValue* parameters = expression::find_member(*properties, "parameters");
        parameters != nullptr && !parameters->is_null()) {
      if (!parameters->is_object()) throw invalid("The parameters must be an object.", "properties.parameters");
      spec.parameters = expression::to_json_text(*parameters);
      spec.parameters_pointer = "/properties/parameters";
    }
    for (const char* member : kKept)
      if (const LogicValue* value = expression::find_member(*properties, member); value != nullptr && !value->is_null())
        kept["properties"][member] = *value;
  }
  spec.kept = expression::to_json_text(kept);
  if (spec.definition_pointer.empty()) return spec;
  spec.source = context.request.body;
  return spec;
}

Task<net::Response> put(LogicServices services, RouteContext& context) {
  const LogicValue body = logic_body(context);
  if (logic_text(body, "location").empty())
    throw arm_bad_request("LocationRequired", "The location property is required for this definition.", "location");
  const WorkflowPtr before = services.workflows.find(workflow_arm_id(context).str());
  flows::WorkflowSpec spec = spec_of(context, body, nullptr);
  if (spec.definition.empty()) throw invalid("The workflow has no definition.", "properties.definition");
  const WorkflowPtr deployed = co_await services.workflows.deploy(std::move(spec));
  co_return logic_response(before ? 200 : 201, workflow_json(services, *deployed));
}

Task<net::Response> patch(LogicServices services, RouteContext& context) {
  const WorkflowPtr before = workflow_of(services, context);
  flows::WorkflowSpec spec = spec_of(context, logic_body(context), before);
  const WorkflowPtr deployed = co_await services.workflows.deploy(std::move(spec));
  co_return logic_response(200, workflow_json(services, *deployed));
}

Task<net::Response> set_enabled(LogicServices services, RouteContext& context, bool enabled) {
  std::string id = workflow_of(services, context)->arm_id;
  co_await services.workflows.set_enabled(std::move(id), enabled);
  co_return empty_response(200);
}

Task<net::Response> validate(LogicServices services, RouteContext& context) {
  flows::WorkflowSpec spec = spec_of(context, logic_body(context), nullptr);
  if (spec.definition.empty()) throw invalid("The workflow has no definition.", "properties.definition");
  const std::vector<workflow::Problem> problems = services.workflows.validate(spec);
  if (!problems.empty()) throw workflow::to_error(problems);
  co_return empty_response(200);
}

net::Response list(const LogicServices& services, RouteContext& context, bool of_group) {
  const std::string subscription = arm_subscription(context);
  const std::string group = of_group ? arm_resource_group(context) : std::string();
  const std::vector<LogicTerm> terms = logic_filter(context, {"state"});
  std::vector<LogicValue> items;
  for (const WorkflowPtr& workflow : services.workflows.list()) {
    if (!iequals(workflow->subscription, subscription) || (of_group && !iequals(workflow->resource_group, group))) continue;
    const bool fits = std::all_of(terms.begin(), terms.end(), [&](const LogicTerm& term) {
      return iequals(term.value, workflow->enabled ? "Enabled" : "Disabled") == (term.op == "eq");
    });
    if (fits) items.push_back(workflow_json(services, *workflow));
  }
  return logic_list(context, std::move(items));
}

/// The Request triggers as an OpenAPI 2.0 document.
LogicValue swagger_of(const LogicServices& services, const Workflow& workflow) {
  LogicValue out;
  out["swagger"] = "2.0";
  out["info"]["title"] = workflow.name;
  out["info"]["description"] = "Azure Logic App.";
  out["info"]["version"] = "1.0.0.0";
  const std::string where = services.workflows.endpoint();
  const std::size_t scheme = where.find("://");
  std::string host = scheme == std::string::npos ? where : where.substr(scheme + 3);
  while (host.ends_with('/')) host.pop_back();
  out["host"] = host;
  out["basePath"] = "/workflows/" + workflow.id + "/triggers";
  out["schemes"] = LogicValue::array({where.substr(0, scheme)});
  out["consumes"] = LogicValue::array({"application/json"});
  out["produces"] = LogicValue::array({"application/json"});
  out["paths"] = LogicValue::object();
  for (const flows::TriggerState& state : services.workflows.triggers(workflow)) {
    const workflow::Trigger& trigger = *state.trigger;
    if (trigger.type != workflow::TriggerType::kRequest) continue;
    const flows::CallbackUrl url = services.workflows.callback_url(workflow, trigger.name);
    LogicValue operation;
    operation["description"] = "Trigger a run of the logic app.";
    operation["operationId"] = trigger.name + "-invoke";
    operation["parameters"] = LogicValue::array();
    for (const char* name : {"api-version", "sp", "sv", "sig"}) {
      LogicValue parameter;
      parameter["name"] = name;
      parameter["in"] = "query";
      parameter["required"] = true;
      parameter["type"] = "string";
      operation["parameters"].push_back(std::move(parameter));
    }
    for (const std::string& name : url.relative_path_parameters) {
      LogicValue parameter;
      parameter["name"] = name;
      parameter["in"] = "path";
      parameter["required"] = true;
      parameter["type"] = "string";
      operation["parameters"].push_back(std::move(parameter));
    }
    operation["responses"]["default"]["description"] = "The Logic App Response.";
    operation["responses"]["default"]["schema"]["type"] = "object";
    std::string path = url.relative_path;
    if (!path.empty() && !path.starts_with('/')) path.insert(0, 1, '/');
    out["paths"]["/" + trigger.name + "/paths/invoke" + path][to_lower(url.method)] = std::move(operation);
  }
  return out;
}

}  // namespace

void add_logic_workflow_routes(std::vector<server::Route>& routes, const LogicServices& services) {
  const auto& v = arm_logic_versions();
  const auto add = [&](server::Route route) {
    route.max_body_bytes = kMaxWorkflowBytes;
    routes.push_back(std::move(route));
  };
  const auto post = [&](const std::string& path, auto handler) { add(arm_route("POST", path, v, std::move(handler))); };
  add(arm_route("GET", "/subscriptions/{subscriptionId}/providers/Microsoft.Logic/workflows", v,
                [services](RouteContext& context) -> Task<net::Response> { co_return list(services, context, false); }));
  add(arm_route("GET", kLogicGroup + "/workflows", v,
                [services](RouteContext& context) -> Task<net::Response> { co_return list(services, context, true); }));
  add(arm_route("GET", kLogicWorkflow, v, [services](RouteContext& context) -> Task<net::Response> {
    co_return logic_response(200, workflow_json(services, *workflow_of(services, context)));
  }));
  add(arm_route("PUT", kLogicWorkflow, v, [services](RouteContext& context) { return put(services, context); }));
  add(arm_route("PATCH", kLogicWorkflow, v, [services](RouteContext& context) { return patch(services, context); }));
  add(arm_route("DELETE", kLogicWorkflow, v, [services](RouteContext& context) -> Task<net::Response> {
    std::string id = workflow_arm_id(context).str();
    const bool removed = co_await services.workflows.remove(std::move(id));
    co_return empty_response(removed ? 200 : 204);
  }));
  post(kLogicWorkflow + "/enable", [services](RouteContext& context) { return set_enabled(services, context, true); });
  post(kLogicWorkflow + "/disable", [services](RouteContext& context) { return set_enabled(services, context, false); });
  post(kLogicWorkflow + "/validate", [services](RouteContext& context) { return validate(services, context); });
  post(kLogicGroup + "/locations/{location}/workflows/{workflowName}/validate",
       [services](RouteContext& context) { return validate(services, context); });
  post(kLogicWorkflow + "/listSwagger", [services](RouteContext& context) -> Task<net::Response> {
    co_return logic_response(200, swagger_of(services, *workflow_of(services, context)));
  });
  post(kLogicWorkflow + "/generateUpgradedDefinition", [services](RouteContext& context) -> Task<net::Response> {
    // There is one schema here, so a definition is always of the newest.
    co_return logic_response(200, expression::parse_value(workflow_of(services, context)->version->definition));
  });
  post(kLogicWorkflow + "/regenerateAccessKey", [services](RouteContext& context) -> Task<net::Response> {
    const std::string kind = logic_text(logic_body(context), "keyType");
    if (!kind.empty() && !iequals(kind, "Primary") && !iequals(kind, "Secondary") && !iequals(kind, "NotSpecified"))
      throw invalid("keyType is Primary or Secondary, not '" + kind.substr(0, 80) + "'.", "keyType");
    std::string id = workflow_of(services, context)->arm_id;
    co_await services.workflows.regenerate_signing_key(std::move(id));
    co_return empty_response(200);
  });
  add(arm_route("GET", kLogicWorkflow + "/versions", v, [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    std::vector<LogicValue> items;
    for (const WorkflowVersion& version : services.workflows.versions(*workflow))
      items.push_back(version_json(services, *workflow, version));
    co_return logic_list(context, std::move(items));
  }));
  add(arm_route("GET", kLogicWorkflow + "/versions/{versionId}", v, [services](RouteContext& context) -> Task<net::Response> {
    const WorkflowPtr workflow = workflow_of(services, context);
    const std::string& name = context.param("versionId");
    for (const WorkflowVersion& version : services.workflows.versions(*workflow))
      if (version.name == name) co_return logic_response(200, version_json(services, *workflow, version));
    throw Error(ErrorCode::kNotFound, "The workflow version '" + name.substr(0, 80) + "' could not be found.", "versionId")
        .with_service_code("WorkflowVersionNotFound");
  }));
}

void add_logic_operation_routes(std::vector<server::Route>& routes, const LogicServices&) {
  struct Operation {
    const char* type;
    const char* verb;
    const char* what;
  };
  static constexpr Operation kOperations[] = {
      {"workflows", "read", "Reads a workflow"},
      {"workflows", "write", "Creates or updates a workflow"},
      {"workflows", "delete", "Deletes a workflow"},
      {"workflows", "enable/action", "Enables a workflow"},
      {"workflows", "disable/action", "Disables a workflow"},
      {"workflows", "validate/action", "Validates a workflow"},
      {"workflows", "regenerateAccessKey/action", "Makes a new key for callback URLs"},
      {"workflows/versions", "read", "Reads a version of a workflow"},
      {"workflows/triggers", "read", "Reads a trigger"},
      {"workflows/triggers", "run/action", "Fires a trigger"},
      {"workflows/triggers", "reset/action", "Resets a trigger"},
      {"workflows/triggers", "listCallbackUrl/action", "Gets the callback URL of a trigger"},
      {"workflows/triggers/histories", "read", "Reads the history of a trigger"},
      {"workflows/triggers/histories", "resubmit/action", "Runs a firing again"},
      {"workflows/runs", "read", "Reads a run"},
      {"workflows/runs", "cancel/action", "Cancels a run"},
      {"workflows/runs/actions", "read", "Reads an action of a run"},
      {"workflows/runs/actions", "listExpressionTraces/action", "Shows what expressions gave"},
  };
  routes.push_back(
      arm_route("GET", "/providers/Microsoft.Logic/operations", arm_logic_versions(), [](RouteContext&) -> Task<net::Response> {
        LogicValue answer;
        answer["value"] = LogicValue::array();
        for (const Operation& operation : kOperations) {
          LogicValue item;
          item["name"] = std::string(kLogic) + "/" + operation.type + "/" + operation.verb;
          item["display"]["provider"] = kLogic;
          item["display"]["resource"] = operation.type;
          item["display"]["operation"] = operation.what;
          item["display"]["description"] = operation.what;
          answer["value"].push_back(std::move(item));
        }
        co_return logic_response(200, answer);
      }));
}

}  // namespace trunkline::api
