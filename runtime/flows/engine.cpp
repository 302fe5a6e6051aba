#include "runtime/flows/engine.h"

#include <algorithm>

#include "runtime/flows/wakes.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {
namespace {

using workflow::Status;

constexpr std::int64_t kTicksAtUnixEpoch = 621'355'968'000'000'000;
constexpr std::size_t kActivePage = 256;

}  // namespace

Engine::Engine(Parts parts, EngineOptions options) : parts_(parts), options_(std::move(options)) {
  started_ = parts_.metrics.counter("trunkline_workflow_runs_started_total", "Runs of workflows that began.");
  succeeded_ = parts_.metrics.counter("trunkline_workflow_runs_succeeded_total", "Runs of workflows that ended well.");
  failed_ = parts_.metrics.counter("trunkline_workflow_runs_failed_total", "Runs of workflows that ended in another way.");
}

Engine::~Engine() { stop(); }

RunKey Engine::new_key() {
  const std::int64_t ticks = parts_.clock.now().time_since_epoch().count() / 100 + kTicksAtUnixEpoch;
  RunKey last = last_key_.load(std::memory_order_relaxed);
  RunKey next;
  do next = std::max(last + 1, ticks);
  while (!last_key_.compare_exchange_weak(last, next, std::memory_order_relaxed));
  return next;
}

