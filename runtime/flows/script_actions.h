// Inline code of workflows, run in worker processes.
#pragma once
#include "runtime/async/executor.h"
#include "runtime/flows/action_port.h"
#include "runtime/script/script_pool.h"

namespace trunkline::flows {

/// [any-thread]
class ScriptActions final : public ActionPort {
 public:
  ScriptActions(Executor& executor, script::ScriptPool::Options options) : executor_(executor), pool_(std::move(options)) {}

  bool handles(const ActionCall& call) const override;
  /// A script reaches nothing outside, so nothing happens twice.
  bool repeats_safely(const ActionCall&) const override { return true; }
  void run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) override;
  /// Scripts that run are cut off. Idempotent. [lifecycle]
  void stop() { pool_.stop(); }

 private:
  Executor& executor_;
  script::ScriptPool pool_;
};

}  // namespace trunkline::flows
