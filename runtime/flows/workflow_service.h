// Workflows of a runtime: deploy them, fire their triggers, look at their runs.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/delivery/target.h"
#include "runtime/flows/callback_url.h"
#include "runtime/flows/engine.h"
#include "runtime/flows/firing.h"
#include "runtime/flows/http_actions.h"
#include "runtime/flows/run_view.h"
#include "runtime/flows/script_actions.h"
#include "runtime/net/http.h"
#include "runtime/workflow/problem.h"

namespace trunkline::flows {

class BatchStore;
class EventSubscriber;
class Triggers;

/// What a deployment says. Texts are JSON.
struct WorkflowSpec {
  std::string name;
  std::string subscription;    // empty: the default one
  std::string resource_group;  // empty: the default one
  std::string location = "local";
  WorkflowKind kind = WorkflowKind::kStateful;
  bool enabled = true;
  /// A definition of schema 2016-06-01.
  std::string definition;
  /// `{ name: { "value": … } }`; empty: none.
  std::string parameters;
  std::map<std::string, std::string> tags;
  std::string kept = "{}";
  /// Geography in which its rows rest, such as `Europe`; empty: the default one. Only a new workflow has a choice.
  std::string data_location;
  /// The document that definition and parameters were cut out of, and where they stood in it, so that problems name its lines;
  /// empty: the definition itself.
  std::string source;
  std::string definition_pointer;
  std::string parameters_pointer = "/parameters";
};

/// Reads a workflow's file: a bare definition, `{ definition, parameters, kind }`, or a resource with `properties`. Throws
/// kInvalidArgument.
WorkflowSpec read_workflow_file(std::string name, std::string text);

/// A request to a trigger, as its caller made it.
struct TriggerCall {
  std::string method = "POST";
  /// What follows the address of the trigger, still percent-encoded; empty: nothing.
  std::string relative_path;
  /// Decoded; those of the signature among them.
  std::map<std::string, std::string> queries;
  net::Headers headers;
  std::string body;
};

struct TriggerState {
  const workflow::Trigger* trigger = nullptr;
  PlanPtr plan;  // keeps it
  bool enabled = true;
  std::optional<Time> last;
  std::optional<Time> next;
  /// What keeps it from firing, such as a connector that is not mapped; empty: nothing.
  std::string problem;
};

/// An entry of a trigger's history.
struct HistoryEntry {
  std::string name;
  workflow::Status status = workflow::Status::kSucceeded;
  std::string code;
  Value error;    // null: none
  Value inputs;   // null: none
  Value outputs;  // null: none
  Time started, ended;
  std::optional<Time> scheduled;
  bool fired = false;
  std::string run;  // its name; empty: none
  std::string tracking_id;
  std::string client_tracking_id;
};

struct ServiceOptions {
  /// Off: triggers fire by hand and by calls only.
  bool automatic_triggers = true;
  EngineOptions engine;
  workflow::Options plan;
  HttpActionOptions http;
  /// Inline code. Without a worker program actions with code fail and say so.
  script::ScriptPool::Options scripts;
};

/// Lookups never wait for I/O: deployed workflows are kept in memory and written through. [any-thread] but for load, start and
/// stop.
class WorkflowService final : private Registry {
 public:
  struct Parts {
    Executor& executor;
    Clock& clock;
    Log& log;
    Metrics& metrics;
    IdSource& ids;
    store::Store& store;
    net::HttpSender& http;
  };
  WorkflowService(Parts parts, ServiceOptions options);
  ~WorkflowService();

  /// Performs actions; asked before our own. Before start(); it outlives us.
  void add_port(ActionPort& port);
  /// Subscribes triggers of the Event Grid connector. Before start(); it outlives us.
  void set_event_subscriber(EventSubscriber& subscriber);
  /// Where the server listens, with its slash; part of callback addresses.
  void set_endpoint(std::string endpoint);
  std::string endpoint() const;
  /// Told of every end. Before start().
  void set_on_run_end(std::function<void(const RunEnd&)> on_end);
  /// Reads what is deployed. Blocks. [lifecycle]
  void load();
  /// Runs and triggers begin to move. Blocks. [lifecycle]
  void start();
  /// Nothing moves any more. Idempotent. [lifecycle]
  void stop();

  // ---- definitions

  /// Everything that is wrong with it; nothing is changed.
  std::vector<workflow::Problem> validate(const WorkflowSpec& spec) const;
  /// Creates the workflow, or gives it a new version; the same definition and parameters again make none. Runs go on with the
  /// version they began with. Errors: kInvalidArgument (the definition: to_error() of its problems; the name), kAborted.
  Task<WorkflowPtr> deploy(WorkflowSpec spec);
  /// With its versions, runs and histories. False: there was none. Errors: kAborted.
  Task<bool> remove(std::string arm_id);
  /// A disabled workflow takes no calls, and its triggers do not fire; runs go on. Errors: kNotFound, kAborted.
  Task<WorkflowPtr> set_enabled(std::string arm_id, bool enabled);
  /// Every callback address that was given out is void from now on. Errors: kNotFound, kAborted.
  Task<WorkflowPtr> regenerate_signing_key(std::string arm_id);
  /// By ARM id, or by name in the default resource group. Null when there is none.
  WorkflowPtr find(std::string_view id_or_name) const;
  WorkflowPtr find_by_guid(std::string_view id) const;
  /// Throws kNotFound (WorkflowNotFound).
  WorkflowPtr get(std::string_view id_or_name) const;
  /// By resource group and name.
  std::vector<WorkflowPtr> list() const;
  /// Newest first, without plans. Blocks.
  std::vector<WorkflowVersion> versions(const Workflow& workflow) const;

