#include "runtime/workflow/machine.h"

#include "runtime/workflow/shared_value.h"

namespace trunkline::workflow {

using expression::Evaluated;
using expression::Failure;

std::optional<std::int64_t> whole_number(const Value& value) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number_float() && value.get<double>() == static_cast<double>(static_cast<std::int64_t>(value.get<double>())))
    return static_cast<std::int64_t>(value.get<double>());
  if (value.is_string()) return parse_number<std::int64_t>(trim(value.get_ref<const std::string&>()));
  return std::nullopt;
}

Machine::Machine(PlanPtr plan, Environment& environment)
    : state_(std::move(plan)), environment_(environment), context_(state_, environment) {}

void Machine::append(Event event) {
  // What a history holds: a finer time would differ after it was read back.
  if (event.due) event.due = std::chrono::floor<std::chrono::microseconds>(*event.due);
  if (durable_) writer_.add(event);
  state_.apply(std::move(event));
}

void Machine::start(Value trigger, Caller caller) {
  Event e;
  e.kind = EventKind::kRunStarted;
  e.at = environment_.now();
  e.inputs = std::make_shared<const Value>(std::move(trigger));
  e.number = static_cast<std::uint64_t>(caller);
  append(std::move(e));
}

void Machine::replay(std::string_view segment) {
  HistoryReader reader(segment);
  while (std::optional<Event> event = reader.next()) state_.apply(std::move(*event));
}

Event Machine::event(EventKind kind, const Pending& at) {
  Event e;
  e.kind = kind;
  e.at = now_;
  e.frame = at.frame.id;
  e.action = at.action.index;
  return e;
}

SharedValue Machine::shared(const Template& from) {
  Evaluated value = from.resolve(context_, plan().options.evaluate);
  if (value.borrowed())
    if (SharedValue part = context_.share_of(value.get())) return part;
  return share(std::move(value).take());
}

bool Machine::step(std::size_t budget) {
  while (!state_.ended()) {
    const std::optional<Todo> todo = state_.next_todo();
    if (!todo) return false;
    perform(*todo);
    if (--budget == 0) return state_.has_todo();
  }
  return false;
}

void Machine::perform(const Todo& todo) {
  now_ = environment_.now();
  if (todo.kind == Todo::Kind::kEndRun) {
    end_run();
    return;
  }
  Frame* frame = state_.find_frame(todo.frame);
  if (frame == nullptr) return;
  const Action& action = plan().actions[todo.action];
  const Cell& cell = state_.cell(*frame, todo.action);
  if (todo.kind == Todo::Kind::kStart) {
    if (cell.status == Status::kWaiting) begin(*frame, action);
    return;
  }
  if (cell.status != Status::kRunning) return;
  const Pending at{*frame, action};
  if (todo.kind == Todo::Kind::kFinish) {
    finish_container(at, todo.status);
    return;
  }
  const Loop& loop = *cell.record->loop;
  if (todo.kind == Todo::Kind::kIterate)
    iterate(at);
  else if (loop.running == 0 && loop.done == loop.next)
    test(at);
}

void Machine::begin(Frame& frame, const Action& action) {
  const Pending at{frame, action};
  if (action.static_result) {
    const StaticResult& result = *action.static_result;
    const auto share = [](const Value& value) { return value.is_null() ? nullptr : std::make_shared<const Value>(value); };
    done(at, result.status, result.code.empty() ? "OK" : result.code, nullptr, share(result.outputs), share(result.error));
    return;
  }
  context_.begin(frame, action.index);
  try {
    switch (class_of(action.type)) {
      case ActionClass::kContainer:
        begin_container(at);
        return;
      case ActionClass::kVariable:
        run_variable(at);
        return;
      case ActionClass::kData:
        run_data(at);
        return;
      case ActionClass::kControl:
        terminate(at);
        return;
      case ActionClass::kOperation:
        if (action.type == ActionType::kWait)
          wait(at);
        else if (action.type == ActionType::kResponse)
          respond(at);
        else
          begin_operation(at);
        return;
    }
  } catch (const Failure& failure) {
    fail(at, failure);
  }
}

