// Of the workflow service: runs, their views, and what can be done with them.
#include <algorithm>
#include <set>

#include "runtime/flows/http_content.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline::flows {
namespace {

using store::Session;
using workflow::kNone;
using workflow::Status;

Error no_run(std::string_view name) {
  return Error(ErrorCode::kNotFound, "The workflow run '" + std::string(name.substr(0, 80)) + "' could not be found.", "run")
      .with_service_code("WorkflowRunNotFound");
}

RunKey key_of(std::string_view name) {
  std::string_view suffix;
  return parse_run_name(name, suffix);
}

/// The name of a new run, once it is on disk, so that whoever asks for it finds it.
Task<std::string> start_durably(Engine& engine, StartSpec spec) {
  auto start = [&engine, &spec](auto done) {
    spec.respond = [done = std::move(done)](CallerAnswer answer) mutable { done(Result<CallerAnswer>(std::move(answer))); };
    engine.start_run(std::move(spec));
  };
  auto pending = from_callback<CallerAnswer>(std::move(start));
  CallerAnswer answer = co_await pending;
  if (answer.kind == CallerAnswer::Kind::kRefused)
    throw Error(ErrorCode::kResourceExhausted, "the workflow has as many runs, and waiting runs, as it may", "workflow");
  if (answer.kind == CallerAnswer::Kind::kError) throw answer.error;
  co_return answer.run;
}

}  // namespace

std::vector<RunRow> WorkflowService::runs(const Workflow& workflow, const RunFilter& filter) const {
  std::vector<RunRow> out;
  workflow.database->read([&](Session& session) { out = records::runs(session, workflow.key, filter); });
  return out;
}

std::optional<RunRow> WorkflowService::run(const Workflow& workflow, std::string_view name) const {
  std::optional<RunRow> row;
  const RunKey key = key_of(name);
  if (key == 0) return row;
  workflow.database->read([&](Session& session) { row = records::run(session, key); });
  if (row && (row->workflow_key != workflow.key || row->name() != name)) row.reset();
  return row;
}

RunView WorkflowService::view(const WorkflowPtr& workflow, std::string_view name) const {
  const RunKey key = key_of(name);
  std::optional<RunRow> row;
  std::vector<std::string> segments;
  if (key != 0)
    workflow->database->read([&](Session& session) {
      row = records::run(session, key);
      if (row) segments = records::segments(session, key);
    });
  if (!row || row->workflow_key != workflow->key || row->name() != name) throw no_run(name);
  // The cache of versions is ours to fill.
  WorkflowVersionPtr version = const_cast<WorkflowService*>(this)->find_version(*workflow, row->version_key);
  if (!version || !version->plan)
    throw Error(ErrorCode::kDataLoss, "the version of the definition that the run followed is gone", "run");
  return RunView(workflow, std::move(version), std::move(*row), segments);
}

Task<RunRow> WorkflowService::wait(WorkflowPtr workflow, std::string name) {
  const RunKey key = key_of(name);
  if (key == 0 || (!engine_.find_loaded(key) && !run(*workflow, name))) throw no_run(name);
  auto start = [this, workflow, key](auto done) {
    engine_.on_run_end(workflow, key, [done = std::move(done)](const RunRow& row) mutable { done(Result<RunRow>(row)); });
  };
  auto pending = from_callback<RunRow>(std::move(start));
  RunRow row = co_await pending;
  co_return row;
}

Task<void> WorkflowService::cancel(WorkflowPtr workflow, std::string name) {
  const RunKey key = key_of(name);
  if (key == 0) throw no_run(name);
  auto start = [this, workflow, key](auto done) {
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    engine_.with_run(
        workflow, key,
        [this, workflow, key, shared](Run& run) {
          const bool over = run.ended();
          run.cancel();
          if (over)
            (*shared)(Result<bool>(true));
          else
            engine_.on_run_end(workflow, key, [shared](const RunRow&) { (*shared)(Result<bool>(true)); });
        },
        [shared] { (*shared)(Result<bool>(false)); });
  };
  auto pending = from_callback<bool>(std::move(start));
  const bool found = co_await pending;
  if (!found) throw no_run(name);
}

