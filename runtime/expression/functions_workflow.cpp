// Functions that ask the run: trigger, actions, loops, variables, parameters, the workflow itself.
#include "runtime/expression/function.h"

namespace trunkline::expression {
namespace {

using Kind = Reference::Kind;

Operand null_value() { return Value(nullptr); }

Operand borrowed(const Value* value) { return Operand::borrow(value); }

Operand trigger(Call& call) {
  const Value* value = call.context().trigger();
  return value ? borrowed(value) : null_value();
}

Operand trigger_outputs(Call& call) {
  const Value* value = call.context().trigger_outputs();
  return value ? borrowed(value) : null_value();
}

Operand body_of(const Value* outputs) {
  const Value* body = outputs ? find_member(*outputs, "body") : nullptr;
  return body ? borrowed(body) : null_value();
}

Operand trigger_body(Call& call) { return body_of(call.context().trigger_outputs()); }

[[noreturn]] void unknown_action(const Call& call) {
  call.fail_with(
      "The template action '" + std::string(call.name().text) + "' is not defined, or cannot have run before this place.", 0);
}

Operand actions(Call& call) {
  const Value* value = call.context().action(call.name());
  if (!value) unknown_action(call);
  return borrowed(value);
}

Operand outputs(Call& call) {
  const Value* value = call.context().action_outputs(call.name());
  if (!value) unknown_action(call);
  return borrowed(value);
}

Operand body(Call& call) {
  const Value* value = call.context().action_outputs(call.name());
  if (!value) unknown_action(call);
  return body_of(value);
}

Operand action(Call& call) {
  const Value* value = call.context().current_action();
  if (!value)
    call.fail("can be used only in tracked properties, in the unsubscribe part of a webhook and in the condition of an Until.");
  return borrowed(value);
}

Operand result(Call& call) {
  const Value* value = call.context().result(call.name());
  if (!value)
    call.fail_with(
        "The template scope '" + std::string(call.name().text) + "' is not defined, or has not ended before this place.", 0);
  return borrowed(value);
}

Operand items(Call& call) {
  const Value* value = call.context().items(call.name());
  if (!value) call.fail_with("The repetition action '" + std::string(call.name().text) + "' does not enclose this place.", 0);
  return borrowed(value);
}

Operand item(Call& call) {
  const Value* value = call.context().item();
  if (!value) call.fail("can be used only inside a Foreach, Select, Query or Table.");
  return borrowed(value);
}

Operand iteration_indexes(Call& call) {
  const auto index = call.context().iteration_index(call.name());
  if (!index) call.fail_with("The Until loop '" + std::string(call.name().text) + "' does not enclose this place.", 0);
  return Value(*index);
}

Operand variables(Call& call) {
  const Value* value = call.context().variable(call.name());
  if (!value) call.fail_with("The variable '" + std::string(call.name().text) + "' is not initialized.", 0);
  return borrowed(value);
}

Operand parameters(Call& call) {
  const Value* value = call.context().parameter(call.name());
  if (!value) call.fail_with("The workflow parameter '" + std::string(call.name().text) + "' is not found.", 0);
  return borrowed(value);
}

Operand agent_parameters(Call& call) {
  const Value* value = call.context().agent_parameter(call.name());
  if (!value) call.fail_with("The agent parameter '" + std::string(call.name().text) + "' is not found.", 0);
  return borrowed(value);
}

Operand workflow(Call& call) {
  const Value* value = call.context().workflow();
  if (!value) call.fail("cannot be used here, where there is no workflow.");
  return borrowed(value);
}

Operand list_callback_url(Call& call) {
  auto url = call.context().callback_url();
  if (!url) call.fail("can be used only in the inputs of a webhook.");
  return Operand::text(*std::move(url));
}

Operand app_setting(Call& call) {
  auto value = call.context().setting(call.name());
  if (!value) call.fail_with("The application setting '" + std::string(call.name().text) + "' is not found.", 0);
  return Operand::text(*std::move(value));
}

constexpr FunctionInfo kWorkflowFunctions[] = {
    {"trigger", 0, 0, trigger, false, std::nullopt, Kind::kTrigger},
    {"triggers", 0, 0, trigger, false, std::nullopt, Kind::kTrigger},
    {"triggerOutputs", 0, 0, trigger_outputs, false, std::nullopt, Kind::kTrigger},
    {"triggerBody", 0, 0, trigger_body, false, std::nullopt, Kind::kTrigger},
    {"actions", 1, 1, actions, false, Symbol::kAction, Kind::kAction},
    {"outputs", 1, 1, outputs, false, Symbol::kAction, Kind::kAction},
    {"actionOutputs", 1, 1, outputs, false, Symbol::kAction, Kind::kAction},
    {"body", 1, 1, body, false, Symbol::kAction, Kind::kAction},
    {"actionBody", 1, 1, body, false, Symbol::kAction, Kind::kAction},
    {"action", 0, 0, action, false, std::nullopt, Kind::kCurrentAction},
    {"result", 1, 1, result, false, Symbol::kScope, Kind::kScopeResult},
    {"items", 1, 1, items, false, Symbol::kLoop, Kind::kLoopItem},
    {"item", 0, 0, item, false, std::nullopt, Kind::kItem},
    {"iterationIndexes", 1, 1, iteration_indexes, false, Symbol::kLoop, Kind::kIteration},
    {"variables", 1, 1, variables, false, Symbol::kVariable, Kind::kVariable},
    {"parameters", 1, 1, parameters, false, Symbol::kParameter, Kind::kParameter},
    {"agentParameters", 1, 1, agent_parameters, false},
    {"workflow", 0, 0, workflow, false, std::nullopt, Kind::kWorkflow},
    {"listCallbackUrl", 0, 0, list_callback_url, false, std::nullopt, Kind::kCallbackUrl},
    {"appsetting", 1, 1, app_setting, false, Symbol::kSetting, Kind::kSetting},
};

}  // namespace

std::span<const FunctionInfo> workflow_functions() { return kWorkflowFunctions; }

}  // namespace trunkline::expression
