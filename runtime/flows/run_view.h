// A run as people and clients look at it: every action with its inputs, outputs and repetitions.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/flows/records.h"
#include "runtime/workflow/run_state.h"

namespace trunkline::flows {

/// One action, or one repetition of it.
struct ActionView {
  std::string name;
  std::string type;
  workflow::Status status = workflow::Status::kNotStarted;
  std::string code;  // `NotSpecified` where there is none
  Value error;       // null: none
  /// Null: none. Secured ones are left out, which `secured_*` tells.
  SharedValue inputs, outputs;
  bool secured_inputs = false, secured_outputs = false;
  std::optional<Time> started, ended;
  std::string tracking_id;
  std::string client_tracking_id;
  Value tracked_properties;  // null: none
  Value retry_history;       // array; null: none
  /// Loops: iterations that began.
  std::optional<std::uint64_t> iterations;
  /// Actions inside loops: how often they ran.
  std::optional<std::uint64_t> repetitions;
  /// Enclosing loops with the index of the iteration, outermost first; of a repetition.
  std::vector<std::pair<std::string, std::uint64_t>> indexes;
  FrameId frame = 0;

  /// `000001-000003`
  std::string repetition_name() const;
};

/// Built from what is stored; shows nothing that was not. [one thread at a time]
class RunView {
 public:
  RunView(WorkflowPtr workflow, WorkflowVersionPtr version, RunRow row, const std::vector<std::string>& segments);

  const RunRow& row() const { return row_; }
  const WorkflowVersion& version() const { return *version_; }
  const workflow::RunState& state() const { return *state_; }
  /// The record of the trigger, as trigger() gives it; secured parts are left out.
  Value trigger() const;
  Value error() const;    // null: none
  Value outputs() const;  // `{ name: { type, value } }`; null: none
  /// What the caller got, `{ statusCode, headers, body }`; null: nothing.
  SharedValue response() const { return state_->response(); }

  /// In the order of the definition. Those inside loops stand for all their repetitions.
  std::vector<ActionView> actions() const;
  std::optional<ActionView> action(std::string_view name) const;
  /// Of an action inside loops, or of a loop that stands in one: in the order of the items, outer loops first.
  std::vector<ActionView> repetitions(std::string_view name) const;
  std::optional<ActionView> repetition(std::string_view name, std::string_view repetition) const;
  /// The iterations of a loop themselves (scope repetitions).
  std::vector<ActionView> scope_repetitions(std::string_view name) const;

 private:
  ActionView view(workflow::Frame& frame, ActionIndex action) const;
  ActionView summary(ActionIndex action) const;
  std::vector<workflow::Frame*> frames_of(workflow::RegionIndex region) const;
  void hide(ActionView& view, const workflow::Action& action) const;

  const WorkflowPtr workflow_;
  const WorkflowVersionPtr version_;
  const RunRow row_;
  std::unique_ptr<workflow::RunState> state_;
};

}  // namespace trunkline::flows
