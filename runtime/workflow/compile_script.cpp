// Inline code: its size, and what it looks at.
#include <algorithm>

#include "runtime/base/utf8.h"
#include "runtime/workflow/compiler.h"
#include "runtime/workflow/script_dependencies.h"

namespace trunkline::workflow {

void Compiler::script(Action& action, const Value& inputs, const std::string& pointer) {
  const std::string code_at = append_pointer(pointer, "code");
  if (!action.raw_inputs.is_string()) {
    if (!action.raw_inputs.is_null()) problem(code_at, "The 'code' of the action '" + action.name + "' must be a text.");
    return;
  }
  const std::string& code = action.raw_inputs.get_ref<const std::string&>();
  if (utf16_length(code) > limits_.max_code_length)
    problem(code_at, "The code of the action '" + action.name + "' has more than " + std::to_string(limits_.max_code_length) +
                         " characters.");
  const Site site{.owner = action.index};
  const auto depend = [&](ActionIndex index, const std::string& at) {
    if (std::find(action.script_actions.begin(), action.script_actions.end(), index) != action.script_actions.end()) return;
    action.script_actions.push_back(index);
    uses_.push_back({site, {.kind = expression::Reference::Kind::kAction, .name = plan_->actions[index].name}, at});
  };
  const std::string explicit_at = append_pointer(pointer, "explicitDependencies");
  const Value* given = find(inputs, "explicitDependencies");
  if (check_object(given, explicit_at, "'explicitDependencies'")) {
    const Value* trigger = find(*given, "includeTrigger");
    action.script_trigger = trigger != nullptr && trigger->is_boolean() && trigger->get<bool>();
    const std::string actions_at = append_pointer(explicit_at, "actions");
    const Value* actions = find(*given, "actions");
    if (actions != nullptr && !actions->is_array()) problem(actions_at, "'actions' must be an array of names.");
    for (std::size_t i = 0; actions != nullptr && actions->is_array() && i < actions->size(); ++i) {
      const std::string here = append_pointer(actions_at, std::to_string(i));
      const Value& name = (*actions)[i];
      const ActionIndex index = name.is_string() ? plan_->find_action(name.get_ref<const std::string&>()) : kNone;
      if (index == kNone)
        problem(here, "The code of the action '" + action.name + "' depends on the action '" +
                          (name.is_string() ? name.get<std::string>().substr(0, 80) : "?") +
                          "', which is not defined in the template.");
      else
        depend(index, here);
    }
  }
  const ScriptDependencies found = find_dependencies(code);
  action.script_trigger = action.script_trigger || found.trigger;
  // What the code names and cannot be there is undefined for it, as any other member that is missing.
  for (const std::string& name : found.actions)
    if (const ActionIndex index = plan_->find_action(name); index != kNone && runs_before(index, site)) depend(index, code_at);
  if (action.script_trigger) uses_.push_back({site, {.kind = expression::Reference::Kind::kTrigger}, code_at});
}

}  // namespace trunkline::workflow