  // ---- triggers

  /// A request to a Request or HttpWebhook trigger: the answer of its Response action, or the service's own. The signature is the
  /// caller's to check (check_callback).
  Task<net::Response> call_trigger(WorkflowPtr workflow, std::string trigger, TriggerCall call);
  /// Fires any trigger by hand, as if it had got these outputs (null: none). Errors: kNotFound (WorkflowTriggerNotFound),
  /// kFailedPrecondition (WorkflowTriggerIsNotEnabled), kResourceExhausted.
  Task<FiringResult> run_trigger(WorkflowPtr workflow, std::string trigger, Value outputs);
  /// A POST to the address of a webhook action. Errors: kNotFound.
  Task<net::Response> call_action(WorkflowPtr workflow, std::string run, std::string action, FrameId frame, TriggerCall call);
  std::vector<TriggerState> triggers(const Workflow& workflow) const;
  /// The trigger forgets what it remembers and begins anew; with `from` it takes over what that workflow's trigger `source`
  /// remembers.
  Task<void> reset_trigger(WorkflowPtr workflow, std::string trigger, WorkflowPtr from, std::string source);
  CallbackUrl callback_url(const Workflow& workflow, std::string_view trigger) const;
  /// Newest first, those before `before` (a name; empty: from the newest on). Blocks.
  std::vector<HistoryEntry> histories(const WorkflowPtr& workflow, std::string_view trigger, std::string_view before,
                                      std::size_t limit);
  std::optional<HistoryEntry> history(const WorkflowPtr& workflow, std::string_view trigger, std::string_view name);
  /// Where deliveries of event subscriptions to workflows go; their endpoint is `workflow` or `workflow/trigger`.
  delivery::Target& event_target();

  // ---- runs. Names are those of run_name(). The reading ones block.

  std::vector<RunRow> runs(const Workflow& workflow, const RunFilter& filter) const;
  std::optional<RunRow> run(const Workflow& workflow, std::string_view name) const;
  /// Throws kNotFound (WorkflowRunNotFound).
  RunView view(const WorkflowPtr& workflow, std::string_view name) const;
  /// Completes with its row once it has ended. Errors: kNotFound.
  Task<RunRow> wait(WorkflowPtr workflow, std::string name);
  /// Ends a run as Cancelled; one that has ended stays as it is. Errors: kNotFound.
  Task<void> cancel(WorkflowPtr workflow, std::string name);
  /// A new run of the current version with the outputs of the trigger of an old one; its name. Errors: kNotFound.
  Task<std::string> resubmit(WorkflowPtr workflow, std::string name);
  /// A new run of the same version that keeps what actions before `action` (and beside it) gave, and goes on with it. Empty: with
  /// those that failed. Errors: kNotFound, kInvalidArgument (no top-level action), kFailedPrecondition (the run has not ended).
  Task<std::string> rerun(WorkflowPtr workflow, std::string name, std::string action);
  /// What somebody gets who polls for an asynchronous response.
  net::Response poll_response(const WorkflowPtr& workflow, std::string_view name) const;

  /// Deletes what is older than the retention.
  Task<std::int64_t> trim();
  Engine& engine() { return engine_; }
  HttpActions& http_actions() { return http_actions_; }
  const ServiceOptions& options() const { return options_; }

 private:
  class Hold;
  class EventTarget;
  friend class Triggers;

  // Registry
  WorkflowPtr find_workflow(store::Database& database, std::int64_t key) override;
  WorkflowPtr find_workflow(std::string_view arm_id) override { return find(arm_id); }
  WorkflowVersionPtr find_version(const Workflow& workflow, std::int64_t version_key) override;
  std::vector<WorkflowPtr> workflows() override { return list(); }
  std::vector<store::Database*> databases() override;
  std::string callback_url(const Workflow& workflow, std::string_view run, std::string_view action, FrameId frame) override;

  std::shared_ptr<WorkflowVersion> compile_version(const WorkflowSpec& spec, bool stored = false) const;
  void keep(const WorkflowPtr& workflow);
  Task<WorkflowPtr> store_change(std::shared_ptr<Workflow> next);
  /// Fills `firing`; else the refusal. Throws kNotFound.
  std::optional<net::Response> read_call(const WorkflowPtr& workflow, std::string_view name, TriggerCall& call, Firing& firing);
  Task<net::Response> answer_of(std::unique_ptr<Firing> firing);
  Task<net::Response> told(WorkflowPtr workflow, std::string trigger);
  net::Response to_response(const Workflow& workflow, const workflow::Trigger& trigger, CallerAnswer answer) const;
  void schedule_trim();

  const Parts parts_;
  const ServiceOptions options_;
  HttpActions http_actions_;
  ScriptActions script_actions_;
  Engine engine_;
  std::unique_ptr<BatchStore> batches_;
  std::unique_ptr<Triggers> triggers_;
  std::unique_ptr<EventTarget> event_target_;
  Clock::TimerId trim_timer_ = 0;

  mutable std::mutex mutex_;  // guards what follows; never held across I/O
  std::string endpoint_ = "http://localhost/";
  bool started_ = false;
  std::map<std::string, WorkflowPtr, std::less<>> by_id_;  // ARM id in lower case
  std::map<std::string, WorkflowPtr, std::less<>> by_guid_;
  std::map<std::pair<const store::Database*, std::int64_t>, WorkflowPtr> by_key_;
  std::map<std::pair<const store::Database*, std::int64_t>, std::weak_ptr<const WorkflowVersion>> old_versions_;
  std::set<std::string, std::less<>> in_use_;
};

}  // namespace trunkline::flows
