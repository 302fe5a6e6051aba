#include "runtime/workflow/run_state.h"

#include <algorithm>

#include "runtime/workflow/shared_value.h"

namespace trunkline::workflow {
namespace {

// What a run keeps for its next iterations: as much as loops in parallel let go and take at once.
constexpr std::size_t kSpareFrames = 64;
constexpr std::size_t kSpareRecords = 256;

Error impossible(const char* what) {
  return Error(ErrorCode::kDataLoss, std::string("the history of a run does not fit its definition: ") + what);
}

}  // namespace

const SharedValue& action_failed_error() {
  static const SharedValue error = std::make_shared<const Value>(
      Value{{"code", "ActionFailed"}, {"message", "An action failed. No dependent actions succeeded."}});
  return error;
}

RunState::RunState(PlanPtr plan, bool keep_all) : plan_(std::move(plan)), keep_all_(keep_all) {}
RunState::~RunState() {
  for (Value& variable : variables_) release(variable);
}

std::optional<Todo> RunState::next_todo() {
  if (todo_.empty()) return std::nullopt;
  return todo_.pop();
}

Frame* RunState::find_frame(FrameId id) const { return id == 0 ? root_ : frames_.find(id); }

Frame& RunState::frame_for(const Event& event) const {
  Frame* frame = find_frame(event.frame);
  if (frame == nullptr) throw impossible("an iteration that is not there");
  if (event.action >= plan_->actions.size() || plan_->actions[event.action].region != frame->region)
    throw impossible("an action that does not stand there");
  return *frame;
}

Frame* RunState::frame_of(Frame& from, ActionIndex action) const {
  const RegionIndex wanted = plan_->actions[action].region;
  for (Frame* frame = &from; frame != nullptr; frame = frame->parent)
    if (frame->region == wanted) return frame;
  // Down into loops that have run: their last iteration.
  std::vector<ActionIndex> loops;
  for (RegionIndex region = wanted; plan_->regions[region].loop != kNone; region = plan_->regions[region].parent)
    loops.push_back(plan_->regions[region].loop);
  Frame* at = nullptr;
  while (!loops.empty() && at == nullptr) {
    for (Frame* frame = &from; frame != nullptr && at == nullptr; frame = frame->parent)
      if (frame->region == plan_->actions[loops.back()].region) at = frame;
    if (at == nullptr) loops.pop_back();
  }
  while (at != nullptr && !loops.empty()) {
    const Cell& loop = cell(*at, loops.back());
    const bool kept = loop.record && loop.record->loop && !loop.record->loop->kept.empty();
    at = kept ? find_frame(loop.record->loop->kept.back()) : nullptr;
    loops.pop_back();
  }
  return at;
}

Record& RunState::record_of(Cell& cell) {
  if (cell.record) return *cell.record;
  if (spare_records_.empty()) {
    cell.record = std::make_unique<Record>();
  } else {
    cell.record = std::move(spare_records_.back());
    spare_records_.pop_back();
  }
  return *cell.record;
}

Operation& RunState::operation_of(const Event& event) const {
  Cell& at = cell(frame_for(event), event.action);
  if (at.status != Status::kRunning || !at.record || !at.record->operation) throw impossible("an operation that does not run");
  return *at.record->operation;
}

void RunState::forget_operation(FrameId frame, ActionIndex action) {
  const auto found = std::find(operations_.begin(), operations_.end(), std::pair{frame, action});
  if (found != operations_.end()) operations_.erase(found);
}

std::optional<Time> RunState::next_due() const {
  std::optional<Time> soonest;
  for (const auto& [frame_id, action] : operations_) {
    const Frame* frame = find_frame(frame_id);
    const Operation& operation = *frame->cells[plan_->actions[action].cell].record->operation;
    for (const std::optional<Time>& due : {operation.due, operation.deadline})
      if (due && (!soonest || *due < *soonest)) soonest = due;
  }
  return soonest;
}

void RunState::apply(Event event) {
  ++events_;
  if (event.kind == EventKind::kRunStarted) {
    if (root_ != nullptr) throw impossible("a second beginning");
    trigger_ = std::move(event.inputs);
    if (trigger_ && trigger_->is_object()) {
      const auto outputs = trigger_->find("outputs");
      if (outputs != trigger_->end()) trigger_outputs_ = &*outputs;
    }
    start_ = event.at;
    status_ = Status::kRunning;
    caller_ = static_cast<Caller>(event.number);
    variables_.resize(plan_->variables.size());
    declared_.resize(plan_->variables.size());
    root_ = &open_frame(0, 0, nullptr, 0);
    start_group(*root_, plan_->regions[0].body);
    if (root_->open == 0) todo_.push({Todo::Kind::kEndRun});
    return;
  }
  if (root_ == nullptr) throw impossible("no beginning");
  if (ended() && event.kind != EventKind::kResponded) throw impossible("something after its end");
  switch (event.kind) {
    case EventKind::kActionStarted:
      start(std::move(event));
      return;
    case EventKind::kActionDone: {
      Frame& frame = frame_for(event);
      Cell& at = cell(frame, event.action);
      if (is_final(at.status)) throw impossible("an action that ends twice");
      Record& record = record_of(at);
      if (at.status != Status::kRunning) record.started = event.at;
      if (event.inputs) record.inputs = std::move(event.inputs);
      record.outputs = std::move(event.outputs);
      record.error = std::move(event.error);
      record.code = std::move(event.code);
      record.tracked = std::move(event.extra);
      if (record.operation) {
        record.operation.reset();
        forget_operation(event.frame, event.action);
      }
      const Action& action = plan_->actions[event.action];
      if (event.status == Status::kSkipped) at.skip = SkipReason::kResponse;
      // A container that ends without having begun never gave its children a chance.
      if (class_of(action.type) == ActionClass::kContainer && at.status != Status::kRunning)
        skip_inside(frame, action, SkipReason::kDependency, event.at);
      finish(frame, event.action, event.status, event.at);
      return;
    }
    case EventKind::kIteration:
      iterate(event);
      return;
    case EventKind::kUntilTested: {
      Frame& frame = frame_for(event);
      Cell& at = cell(frame, event.action);
      if (at.status != Status::kRunning || !at.record || !at.record->loop) throw impossible("a test of no loop");
      if (event.number == 0) {
        todo_.push({Todo::Kind::kIterate, event.frame, event.action});
        return;
      }
      at.record->error = event.error;
      complete(frame, event.action, event.status, event.at);
      return;
    }
    case EventKind::kVariable:
      if (!event.inputs) throw impossible("a variable without a value");
      --events_;  // counted there
      change_variable(event.number, event.change, *event.inputs);
      return;
    case EventKind::kRetry: {
      Operation& operation = operation_of(event);
      ++operation.retries;
      operation.retrying = true;
      operation.due = event.due;
      operation.waiting_for.clear();  // a child whose answer asks for another attempt
      if (event.extra) {
        Value& retries = cell(frame_for(event), event.action).record->retries;
        if (retries.is_null()) retries = Value::array();
        retries.push_back(*event.extra);
      }
      return;
    }
    case EventKind::kPoll: {
      Operation& operation = operation_of(event);
      operation.location = event.text;
      operation.due = event.due;
      operation.retrying = false;
      return;
    }
    case EventKind::kWaiting: {
      Operation& operation = operation_of(event);
      operation.waiting_for = event.text;
      operation.due.reset();
      if (event.due) operation.deadline = event.due;
      return;
    }
    case EventKind::kResponded:
      caller_ = event.number == 1 ? Caller::kGone : Caller::kAnswered;
      if (event.inputs) response_ = std::move(event.inputs);
      return;
    case EventKind::kRunEnded:
    case EventKind::kCancelled:
      end_all(event.at);
      status_ = event.kind == EventKind::kCancelled ? Status::kCancelled : event.status;
      code_ = std::move(event.code);
      error_ = std::move(event.error);
      outputs_ = std::move(event.outputs);
      end_ = event.at;
      return;
    default:
      throw impossible("an event of an unknown kind");
  }
}

Frame& RunState::open_frame(FrameId id, RegionIndex region, Frame* parent, std::uint64_t index) {
  const Region& what = plan_->regions[region];
  std::unique_ptr<Frame> frame;
  if (spare_frames_.empty()) {
    frame = std::make_unique<Frame>();
  } else {
    frame = std::move(spare_frames_.back());
    spare_frames_.pop_back();
  }
  frame->id = id;
  frame->region = region;
  frame->parent = parent;
  frame->index = index;
  frame->ended = false;
  frame->cells.resize(what.actions.size());
  for (std::size_t i = 0; i < what.actions.size(); ++i)
    frame->cells[i].waiting_for = static_cast<std::uint32_t>(plan_->actions[what.actions[i]].run_after.size());
  frame->open = static_cast<std::uint32_t>(what.body.actions.size());
  return frames_.add(id, std::move(frame));
}

void RunState::drop_frame(FrameId id) {
  std::unique_ptr<Frame> frame = frames_.take(id);
  if (!frame) return;
  for (Cell& at : frame->cells) {
    if (!at.record) continue;
    if (at.record->loop)
      for (const FrameId inner : at.record->loop->kept) drop_frame(inner);
    if (spare_records_.size() >= kSpareRecords) continue;
    *at.record = Record();
    spare_records_.push_back(std::move(at.record));
  }
  if (spare_frames_.size() >= kSpareFrames) return;
  frame->cells.clear();
  spare_frames_.push_back(std::move(frame));
}

void RunState::start_group(Frame& frame, const Group& group) {
  for (const ActionIndex index : group.actions)
    if (cell(frame, index).waiting_for == 0) {
      cell(frame, index).status = Status::kWaiting;
      todo_.push({Todo::Kind::kStart, frame.id, index});
    }
}

void RunState::start(Event event) {
  Frame& frame = frame_for(event);
  Cell& at = cell(frame, event.action);
  if (at.status != Status::kWaiting) throw impossible("an action that begins out of turn");
  at.status = Status::kRunning;
  Record& record = record_of(at);
  record.started = event.at;
  record.inputs = std::move(event.inputs);
  const Action& action = plan_->actions[event.action];
  if (class_of(action.type) == ActionClass::kContainer) {
    start_container(frame, action, event);
    return;
  }
  record.operation = std::make_unique<Operation>();
  if (action.type == ActionType::kWait)
    record.operation->due = event.due;
  else
    record.operation->deadline = event.due;
  record.operation->waiting_for = event.text;
  operations_.emplace_back(event.frame, event.action);
}

void RunState::start_container(Frame& frame, const Action& action, const Event& event) {
  Cell& at = cell(frame, action.index);
  if (is_loop(action.type)) {
    auto loop = std::make_unique<Loop>();
    loop->items = event.outputs;
    loop->count = action.type == ActionType::kForeach ? (event.outputs ? event.outputs->size() : 0) : event.number;
    loop->deadline = event.due;
    at.record->loop = std::move(loop);
    if (at.record->loop->count == 0)
      complete(frame, action.index, Status::kSucceeded, event.at);
    else
      todo_.push({Todo::Kind::kIterate, frame.id, action.index});
    return;
  }
  // Which arm: for Switch 0 stands for none of them.
  const std::uint64_t none = action.arms.size();
  const std::uint64_t chosen = action.type == ActionType::kSwitch ? (event.number == 0 ? none : event.number - 1) : event.number;
  if (chosen > none || (chosen == none && action.type != ActionType::kSwitch)) throw impossible("an arm that is not there");
  at.arm = static_cast<std::uint16_t>(chosen);
  at.open = chosen == none ? 0 : static_cast<std::uint32_t>(action.arms[chosen].actions.size());
  for (std::size_t arm = 0; arm < action.arms.size(); ++arm)
    if (arm != chosen) skip_group(frame, action.arms[arm], SkipReason::kBranch, event.at);
  if (at.open == 0)
    complete(frame, action.index, Status::kSucceeded, event.at);
  else
    start_group(frame, action.arms[chosen]);
}

void RunState::iterate(const Event& event) {
  Frame& frame = frame_for(event);
  Cell& at = cell(frame, event.action);
  const Action& action = plan_->actions[event.action];
  if (at.status != Status::kRunning || !at.record || !at.record->loop || event.new_frame == 0 ||
      frames_.find(event.new_frame) != nullptr)
    throw impossible("an iteration of no loop");
  Loop& loop = *at.record->loop;
  if (event.number >= loop.count) throw impossible("an iteration beyond the last");
  ++loop.running;
  loop.next = std::max(loop.next, event.number + 1);
  next_frame_ = std::max(next_frame_, event.new_frame + 1);
  if (action.type == ActionType::kUntil && !keep_all_) {
    for (const FrameId id : loop.kept) drop_frame(id);
    loop.kept.clear();
  }
  Frame& body = open_frame(event.new_frame, action.body, &frame, event.number);
  if (action.type == ActionType::kUntil || keep_all_) loop.kept.push_back(body.id);
  if (body.open == 0)
    end_frame(body, event.at);
  else
    start_group(body, plan_->regions[action.body].body);
}

/// All dependencies of an action have ended: it starts, or is skipped.
void RunState::look(Frame& frame, ActionIndex index) {
  const Action& action = plan_->actions[index];
  for (const RunAfter& entry : action.run_after)
    if (!entry.statuses.has(cell(frame, entry.action).status)) {
      // Its time is that of what decided it, which the caller has put into end_ of the record.
      skip(frame, index, SkipReason::kRunAfter,
           cell(frame, entry.action).record ? cell(frame, entry.action).record->ended : Time{});
      return;
    }
  cell(frame, index).status = Status::kWaiting;
  todo_.push({Todo::Kind::kStart, frame.id, index});
}

void RunState::finish(Frame& frame, ActionIndex index, Status status, Time at) {
  const Action& action = plan_->actions[index];
  Cell& here = cell(frame, index);
  here.status = status;
  record_of(here).ended = at;
  // It ends the run, and what it stands in is open until then.
  if (action.type == ActionType::kTerminate && status == Status::kSucceeded && !action.static_result) return;
  for (const ActionIndex follower : action.followers) {
    Cell& next = cell(frame, follower);
    if (next.status == Status::kNotStarted && --next.waiting_for == 0) look(frame, follower);
  }
  // The container it stands in, as long as that stands in the same frame.
  if (action.parent != kNone && plan_->actions[action.parent].region == frame.region) {
    Cell& parent = cell(frame, action.parent);
    if (parent.status == Status::kRunning && parent.arm == action.arm && --parent.open == 0)
      complete(frame, action.parent, group_status(frame, plan_->actions[action.parent].arms[action.arm]), at);
    return;
  }
  if (--frame.open == 0) end_frame(frame, at);
}

void RunState::complete(Frame& frame, ActionIndex index, Status status, Time at) {
  const Action& action = plan_->actions[index];
  Record& record = record_of(cell(frame, index));
  if (action.tracked) {
    // Ends with an event of its own, which has them.
    todo_.push({Todo::Kind::kFinish, frame.id, index, status});
    return;
  }
  if (status == Status::kFailed) {
    record.code = "ActionFailed";
    if (!record.error) record.error = action_failed_error();
  } else if (status == Status::kTimedOut) {
    record.code = "ActionTimedOut";
  }
  finish(frame, index, status, at);
}

void RunState::end_frame(Frame& frame, Time at) {
  frame.ended = true;
  if (frame.parent == nullptr) {
    todo_.push({Todo::Kind::kEndRun});
    return;
  }
  const Region& region = plan_->regions[frame.region];
  const Action& action = plan_->actions[region.loop];
  Frame& outer = *frame.parent;
  Loop& loop = *cell(outer, region.loop).record->loop;
  const Status status = group_status(frame, region.body);
  --loop.running;
  ++loop.done;
  loop.last = status;
  if (action.type == ActionType::kUntil) {
    todo_.push({Todo::Kind::kTest, outer.id, region.loop});
    return;
  }
  loop.any_failed = loop.any_failed || status == Status::kFailed || status == Status::kCancelled;
  loop.any_timed_out = loop.any_timed_out || status == Status::kTimedOut;
  if (!keep_all_) {
    if (action.keep == Keep::kNothing) {
      drop_frame(frame.id);
    } else {
      if (action.keep == Keep::kLast) {
        for (const FrameId id : loop.kept) drop_frame(id);
        loop.kept.clear();
      }
      loop.kept.push_back(frame.id);
    }
  }
  if (loop.done == loop.count)
    complete(outer, region.loop,
             loop.any_failed      ? Status::kFailed
             : loop.any_timed_out ? Status::kTimedOut
                                  : Status::kSucceeded,
             at);
  else
    todo_.push({Todo::Kind::kIterate, outer.id, region.loop});
}

void RunState::skip(Frame& frame, ActionIndex index, SkipReason reason, Time at) {
  Cell& here = cell(frame, index);
  here.skip = reason;
  Record& record = record_of(here);
  record.started = at;
  record.code = reason == SkipReason::kTerminated ? "Terminated" : "ActionSkipped";
  skip_inside(frame, plan_->actions[index], reason == SkipReason::kRunAfter ? SkipReason::kDependency : reason, at);
  finish(frame, index, Status::kSkipped, at);
}

void RunState::skip_group(Frame& frame, const Group& group, SkipReason reason, Time at) {
  for (const ActionIndex index : group.actions) {
    Cell& here = cell(frame, index);
    if (here.status != Status::kNotStarted) continue;
    here.status = Status::kSkipped;
    here.skip = reason;
    Record& record = record_of(here);
    record.started = record.ended = at;
    record.code = reason == SkipReason::kTerminated ? "Terminated" : "ActionSkipped";
    skip_inside(frame, plan_->actions[index], reason, at);
  }
}

void RunState::skip_inside(Frame& frame, const Action& action, SkipReason reason, Time at) {
  if (is_loop(action.type)) return;  // its body has no cells here
  for (const Group& arm : action.arms) skip_group(frame, arm, reason, at);
}

void RunState::change_variable(std::uint64_t slot, VariableChange change, Value value) {
  ++events_;
  if (slot >= variables_.size() || ended()) throw impossible("a variable that is not there");
  Value& variable = variables_[slot];
  declared_[slot] = true;
  switch (change) {
    case VariableChange::kSet:
      variable = std::move(value);
      return;
    case VariableChange::kAppendItem:
      if (!variable.is_array()) throw impossible("an item for no array");
      variable.push_back(std::move(value));
      return;
    case VariableChange::kAppendText:
      if (!variable.is_string() || !value.is_string()) throw impossible("text for no text");
      variable.get_ref<std::string&>() += value.get_ref<const std::string&>();
      return;
  }
}

void RunState::end_all(Time at) {
  todo_.clear();
  operations_.clear();
  frames_.for_each([&](Frame& frame) {
    for (Cell& here : frame.cells) {
      if (is_final(here.status)) continue;
      Record& record = record_of(here);
      record.ended = at;
      if (here.status == Status::kRunning) {
        here.status = Status::kCancelled;
        record.operation.reset();
      } else {
        here.status = Status::kSkipped;
        here.skip = SkipReason::kTerminated;
        record.started = at;
        record.code = "Terminated";
      }
    }
  });
}

}  // namespace trunkline::workflow
