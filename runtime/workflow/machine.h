// Moves one run: turns what its state asks for into events, as far as nothing outside is needed.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/workflow/environment.h"
#include "runtime/workflow/history.h"
#include "runtime/workflow/run_context.h"
#include "runtime/workflow/run_state.h"

namespace trunkline::workflow {

/// What only the owner of the run can do. It answers with events, through Machine::append.
struct Effect {
  enum class Kind : std::uint8_t {
    kStart,    // an operation has begun; its inputs are in its record
    kRespond,  // the caller gets `value`: { statusCode, headers, body }
    kEnded,    // the run has its final status
  } kind = Kind::kStart;
  FrameId frame = 0;
  ActionIndex action = kNone;
  SharedValue value;
};

/// One thread at a time.
class Machine {
 public:
  Machine(PlanPtr plan, Environment& environment);

  /// The beginning of a new run. `trigger`: what trigger() gives. `until`: when the run has taken too long.
  void start(Value trigger, Caller caller);
  /// A stored segment; everything in order, before anything else.
  void replay(std::string_view segment);
  /// A fact from outside.
  void append(Event event);

  /// Does what can be done, at most about `budget` actions. True: there is more to do.
  bool step(std::size_t budget);
  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }

  /// Something happened that was not stored yet.
  std::size_t unsaved_bytes() const { return writer_.size(); }
  std::string take_segment() { return writer_.take(); }
  /// Of a run that keeps nothing: events are applied and forgotten.
  void set_durable(bool durable) { durable_ = durable; }

  RunState& state() { return state_; }
  const RunState& state() const { return state_; }
  const Plan& plan() const { return state_.plan(); }
  RunContext& context() { return context_; }
  Environment& environment() { return environment_; }

  /// Ends an operation (or any action that runs). Its tracked properties are evaluated here. `outputs`, `error`: null, none.
  void finish(FrameId frame, ActionIndex action, Status status, std::string code, Value outputs, Value error = {});
  void finish(FrameId frame, ActionIndex action, Status status, std::string code, SharedValue outputs, SharedValue error);
  /// Everything that runs is cancelled, and the run with it.
  void cancel();
  /// The run has taken too long.
  void time_out();

 private:
  struct Pending {
    Frame& frame;
    const Action& action;
  };
  /// Somebody may look at the record of this action. Else its inputs and outputs are not made.
  bool is_seen(const Action& action) const { return durable_ || action.observed; }
  // machine.cpp
  void perform(const Todo& todo);
  void begin(Frame& frame, const Action& action);
  void end_run();
  void done(const Pending& at, Status status, std::string code, SharedValue inputs, SharedValue outputs, SharedValue error);
  void succeed(const Pending& at, SharedValue inputs, SharedValue outputs) {
    done(at, Status::kSucceeded, "OK", std::move(inputs), std::move(outputs), nullptr);
  }
  void fail(const Pending& at, std::string code, std::string error_code, std::string message, SharedValue inputs = nullptr);
  void fail(const Pending& at, const expression::Failure& failure);
  SharedValue tracked(const Pending& at, Status status, const std::string& code, const SharedValue& inputs,
                      const SharedValue& outputs, const SharedValue& error);
  Event event(EventKind kind, const Pending& at);
  /// What a template gives, for keeping: shared with where it comes from when it is a part of something that does not change.
  SharedValue shared(const Template& from);

  // container_steps.cpp
  void begin_container(const Pending& at);
  void begin_foreach(const Pending& at);
  void begin_until(const Pending& at);
  void begin_switch(const Pending& at);
  void iterate(const Pending& at);
  void test(const Pending& at);
  void finish_container(const Pending& at, Status status);

  // variable_steps.cpp
  void run_variable(const Pending& at);
  void initialize_variable(const Pending& at);
  void change_variable(const Pending& at, VariableChange change, Value value);
  void add_to_variable(const Pending& at, const Value& value);

  // data_steps.cpp
  void run_data(const Pending& at);
  void compute_kind(const Pending& at, Value inputs);
  void query(const Pending& at, Value inputs);
  void select(const Pending& at, Value inputs);
  void join(const Pending& at, Value inputs);
  void table(const Pending& at, Value inputs);
  void parse_json(const Pending& at, Value inputs);

  // control_steps.cpp
  void terminate(const Pending& at);
  void wait(const Pending& at);
  void respond(const Pending& at);
  void begin_operation(const Pending& at);
  std::optional<Time> deadline_of(const Pending& at);

  RunState state_;
  Environment& environment_;
  RunContext context_;
  HistoryWriter writer_;
  Time now_;  // read once for each action
  bool durable_ = true;
  std::vector<Effect> effects_;
};

/// An integer, or a text that is one.
std::optional<std::int64_t> whole_number(const Value& value);

}  // namespace trunkline::workflow
