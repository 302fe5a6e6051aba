// A trigger fires: conditions, splitOn, correlation, and the runs that come of it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/flows/engine.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {

struct Firing {
  WorkflowPtr workflow;
  const workflow::Trigger* trigger = nullptr;
  /// What triggerOutputs() gives; null: nothing (Recurrence).
  Value outputs;
  Value inputs;       // for the history; null: none
  Value code = "OK";  // what trigger()['code'] gives
  std::optional<Time> scheduled;
  std::optional<Time> started;  // nullopt: now
  std::string client_tracking_id;
  std::string origin;
  bool has_caller = false;
  Responder respond;
  /// It carries what has been taken out of somewhere: its runs wait beyond the number that may, and are not refused.
  bool taken = false;
  /// Runs in the transaction of the first run that comes of it.
  std::function<void(store::Session&)> with;
  /// Runs in the transaction of that run which is the last one to be on disk: what has been taken out of somewhere is forgotten
  /// there only when all of it is safe.
  std::function<void(store::Session&)> with_last;
};

struct FiringResult {
  enum class Kind { kRuns, kSkipped, kFailed, kRefused } kind = Kind::kRuns;
  /// Names of the runs, in the order of the items.
  std::vector<std::string> runs;
  std::string code;
  std::string message;
};

/// Fires once. A firing that starts no run is written to the history of the trigger. The responder is called exactly once: by the
/// run, or here. [any-thread]
FiringResult fire(Engine& engine, Firing firing);
/// Writes a firing that started no run; nobody waits for it.
void record_firing(Engine& engine, const Workflow& workflow, const workflow::Trigger& trigger, workflow::Status status,
                   std::string code, const Value& error, const Value& inputs, const Value& outputs, std::optional<Time> scheduled,
                   Time started);

/// What the expressions of a trigger see.
class TriggerContext final : public expression::Context {
 public:
  TriggerContext(Engine& engine, const Workflow& workflow, Value record);
  const Value* trigger() override { return &record_; }
  const Value* parameter(const expression::Name& name) override;
  const Value* workflow() override { return &workflow_value_; }
  const Value* item() override { return item_; }
  std::optional<std::string> callback_url() override { return callback_url_; }
  std::optional<std::string> setting(const expression::Name& name) override;
  Time now() override { return engine_.parts().clock.now(); }
  std::array<std::uint8_t, 16> guid_bytes() override { return engine_.parts().ids.uuid4().bytes; }
  std::uint64_t random_below(std::uint64_t bound) override { return engine_.parts().ids.next_below(bound); }

  void set_item(const Value* item) { item_ = item; }
  void set_callback_url(std::string url) { callback_url_ = std::move(url); }
  Value& record() { return record_; }

 private:
  Engine& engine_;
  const PlanPtr plan_;
  Value record_;
  Value workflow_value_;
  const Value* item_ = nullptr;
  std::optional<std::string> callback_url_;
};

}  // namespace trunkline::flows