std::string Engine::new_suffix() {
  std::string digits = std::to_string(parts_.ids.next_below(1'000'000'000));
  digits.insert(0, 9 - digits.size(), '0');
  return digits + "CU00";
}

ActionPort* Engine::port_for(const ActionCall& call) const {
  for (ActionPort* port : ports_)
    if (port->handles(call)) return port;
  return nullptr;
}

bool Engine::stands_behind(const std::vector<std::string>& names) const {
  return std::any_of(ports_.begin(), ports_.end(), [&](const ActionPort* port) { return port->stands_behind(names); });
}

void Engine::start() {
  for (store::Database* database : parts_.registry.databases()) {
    database->read([&](store::Session& session) {
      const RunKey last = records::last_key(session);
      if (last > last_key_.load()) last_key_.store(last);
    });
    const std::lock_guard lock(wakes_mutex_);
    wakes_[database] = std::make_shared<Wakes>(*this, *database);
  }
  take_up();
}

/// What a crash, or our own end, cut off. Runs that only wait stay where they are.
void Engine::take_up() {
  for (store::Database* database : parts_.registry.databases()) {
    for (RunKey after = 0;;) {
      std::vector<records::DueRun> page;
      database->read([&](store::Session& session) { page = records::active_runs(session, after, kActivePage); });
      for (const records::DueRun& run : page) {
        after = run.key;
        // Reading its history is enough: what was under way is taken up with it.
        if (const WorkflowPtr workflow = parts_.registry.find_workflow(*database, run.workflow_key))
          with_run(workflow, run.key, [](Run&) {});
      }
      if (page.size() < kActivePage) break;
    }
    std::shared_ptr<Wakes> wakes;
    {
      const std::lock_guard lock(wakes_mutex_);
      wakes = wakes_[database];
    }
    wakes->look();
  }
  // Runs that waited for their turn when we ended.
  for (const WorkflowPtr& workflow : parts_.registry.workflows()) release_waiting(workflow);
}

void Engine::stop() {
  if (stopped_.exchange(true)) return;
  {
    const std::lock_guard lock(wakes_mutex_);
    for (auto& [database, wakes] : wakes_) wakes->stop();
  }
  for (Shard& one : shards_) {
    std::vector<std::shared_ptr<Run>> runs;
    {
      const std::lock_guard lock(one.mutex);
      for (auto& [key, run] : one.runs) runs.push_back(run);
      one.runs.clear();
    }
    for (const std::shared_ptr<Run>& run : runs) run->give_up();
  }
}

std::shared_ptr<Run> Engine::find_loaded(RunKey key) const {
  const Shard& at = shard(key);
  const std::lock_guard lock(at.mutex);
  const auto found = at.runs.find(key);
  return found == at.runs.end() ? nullptr : found->second;
}

std::size_t Engine::loaded_runs() const {
  std::size_t count = 0;
  for (const Shard& one : shards_) {
    const std::lock_guard lock(one.mutex);
    count += one.runs.size();
  }
  return count;
}

std::string Engine::start_run(StartSpec spec) {
  const RunKey key = spec.key != 0 ? spec.key : new_key();
  const auto refuse = [&](CallerAnswer::Kind kind, Error error) {
    CallerAnswer answer;
    answer.kind = kind;
    answer.error = std::move(error);
    if (spec.respond) spec.respond(std::move(answer));
    return std::string();
  };
  if (stopped_.load(std::memory_order_acquire))
    return refuse(CallerAnswer::Kind::kError, Error(ErrorCode::kUnavailable, "the runtime is stopping"));
  const Entry entry = enter(spec, key);
  if (entry == Entry::kFull)
    return refuse(CallerAnswer::Kind::kRefused,
                  Error(ErrorCode::kResourceExhausted, "the workflow has as many runs, and waiting runs, as it may"));
  started_.add();
  RunRow row;
  row.key = key;
  row.suffix = new_suffix();
  row.workflow_key = spec.workflow->key;
  row.version_key = spec.workflow->version->key;
  row.trigger = spec.trigger->name;
  row.started = std::chrono::floor<std::chrono::microseconds>(parts_.clock.now());
  row.origin = spec.origin;
  row.repeats = spec.repeats;
  row.repeats_from = spec.repeats_from;
  row.client_tracking_id = spec.client_tracking_id.empty() ? row.name() : spec.client_tracking_id;
  const WorkflowVersionPtr version = spec.workflow->version;
  const auto run = std::make_shared<Run>(*this, std::move(spec), std::move(row), version);
  {
    Shard& at = shard(key);
    const std::lock_guard lock(at.mutex);
    at.runs.emplace(key, run);
  }
  run->begin(entry == Entry::kWait);
  return run->name();
}

void Engine::with_run(const WorkflowPtr& workflow, RunKey key, Run::Input input, UniqueFunction<void()> missing) {
  if (stopped_.load(std::memory_order_acquire)) return;
  if (const std::shared_ptr<Run> run = find_loaded(key); run && run->post(input)) return;
  parts_.executor.post([this, workflow, key, input = std::move(input), missing = std::move(missing)]() mutable {
    std::shared_ptr<Run> made;
    try {
      std::optional<RunRow> row;
      std::vector<std::string> segments;
      workflow->database->read([&](store::Session& session) {
        row = records::run(session, key);
        if (row && row->workflow_key != workflow->key) row.reset();
        if (row) segments = records::segments(session, key);
      });
      if (row) {
        WorkflowVersionPtr version = workflow->version && workflow->version->key == row->version_key
                                         ? workflow->version
                                         : parts_.registry.find_version(*workflow, row->version_key);
        if (!version || !version->plan) throw Error(ErrorCode::kDataLoss, "its version of the definition cannot be read");
        made = std::make_shared<Run>(*this, workflow, std::move(version), std::move(*row), segments);
      }
    } catch (const Error& error) {
      parts_.log.error("workflows", "a run could not be read", {{"workflow", workflow->name}, {"error", error.message}});
      made = nullptr;
    }
    // Another one may have read it meanwhile; then that one it is.
    for (;;) {
      std::shared_ptr<Run> run;
      {
        Shard& at = shard(key);
        const std::lock_guard lock(at.mutex);
        const auto found = at.runs.find(key);
        if (found != at.runs.end())
          run = found->second;
        else if (made)
          at.runs.emplace(key, run = made);
      }
      if (!run) {
        if (missing) missing();
        return;
      }
      if (run->post(input)) return;
      if (run == made) return;
      forget(key);
    }
  });
}

void Engine::on_run_end(const WorkflowPtr& workflow, RunKey key, UniqueFunction<void(const RunRow&)> done) {
  {
    const std::lock_guard lock(ends_mutex_);
    waiting_for_end_[key].push_back(std::move(done));
  }
  // Ended before that: then its row says so.
  std::optional<RunRow> row;
  workflow->database->read([&](store::Session& session) { row = records::run(session, key); });
  if (!row || !row->ended) return;
  std::vector<UniqueFunction<void(const RunRow&)>> calls;
  {
    const std::lock_guard lock(ends_mutex_);
    const auto found = waiting_for_end_.find(key);
    if (found == waiting_for_end_.end()) return;
    calls = std::move(found->second);
    waiting_for_end_.erase(found);
  }
  for (auto& call : calls) call(*row);
}

void Engine::ended(const std::shared_ptr<Run>& run, const RunRow& row) {
  (row.status == Status::kSucceeded ? succeeded_ : failed_).add();
  std::vector<UniqueFunction<void(const RunRow&)>> calls;
  {
    const std::lock_guard lock(ends_mutex_);
    if (!waiting_for_end_.empty()) {
      const auto found = waiting_for_end_.find(row.key);
      if (found != waiting_for_end_.end()) {
        calls = std::move(found->second);
        waiting_for_end_.erase(found);
      }
    }
  }
  leave(run->of(), row);
  for (auto& call : calls) call(row);
  if (on_end_) on_end_({run->of(), row});
  forget(row.key);
}

/// A run has nothing to do just now. It stays in memory for a while, for the case that it soon has; one that has ended goes at
/// once, as long as the caches and the allocator of this thread know what it is made of.
void Engine::settled(RunKey key, bool ended) {
  RunKey oldest = key;
  if (!ended) {
    const std::lock_guard lock(idle_mutex_);
    idle_.push_back(key);
    if (idle_.size() <= options_.idle_runs) return;
    oldest = idle_.front();
    idle_.pop_front();
  }
  forget(oldest);
}

void Engine::forget(RunKey key) {
  std::shared_ptr<Run> run;
  Shard& at = shard(key);
  const std::lock_guard lock(at.mutex);
  const auto found = at.runs.find(key);
  if (found == at.runs.end() || !found->second->retire()) return;
  run = std::move(found->second);
  at.runs.erase(found);
}

void Engine::forget_workflow(const Workflow& workflow) {
  std::vector<std::shared_ptr<Run>> runs;
  for (Shard& one : shards_) {
    const std::lock_guard lock(one.mutex);
    for (auto at = one.runs.begin(); at != one.runs.end();) {
      if (at->second->of()->database == workflow.database && at->second->of()->key == workflow.key) {
        runs.push_back(std::move(at->second));
        at = one.runs.erase(at);
      } else {
        ++at;
      }
    }
  }
  for (const std::shared_ptr<Run>& run : runs) run->give_up();
  const std::lock_guard lock(gates_mutex_);
  std::erase_if(gates_, [&](const auto& entry) {
    return entry.first.first == workflow.database && entry.first.second.first == workflow.key;
  });
}

void Engine::due_changed(store::Database& database, Time due) {
  std::shared_ptr<Wakes> wakes;
  {
    const std::lock_guard lock(wakes_mutex_);
    const auto found = wakes_.find(&database);
    if (found == wakes_.end()) return;
    wakes = found->second;
  }
  wakes->due_changed(due);
}

void Engine::woken(store::Database& database, RunKey key) {
  std::shared_ptr<Wakes> wakes;
  {
    const std::lock_guard lock(wakes_mutex_);
    const auto found = wakes_.find(&database);
    if (found == wakes_.end()) return;
    wakes = found->second;
  }
  wakes->moved(key);
}

void Engine::tell_parent(const ParentLink& parent, RunKey child, SharedValue response) {
  const WorkflowPtr workflow = parts_.registry.find_workflow(parent.workflow);
  if (!workflow) return;
  with_run(workflow, parent.run, [frame = parent.frame, action = parent.action, child, response](Run& run) {
    run.on_child(frame, action, child, response);
  });
}

}  // namespace trunkline::flows
