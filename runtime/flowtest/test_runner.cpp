#include "runtime/flowtest/test_runner.h"

#include <fstream>
#include <sstream>

#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/flowtest/expectations.h"
#include "runtime/flowtest/file_check.h"
#include "runtime/flowtest/mock_sender.h"
#include "runtime/script/script_host.h"
#include "runtime/services/arm_id.h"
#include "runtime/store/sqlite_store.h"
#include "runtime/workflow/problem.h"

namespace trunkline::flowtest {
namespace {

using flows::RunView;
using flows::WorkflowPtr;
using flows::WorkflowService;
using flows::WorkflowSpec;

constexpr Time kDefaultStart{std::chrono::seconds{1'772'438'400}};  // 2026-03-02T08:00:00Z
constexpr Duration kLongest = std::chrono::hours{24 * 91};          // no run is longer
constexpr std::uint64_t kSeed = 1;

Error bad(const std::string& what, std::string where) { return Error(ErrorCode::kInvalidArgument, what, std::move(where)); }

LogOptions quiet() {
  LogOptions options;
  options.level = LogLevel::kOff;
  return options;
}

store::StoreOptions in_memory() {
  store::StoreOptions options;
  options.memory = true;
  return options;
}

flows::ServiceOptions service_options(bool polls, const Value& test) {
  flows::ServiceOptions options;
  options.automatic_triggers = polls;
  options.engine.retention = Duration{0};
  options.scripts.host.worker = script::find_worker();
  // Mocks stand for connectors and functions, too.
  options.http.address_of_unknown = [](std::string_view name) {
    std::string host;
    for (const char c : to_lower(name))
      host += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ? c : '-';
    return "https://" + host + ".connector";
  };
  // No mock looks at it: whoever calls as a managed identity is let in.
  options.http.managed_identity = [](std::string audience, std::string) -> Task<std::string> {
    co_return "identity-for-" + audience;
  };
  if (const auto settings = test.find("settings"); settings != test.end() && settings->is_object())
    options.engine.setting = [all = *settings](std::string_view name) -> std::optional<std::string> {
      for (const auto& one : all.items())
        if (iequals(one.key(), name)) return expression::to_text(one.value());
      return std::nullopt;
    };
  return options;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(ErrorCode::kNotFound, "cannot read '" + path.string() + "'", "file");
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

/// A runtime of its own, for one test.
struct World {
  /// `polls`: triggers ask by themselves.
  World(const Value& test, Time start, bool polls)
      : log(quiet()),
        ids(kSeed),
        executor(2),
        clock(executor, Clock::Mode::kVirtual, start),
        store(store::make_sqlite_store(in_memory(), log, metrics, executor, clock)),
        http(executor, clock, test.contains("httpMocks") ? test["httpMocks"] : Value::array()),
        service({executor, clock, log, metrics, ids, *store, http}, service_options(polls, test)) {
    for (store::Database* database : store->all()) database->migrate(flows::workflow_migrations());
    service.load();
    service.start();
  }
  ~World() {
    service.stop();
    clock.stop();
    for (store::Database* database : store->all()) database->flush();
    executor.work().wait_idle();
    executor.stop();
  }

  Log log;
  Metrics metrics;
  IdSource ids;
  Executor executor;
  Clock clock;
  std::unique_ptr<store::Store> store;
  MockSender http;
  WorkflowService service;
};

/// The definition of a test, and where it came from.
struct Subject {
  WorkflowSpec spec;
  std::string source;
  std::string pointer;
  std::filesystem::path file;
};

Subject subject_of(const Value& test, std::string_view text, const std::filesystem::path& file) {
  Subject out;
  const auto definition = test.find("definition");
  if (definition == test.end()) throw bad("the test has no definition", "definition");
  if (definition->is_string()) {
    out.file = file.parent_path() / definition->get<std::string>();
    out.source = read_file(out.file);
    out.spec = flows::read_workflow_file("workflow", out.source);
    out.pointer = out.spec.definition_pointer;
  } else {
    out.file = file;
    out.source = text;
    out.pointer = "/definition";
    out.spec.name = "workflow";
    out.spec.definition = expression::to_json_text(*definition);
    out.spec.definition_pointer = "/definition";
    out.spec.source = text;
  }
  if (const auto parameters = test.find("parameters");
      parameters != test.end() && parameters->is_object() && !parameters->empty())
    out.spec.parameters = expression::to_json_text(*parameters);
  if (const auto name = test.find("workflowName"); name != test.end() && name->is_string()) out.spec.name = *name;
  return out;
}

/// Deploys a workflow that the one under test calls.
void deploy_child(WorkflowService& service, const Value& child) {
  const std::string id = child.value("id", "");
  WorkflowSpec spec;
  if (const auto arm = ArmId::parse(id)) {
    spec.subscription = arm->subscription;
    spec.resource_group = arm->resource_group;
    spec.name = arm->name();
  } else {
    spec.name = id;
  }
  if (!child.contains("definition")) throw bad("the child '" + id + "' has no definition", "childWorkflows");
  spec.definition = expression::to_json_text(child["definition"]);
  if (child.contains("parameters")) spec.parameters = expression::to_json_text(child["parameters"]);
  sync_wait(service.deploy(std::move(spec)));
}

/// Calls webhook actions back, some time after they subscribed.
class Callbacks {
 public:
  Callbacks(World& world, const Value& callbacks) : world_(world), callbacks_(callbacks.is_array() ? callbacks : Value::array()) {
    used_.resize(callbacks_.size());
    world_.http.set_on_request([this](const net::ClientRequest& request) { look(request); });
  }
  void set_workflow(WorkflowPtr workflow) { workflow_ = std::move(workflow); }

 private:
  /// `…/runs/{run}/actions/{action}/{frame}/run?…` somewhere in a request.
  void look(const net::ClientRequest& request) {
    std::string text = request.url + " " + request.body;
    for (const auto& [name, value] : request.headers) text += " " + value;
    text = net::percent_decode(text).value_or(text);
    for (std::size_t i = 0; i < callbacks_.size(); ++i) {
      const std::string action = callbacks_[i].value("action", "");
      const std::size_t at = text.find("/actions/" + action + "/");
      if (used_[i] || at == std::string::npos) continue;
      const std::size_t runs = text.rfind("/runs/", at);
      if (runs == std::string::npos) continue;
      used_[i] = true;
      const std::string run = text.substr(runs + 6, at - runs - 6);
      const auto frame_text = std::string_view(text).substr(at + 10 + action.size());
      const auto frame = parse_number<flows::FrameId>(frame_text.substr(0, frame_text.find('/'))).value_or(0);
      const Duration after{static_cast<std::int64_t>(callbacks_[i].value("afterSeconds", 0.0) * 1e9)};
      world_.clock.schedule_after(after, [this, i, run, action, frame] { call(callbacks_[i], run, action, frame); });
      return;
    }
  }
  void call(const Value& callback, const std::string& run, const std::string& action, flows::FrameId frame) {
    flows::TriggerCall made;
    if (const auto headers = callback.find("headers"); headers != callback.end() && headers->is_object())
      for (const auto& header : headers->items()) made.headers.set(header.key(), expression::to_text(header.value()));
    if (const auto body = callback.find("body"); body != callback.end()) {
      made.body = body->is_string() ? body->get<std::string>() : expression::to_json_text(*body);
      if (!made.headers.has("Content-Type"))
        made.headers.set("Content-Type", body->is_string() ? "text/plain" : "application/json");
    }
    spawn(world_.service.call_action(workflow_, run, action, frame, std::move(made)), [](const Result<net::Response>&) {});
  }

  World& world_;
  const Value callbacks_;
  std::vector<bool> used_;
  WorkflowPtr workflow_;
};

flows::TriggerCall call_of(const Value& trigger, const workflow::Trigger& what) {
  flows::TriggerCall call;
  call.method = trigger.value("method", what.method.empty() ? "POST" : what.method);
  call.relative_path = trigger.value("relativePath", "");
  if (const auto queries = trigger.find("queries"); queries != trigger.end() && queries->is_object())
    for (const auto& query : queries->items()) call.queries[query.key()] = expression::to_text(query.value());
  if (const auto headers = trigger.find("headers"); headers != trigger.end() && headers->is_object())
    for (const auto& header : headers->items()) call.headers.set(header.key(), expression::to_text(header.value()));
  if (const auto body = trigger.find("body"); body != trigger.end()) {
    const std::string_view type = call.headers.get("Content-Type");
    const bool json = !body->is_string() || ifind(type, "json") != std::string_view::npos;
    call.body = json ? expression::to_json_text(*body) : body->get<std::string>();
    if (type.empty()) call.headers.set("Content-Type", json ? "application/json" : "text/plain");
  }
  return call;
}

/// A trigger that asks a service, of which the test does not say what it found: the mocks do.
bool polls_mocks(const Value& definition, const Value& trigger) {
  for (const char* given : {"outputs", "headers", "body"})
    if (trigger.contains(given)) return false;
  const Value* triggers = expression::find_member(definition, "triggers");
  if (triggers == nullptr || !triggers->is_object()) return false;
  const std::string name = trigger.value("name", "");
  for (const auto& item : triggers->items()) {
    if (!name.empty() && !iequals(item.key(), name)) continue;
    const Value* type = expression::find_member(item.value(), "type");
    if (type == nullptr || !type->is_string()) return false;
    const auto known = workflow::find_trigger_type(type->get_ref<const std::string&>());
    return known == workflow::TriggerType::kHttp || known == workflow::TriggerType::kApiConnection;
  }
  return false;
}

/// Lets it ask until it fires, at most as often as its mock has answers; then it asks no more.
void poll(World& world, const WorkflowPtr& workflow, const std::string& name) {
  const auto next = [&]() -> std::optional<Time> {
    for (const flows::TriggerState& state : world.service.triggers(*workflow))
      if (state.trigger->name == name) return state.next;
    return std::nullopt;
  };
  flows::RunFilter any;
  any.limit = 1;
  world.clock.advance(Duration{0});
  while (world.service.runs(*workflow, any).empty() && world.http.has_more()) {
    const std::optional<Time> due = next();
    if (!due || *due > world.clock.now() + kLongest) break;
    // One that is asked again and again, because the mock breaks the connection, stays due.
    world.clock.advance(*due > world.clock.now() ? *due - world.clock.now() : Duration{std::chrono::seconds{1}});
  }
  std::string id = workflow->arm_id;
  sync_wait(world.service.set_enabled(std::move(id), false));
}

/// Fires the trigger and lets the clock run until everything has ended.
Outcome play(World& world, const WorkflowPtr& workflow, const Value& trigger) {
  const workflow::Plan& plan = *workflow->version->plan;
  const std::string name = trigger.value("name", plan.triggers.size() == 1 ? plan.triggers.front().name : "");
  const workflow::Trigger* what = plan.find_trigger(name);
  if (what == nullptr) throw bad("there is no trigger '" + name + "' in the definition", "trigger.name");
  Outcome out;
  out.began = world.clock.now();
  std::mutex mutex;
  std::optional<net::Response> response;
  if (what->type == workflow::TriggerType::kRequest || what->type == workflow::TriggerType::kHttpWebhook) {
    spawn(world.service.call_trigger(workflow, name, call_of(trigger, *what)), [&](Result<net::Response> result) {
      const std::lock_guard lock(mutex);
      if (result.ok()) response = std::move(result).value();
    });
  } else {
    if (world.service.options().automatic_triggers) {
      poll(world, workflow, what->name);
    } else {
      Value outputs;
      if (trigger.contains("outputs")) outputs = trigger["outputs"];
      for (const char* member : {"headers", "body"})
        if (trigger.contains(member)) outputs[member] = trigger[member];
      spawn(world.service.run_trigger(workflow, name, std::move(outputs)), [](const Result<flows::FiringResult>&) {});
    }
  }
  const auto over = [&] {
    flows::RunFilter all;
    all.limit = SIZE_MAX;
    for (const flows::RunRow& row : world.service.runs(*workflow, all))
      if (!row.ended) return false;
    return true;
  };
  world.clock.advance(Duration{0});
  Duration step = std::chrono::seconds{1};
  for (Duration passed{0}; !over() && passed < kLongest; passed += step) {
    world.clock.advance(step);
    step = std::min<Duration>(step * 2, std::chrono::hours{24});
  }
  {
    const std::lock_guard lock(mutex);
    out.response = std::move(response);
  }
  flows::RunFilter all;
  all.limit = SIZE_MAX;
  std::vector<flows::RunRow> rows = world.service.runs(*workflow, all);
  std::reverse(rows.begin(), rows.end());
  for (const flows::RunRow& row : rows) out.runs.push_back(world.service.view(workflow, row.name()));
  if (out.response && out.response->headers.has("Location") && !rows.empty())
    out.final_response = world.service.poll_response(workflow, rows.front().name());
  out.calls = world.http.calls();
  return out;
}

Coverage coverage_of(const Outcome& outcome, const workflow::Plan& plan, const Subject& subject) {
  using workflow::Status;
  Coverage out;
  out.file = subject.file.string();
  std::vector<std::vector<std::size_t>> branch_of(plan.actions.size());
  const auto line = [&](const std::string& pointer) { return workflow::locate(subject.source, pointer).line; };
  for (const workflow::Action& action : plan.actions) {
    out.actions.push_back({action.name, line(action.pointer), 0});
    const bool branches = action.type == workflow::ActionType::kIf || action.type == workflow::ActionType::kSwitch;
    for (const workflow::Group& arm : action.arms) {
      if (!branches) break;
      branch_of[action.index].push_back(out.branches.size());
      out.branches.push_back({action.name, arm.name, line(action.pointer), 0});
    }
  }
  for (const RunView& run : outcome.runs) {
    const workflow::RunState& state = run.state();
    state.frames().for_each([&](workflow::Frame& frame) {
      for (const workflow::ActionIndex index : plan.regions[frame.region].actions) {
        const workflow::Cell& cell = state.cell(frame, index);
        if (cell.status == Status::kNotStarted || cell.status == Status::kSkipped) continue;
        ++out.actions[index].hits;
        const bool began = cell.record && cell.record->inputs;
        if (began && cell.arm < branch_of[index].size()) ++out.branches[branch_of[index][cell.arm]].taken;
      }
    });
  }
  return out;
}

}  // namespace

TestReport run_test(std::string_view text, const std::filesystem::path& file) {
  TestReport report;
  report.file = file.string();
  report.name = file.stem().string();
  try {
    const Value test = expression::parse_value(text);
    if (!test.is_object()) throw bad("the file must be an object", "");
    check_file(test, text);
    report.name = test.value("name", report.name);
    const Subject subject = subject_of(test, text, file);
    const Value nothing = Value::object();
    const Value& trigger = test.contains("trigger") ? test["trigger"] : nothing;
    Time start = kDefaultStart;
    if (const auto time = trigger.find("time"); time != trigger.end()) {
      const auto parsed = time->is_string() ? parse_rfc3339(time->get_ref<const std::string&>()) : std::nullopt;
      if (!parsed) throw bad("'time' is no RFC 3339 time", "trigger.time");
      start = *parsed;
    }
    const bool polls = polls_mocks(expression::parse_value(subject.spec.definition), trigger);
    World world(test, start, polls);
    Callbacks callbacks(world, test.contains("callbacks") ? test["callbacks"] : Value::array());
    if (const auto children = test.find("childWorkflows"); children != test.end() && children->is_array())
      for (const Value& child : *children) deploy_child(world.service, child);
    const WorkflowPtr workflow = sync_wait(world.service.deploy(subject.spec));
    for (const Value& callback : test.contains("callbacks") ? test["callbacks"] : Value::array())
      if (const std::string action = callback.value("action", "");
          workflow->version->plan->find_action(action) == workflow::kNone)
        throw bad("a callback names '" + action + "', which is no action of the definition", "callbacks");
    callbacks.set_workflow(workflow);
    const Outcome outcome = play(world, workflow, trigger);
    check(test.contains("expect") ? test["expect"] : nothing, outcome, report.differences);
    report.coverage = coverage_of(outcome, *workflow->version->plan, subject);
    if (!outcome.runs.empty() && outcome.runs.front().row().ended)
      report.elapsed_seconds =
          std::chrono::duration<double>(*outcome.runs.front().row().ended - outcome.runs.front().row().started).count();
  } catch (const std::exception& error) {
    report.problem = error.what();
    if (report.problem.empty()) report.problem = "the test could not be run";
  }
  return report;
}

TestReport run_test_file(const std::filesystem::path& file) {
  try {
    return run_test(read_file(file), file);
  } catch (const Error& error) {
    TestReport report;
    report.file = file.string();
    report.name = file.stem().string();
    report.problem = error.message;
    return report;
  }
}

}  // namespace trunkline::flowtest
