// The tree of actions: names, types, containers, and who runs after whom.
#include <algorithm>

#include "runtime/workflow/compiler.h"

namespace trunkline::workflow {

void Compiler::shape() {
  const std::string at = append_pointer(in_.definition_pointer, "actions");
  plan_->regions.emplace_back();
  const Value* actions = find(in_.definition, "actions");
  if (actions == nullptr) {
    problem(in_.definition_pointer, "The definition has no 'actions'.", kInvalidRequestContent);
    return;
  }
  if (!check_object(actions, at, "'actions'")) return;
  Group body;
  body.name = "actions";
  shape_group(*actions, at, kNone, 0, 0, 1, body);
  plan_->regions[0].body = std::move(body);
  if (plan_->actions.size() > limits_.max_actions)
    problem(at, "The definition has " + std::to_string(plan_->actions.size()) + " actions; at most " +
                    std::to_string(limits_.max_actions) + " are allowed.");
  run_after(plan_->regions[0].body);
  // Filling run_after adds no actions, so the references stay good.
  for (Action& action : plan_->actions)
    for (const Group& arm : action.arms) run_after(arm);
  const auto finish = [&](Group& group) {
    for (const ActionIndex index : group.actions)
      if (plan_->actions[index].followers.empty()) group.leaves.push_back(index);
  };
  finish(plan_->regions[0].body);
  for (Action& action : plan_->actions)
    for (Group& arm : action.arms) finish(arm);
  for (Action& action : plan_->actions)
    if (action.body != kNone && !action.arms.empty()) plan_->regions[action.body].body = action.arms.front();
}

void Compiler::shape_group(const Value& actions, const std::string& pointer, ActionIndex parent, std::uint32_t arm,
                           RegionIndex region, int depth, Group& group) {
  for (const auto& item : actions.items()) {
    const std::string here = append_pointer(pointer, item.key());
    if (!check_object(&item.value(), here, "The action '" + item.key().substr(0, 80) + "'")) continue;
    const auto index = static_cast<ActionIndex>(plan_->actions.size());
    {
      Action& action = plan_->actions.emplace_back();
      action.index = index;
      action.name = item.key();
      action.pointer = here;
      action.parent = parent;
      action.arm = arm;
      action.region = region;
      action.depth = depth;
      action.cell = static_cast<std::uint32_t>(plan_->regions[region].actions.size());
      plan_->regions[region].actions.push_back(index);
      sources_.push_back(&item.value());
      group.actions.push_back(index);
    }
    if (item.key().empty() || item.key().size() > limits_.max_name_length)
      problem(here, "The name of the action '" + item.key().substr(0, 80) + "' must have 1 to " +
                        std::to_string(limits_.max_name_length) + " characters.");
    if (!plan_->action_names.emplace(to_lower(item.key()), index).second)
      problem(here, "The action name '" + item.key() + "' is used more than once; names are unique in the whole workflow.");
    if (depth > limits_.max_depth + 1)
      problem(here, "The action '" + item.key() + "' is nested too deeply; at most " + std::to_string(limits_.max_depth) +
                        " levels are allowed.");
    const Value* type = find(item.value(), "type");
    if (type == nullptr || !type->is_string()) {
      problem(here, "The action '" + item.key() + "' has no 'type'.");
      continue;
    }
    const std::string& name = type->get_ref<const std::string&>();
    const std::optional<ActionType> known = find_action_type(name);
    if (!known) {
      problem(append_pointer(here, "type"), "The action '" + item.key() + "' has the unknown type '" + name.substr(0, 80) + "'.");
      continue;
    }
    plan_->actions[index].type = *known;
    plan_->actions[index].type_name = name;
    shape_container(index, item.value());
  }
}

void Compiler::shape_container(ActionIndex index, const Value& json) {
  // Copied: the vector grows below.
  const ActionType type = plan_->actions[index].type;
  const std::string pointer = plan_->actions[index].pointer;
  const int depth = plan_->actions[index].depth;
  RegionIndex region = plan_->actions[index].region;
  if (class_of(type) != ActionClass::kContainer) return;
  if (depth > 100) return;  // reported already; nothing deeper is of interest
  if (is_loop(type)) {
    const auto body = static_cast<RegionIndex>(plan_->regions.size());
    Region& made = plan_->regions.emplace_back();
    made.loop = index;
    made.parent = region;
    plan_->actions[index].body = region = body;
  }
  std::vector<Group> arms;
  const auto add = [&](std::string name, const Value* actions, const std::string& at) -> Group& {
    Group group;
    group.name = std::move(name);
    const auto arm = static_cast<std::uint32_t>(arms.size());
    if (check_object(actions, at, "'actions'")) shape_group(*actions, at, index, arm, region, depth + 1, group);
    arms.push_back(std::move(group));
    return arms.back();
  };
  if (type == ActionType::kSwitch) {
    const std::string cases_at = append_pointer(pointer, "cases");
    const Value* cases = find(json, "cases");
    if (check_object(cases, cases_at, "'cases'")) {
      if (cases->size() > limits_.max_cases)
        problem(cases_at, "A Switch has at most " + std::to_string(limits_.max_cases) + " cases.");
      for (const auto& item : cases->items()) {
        const std::string here = append_pointer(cases_at, item.key());
        if (!check_object(&item.value(), here, "A case")) continue;
        Group& group = add(item.key(), find(item.value(), "actions"), append_pointer(here, "actions"));
        const Value* match = find(item.value(), "case");
        if (match == nullptr || !(match->is_string() || match->is_number_integer()))
          problem(here, "The case '" + item.key().substr(0, 80) + "' needs a 'case' that is a text or a whole number.");
        else
          group.match = *match;
      }
      for (std::size_t i = 0; i < arms.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (!arms[i].match.is_null() && expression::equal_values(arms[i].match, arms[j].match))
            problem(append_pointer(cases_at, arms[i].name), "Two cases have the same value.");
    }
    if (const Value* other = find(json, "default")) {
      const std::string here = append_pointer(pointer, "default");
      if (check_object(other, here, "'default'"))
        add("default", find(*other, "actions"), append_pointer(here, "actions")).is_default = true;
    }
  } else {
    add("actions", find(json, "actions"), append_pointer(pointer, "actions"));
    if (type == ActionType::kIf) {
      const Value* other = find(json, "else");
      const std::string here = append_pointer(pointer, "else");
      const bool there = check_object(other, here, "'else'");
      add("else", there ? find(*other, "actions") : nullptr, append_pointer(here, "actions"));
    }
  }
  plan_->actions[index].arms = std::move(arms);
}

void Compiler::run_after(const Group& group) {
  for (const ActionIndex index : group.actions) {
    Action& action = plan_->actions[index];
    const Value* after = find(*sources_[index], "runAfter");
    const std::string at = append_pointer(action.pointer, "runAfter");
    if (!check_object(after, at, "'runAfter'")) continue;
    for (const auto& item : after->items()) {
      const std::string here = append_pointer(at, item.key());
      const ActionIndex other = plan_->find_action(item.key());
      if (other == kNone || std::find(group.actions.begin(), group.actions.end(), other) == group.actions.end()) {
        problem(here, "The 'runAfter' property of template action '" + action.name + "' contains non-existent action: '" +
                          item.key().substr(0, 80) + "'." +
                          (other != kNone ? " Only actions beside it may be named; that one stands in another container." : ""));
        continue;
      }
      RunAfter entry;
      entry.action = other;
      const Value list = item.value().is_array() ? item.value() : Value::array({item.value()});
      for (const Value& word : list) {
        const auto status = word.is_string() ? parse_status(word.get_ref<const std::string&>()) : std::nullopt;
        if (!status || !is_final(*status) || *status == Status::kCancelled)
          problem(here, "The 'runAfter' property of template action '" + action.name +
                            "' takes the statuses Succeeded, Failed, Skipped and TimedOut.");
        else
          entry.statuses.add(*status);
      }
      // An empty list stands for success.
      if (list.empty()) entry.statuses.add(Status::kSucceeded);
      action.run_after.push_back(entry);
      plan_->actions[other].followers.push_back(index);
    }
  }
  find_cycles(group);
}

void Compiler::find_cycles(const Group& group) {
  // What is left once actions without open dependencies have been taken away, again and again, stands in or behind a circle.
  std::vector<ActionIndex> left = group.actions;
  const auto waits = [&](ActionIndex index) {
    return std::any_of(plan_->actions[index].run_after.begin(), plan_->actions[index].run_after.end(),
                       [&](const RunAfter& entry) { return std::find(left.begin(), left.end(), entry.action) != left.end(); });
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (auto at = left.begin(); at != left.end();) {
      const bool free = !waits(*at);
      moved = moved || free;
      at = free ? left.erase(at) : std::next(at);
    }
  }
  if (left.empty()) return;
  // Walk backwards from any of them until one comes twice: that walk is the circle.
  std::vector<ActionIndex> walk{left.front()};
  for (;;) {
    const auto& after = plan_->actions[walk.back()].run_after;
    const auto next = std::find_if(after.begin(), after.end(), [&](const RunAfter& entry) {
      return std::find(left.begin(), left.end(), entry.action) != left.end();
    });
    const auto seen = std::find(walk.begin(), walk.end(), next->action);
    if (seen != walk.end()) {
      walk.erase(walk.begin(), seen);
      break;
    }
    walk.push_back(next->action);
  }
  std::string names;
  for (const ActionIndex index : walk) names += (names.empty() ? "'" : ", '") + plan_->actions[index].name + "'";
  problem(append_pointer(plan_->actions[walk.front()].pointer, "runAfter"),
          "The template actions form a circular dependency through 'runAfter': " + names + ".");
}

}  // namespace trunkline::workflow
