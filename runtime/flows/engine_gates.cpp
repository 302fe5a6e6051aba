// Of the engine: how many runs of a trigger there may be at a time, and which of them wait.
#include <algorithm>

#include "runtime/flows/engine.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {
namespace {

using workflow::Status;

constexpr std::size_t kMaxWaiting = 100'000;  // the most that a configuration allows

}  // namespace

/// The gate of a trigger, with the runs on disk that were there before it. Others that began before there was a limit are not
/// counted, and nobody waits for them.
void Engine::open_gate(const Workflow& workflow, const workflow::Trigger& trigger) {
  const GateKey key{workflow.database, {workflow.key, trigger.name}};
  {
    const std::lock_guard lock(gates_mutex_);
    if (gates_.contains(key)) return;
    opening_.try_emplace(key);
  }
  Gate gate;
  const auto read = [&](store::Session& session) {
    gate = Gate();
    for (const RunKey run : records::open_runs(session, workflow.key, trigger.name, Status::kRunning)) gate.running.insert(run);
    for (const RunRow& row : records::waiting_runs(session, workflow.key, trigger.name, kMaxWaiting))
      gate.waiting.push_back(row.key);
  };
  try {
    if (workflow.kind == WorkflowKind::kStateful) workflow.database->read(read);
  } catch (...) {
    const std::lock_guard lock(gates_mutex_);
    opening_.erase(key);
    throw;
  }
  const std::lock_guard lock(gates_mutex_);
  const auto opening = opening_.find(key);
  if (opening == opening_.end()) return;  // somebody else was faster
  for (const RunKey gone : opening->second) {
    gate.running.erase(gone);
    std::erase(gate.waiting, gone);
  }
  opening_.erase(opening);
  gates_.emplace(key, std::move(gate));
}

void Engine::release_waiting(const WorkflowPtr& workflow) {
  if (!workflow->version || !workflow->version->plan) return;
  for (const workflow::Trigger& trigger : workflow->version->plan->triggers) {
    if (trigger.concurrent_runs != 0) open_gate(*workflow, trigger);
    std::vector<RunKey> released;
    {
      const std::lock_guard lock(gates_mutex_);
      const auto found = gates_.find({workflow->database, {workflow->key, trigger.name}});
      if (found == gates_.end()) continue;
      Gate& gate = found->second;
      const std::size_t most = trigger.concurrent_runs == 0 ? SIZE_MAX : static_cast<std::size_t>(trigger.concurrent_runs);
      while (gate.running.size() < most && !gate.waiting.empty()) {
        released.push_back(gate.waiting.front());
        gate.running.insert(gate.waiting.front());
        gate.waiting.pop_front();
      }
    }
    for (const RunKey key : released) with_run(workflow, key, [](Run& run) { run.release(); });
  }
}

Engine::Entry Engine::enter(const StartSpec& spec, RunKey key) {
  const workflow::Trigger& trigger = *spec.trigger;
  if (trigger.concurrent_runs == 0) return Entry::kGo;
  const GateKey gate_key{spec.workflow->database, {spec.workflow->key, trigger.name}};
  open_gate(*spec.workflow, trigger);
  const std::lock_guard lock(gates_mutex_);
  const auto found = gates_.find(gate_key);
  if (found == gates_.end()) return Entry::kGo;  // the workflow was removed just now
  Gate& gate = found->second;
  if (gate.running.size() < static_cast<std::size_t>(trigger.concurrent_runs)) {
    gate.running.insert(key);
    return Entry::kGo;
  }
  if (!spec.beyond_limit && gate.waiting.size() >= static_cast<std::size_t>(trigger.max_waiting_runs)) return Entry::kFull;
  gate.waiting.push_back(key);
  return Entry::kWait;
}

bool Engine::is_full(const Workflow& workflow, const workflow::Trigger& trigger) {
  if (trigger.concurrent_runs == 0) return false;
  open_gate(workflow, trigger);
  const std::lock_guard lock(gates_mutex_);
  const auto found = gates_.find({workflow.database, {workflow.key, trigger.name}});
  return found != gates_.end() && found->second.running.size() >= static_cast<std::size_t>(trigger.concurrent_runs) &&
         found->second.waiting.size() >= static_cast<std::size_t>(trigger.max_waiting_runs);
}

void Engine::leave(const WorkflowPtr& workflow, const RunRow& row) {
  RunKey next = 0;
  {
    const std::lock_guard lock(gates_mutex_);
    const GateKey key{workflow->database, {workflow->key, row.trigger}};
    if (const auto opening = opening_.find(key); opening != opening_.end()) opening->second.push_back(row.key);
    const auto found = gates_.find(key);
    if (found == gates_.end()) return;
    Gate& gate = found->second;
    // One that began before there was a limit, and is not counted, leaves nobody's place; one that waits, its own.
    if (gate.running.erase(row.key) == 0) {
      std::erase(gate.waiting, row.key);
      return;
    }
    if (gate.waiting.empty()) return;
    next = gate.waiting.front();
    gate.waiting.pop_front();
    gate.running.insert(next);
  }
  with_run(workflow, next, [](Run& run) { run.release(); });
}

}  // namespace trunkline::flows
