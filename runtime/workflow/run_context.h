// What the expressions of one run see.
#pragma once
#include <deque>
#include <functional>
#include <string>

#include "runtime/workflow/environment.h"
#include "runtime/workflow/parameter_context.h"
#include "runtime/workflow/run_state.h"

namespace trunkline::workflow {

/// `2026-03-02T08:00:00.0000000Z`
std::string time_text(Time time);

/// Looks into a RunState. What it gives out is valid until begin() or the next event.
class RunContext final : public ParameterContext {
 public:
  RunContext(RunState& state, Environment& environment)
      : ParameterContext(state.plan()), state_(state), environment_(environment) {}

  /// The next expressions belong to this action (kNone: to the outputs of the workflow).
  void begin(Frame& frame, ActionIndex action);
  /// item() of Query, Select and Table; null: that of the innermost loop.
  void set_item(const Value* item) { item_ = item; }
  /// action() is there.
  void set_current(bool on) { current_ = on; }

  const Value* trigger() override { return lend(state_.trigger(), state_.trigger().get()); }
  const Value* trigger_outputs() override { return lend(state_.trigger(), &state_.trigger_outputs()); }
  const Value* action(const expression::Name& name) override;
  const Value* action_outputs(const expression::Name& name) override;
  const Value* current_action() override;
  const Value* result(const expression::Name& scope) override;
  const Value* items(const expression::Name& loop) override;
  const Value* item() override;
  std::optional<std::int64_t> iteration_index(const expression::Name& loop) override;
  const Value* variable(const expression::Name& name) override;
  const Value* workflow() override {
    lent_more_ = true;
    return &environment_.workflow();
  }
  std::optional<std::string> callback_url() override;
  std::optional<std::string> setting(const expression::Name& name) override { return environment_.setting(name.text); }
  Time now() override { return environment_.now(); }
  std::array<std::uint8_t, 16> guid_bytes() override { return environment_.guid_bytes(); }
  std::uint64_t random_below(std::uint64_t bound) override { return environment_.random_below(bound); }

  /// `value` was borrowed from an expression since begin(): with what it is a part of, if that is known and does not change.
  /// Null: it has to be copied.
  SharedValue share_of(const Value& value) const;

  /// What the code of a JavaScriptCode action sees: `{ actions, trigger, workflow }`.
  Value script_context(Frame& frame, const Action& action);
  /// The record of one action, as actions() shows it.
  Value record(Frame& frame, ActionIndex action) const;

 private:
  ActionIndex find(const expression::Name& name) const;
  const Value* keep(Value value) {
    lent_more_ = true;
    made_.push_back(std::move(value));
    return &made_.back();
  }
  const Value* lend(const SharedValue& owner, const Value* part);
  /// Null: there is no record.
  const Cell* ended_cell(ActionIndex action) const;

  RunState& state_;
  Environment& environment_;
  Frame* frame_ = nullptr;
  ActionIndex action_ = kNone;
  const Value* item_ = nullptr;
  bool current_ = false;
  std::deque<Value> made_;
  /// What was given out since begin(): parts of one value that does not change, or also of others.
  SharedValue lent_;
  bool lent_more_ = false;
  const Value null_;
};

/// The error of a skipped action; null: it was not skipped.
Value skip_error(const RunState& state, Frame& frame, ActionIndex action);

}  // namespace trunkline::workflow
