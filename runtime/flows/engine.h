// Runs workflows: starts them, wakes them, and takes up what a crash cut off.
#pragma once
#include <array>
#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/flows/engine_types.h"
#include "runtime/flows/run.h"

namespace trunkline::flows {

/// A run that waits costs a row; one that moves costs memory, and no thread. [any-thread]
class Engine {
 public:
  struct Parts {
    Executor& executor;
    Clock& clock;
    Log& log;
    Metrics& metrics;
    IdSource& ids;
    Registry& registry;
  };
  Engine(Parts parts, EngineOptions options);
  Engine(const Engine&) = delete;
  ~Engine();

  /// Asked in the order in which they were added; before the first run. They outlive us.
  void add_port(ActionPort& port) { ports_.push_back(&port); }
  /// Told of every end, on any thread. Before the first run.
  void set_on_end(std::function<void(const RunEnd&)> on_end) { on_end_ = std::move(on_end); }

  /// Takes up what is stored. Blocks. [lifecycle]
  void start();
  /// Nothing moves any more; what is under way is given up and taken up next time. [lifecycle]
  void stop();

  /// Starts a run; spec.respond is called exactly once if there is one. Returns its name; empty: it was refused.
  std::string start_run(StartSpec spec);
  /// The trigger has as many runs, and waiting runs, as it may.
  bool is_full(const Workflow& workflow, const workflow::Trigger& trigger);
  /// Calls `input` on the turn of a run, which is loaded if it has to be; `missing` instead when there is no such run.
  void with_run(const WorkflowPtr& workflow, RunKey key, Run::Input input, UniqueFunction<void()> missing = nullptr);
  /// Calls `done` when the run has ended (perhaps before it returns); its row.
  void on_run_end(const WorkflowPtr& workflow, RunKey key, UniqueFunction<void(const RunRow&)> done);
  /// The run is loaded now; null: it is not.
  std::shared_ptr<Run> find_loaded(RunKey key) const;
  /// It may have another number of runs at a time now.
  void limits_changed(const WorkflowPtr& workflow) { release_waiting(workflow); }
  /// A workflow was removed, with its rows.
  void forget_workflow(const Workflow& workflow);

  RunKey new_key();
  std::string new_suffix();
  std::size_t loaded_runs() const;
  const EngineOptions& options() const { return options_; }
  Parts& parts() { return parts_; }
  ActionPort* port_for(const ActionCall& call) const;
  bool stands_behind(const std::vector<std::string>& names) const;
  /// Whoever waits for it.
  void tell_parent(const ParentLink& parent, RunKey child, SharedValue response);

 private:
  friend class Run;
  class Wakes;
  struct Gate {
    std::unordered_set<RunKey> running;
    std::deque<RunKey> waiting;
  };
  using GateKey = std::pair<const store::Database*, std::pair<std::int64_t, std::string>>;

  enum class Entry { kGo, kWait, kFull };
  Entry enter(const StartSpec& spec, RunKey key);
  void leave(const WorkflowPtr& workflow, const RunRow& row);
  void open_gate(const Workflow& workflow, const workflow::Trigger& trigger);
  void release_waiting(const WorkflowPtr& workflow);
  void take_up();

  // Called by runs.
  void ended(const std::shared_ptr<Run>& run, const RunRow& row);
  void settled(RunKey key, bool ended);
  void forget(RunKey key);
  void due_changed(store::Database& database, Time due);
  void woken(store::Database& database, RunKey key);

  Parts parts_;
  const EngineOptions options_;
  std::vector<ActionPort*> ports_;
  std::function<void(const RunEnd&)> on_end_;
  std::atomic<RunKey> last_key_{0};
  std::atomic<bool> stopped_{false};
  Counter started_, succeeded_, failed_;

  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<RunKey, std::shared_ptr<Run>> runs;
  };
  static constexpr std::size_t kShards = 16;
  std::array<Shard, kShards> shards_;
  Shard& shard(RunKey key) { return shards_[static_cast<std::size_t>(key) % kShards]; }
  const Shard& shard(RunKey key) const { return shards_[static_cast<std::size_t>(key) % kShards]; }

  std::mutex idle_mutex_;
  std::deque<RunKey> idle_;

  std::mutex gates_mutex_;
  std::map<GateKey, Gate> gates_;
  std::map<GateKey, std::vector<RunKey>> opening_;  // gates that are being opened, and who has left meanwhile

  std::mutex ends_mutex_;
  std::unordered_map<RunKey, std::vector<UniqueFunction<void(const RunRow&)>>> waiting_for_end_;

  std::mutex wakes_mutex_;
  std::map<store::Database*, std::shared_ptr<Wakes>> wakes_;
};

}  // namespace trunkline::flows
