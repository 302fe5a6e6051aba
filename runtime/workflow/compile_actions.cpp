// What each action says: settings, inputs by type, and where it may stand.
#include <algorithm>

#include "runtime/base/time_text.h"
#include "runtime/workflow/compiler.h"
#include "runtime/workflow/expression_kind.h"

namespace trunkline::workflow {
namespace {

/// A copy without some members.
Value without(const Value& object, std::initializer_list<std::string_view> names) {
  Value out = Value::object();
  for (const auto& item : object.items())
    if (std::none_of(names.begin(), names.end(), [&](std::string_view name) { return name == item.key(); }))
      out[item.key()] = item.value();
  return out;
}

bool is_constant_text(const Value& value) {
  return value.is_string() && !expression::holds_expression(value.get_ref<const std::string&>());
}

}  // namespace

void Compiler::actions() {
  // Variables first: expressions of any action may name them.
  for (Action& action : plan_->actions) {
    if (action.type != ActionType::kInitializeVariable) continue;
    const Value& json = *sources_[action.index];
    const Value* inputs = find(json, "inputs");
    const Value* list = inputs != nullptr ? find(*inputs, "variables") : nullptr;
    const std::string at = append_pointer(append_pointer(action.pointer, "inputs"), "variables");
    if (list == nullptr || !list->is_array() || list->size() != 1 || !(*list)[0].is_object()) {
      problem(list == nullptr ? action.pointer : at, "The action '" + action.name + "' must declare exactly one variable.");
      continue;
    }
    const Value* name = find((*list)[0], "name");
    const Value* type = find((*list)[0], "type");
    const auto known =
        type != nullptr && type->is_string() ? parse_variable_type(type->get_ref<const std::string&>()) : std::nullopt;
    if (name == nullptr || !is_constant_text(*name) || name->get_ref<const std::string&>().empty()) {
      problem(append_pointer(at, "0"), "A variable needs a 'name'.");
      continue;
    }
    if (!known) {
      problem(append_pointer(at, "0"), "The type of the variable '" + name->get<std::string>() +
                                           "' must be one of String, Integer, Float, Boolean, Object and Array.");
      continue;
    }
    const std::string& text = name->get_ref<const std::string&>();
    const auto slot = static_cast<std::uint32_t>(plan_->variables.size());
    if (!plan_->variable_names.emplace(to_lower(text), slot).second) {
      problem(append_pointer(at, "0"), "The variable '" + text + "' is initialized more than once.");
      continue;
    }
    plan_->variables.push_back({text, *known, action.index});
    action.variable = slot;
  }
  if (plan_->variables.size() > limits_.max_variables)
    problem(append_pointer(in_.definition_pointer, "actions"), "The definition has " + std::to_string(plan_->variables.size()) +
                                                                   " variables; at most " +
                                                                   std::to_string(limits_.max_variables) + " are allowed.");
  for (Action& one : plan_->actions) action(one, *sources_[one.index]);
}

void Compiler::action(Action& action, const Value& json) {
  check_members(json, action.pointer,
                {"type", "kind", "inputs", "runAfter", "runtimeConfiguration", "operationOptions", "trackedProperties", "limit",
                 "description", "metadata", "expression", "actions", "else", "cases", "default", "foreach", "correlation",
                 "isDisabled", "retryPolicy"},
                "the action '" + action.name + "'");
  if (const Value* kind = find(json, "kind"); kind != nullptr && kind->is_string()) action.kind = kind->get<std::string>();
  if (const Value* text = find(json, "description"); text != nullptr && !text->is_string())
    problem(append_pointer(action.pointer, "description"), "'description' must be a text.");
  settings(action, json);
  placement(action);
  if (class_of(action.type) == ActionClass::kContainer)
    container(action, json);
  else
    inputs(action, json);
  if (const Value* tracked = find(json, "trackedProperties")) {
    const std::string at = append_pointer(action.pointer, "trackedProperties");
    if (expression::to_json_text(*tracked).size() > limits_.max_tracked_length)
      problem(at, "The tracked properties of the action '" + action.name + "' have more than " +
                      std::to_string(limits_.max_tracked_length) + " characters.");
    action.tracked = compile_template(*tracked, at, {.owner = action.index, .after_owner = true});
  }
}

void Compiler::settings(Action& action, const Value& json) {
  action.disable_async_pattern = has_option(json, "DisableAsyncPattern");
  action.suppress_headers = has_option(json, "SuppressWorkflowHeaders");
  action.fail_on_limit = has_option(json, "FailWhenLimitsReached");
  const bool sequential = has_option(json, "Sequential");
  action.asynchronous_response = action.type == ActionType::kResponse && has_option(json, "Asynchronous");
  if (action.type == ActionType::kResponse) {
    plan_->has_response = true;
    plan_->has_asynchronous_response = plan_->has_asynchronous_response || action.asynchronous_response;
  }
  action.concurrency = action.type == ActionType::kForeach && !sequential ? in_.options.default_foreach_concurrency : 1;
  const std::string at = append_pointer(action.pointer, "runtimeConfiguration");
  const Value* configuration = find(json, "runtimeConfiguration");
  if (check_object(configuration, at, "'runtimeConfiguration'")) {
    const Value* concurrency = find(*configuration, "concurrency");
    if (const Value* repetitions = concurrency != nullptr ? find(*concurrency, "repetitions") : nullptr) {
      const std::string here = append_pointer(append_pointer(at, "concurrency"), "repetitions");
      if (action.type != ActionType::kForeach) {
        problem(here, "'repetitions' belongs to Foreach actions.");
      } else if (!repetitions->is_number_integer() || *repetitions < 1 || *repetitions > limits_.max_foreach_concurrency) {
        problem(here, "'repetitions' must be a whole number from 1 to " + std::to_string(limits_.max_foreach_concurrency) + ".");
      } else {
        action.concurrency = repetitions->get<int>();
        if (sequential)
          problem(here, "The action '" + action.name + "' is 'Sequential' and has 'repetitions'; only one of them is allowed.");
      }
    }
    if (const Value* transfer = find(*configuration, "contentTransfer"))
      if (const Value* mode = find(*transfer, "transferMode"); mode != nullptr && mode->is_string())
        action.chunked = iequals(mode->get_ref<const std::string&>(), "Chunked");
    if (const Value* policy = find(*configuration, "paginationPolicy"))
      if (const Value* count = find(*policy, "minimumItemCount"); count != nullptr && count->is_number_integer())
        action.pagination = count->get<std::int64_t>();
    if (const Value* secure = find(*configuration, "secureData"))
      if (const Value* list = find(*secure, "properties"); list != nullptr && list->is_array())
        for (const Value& word : *list) {
          if (word == "inputs")
            action.secure_inputs = true;
          else if (word == "outputs")
            action.secure_outputs = true;
          else
            problem(append_pointer(append_pointer(at, "secureData"), "properties"), "'secureData' takes 'inputs' and 'outputs'.");
        }
    static_result(action, *configuration, at);
  }
  // A Foreach inside another one goes one at a time.
  for (ActionIndex up = action.parent; up != kNone; up = plan_->actions[up].parent)
    if (plan_->actions[up].type == ActionType::kForeach) action.concurrency = 1;
  const Value* limit = find(json, "limit");
  const std::string limit_at = append_pointer(action.pointer, "limit");
  if (check_object(limit, limit_at, "'limit'")) {
    if (const Value* timeout = find(*limit, "timeout")) {
      const std::string here = append_pointer(limit_at, "timeout");
      if (is_constant_text(*timeout) && !parse_duration(timeout->get_ref<const std::string&>()))
        problem(here, "'timeout' must be an ISO 8601 duration such as PT1H.");
      action.timeout = compile_template(*timeout, here, {.owner = action.index});
    }
    if (const Value* count = find(*limit, "count")) {
      const std::string here = append_pointer(limit_at, "count");
      if (count->is_number_integer() && (*count < 1 || *count > limits_.max_until_count))
        problem(here, "'count' must be from 1 to " + std::to_string(limits_.max_until_count) + ".");
      action.limit_count = compile_template(*count, here, {.owner = action.index});
    }
  }
}

void Compiler::static_result(Action& action, const Value& configuration, const std::string& pointer) {
  const Value* chosen = find(configuration, "staticResult");
  if (chosen == nullptr) return;
  const std::string at = append_pointer(pointer, "staticResult");
  if (!check_object(chosen, at, "'staticResult'")) return;
  const Value* name = find(*chosen, "name");
  const Value* option = find(*chosen, "staticResultOptions");
  const bool enabled = option != nullptr && option->is_string() && iequals(option->get_ref<const std::string&>(), "Enabled");
  const Value* all = find(in_.definition, "staticResults");
  const Value* result =
      all != nullptr && name != nullptr && name->is_string() ? find(*all, name->get_ref<const std::string&>()) : nullptr;
  if (result == nullptr || !result->is_object()) {
    if (enabled) problem(at, "The static result of the action '" + action.name + "' is not among the 'staticResults'.");
    return;
  }
  if (!enabled) return;
  StaticResult out;
  const Value* status = find(*result, "status");
  const auto parsed =
      status != nullptr && status->is_string() ? parse_status(status->get_ref<const std::string&>()) : std::nullopt;
  if (!parsed || !is_final(*parsed))
    problem(append_pointer(append_pointer(append_pointer(in_.definition_pointer, "staticResults"), name->get<std::string>()),
                           "status"),
            "The 'status' of a static result must be Succeeded, Failed, Skipped or TimedOut.");
  else
    out.status = *parsed;
  if (const Value* outputs = find(*result, "outputs")) out.outputs = *outputs;
  if (const Value* error = find(*result, "error")) out.error = *error;
  if (const Value* code = find(*result, "code"); code != nullptr && code->is_string()) out.code = code->get<std::string>();
  if (out.code.empty() && out.outputs.is_object())
    if (const Value* code = find(out.outputs, "statusCode"); code != nullptr && code->is_string())
      out.code = code->get<std::string>();
  action.static_result = std::move(out);
}

void Compiler::placement(const Action& action) {
  const bool in_loops = plan_->regions[action.region].loop != kNone;
  if (action.type == ActionType::kInitializeVariable && action.parent != kNone)
    problem(action.pointer, "The action '" + action.name + "' of type 'InitializeVariable' is allowed at the top level only.");
  if ((action.type == ActionType::kResponse || action.type == ActionType::kTerminate) && in_loops)
    problem(action.pointer, "The action '" + action.name + "' of type '" + action.type_name + "' cannot stand inside a loop.");
}

void Compiler::require(const Value& object, const std::string& pointer, std::string_view member, const Action& action) {
  if (!object.contains(member))
    problem(pointer,
            "Required property '" + std::string(member) + "' is missing from the inputs of the action '" + action.name + "'.");
}

void Compiler::inputs(Action& action, const Value& json) {
  const std::string at = append_pointer(action.pointer, "inputs");
  // As which it ran when it was deployed.
  if (in_.stored && action.type == ActionType::kExpression && find_expression_kind(action.kind) == nullptr)
    action.type = ActionType::kCompose;
  const auto found = json.find("inputs");
  if (found == json.end() && action.type != ActionType::kExpression) {
    problem(action.pointer, "The action '" + action.name + "' has no 'inputs'.");
    return;
  }
  static const Value none = Value::object();  // CurrentTime needs no inputs, and the designer leaves them out
  const Value& inputs = found == json.end() ? none : *found;
  const Site site{.owner = action.index};
  const bool free_form = action.type == ActionType::kCompose || action.type == ActionType::kOther;
  if (!free_form && !inputs.is_object()) {
    problem(at, "The inputs of the action '" + action.name + "' must be an object.");
    return;
  }
  switch (class_of(action.type)) {
    case ActionClass::kVariable:
      variable_inputs(action, inputs, at);
      return;
    case ActionClass::kData:
      if (action.type != ActionType::kCompose) {
        data_inputs(action, inputs, at);
        return;
      }
      break;
    default:
      control_inputs(action, inputs, at);
      http_inputs(action, inputs, at);
  }
  if (action.type == ActionType::kHttpWebhook || action.type == ActionType::kApiConnectionWebhook) {
    if (const Value* unsubscribe = find(inputs, "unsubscribe"); unsubscribe != nullptr && !unsubscribe->empty())
      action.unsubscribe =
          compile_template(*unsubscribe, append_pointer(at, "unsubscribe"), {.owner = action.index, .after_owner = true});
    action.inputs = compile_template(without(inputs, {"unsubscribe"}), at, site);
  } else if (action.type == ActionType::kJavaScriptCode) {
    // Code is code, whatever its first character is.
    action.inputs = compile_template(without(inputs, {"code"}), at, site);
    action.raw_inputs = inputs.contains("code") ? inputs["code"] : Value();
    script(action, inputs, at);
  } else {
    action.inputs = compile_template(inputs, at, site);
  }
}

void Compiler::variable_inputs(Action& action, const Value& inputs, const std::string& pointer) {
  if (action.type == ActionType::kInitializeVariable) {
    if (!action.variable) return;
    const Value& declared = inputs["variables"][0];
    const std::string at = append_pointer(append_pointer(pointer, "variables"), "0");
    check_members(declared, at, {"name", "type", "value", "description"}, "the variable");
    if (const auto value = declared.find("value"); value != declared.end())
      action.inputs = compile_template(*value, append_pointer(at, "value"), {.owner = action.index});
    return;
  }
  const Value* name = find(inputs, "name");
  if (name == nullptr || !name->is_string()) {
    problem(pointer, "The action '" + action.name + "' names no variable.");
    return;
  }
  const std::uint32_t slot = plan_->find_variable(name->get_ref<const std::string&>());
  if (slot == kNone) {
    problem(append_pointer(pointer, "name"), "The variable '" + name->get<std::string>().substr(0, 80) +
                                                 "' must be initialized before it can be used inside the action '" + action.name +
                                                 "'.");
    return;
  }
  action.variable = slot;
  const VariableType type = plan_->variables[slot].type;
  const auto wrong = [&](std::string_view wanted) {
    problem(append_pointer(pointer, "name"), "The action '" + action.name + "' of type '" + action.type_name +
                                                 "' takes variables of type " + std::string(wanted) + ", but '" +
                                                 name->get<std::string>() + "' is of type '" + std::string(to_text(type)) + "'.");
  };
  if ((action.type == ActionType::kIncrementVariable || action.type == ActionType::kDecrementVariable) &&
      type != VariableType::kInteger && type != VariableType::kFloat)
    wrong("'Integer' or 'Float'");
  if (action.type == ActionType::kAppendToStringVariable && type != VariableType::kString) wrong("'String'");
  if (action.type == ActionType::kAppendToArrayVariable && type != VariableType::kArray) wrong("'Array'");
  const auto value = inputs.find("value");
  if (value == inputs.end()) {
    const bool counts = action.type == ActionType::kIncrementVariable || action.type == ActionType::kDecrementVariable;
    if (!counts) problem(pointer, "Required property 'value' is missing from the inputs of the action '" + action.name + "'.");
    return;
  }
  Site site{.owner = action.index};
  if (action.type == ActionType::kSetVariable) site.own_variable = plan_->variables[slot].name;
  action.inputs = compile_template(*value, append_pointer(pointer, "value"), site);
}

void Compiler::data_inputs(Action& action, const Value& inputs, const std::string& pointer) {
  const Site site{.owner = action.index};
  const Site inner{.owner = action.index, .own_item = true};
  action.raw_inputs = inputs;
  switch (action.type) {
    case ActionType::kExpression:
      if (action.kind.empty())
        problem(action.pointer,
                "The action '" + action.name + "' of type 'Expression' needs a 'kind': one of " + expression_kind_names() + ".");
      else if (find_expression_kind(action.kind) == nullptr)
        problem(append_pointer(action.pointer, "kind"),
                "The action '" + action.name + "' of type 'Expression' has the unknown kind '" + action.kind.substr(0, 80) +
                    "'. There are " + expression_kind_names() + ".");
      action.inputs = compile_template(inputs, pointer, site);
      break;
    case ActionType::kQuery:
      require(inputs, pointer, "from", action);
      require(inputs, pointer, "where", action);
      if (const Value* where = find(inputs, "where"))
        action.condition = compile_condition(*where, append_pointer(pointer, "where"), inner);
      action.inputs = compile_template(without(inputs, {"where"}), pointer, site);
      break;
    case ActionType::kSelect:
      require(inputs, pointer, "from", action);
      require(inputs, pointer, "select", action);
      if (const auto select = inputs.find("select"); select != inputs.end())
        action.per_item = compile_template(*select, append_pointer(pointer, "select"), inner);
      action.inputs = compile_template(without(inputs, {"select"}), pointer, site);
      break;
    case ActionType::kJoin:
      require(inputs, pointer, "from", action);
      require(inputs, pointer, "joinWith", action);
      action.inputs = compile_template(inputs, pointer, site);
      break;
    case ActionType::kTable: {
      require(inputs, pointer, "from", action);
      require(inputs, pointer, "format", action);
      if (const Value* format = find(inputs, "format"); format != nullptr && is_constant_text(*format) &&
                                                        !iequals(format->get_ref<const std::string&>(), "CSV") &&
                                                        !iequals(format->get_ref<const std::string&>(), "HTML"))
        problem(append_pointer(pointer, "format"), "The 'format' of a Table must be CSV or HTML.");
      const std::string at = append_pointer(pointer, "columns");
      if (const Value* columns = find(inputs, "columns"); columns != nullptr && columns->is_array())
        for (std::size_t i = 0; i < columns->size(); ++i) {
          const std::string here = append_pointer(at, std::to_string(i));
          const Value& column = (*columns)[i];
          if (!column.is_object() || !column.contains("value")) {
            problem(here, "A column of a Table needs a 'header' and a 'value'.");
            continue;
          }
          action.column_values.push_back(compile_template(column["value"], append_pointer(here, "value"), inner));
          const auto header = column.find("header");
          action.column_headers.push_back(header == column.end()
                                              ? compile_template(Value(""), here, site)
                                              : compile_template(*header, append_pointer(here, "header"), site));
        }
      action.inputs = compile_template(without(inputs, {"columns"}), pointer, site);
      break;
    }
    default: {  // ParseJson
      require(inputs, pointer, "content", action);
      require(inputs, pointer, "schema", action);
      const Value* schema = find(inputs, "schema");
      // Property names such as `@odata.etag` are no expressions, so only a schema that is one as a whole is evaluated.
      const bool computed = schema != nullptr && schema->is_string();
      action.inputs = compile_template(computed ? inputs : without(inputs, {"schema"}), pointer, site);
      if (schema == nullptr || computed) break;
      try {
        const Schema check(*schema);
      } catch (const Error& error) {
        problem(append_pointer(pointer, "schema"), error.message);
      }
    }
  }
}

void Compiler::control_inputs(Action& action, const Value& inputs, const std::string& pointer) {
  if (action.type == ActionType::kTerminate) {
    const Value* status = find(inputs, "runStatus");
    if (status == nullptr) {
      require(inputs, pointer, "runStatus", action);
    } else if (is_constant_text(*status)) {
      const auto parsed = parse_status(status->get_ref<const std::string&>());
      if (parsed != Status::kFailed && parsed != Status::kSucceeded && parsed != Status::kCancelled)
        problem(append_pointer(pointer, "runStatus"), "'runStatus' must be Failed, Cancelled or Succeeded.");
      else if (parsed != Status::kFailed && find(inputs, "runError") != nullptr)
        problem(append_pointer(pointer, "runError"), "'runError' is allowed only with the runStatus 'Failed'.");
    }
  } else if (action.type == ActionType::kWait) {
    const bool interval = find(inputs, "interval") != nullptr, until = find(inputs, "until") != nullptr;
    if (interval == until) problem(pointer, "A Wait takes either 'interval' or 'until'.");
  } else if (action.type == ActionType::kResponse) {
    if (const Value* code = find(inputs, "statusCode"); code != nullptr && code->is_number()) {
      const double number = code->get<double>();
      if (!(number >= 200 && number < 300) && !(number >= 400 && number < 600))
        problem(append_pointer(pointer, "statusCode"), "The 'statusCode' of a Response must be 2xx, 4xx or 5xx.");
    }
  } else if (action.type == ActionType::kWorkflow) {
    retry_policy(inputs, pointer);
    const Value* host = find(inputs, "host");
    const Value* workflow = host != nullptr ? find(*host, "workflow") : nullptr;
    if (workflow == nullptr || find(*workflow, "id") == nullptr)
      problem(pointer, "The action '" + action.name + "' names no workflow; 'host.workflow.id' is missing.");
  } else if (action.type == ActionType::kSendToBatch) {
    require(inputs, pointer, "host", action);
    require(inputs, pointer, "content", action);
  } else if (action.type == ActionType::kJavaScriptCode) {
    require(inputs, pointer, "code", action);
  }
}

void Compiler::http_inputs(Action& action, const Value& inputs, const std::string& pointer) {
  retry_policy(inputs, pointer);
  if (action.type == ActionType::kHttp) {
    require(inputs, pointer, "method", action);
    require(inputs, pointer, "uri", action);
  } else if (action.type == ActionType::kHttpWebhook) {
    const Value* subscribe = find(inputs, "subscribe");
    if (subscribe == nullptr) {
      require(inputs, pointer, "subscribe", action);
    } else if (check_object(subscribe, append_pointer(pointer, "subscribe"), "'subscribe'")) {
      require(*subscribe, append_pointer(pointer, "subscribe"), "uri", action);
      retry_policy(*subscribe, append_pointer(pointer, "subscribe"));
    }
  } else if (action.type == ActionType::kFunction) {
    const Value* function = find(inputs, "function");
    if (function == nullptr || find(*function, "id") == nullptr)
      problem(pointer, "The action '" + action.name + "' names no function; 'function.id' is missing.");
  } else if (action.type == ActionType::kApiConnection || action.type == ActionType::kApiConnectionWebhook) {
    require(inputs, pointer, "host", action);
  } else if (action.type == ActionType::kServiceProvider) {
    require(inputs, pointer, "serviceProviderConfiguration", action);
  } else if (action.type == ActionType::kInvokeFunction) {
    require(inputs, pointer, "functionName", action);
  }
}

void Compiler::container(Action& action, const Value& json) {
  const Site site{.owner = action.index};
  if (json.contains("inputs"))
    problem(append_pointer(action.pointer, "inputs"),
            "The action '" + action.name + "' of type '" + action.type_name + "' takes no 'inputs'.");
  const auto needs = [&](const char* member) -> const Value* {
    const auto found = json.find(member);
    if (found != json.end()) return &*found;
    problem(action.pointer, "Required property '" + std::string(member) + "' is missing from the action '" + action.name + "'.");
    return nullptr;
  };
  const std::string expression_at = append_pointer(action.pointer, "expression");
  switch (action.type) {
    case ActionType::kIf:
      if (const Value* condition = needs("expression")) action.condition = compile_condition(*condition, expression_at, site);
      break;
    case ActionType::kUntil:
      if (const Value* condition = needs("expression"))
        action.condition = compile_condition(*condition, expression_at, {.owner = action.index, .after_owner = true});
      break;
    case ActionType::kSwitch:
      if (const Value* subject = needs("expression")) action.subject = compile_template(*subject, expression_at, site);
      break;
    case ActionType::kForeach:
      if (const Value* subject = needs("foreach"))
        action.subject = compile_template(*subject, append_pointer(action.pointer, "foreach"), site);
      break;
    default:
      break;
  }
}

}  // namespace trunkline::workflow
