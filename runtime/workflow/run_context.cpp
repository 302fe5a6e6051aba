#include "runtime/workflow/run_context.h"

#include "runtime/expression/date_time.h"
#include "runtime/expression/value_object.h"

namespace trunkline::workflow {

using expression::Name;

std::string time_text(Time time) {
  // Once a record; format_round_trip prints seven digits.
  return expression::format_round_trip(expression::from_time(time));
}

Value skip_error(const RunState& state, Frame& frame, ActionIndex index) {
  const Cell& cell = state.cell(frame, index);
  const Action& action = state.plan().actions[index];
  const auto error = [](const char* code, std::string message) { return Value{{"code", code}, {"message", std::move(message)}}; };
  const std::string begin = "The execution of template action '" + action.name + "' is skipped: ";
  switch (cell.skip) {
    case SkipReason::kNotSkipped:
      return nullptr;
    case SkipReason::kRunAfter:
      for (const RunAfter& entry : action.run_after) {
        const Status actual = state.cell(frame, entry.action).status;
        if (entry.statuses.has(actual)) continue;
        std::string expected;
        for (const Status status : {Status::kSucceeded, Status::kFailed, Status::kSkipped, Status::kTimedOut})
          if (entry.statuses.has(status)) expected += (expected.empty() ? "" : ", ") + std::string(to_text(status));
        return error("ActionConditionFailed", begin + "the 'runAfter' condition for action '" +
                                                  state.plan().actions[entry.action].name +
                                                  "' is not satisfied. Expected status values '" + expected +
                                                  "' and actual value '" + std::string(to_text(actual)) + "'.");
      }
      return error("ActionConditionFailed", begin + "a 'runAfter' condition is not satisfied.");
    case SkipReason::kDependency:
      return error("ActionDependencyFailed", begin + "dependent actions skipped or failed.");
    case SkipReason::kBranch:
      return error("ActionBranchingConditionNotSatisfied", begin + "its branching condition is not satisfied.");
    case SkipReason::kTerminated:
      return error("Terminated", begin + "the run has ended.");
    case SkipReason::kResponse:
      return cell.record && cell.record->error ? *cell.record->error
                                               : error("ActionResponseSkipped", begin + "nobody waits for the response.");
  }
  return nullptr;
}

void RunContext::begin(Frame& frame, ActionIndex action) {
  if (!made_.empty()) made_.clear();
  lent_.reset();
  lent_more_ = false;
  frame_ = &frame;
  action_ = action;
  item_ = nullptr;
  current_ = false;
}

const Value* RunContext::lend(const SharedValue& owner, const Value* part) {
  if (!lent_)
    lent_ = owner;
  else if (owner.owner_before(lent_) || lent_.owner_before(owner))
    lent_more_ = true;
  return part;
}

SharedValue RunContext::share_of(const Value& value) const {
  if (lent_more_ || value.is_null()) return nullptr;
  // Nothing of the run was given out: it stands in the plan, as a constant or a parameter.
  if (!lent_) return SharedValue(state_.plan_ptr(), &value);
  return SharedValue(lent_, &value);
}

ActionIndex RunContext::find(const Name& name) const {
  if (name.slot != Name::kUnresolved) return name.slot;
  return plan_.find_action(name.text);
}

const Cell* RunContext::ended_cell(ActionIndex action) const {
  Frame* frame = state_.frame_of(*frame_, action);
  if (frame == nullptr) return nullptr;
  const Cell& cell = state_.cell(*frame, action);
  return is_final(cell.status) ? &cell : nullptr;
}

const Value* RunContext::action_outputs(const Name& name) {
  const ActionIndex index = find(name);
  if (index >= plan_.actions.size()) return nullptr;
  const Cell* cell = ended_cell(index);
  if (cell == nullptr) {
    // Inside a loop that was skipped, everything was.
    for (ActionIndex up = plan_.actions[index].parent; up != kNone; up = plan_.actions[up].parent)
      if (const Cell* outer = ended_cell(up); outer != nullptr && outer->status == Status::kSkipped) return &null_;
    return nullptr;
  }
  if (!cell->record || !cell->record->outputs) return &null_;
  return lend(cell->record->outputs, cell->record->outputs.get());
}

Value RunContext::record(Frame& frame, ActionIndex index) const {
  const Action& action = plan_.actions[index];
  const Cell& cell = state_.cell(frame, index);
  Value out = expression::make_object(12);
  out["name"] = action.name;
  const Record* record = cell.record.get();
  if (record != nullptr && record->inputs) out["inputs"] = *record->inputs;
  if (record != nullptr && record->outputs) out["outputs"] = *record->outputs;
  if (record != nullptr) {
    out["startTime"] = time_text(record->started);
    if (is_final(cell.status)) out["endTime"] = time_text(record->ended);
  }
  out["trackingId"] = environment_.tracking_id(frame.id, index);
  out["clientTrackingId"] = environment_.client_tracking_id();
  if (record != nullptr && !record->code.empty()) out["code"] = record->code;
  out["status"] = to_text(cell.status);
  if (cell.skip != SkipReason::kNotSkipped)
    out["error"] = skip_error(state_, frame, index);
  else if (record != nullptr && record->error)
    out["error"] = *record->error;
  if (record != nullptr && record->tracked) out["trackedProperties"] = *record->tracked;
  if (record != nullptr && record->loop && action.type == ActionType::kUntil) out["iterationCount"] = record->loop->next;
  return out;
}

Value RunContext::script_context(Frame& frame, const Action& action) {
  begin(frame, action.index);
  Value actions = Value::object();
  for (const ActionIndex index : action.script_actions) {
    Frame* where = state_.frame_of(frame, index);
    // In the letters of the definition: JavaScript minds them.
    if (where != nullptr && is_final(state_.cell(*where, index).status))
      actions[plan_.actions[index].name] = record(*where, index);
  }
  Value out = expression::make_object(3);
  out["actions"] = std::move(actions);
  if (action.script_trigger) out["trigger"] = state_.trigger() ? *state_.trigger() : Value();
  out["workflow"] = environment_.workflow();
  return out;
}

const Value* RunContext::action(const Name& name) {
  const ActionIndex index = find(name);
  if (index >= plan_.actions.size()) return nullptr;
  Frame* frame = state_.frame_of(*frame_, index);
  if (frame == nullptr) {
    const Value* outputs = action_outputs(name);
    return outputs == nullptr ? nullptr
                              : keep({{"name", plan_.actions[index].name}, {"code", "ActionSkipped"}, {"status", "Skipped"}});
  }
  const Cell& cell = state_.cell(*frame, index);
  // Containers around the expression have a record too, as far as they have come.
  if (cell.status == Status::kNotStarted || cell.status == Status::kWaiting) return nullptr;
  return keep(record(*frame, index));
}

const Value* RunContext::current_action() {
  if (action_ == kNone || !current_) return nullptr;
  return keep(record(*frame_, action_));
}

const Value* RunContext::result(const Name& scope) {
  const ActionIndex index = find(scope);
  if (index >= plan_.actions.size()) return nullptr;
  const Action& action = plan_.actions[index];
  Frame* frame = state_.frame_of(*frame_, index);
  if (frame == nullptr || class_of(action.type) != ActionClass::kContainer) return nullptr;
  const Cell& cell = state_.cell(*frame, index);
  if (!is_final(cell.status)) return nullptr;
  Value out = Value::array();
  if (!is_loop(action.type)) {
    for (const Group& arm : action.arms)
      for (const ActionIndex child : arm.actions) out.push_back(record(*frame, child));
    return keep(std::move(out));
  }
  const Loop* loop = cell.record ? cell.record->loop.get() : nullptr;
  if (loop == nullptr) return keep(std::move(out));
  std::vector<Frame*> frames;
  for (const FrameId id : loop->kept)
    if (Frame* kept = state_.find_frame(id)) frames.push_back(kept);
  std::sort(frames.begin(), frames.end(), [](const Frame* a, const Frame* b) { return a->index < b->index; });
  for (const ActionIndex child : plan_.regions[action.body].body.actions) {
    if (action.type == ActionType::kUntil) {
      if (frames.empty()) continue;
      Value one = record(*frames.back(), child);
      one["repetitionCount"] = loop->next;
      out.push_back(std::move(one));
      continue;
    }
    Value repetitions = Value::array();
    bool failed = false, timed_out = false, all_skipped = !frames.empty();
    for (Frame* each : frames) {
      const Status status = state_.cell(*each, child).status;
      failed = failed || status == Status::kFailed;
      timed_out = timed_out || status == Status::kTimedOut;
      all_skipped = all_skipped && status == Status::kSkipped;
      repetitions.push_back(record(*each, child));
    }
    const Status status = failed        ? Status::kFailed
                          : timed_out   ? Status::kTimedOut
                          : all_skipped ? Status::kSkipped
                                        : Status::kSucceeded;
    out.push_back({{"name", plan_.actions[child].name},
                   {"outputs", std::move(repetitions)},
                   {"status", to_text(status)},
                   {"code", "NotSpecified"},
                   {"repetitionCount", frames.size()}});
  }
  return keep(std::move(out));
}

const Value* RunContext::items(const Name& name) {
  const ActionIndex index = find(name);
  for (Frame* frame = frame_; frame != nullptr && frame->parent != nullptr; frame = frame->parent) {
    const ActionIndex loop = plan_.regions[frame->region].loop;
    if (loop != index) continue;
    const Record* record = state_.cell(*frame->parent, loop).record.get();
    if (record == nullptr || !record->loop || !record->loop->items) return nullptr;
    return lend(record->loop->items, &(*record->loop->items)[frame->index]);
  }
  return nullptr;
}

const Value* RunContext::item() {
  if (item_ != nullptr) {
    lent_more_ = true;
    return item_;
  }
  for (Frame* frame = frame_; frame != nullptr && frame->parent != nullptr; frame = frame->parent) {
    const ActionIndex loop = plan_.regions[frame->region].loop;
    if (plan_.actions[loop].type != ActionType::kForeach) continue;
    const SharedValue& items = state_.cell(*frame->parent, loop).record->loop->items;
    return lend(items, &(*items)[frame->index]);
  }
  return nullptr;
}

std::optional<std::int64_t> RunContext::iteration_index(const Name& name) {
  const ActionIndex index = find(name);
  for (Frame* frame = frame_; frame != nullptr && frame->parent != nullptr; frame = frame->parent)
    if (plan_.regions[frame->region].loop == index) return static_cast<std::int64_t>(frame->index);
  // The test of an Until belongs to the iteration that has just ended.
  if (action_ == index && action_ != kNone) {
    const Record* record = state_.cell(*frame_, action_).record.get();
    if (record != nullptr && record->loop && record->loop->next > 0) return static_cast<std::int64_t>(record->loop->next - 1);
  }
  return std::nullopt;
}

const Value* RunContext::variable(const Name& name) {
  const std::uint32_t slot = name.slot != Name::kUnresolved ? name.slot : plan_.find_variable(name.text);
  lent_more_ = true;  // it may change
  return slot != kNone && state_.has_variable(slot) ? &state_.variables()[slot] : nullptr;
}

std::optional<std::string> RunContext::callback_url() {
  if (action_ == kNone) return std::nullopt;
  return environment_.callback_url(frame_->id, action_);
}

}  // namespace trunkline::workflow
