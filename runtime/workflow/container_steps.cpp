// Scopes, conditions and loops.
#include "runtime/base/time_text.h"
#include "runtime/workflow/machine.h"
#include "runtime/workflow/shared_value.h"

namespace trunkline::workflow {

using expression::Failure;

void Machine::begin_container(const Pending& at) {
  const auto& limits = plan().options.evaluate;
  switch (at.action.type) {
    case ActionType::kForeach:
      begin_foreach(at);
      return;
    case ActionType::kUntil:
      begin_until(at);
      return;
    case ActionType::kSwitch:
      begin_switch(at);
      return;
    case ActionType::kIf: {
      const bool holds = at.action.condition->evaluate(context_, limits);
      Event e = event(EventKind::kActionStarted, at);
      static const SharedValue kTrue = std::make_shared<const Value>(Value{{"expressionResult", true}});
      static const SharedValue kFalse = std::make_shared<const Value>(Value{{"expressionResult", false}});
      e.inputs = holds ? kTrue : kFalse;
      e.number = holds ? 0 : 1;
      append(std::move(e));
      return;
    }
    default:
      append(event(EventKind::kActionStarted, at));
  }
}

void Machine::begin_switch(const Pending& at) {
  Value value = at.action.subject->evaluate(context_, plan().options.evaluate);
  if (!value.is_string() && !value.is_number_integer()) {
    fail(at, "BadRequest", std::string(expression::kEvaluationFailed),
         "The expression of the Switch '" + at.action.name + "' must give a text or a whole number; it gave a value of type '" +
             std::string(expression::kind_name(value)) + "'.");
    return;
  }
  std::uint64_t chosen = 0;
  bool other_kind = false;
  for (std::size_t i = 0; i < at.action.arms.size(); ++i) {
    const Group& arm = at.action.arms[i];
    if (arm.is_default) continue;
    other_kind = other_kind || arm.match.is_string() != value.is_string();
    if (chosen == 0 && arm.match.is_string() == value.is_string() && expression::equal_values(arm.match, value)) chosen = i + 1;
  }
  if (chosen == 0 && other_kind) {
    fail(at, "BadRequest", std::string(expression::kEvaluationFailed),
         "The expression of the Switch '" + at.action.name + "' gave a value of type '" +
             std::string(expression::kind_name(value)) + "', which is not the type of its cases.");
    return;
  }
  if (chosen == 0 && !at.action.arms.empty() && at.action.arms.back().is_default) chosen = at.action.arms.size();
  Event e = event(EventKind::kActionStarted, at);
  e.inputs = std::make_shared<const Value>(Value{{"expressionResult", std::move(value)}});
  e.number = chosen;
  append(std::move(e));
}

void Machine::begin_foreach(const Pending& at) {
  SharedValue shared_items = shared(*at.action.subject);
  const Value& items = *shared_items;
  if (!items.is_array()) {
    fail(at, "BadRequest", std::string(expression::kEvaluationFailed),
         "The result of the evaluation of 'foreach' expression of the action '" + at.action.name + "' is of type '" +
             std::string(expression::kind_name(items)) + "'. The result must be a valid array.");
    return;
  }
  if (items.size() > plan().options.max_foreach_items) {
    fail(at, "BadRequest", std::string(expression::kEvaluationFailed),
         "The Foreach '" + at.action.name + "' has " + std::to_string(items.size()) + " items; at most " +
             std::to_string(plan().options.max_foreach_items) + " are allowed.");
    return;
  }
  Event e = event(EventKind::kActionStarted, at);
  e.outputs = std::move(shared_items);
  append(std::move(e));
}

void Machine::begin_until(const Pending& at) {
  const Options& options = plan().options;
  std::int64_t count = options.default_until_count;
  if (at.action.limit_count) {
    const Value value = at.action.limit_count->evaluate(context_, options.evaluate);
    const std::optional<std::int64_t> given = whole_number(value);
    if (!given || *given < 1 || *given > options.max_until_count) {
      fail(at, "BadRequest", std::string(expression::kEvaluationFailed),
           "The 'count' of the Until '" + at.action.name + "' must be a whole number from 1 to " +
               std::to_string(options.max_until_count) + ".");
      return;
    }
    count = *given;
  }
  Duration timeout = options.default_until_timeout;
  if (at.action.timeout) {
    const Value value = at.action.timeout->evaluate(context_, options.evaluate);
    const auto given = value.is_string() ? parse_duration(value.get_ref<const std::string&>()) : std::nullopt;
    if (!given) {
      fail(at, "BadRequest", std::string(expression::kEvaluationFailed),
           "The 'timeout' of the Until '" + at.action.name + "' is no ISO 8601 duration.");
      return;
    }
    timeout = *given;
  }
  Event e = event(EventKind::kActionStarted, at);
  e.number = static_cast<std::uint64_t>(count);
  e.due = e.at + timeout;
  append(std::move(e));
}

void Machine::iterate(const Pending& at) {
  const Loop& loop = *state_.cell(at.frame, at.action.index).record->loop;
  if (at.action.type == ActionType::kUntil) {
    if (loop.running != 0) return;
    Event e = event(EventKind::kIteration, at);
    e.number = loop.next;
    e.new_frame = state_.next_frame_id();
    append(std::move(e));
    return;
  }
  while (loop.next < loop.count && loop.running < static_cast<std::uint64_t>(at.action.concurrency)) {
    Event e = event(EventKind::kIteration, at);
    e.number = loop.next;
    e.new_frame = state_.next_frame_id();
    const bool last = loop.next + 1 == loop.count;
    append(std::move(e));
    // An iteration of nothing ends at once, and the last one ends the loop, which takes `loop` along.
    if (last) return;
  }
}

void Machine::test(const Pending& at) {
  const Loop& loop = *state_.cell(at.frame, at.action.index).record->loop;
  context_.begin(at.frame, at.action.index);
  context_.set_current(true);
  bool holds = false;
  try {
    holds = at.action.condition->evaluate(context_, plan().options.evaluate);
  } catch (const Failure& failure) {
    fail(at, failure);
    return;
  }
  Event e = event(EventKind::kUntilTested, at);
  const bool at_limit = loop.next >= loop.count || (loop.deadline && e.at >= *loop.deadline);
  if (holds || at_limit) {
    e.number = holds ? 1 : 2;
    e.status = loop.last;
    if (!holds && at.action.fail_on_limit) {
      e.status = Status::kFailed;
      e.error = std::make_shared<const Value>(
          Value{{"code", "ActionFailed"},
                {"message", "The Until '" + at.action.name + "' reached its limit before its condition was met."}});
    }
  }
  append(std::move(e));
}

void Machine::finish_container(const Pending& at, Status status) {
  std::string code = status == Status::kFailed ? "ActionFailed" : status == Status::kTimedOut ? "ActionTimedOut" : "";
  SharedValue error = state_.cell(at.frame, at.action.index).record->error;
  if (status == Status::kFailed && !error) error = action_failed_error();
  done(at, status, std::move(code), nullptr, nullptr, std::move(error));
}

}  // namespace trunkline::workflow
