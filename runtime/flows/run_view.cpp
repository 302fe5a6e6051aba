#include "runtime/flows/run_view.h"

#include <algorithm>

#include "runtime/flows/engine_types.h"
#include "runtime/workflow/run_context.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {
namespace {

using workflow::ActionClass;
using workflow::Cell;
using workflow::Frame;
using workflow::kNone;
using workflow::RegionIndex;
using workflow::Status;

std::vector<std::uint64_t> index_path(const Frame* frame) {
  std::vector<std::uint64_t> path;
  for (; frame != nullptr && frame->parent != nullptr; frame = frame->parent) path.push_back(frame->index);
  std::reverse(path.begin(), path.end());
  return path;
}

/// What history never shows: what proves who we are.
SharedValue without_secrets(const SharedValue& inputs) {
  if (!inputs || !inputs->is_object()) return inputs;
  const bool own = inputs->contains("authentication");
  const auto subscribe = inputs->find("subscribe");
  const bool inner = subscribe != inputs->end() && subscribe->is_object() && subscribe->contains("authentication");
  if (!own && !inner) return inputs;
  Value copy = *inputs;
  if (own) copy["authentication"] = "*sanitized*";
  if (inner) copy["subscribe"]["authentication"] = "*sanitized*";
  return std::make_shared<const Value>(std::move(copy));
}

}  // namespace

std::string ActionView::repetition_name() const {
  std::string out;
  for (const auto& [scope, index] : indexes) {
    std::string digits = std::to_string(index);
    if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
    out += (out.empty() ? "" : "-") + digits;
  }
  return out;
}

RunView::RunView(WorkflowPtr workflow, WorkflowVersionPtr version, RunRow row, const std::vector<std::string>& segments)
    : workflow_(std::move(workflow)),
      version_(std::move(version)),
      row_(std::move(row)),
      state_(std::make_unique<workflow::RunState>(version_->plan, true)) {
  for (const std::string& segment : segments) {
    workflow::HistoryReader reader(segment);
    while (const auto event = reader.next()) state_->apply(*event);
  }
}

Value RunView::trigger() const {
  Value out = state_->trigger() ? *state_->trigger() : Value::object();
  const workflow::Trigger* trigger = version_->plan->find_trigger(row_.trigger);
  if (trigger == nullptr) return out;
  if (trigger->secure_inputs) out.erase("inputs");
  if (trigger->secure_outputs) out.erase("outputs");
  return out;
}

Value RunView::error() const { return state_->error() ? *state_->error() : Value(); }
Value RunView::outputs() const { return state_->outputs() ? *state_->outputs() : Value(); }

void RunView::hide(ActionView& view, const workflow::Action& action) const {
  view.inputs = without_secrets(view.inputs);
  if (action.secure_inputs && view.inputs) {
    view.secured_inputs = true;
    view.inputs = nullptr;
  }
  if (action.secure_outputs && view.outputs) {
    view.secured_outputs = true;
    view.outputs = nullptr;
  }
}

ActionView RunView::view(Frame& frame, ActionIndex index) const {
  const workflow::Action& action = version_->plan->actions[index];
  const Cell& cell = state_->cell(frame, index);
  ActionView out;
  out.name = action.name;
  out.type = action.type_name;
  out.status = cell.status;
  out.frame = frame.id;
  out.client_tracking_id = row_.client_tracking_id;
  out.tracking_id = stable_guid(row_.key, (std::uint64_t{frame.id} << 32) | index, 1);
  out.code = "NotSpecified";
  if (const workflow::Record* record = cell.record.get()) {
    if (!record->code.empty()) out.code = record->code;
    out.started = record->started;
    if (workflow::is_final(cell.status)) out.ended = record->ended;
    out.inputs = record->inputs;
    out.outputs = record->outputs;
    if (record->tracked) out.tracked_properties = *record->tracked;
    out.retry_history = record->retries;
    if (record->loop) {
      out.iterations = record->loop->next;
      if (action.type == workflow::ActionType::kForeach) out.inputs = record->loop->items;
    }
    if (record->error) out.error = *record->error;
  }
  if (cell.skip != workflow::SkipReason::kNotSkipped) out.error = workflow::skip_error(*state_, frame, index);
  for (const Frame* at = &frame; at->parent != nullptr; at = at->parent)
    out.indexes.emplace_back(version_->plan->actions[version_->plan->regions[at->region].loop].name, at->index);
  std::reverse(out.indexes.begin(), out.indexes.end());
  hide(out, action);
  return out;
}

std::vector<Frame*> RunView::frames_of(RegionIndex region) const {
  std::vector<Frame*> out;
  if (region == 0) {
    if (state_->started()) out.push_back(&state_->root());
    return out;
  }
  state_->frames().for_each([&](Frame& frame) {
    if (frame.region == region) out.push_back(&frame);
  });
  std::sort(out.begin(), out.end(), [](const Frame* a, const Frame* b) { return index_path(a) < index_path(b); });
  return out;
}

