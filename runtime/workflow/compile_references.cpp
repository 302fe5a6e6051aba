// Whether everything that expressions name exists, and can be there when they are evaluated.
#include <algorithm>

#include "runtime/workflow/compiler.h"

namespace trunkline::workflow {

using Kind = expression::Reference::Kind;

void Compiler::references() {
  for (const Use& one : uses_) check_use(one);
  keep_iterations();
  spread_secrets();
  observe();
}

/// `earlier` has ended when an expression at `site` is evaluated: it is among those that the owner, or a container around it,
/// runs after (directly or not), or stands inside one of those.
bool Compiler::runs_before(ActionIndex earlier, const Site& site) {
  if (site.owner == kNone) return !site.in_trigger;
  if (site.after_owner && (earlier == site.owner || plan_->is_inside(earlier, site.owner))) return true;
  upstream_.resize(plan_->actions.size());
  std::vector<bool>& known = upstream_[site.owner];
  if (known.empty()) {
    known.resize(plan_->actions.size());
    std::vector<ActionIndex> open;
    for (ActionIndex at = site.owner; at != kNone; at = plan_->actions[at].parent)
      for (const RunAfter& entry : plan_->actions[at].run_after) open.push_back(entry.action);
    while (!open.empty()) {
      const ActionIndex at = open.back();
      open.pop_back();
      if (known[at]) continue;
      known[at] = true;
      for (const RunAfter& entry : plan_->actions[at].run_after) open.push_back(entry.action);
    }
    for (const Action& action : plan_->actions)
      for (ActionIndex up = action.parent; up != kNone && !known[action.index]; up = plan_->actions[up].parent)
        if (known[up]) known[action.index] = true;
  }
  return known[earlier];
}

void Compiler::check_use(const Use& one) {
  const expression::Reference& reference = one.reference;
  const Site& site = one.site;
  const std::string owner = site.owner == kNone ? (site.in_trigger ? "the trigger" : "the outputs")
                                                : "action '" + plan_->actions[site.owner].name + "'";
  const auto refuse = [&](const std::string& message) {
    problem(one.pointer, "The inputs of template " + owner + " are not valid: " + message + " (at position " +
                             std::to_string(reference.offset) + ")");
  };
  if (reference.dynamic) {
    if (reference.kind == Kind::kAction || reference.kind == Kind::kScopeResult) plan_->dynamic_references = true;
    return;
  }
  switch (reference.kind) {
    case Kind::kAction:
    case Kind::kScopeResult: {
      const ActionIndex index = plan_->find_action(reference.name);
      if (index == kNone) {
        refuse("the action '" + reference.name + "' is referenced and not defined in the template.");
        return;
      }
      if (!runs_before(index, site)) {
        refuse("the action '" + reference.name + "' is referenced, but is not among the actions that run before.");
        return;
      }
      if (reference.kind == Kind::kScopeResult && class_of(plan_->actions[index].type) != ActionClass::kContainer)
        refuse("result() takes the name of a Scope, Foreach, Until, If or Switch; '" + reference.name + "' is none.");
      return;
    }
    case Kind::kLoopItem:
    case Kind::kIteration: {
      const ActionIndex index = plan_->find_action(reference.name);
      const bool wanted_type =
          index != kNone && (reference.kind == Kind::kLoopItem ? plan_->actions[index].type == ActionType::kForeach
                                                               : is_loop(plan_->actions[index].type));
      const bool encloses = wanted_type && site.owner != kNone &&
                            (plan_->is_inside(site.owner, index) || (site.after_owner && site.owner == index));
      if (!encloses) refuse("no loop named '" + reference.name + "' encloses the expression.");
      return;
    }
    case Kind::kItem: {
      bool inside = site.own_item;
      for (ActionIndex up = site.owner; up != kNone && !inside; up = plan_->actions[up].parent)
        inside = up != site.owner && plan_->actions[up].type == ActionType::kForeach;
      // A condition of a trigger is evaluated for each item when it splits; there, and only there, it has none either.
      if (!inside) refuse("item() is used outside of a repeating action.");
      return;
    }
    case Kind::kVariable: {
      const std::uint32_t slot = plan_->find_variable(reference.name);
      if (slot == kNone || site.in_trigger) {
        refuse("the variable '" + reference.name + "' must be initialized before it can be used.");
      } else if (!site.own_variable.empty() && iequals(reference.name, site.own_variable)) {
        refuse("the variable '" + reference.name + "' cannot be used in the action that sets it.");
      }
      return;
    }
    case Kind::kParameter:
      if (plan_->find_parameter(reference.name) == kNone) refuse("the workflow parameter '" + reference.name + "' is not found.");
      return;
    default:
      return;
  }
}

/// Inputs that come from secured outputs are secured as well; outputs are not.
void Compiler::spread_secrets() {
  const bool secret_trigger =
      std::any_of(plan_->triggers.begin(), plan_->triggers.end(), [](const Trigger& trigger) { return trigger.secure_outputs; });
  for (const Use& one : uses_) {
    if (one.site.owner == kNone || one.reference.dynamic) continue;
    bool secret = one.reference.kind == Kind::kTrigger && secret_trigger;
    if (one.reference.kind == Kind::kAction) {
      const ActionIndex target = plan_->find_action(one.reference.name);
      secret = secret || (target != kNone && plan_->actions[target].secure_outputs);
    }
    if (secret) plan_->actions[one.site.owner].secure_inputs = true;
  }
}

void Compiler::observe() {
  for (Action& action : plan_->actions) action.observed = plan_->dynamic_references || action.tracked.has_value();
  for (const Action& action : plan_->actions) plan_->reads_trigger = plan_->reads_trigger || action.script_trigger;
  for (const Use& one : uses_) {
    if (one.reference.kind == Kind::kFunction && (one.reference.name == "trigger" || one.reference.name == "triggers"))
      plan_->reads_trigger = true;
    if (one.reference.kind == Kind::kCurrentAction && one.site.owner != kNone) plan_->actions[one.site.owner].observed = true;
    if (one.reference.dynamic) continue;
    if (one.reference.kind != Kind::kAction && one.reference.kind != Kind::kScopeResult) continue;
    const ActionIndex target = plan_->find_action(one.reference.name);
    if (target == kNone) continue;
    plan_->actions[target].observed = true;
    if (one.reference.kind == Kind::kAction) continue;
    for (const Group& arm : plan_->actions[target].arms)
      for (const ActionIndex child : arm.actions) plan_->actions[child].observed = true;
    if (plan_->actions[target].body == kNone) continue;
    for (const ActionIndex child : plan_->regions[plan_->actions[target].body].body.actions)
      plan_->actions[child].observed = true;
  }
}

void Compiler::keep_iterations() {
  const auto raise = [&](ActionIndex loop, Keep keep) {
    Action& action = plan_->actions[loop];
    if (action.body != kNone) action.keep = std::max(action.keep, keep);
  };
  for (Action& action : plan_->actions)
    if (action.type == ActionType::kUntil) action.keep = Keep::kLast;
  for (const Use& one : uses_) {
    if (one.reference.kind != Kind::kAction && one.reference.kind != Kind::kScopeResult) continue;
    if (one.reference.dynamic) {
      for (Action& action : plan_->actions) raise(action.index, Keep::kAll);
      continue;
    }
    const ActionIndex target = plan_->find_action(one.reference.name);
    if (target == kNone) continue;
    // result() of a scope around a loop shows the loop alone, not its iterations.
    if (one.reference.kind == Kind::kScopeResult && plan_->actions[target].type == ActionType::kForeach)
      raise(target, Keep::kAll);
    for (ActionIndex up = plan_->actions[target].parent; up != kNone; up = plan_->actions[up].parent) {
      const bool inside = one.site.owner != kNone && (one.site.owner == up || plan_->is_inside(one.site.owner, up));
      if (!inside) raise(up, Keep::kLast);
    }
  }
}

}  // namespace trunkline::workflow