SharedValue Machine::tracked(const Pending& at, Status status, const std::string& code, const SharedValue& inputs,
                             const SharedValue& outputs, const SharedValue& error) {
  if (!at.action.tracked || status == Status::kSkipped) return nullptr;
  // action() shows the record as it is about to be; the real one follows with the event.
  Cell& cell = state_.cell(at.frame, at.action.index);
  const Status before = cell.status;
  if (!cell.record) {
    cell.record = std::make_unique<Record>();
    cell.record->started = environment_.now();
  }
  Record& record = *cell.record;
  if (inputs) record.inputs = inputs;
  record.outputs = outputs;
  record.error = error;
  record.code = code;
  record.ended = environment_.now();
  cell.status = status;
  context_.begin(at.frame, at.action.index);
  context_.set_current(true);
  SharedValue out;
  try {
    out = std::make_shared<const Value>(at.action.tracked->evaluate(context_, plan().options.evaluate));
  } catch (const Failure& failure) {
    // They are for diagnostics: the action does not fail because of them.
    out = std::make_shared<const Value>(Value{{"error", failure.message}});
  }
  cell.status = before;
  return out;
}

void Machine::done(const Pending& at, Status status, std::string code, SharedValue inputs, SharedValue outputs,
                   SharedValue error) {
  Event e = event(EventKind::kActionDone, at);
  if (at.action.tracked) e.extra = tracked(at, status, code, inputs, outputs, error);
  e.status = status;
  e.code = std::move(code);
  e.inputs = std::move(inputs);
  e.outputs = std::move(outputs);
  e.error = std::move(error);
  append(std::move(e));
}

void Machine::finish(FrameId frame, ActionIndex action, Status status, std::string code, SharedValue outputs, SharedValue error) {
  Frame* at = state_.find_frame(frame);
  if (at == nullptr) return;
  now_ = environment_.now();
  done({*at, plan().actions[action]}, status, std::move(code), nullptr, std::move(outputs), std::move(error));
}

void Machine::finish(FrameId frame, ActionIndex action, Status status, std::string code, Value outputs, Value error) {
  const auto share = [](Value value) { return value.is_null() ? nullptr : std::make_shared<const Value>(std::move(value)); };
  finish(frame, action, status, std::move(code), share(std::move(outputs)), share(std::move(error)));
}

void Machine::fail(const Pending& at, std::string code, std::string error_code, std::string message, SharedValue inputs) {
  auto error = std::make_shared<const Value>(Value{{"code", std::move(error_code)}, {"message", std::move(message)}});
  done(at, Status::kFailed, std::move(code), std::move(inputs), nullptr, std::move(error));
}

void Machine::fail(const Pending& at, const Failure& failure) {
  const bool container = class_of(at.action.type) == ActionClass::kContainer;
  const std::string where = "action '" + at.action.name + "'" + (container ? "" : " inputs");
  const std::string message = expression::unable_to_process(where, 0, 0, failure.message);
  if (container)
    fail(at, "BadRequest", std::string(expression::kEvaluationFailed), message);
  else
    fail(at, "BadRequest", std::string(expression::kInvalidTemplate), message);
}

void Machine::end_run() {
  if (state_.root().open != 0) return;
  const Status status = state_.group_status(state_.root(), plan().regions[0].body);
  Event e;
  e.kind = EventKind::kRunEnded;
  e.at = environment_.now();
  e.status = status;
  if (status == Status::kFailed) {
    e.code = "ActionFailed";
    e.error = action_failed_error();
  } else if (status == Status::kTimedOut) {
    e.code = "ActionTimedOut";
    e.error = action_failed_error();
  }
  if (status == Status::kSucceeded && !plan().outputs.empty()) {
    context_.begin(state_.root(), kNone);
    Value outputs = Value::object();
    try {
      for (const Output& output : plan().outputs)
        outputs[output.name] = Value{{"type", output.type}, {"value", output.value.evaluate(context_, plan().options.evaluate)}};
      e.outputs = std::make_shared<const Value>(std::move(outputs));
    } catch (const Failure& failure) {
      e.status = Status::kFailed;
      e.code = "InvalidTemplate";
      e.error = std::make_shared<const Value>(
          Value{{"code", "InvalidTemplate"},
                {"message", expression::unable_to_process("the outputs of the workflow", 0, 0, failure.message)}});
    }
  }
  append(std::move(e));
  effects_.push_back({Effect::Kind::kEnded});
}

void Machine::cancel() {
  if (state_.ended()) return;
  Event e;
  e.kind = EventKind::kCancelled;
  e.at = environment_.now();
  append(std::move(e));
  effects_.push_back({Effect::Kind::kEnded});
}

void Machine::time_out() {
  if (state_.ended()) return;
  Event e;
  e.kind = EventKind::kRunEnded;
  e.at = environment_.now();
  e.status = Status::kTimedOut;
  e.code = "WorkflowRunTimedOut";
  e.error = std::make_shared<const Value>(
      Value{{"code", "WorkflowRunTimedOut"}, {"message", "The run took longer than runs may take."}});
  append(std::move(e));
  effects_.push_back({Effect::Kind::kEnded});
}

}  // namespace trunkline::workflow
