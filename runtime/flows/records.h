// The rows of workflows and their runs. Only SQL; the rules live in the engine and the service.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/flows/workflow.h"
#include "runtime/workflow/status.h"

namespace trunkline::flows {

std::span<const store::Migration> workflow_migrations();

struct RunRow {
  RunKey key = 0;
  std::int64_t workflow_key = 0;
  std::int64_t version_key = 0;
  workflow::Status status = workflow::Status::kRunning;
  std::string suffix;
  std::string trigger;
  std::string client_tracking_id;
  /// Name of the trigger's history entry that it came from; empty: its own.
  std::string origin;
  /// The run it repeats, and the action it began again at; empty: none.
  std::string repeats;
  std::string repeats_from;
  Time started;
  std::optional<Time> ended;
  /// When it wants to move; nullopt: something else moves it.
  std::optional<Time> due;
  /// Something is under way that a crash would cut off.
  bool active = false;
  std::string code;
  std::string error;  // JSON; empty: none

  std::string name() const { return run_name(key, suffix); }
};

/// A firing that started no run.
struct FiringRow {
  RunKey key = 0;
  std::int64_t workflow_key = 0;
  std::string trigger;
  std::string suffix;
  workflow::Status status = workflow::Status::kSkipped;
  std::string code;
  std::string error;
  Time started, ended;
  std::optional<Time> scheduled;
  std::string inputs, outputs;  // JSON; empty: none
};

struct TriggerRow {
  std::string name;
  std::string state = "{}";  // JSON; what the trigger remembers
  std::optional<Time> next;
};

struct RunFilter {
  std::optional<workflow::Status> status;
  std::optional<Time> started_from, started_to;
  std::string client_tracking_id;
  std::string trigger;
  /// Runs that began before this one; 0: from the newest on.
  RunKey before = 0;
  std::size_t limit = 30;
};

namespace records {

// All of these: [writer thread, re-runnable]
std::int64_t insert_workflow(store::Session& session, const Workflow& workflow);
/// Its state, settings and version; never its key.
void update_workflow(store::Session& session, const Workflow& workflow);
/// With everything it has.
void remove_workflow(store::Session& session, std::int64_t key);
std::int64_t insert_version(store::Session& session, std::int64_t workflow_key, const WorkflowVersion& version);
void insert_run(store::Session& session, const RunRow& row, std::string_view head);
void update_run(store::Session& session, const RunRow& row);
void add_segment(store::Session& session, RunKey run, std::int64_t number, std::string_view bytes);
void insert_firing(store::Session& session, const FiringRow& row);
void put_trigger(store::Session& session, std::int64_t workflow_key, const TriggerRow& row);
void remove_trigger(store::Session& session, std::int64_t workflow_key, std::string_view name);
/// Runs that ended, and firings, before a moment; at most `limit`. Returns how many.
std::int64_t trim(store::Session& session, Time before, std::size_t limit);

// Reading
std::vector<std::shared_ptr<Workflow>> load_workflows(store::Session& session);
std::vector<WorkflowVersion> versions(store::Session& session, std::int64_t workflow_key);
std::optional<WorkflowVersion> version(store::Session& session, std::int64_t version_key);
std::optional<RunRow> run(store::Session& session, RunKey key);
/// Its history in order.
std::vector<std::string> segments(store::Session& session, RunKey key);
std::vector<RunRow> runs(store::Session& session, std::int64_t workflow_key, const RunFilter& filter);
struct DueRun {
  RunKey key = 0;
  std::int64_t workflow_key = 0;
};
std::vector<DueRun> due_runs(store::Session& session, Time now, std::size_t limit);
/// The soonest one after `now`.
std::optional<Time> next_due(store::Session& session, Time now);
std::vector<DueRun> active_runs(store::Session& session, RunKey after, std::size_t limit);
std::vector<RunRow> waiting_runs(store::Session& session, std::int64_t workflow_key, std::string_view trigger, std::size_t limit);
/// Those that have not ended.
std::vector<RunKey> open_runs(store::Session& session, std::int64_t workflow_key, std::string_view trigger,
                              workflow::Status status);
RunKey last_key(store::Session& session);
std::vector<TriggerRow> triggers(store::Session& session, std::int64_t workflow_key);
std::vector<FiringRow> firings(store::Session& session, std::int64_t workflow_key, std::string_view trigger, RunKey before,
                               std::size_t limit);

}  // namespace records
}  // namespace trunkline::flows