ActionView RunView::summary(ActionIndex index) const {
  const workflow::Action& action = version_->plan->actions[index];
  const std::vector<Frame*> frames = frames_of(action.region);
  if (action.region == 0 && !frames.empty()) return view(*frames.front(), index);
  ActionView out;
  if (frames.empty()) {
    // Its loop never went round.
    out.name = action.name;
    out.type = action.type_name;
    out.client_tracking_id = row_.client_tracking_id;
    out.status = state_->ended() ? Status::kSkipped : Status::kNotStarted;
    out.code = state_->ended() ? "ActionSkipped" : "NotSpecified";
    for (ActionIndex up = action.parent; up != kNone; up = version_->plan->actions[up].parent) {
      const std::vector<Frame*> outer = frames_of(version_->plan->actions[up].region);
      if (outer.empty()) continue;
      const Status status = state_->cell(*outer.back(), up).status;
      if (workflow::is_final(status)) {
        out.status = Status::kSkipped;
        out.code = "ActionSkipped";
      }
      break;
    }
    out.repetitions = 0;
    return out;
  }
  out = view(*frames.back(), index);
  out.indexes.clear();
  out.repetitions = frames.size();
  if (frames.size() == 1) return out;
  // One status for all of them: the worst.
  bool failed = false, running = false, timed_out = false, cancelled = false, succeeded = false;
  for (Frame* frame : frames) {
    const Status status = state_->cell(*frame, index).status;
    failed = failed || status == Status::kFailed;
    timed_out = timed_out || status == Status::kTimedOut;
    cancelled = cancelled || status == Status::kCancelled;
    succeeded = succeeded || status == Status::kSucceeded;
    running = running || !workflow::is_final(status);
    const workflow::Record* record = state_->cell(*frame, index).record.get();
    if (record != nullptr && out.started && record->started < *out.started) out.started = record->started;
  }
  out.status = running     ? Status::kRunning
               : failed    ? Status::kFailed
               : timed_out ? Status::kTimedOut
               : cancelled ? Status::kCancelled
               : succeeded ? Status::kSucceeded
                           : Status::kSkipped;
  return out;
}

std::vector<ActionView> RunView::actions() const {
  std::vector<ActionView> out;
  for (const workflow::Action& action : version_->plan->actions) out.push_back(summary(action.index));
  return out;
}

std::optional<ActionView> RunView::action(std::string_view name) const {
  const ActionIndex index = version_->plan->find_action(name);
  return index == kNone ? std::nullopt : std::optional<ActionView>(summary(index));
}

std::vector<ActionView> RunView::repetitions(std::string_view name) const {
  std::vector<ActionView> out;
  const ActionIndex index = version_->plan->find_action(name);
  if (index == kNone || version_->plan->actions[index].region == 0) return out;
  for (Frame* frame : frames_of(version_->plan->actions[index].region)) out.push_back(view(*frame, index));
  return out;
}

std::optional<ActionView> RunView::repetition(std::string_view name, std::string_view repetition) const {
  for (ActionView& one : repetitions(name))
    if (one.repetition_name() == repetition) return std::move(one);
  return std::nullopt;
}

std::vector<ActionView> RunView::scope_repetitions(std::string_view name) const {
  std::vector<ActionView> out;
  const ActionIndex index = version_->plan->find_action(name);
  if (index == kNone || version_->plan->actions[index].body == kNone) return out;
  const workflow::Action& loop = version_->plan->actions[index];
  for (Frame* frame : frames_of(loop.body)) {
    ActionView one;
    one.name = loop.name;
    one.type = loop.type_name;
    one.client_tracking_id = row_.client_tracking_id;
    one.tracking_id = stable_guid(row_.key, (std::uint64_t{frame->id} << 32) | index, 3);
    one.code = "NotSpecified";
    one.status = frame->ended      ? state_->group_status(*frame, version_->plan->regions[loop.body].body)
                 : state_->ended() ? Status::kCancelled
                                   : Status::kRunning;
    if (one.status == Status::kFailed) {
      one.code = "ActionFailed";
      one.error = *workflow::action_failed_error();
    }
    for (const Cell& cell : frame->cells) {
      if (!cell.record) continue;
      if (!one.started || cell.record->started < *one.started) one.started = cell.record->started;
      if (frame->ended && (!one.ended || cell.record->ended > *one.ended)) one.ended = cell.record->ended;
    }
    for (const Frame* at = frame; at->parent != nullptr; at = at->parent)
      one.indexes.emplace_back(version_->plan->actions[version_->plan->regions[at->region].loop].name, at->index);
    std::reverse(one.indexes.begin(), one.indexes.end());
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace trunkline::flows