Task<std::string> WorkflowService::resubmit(WorkflowPtr workflow, std::string name) {
  const RunView old = view(workflow, name);
  const workflow::Trigger* trigger = workflow->version->plan->find_trigger(old.row().trigger);
  if (trigger == nullptr)
    throw Error(ErrorCode::kNotFound, "The trigger '" + old.row().trigger + "' of the run is not in the current version.",
                "trigger")
        .with_service_code("WorkflowTriggerNotFound");
  StartSpec spec;
  spec.workflow = workflow;
  spec.trigger = trigger;
  if (old.state().trigger())
    for (const char* member : {"inputs", "outputs", "scheduledTime", "code"})
      if (const auto found = old.state().trigger()->find(member); found != old.state().trigger()->end())
        spec.record[member] = *found;
  spec.origin = old.row().origin.empty() ? old.row().name() : old.row().origin;
  spec.repeats = old.row().name();
  std::string started = co_await start_durably(engine_, std::move(spec));
  co_return started;
}

Task<std::string> WorkflowService::rerun(WorkflowPtr workflow, std::string name, std::string action) {
  const RunView old = view(workflow, name);
  if (!old.row().ended)
    throw Error(ErrorCode::kFailedPrecondition, "the run '" + name + "' has not ended; cancel it first", "run");
  const workflow::Plan& plan = *old.version().plan;
  std::vector<ActionIndex> open;
  if (action.empty()) {
    for (const ActionIndex index : plan.regions[0].body.actions) {
      const Status status = old.state().cell(old.state().root(), index).status;
      if (status == Status::kFailed || status == Status::kTimedOut || status == Status::kCancelled) open.push_back(index);
    }
    if (open.empty())
      throw Error(ErrorCode::kInvalidArgument, "no action of the run failed; name the one to begin with", "action");
  } else {
    const ActionIndex index = plan.find_action(action);
    if (index == kNone || plan.actions[index].parent != kNone)
      throw Error(ErrorCode::kInvalidArgument, "'" + action.substr(0, 80) + "' is no action at the top level of the workflow",
                  "action");
    open.push_back(index);
  }
  // What was cut off has no outcome to keep.
  for (const ActionIndex index : plan.regions[0].body.actions)
    if (old.state().cell(old.state().root(), index).status == Status::kCancelled) open.push_back(index);
  // These begin anew, and whatever runs after them.
  std::set<ActionIndex> again;
  while (!open.empty()) {
    const ActionIndex index = open.back();
    open.pop_back();
    if (!again.insert(index).second) continue;
    for (const ActionIndex follower : plan.actions[index].followers) open.push_back(follower);
  }
  // So does what ended the run, and what never came to its end.
  for (const ActionIndex index : plan.regions[0].body.actions)
    if (plan.actions[index].type == workflow::ActionType::kTerminate ||
        old.state().cell(old.state().root(), index).skip == workflow::SkipReason::kTerminated)
      again.insert(index);
  std::vector<std::string> segments;
  workflow->database->read([&](Session& session) { segments = records::segments(session, old.row().key); });
  workflow::HistoryWriter kept;
  for (const std::string& segment : segments) {
    workflow::HistoryReader reader(segment);
    while (const auto event = reader.next()) {
      if (event->action == kNone || event->kind == workflow::EventKind::kResponded) continue;
      ActionIndex top = event->action;
      while (plan.actions[top].parent != kNone) top = plan.actions[top].parent;
      if (!again.contains(top)) kept.add(*event);
    }
  }
  const workflow::Trigger* trigger = plan.find_trigger(old.row().trigger);
  if (trigger == nullptr) throw Error(ErrorCode::kDataLoss, "the trigger of the run is gone", "trigger");
  auto same_version = std::make_shared<Workflow>(*workflow);
  same_version->version = find_version(*workflow, old.row().version_key);
  StartSpec spec;
  spec.workflow = same_version;
  spec.trigger = trigger;
  if (old.state().trigger())
    for (const char* member : {"inputs", "outputs", "scheduledTime", "code"})
      if (const auto found = old.state().trigger()->find(member); found != old.state().trigger()->end())
        spec.record[member] = *found;
  spec.origin = old.row().origin.empty() ? old.row().name() : old.row().origin;
  spec.repeats = old.row().name();
  spec.repeats_from = action.empty() ? plan.actions[*again.begin()].name : plan.actions[plan.find_action(action)].name;
  spec.history = kept.take();
  std::string started = co_await start_durably(engine_, std::move(spec));
  co_return started;
}

}  // namespace trunkline::flows
