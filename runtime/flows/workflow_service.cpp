#include "runtime/flows/workflow_service.h"

#include <algorithm>
#include <limits>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/flows/batch_store.h"
#include "runtime/flows/event_target.h"
#include "runtime/flows/triggers.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/data_locations.h"
#include "runtime/workflow/compile.h"

namespace trunkline::flows {
namespace {

using store::Session;

constexpr std::string_view kProvider = "Microsoft.Logic";
constexpr std::size_t kMaxName = 80;
constexpr std::size_t kSigningKeyBytes = 32;
constexpr Duration kTrimEvery = std::chrono::hours{1};
constexpr std::size_t kTrimPage = 500;

Error missing(std::string_view what) {
  return Error(ErrorCode::kNotFound, "The workflow '" + std::string(what.substr(0, 200)) + "' could not be found.", "workflow")
      .with_service_code("WorkflowNotFound");
}

void check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '(' ||
           c == ')';
  });
  if (!good)
    throw Error(ErrorCode::kInvalidArgument,
                "'" + std::string(name.substr(0, 100)) +
                    "' is no name of a workflow: wanted 1 to 80 letters, digits, '-', '_', '.', '(' or ')'",
                "name")
        .with_service_code("InvalidResourceName");
}

std::string id_of(const WorkflowSpec& spec) {
  return arm_id(spec.subscription.empty() ? kDefaultSubscription : std::string_view(spec.subscription),
                spec.resource_group.empty() ? kDefaultResourceGroup : std::string_view(spec.resource_group), kProvider,
                {{"workflows", spec.name}})
      .str();
}

/// Never from the seeded source: it must not be guessed.
Secret random_signing_key() {
  std::array<std::uint8_t, kSigningKeyBytes> bytes;
  random_bytes(bytes);
  return Secret(base64_encode(bytes));
}

Value parse_part(std::string_view text, const char* what) {
  try {
    return text.empty() ? Value::object() : expression::parse_value(text);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("the ") + what + " is no JSON: " + error.message, what)
        .with_http_status(400)
        .with_service_code("InvalidRequestContent");
  }
}

}  // namespace

/// Keeps others from changing a workflow meanwhile.
class WorkflowService::Hold {
 public:
  Hold(WorkflowService& owner, std::string_view id) : owner_(owner), id_(to_lower(id)) {
    const std::lock_guard lock(owner_.mutex_);
    if (!owner_.in_use_.insert(id_).second)
      throw Error(ErrorCode::kAborted, "another operation on this workflow is under way; try again", "workflow")
          .with_service_code("AnotherOperationInProgress");
  }
  Hold(const Hold&) = delete;
  ~Hold() {
    const std::lock_guard lock(owner_.mutex_);
    owner_.in_use_.erase(id_);
  }

 private:
  WorkflowService& owner_;
  const std::string id_;
};

WorkflowSpec read_workflow_file(std::string name, std::string text) {
  const Value json = parse_part(text, "workflow");
  if (!json.is_object()) throw Error(ErrorCode::kInvalidArgument, "the workflow must be an object", "workflow");
  WorkflowSpec spec;
  spec.name = std::move(name);
  const Value* holder = &json;
  std::string at;
  if (const auto properties = json.find("properties"); properties != json.end() && properties->is_object()) {
    holder = &*properties;
    at = "/properties";
    if (const auto location = json.find("location"); location != json.end() && location->is_string()) spec.location = *location;
    if (const auto tags = json.find("tags"); tags != json.end() && tags->is_object())
      for (const auto& tag : tags->items()) spec.tags[tag.key()] = expression::to_text(tag.value());
    if (const auto state = properties->find("state"); state != properties->end() && state->is_string())
      spec.enabled = !iequals(state->get_ref<const std::string&>(), "Disabled");
  }
  const auto definition = holder->find("definition");
  if (definition != holder->end() && definition->is_object()) {
    spec.definition = definition->dump();
    spec.definition_pointer = at + "/definition";
    spec.parameters_pointer = at + "/parameters";
    if (const auto parameters = holder->find("parameters"); parameters != holder->end() && parameters->is_object())
      spec.parameters = parameters->dump();
  } else {
    spec.definition = text;
  }
  for (const Value* one : {&json, holder})
    if (const auto kind = one->find("kind");
        kind != one->end() && kind->is_string() && iequals(kind->get_ref<const std::string&>(), "Stateless"))
      spec.kind = WorkflowKind::kStateless;
  spec.source = std::move(text);
  return spec;
}

namespace {

/// What an HTTP action may move is what any message may have.
HttpActionOptions with_limits(HttpActionOptions http, const workflow::Options& limits) {
  http.max_response_bytes = limits.max_message_bytes;
  http.max_request_bytes = limits.max_message_bytes;
  http.max_chunked_bytes = limits.max_chunked_bytes;
  http.max_uri_bytes = limits.max_uri_bytes;
  return http;
}

}  // namespace

WorkflowService::WorkflowService(Parts parts, ServiceOptions options)
    : parts_(parts),
      options_(std::move(options)),
      http_actions_(parts.http, parts.executor, parts.clock, parts.log, with_limits(options_.http, options_.plan)),
      script_actions_(parts.executor, options_.scripts),
      engine_({parts.executor, parts.clock, parts.log, parts.metrics, parts.ids, *this}, options_.engine),
      batches_(std::make_unique<BatchStore>(engine_, *this)),
      triggers_(std::make_unique<Triggers>(*this)),
      event_target_(std::make_unique<EventTarget>(*this)) {}

WorkflowService::~WorkflowService() { stop(); }

void WorkflowService::add_port(ActionPort& port) { engine_.add_port(port); }

void WorkflowService::set_event_subscriber(EventSubscriber& subscriber) { triggers_->set_event_subscriber(&subscriber); }

void WorkflowService::set_endpoint(std::string endpoint) {
  const std::lock_guard lock(mutex_);
  endpoint_ = std::move(endpoint);
}

std::string WorkflowService::endpoint() const {
  const std::lock_guard lock(mutex_);
  return endpoint_;
}

void WorkflowService::set_on_run_end(std::function<void(const RunEnd&)> on_end) { engine_.set_on_end(std::move(on_end)); }

std::vector<store::Database*> WorkflowService::databases() {
  std::vector<store::Database*> out;
  for (store::Database* database : parts_.store.all()) out.push_back(database);
  return out;
}

void WorkflowService::load() {
  for (store::Database* database : databases()) {
    std::vector<std::shared_ptr<Workflow>> found;
    database->read([&](Session& session) { found = records::load_workflows(session); });
    for (const std::shared_ptr<Workflow>& workflow : found) {
      workflow->database = database;
      workflow->arm_id =
          arm_id(workflow->subscription, workflow->resource_group, kProvider, {{"workflows", workflow->name}}).str();
      if (workflow->version) {
        try {
          WorkflowSpec spec;
          spec.definition = workflow->version->definition;
          spec.parameters = workflow->version->parameters;
          auto version = compile_version(spec, true);
          version->key = workflow->version->key;
          version->name = workflow->version->name;
          version->created_at = workflow->version->created_at;
          workflow->version = std::move(version);
        } catch (const Error& error) {
          // A newer program may be stricter; its runs are kept, and it says what is wrong.
          parts_.log.error("workflows", "a stored definition is not valid any more; the workflow does not run",
                           {{"workflow", workflow->name}, {"error", error.message}});
        }
      }
      keep(workflow);
    }
  }
}

void WorkflowService::start() {
  engine_.add_port(*batches_);
  engine_.add_port(http_actions_);
  engine_.add_port(script_actions_);
  engine_.start();
  {
    const std::lock_guard lock(mutex_);
    started_ = true;
  }
  for (const WorkflowPtr& workflow : list()) {
    triggers_->changed(nullptr, workflow, true);
    batches_->resume(workflow);
  }
  schedule_trim();
}

void WorkflowService::stop() {
  Clock::TimerId timer = 0;
  {
    const std::lock_guard lock(mutex_);
    started_ = false;
    timer = std::exchange(trim_timer_, 0);
  }
  if (timer != 0) parts_.clock.cancel(timer);
  triggers_->stop();
  batches_->stop();
  engine_.stop();
  script_actions_.stop();
}

std::vector<workflow::Problem> WorkflowService::validate(const WorkflowSpec& spec) const {
  Value definition, parameters;
  try {
    definition = parse_part(spec.definition, "definition");
    parameters = parse_part(spec.parameters, "parameters");
  } catch (const Error& error) {
    return {{error.service_code, error.message, error.target, {}}};
  }
  return workflow::compile({.definition = definition,
                            .parameters = &parameters,
                            .source = spec.source.empty() ? spec.definition : spec.source,
                            .definition_pointer = spec.definition_pointer,
                            .parameters_pointer = spec.parameters_pointer,
                            .options = options_.plan})
      .problems;
}

std::shared_ptr<WorkflowVersion> WorkflowService::compile_version(const WorkflowSpec& spec, bool stored) const {
  if (!stored && spec.definition.size() > options_.plan.max_definition_bytes)
    throw Error(ErrorCode::kInvalidArgument,
                "the definition has " + std::to_string(spec.definition.size()) + " bytes; at most " +
                    std::to_string(options_.plan.max_definition_bytes) + " are allowed",
                "definition")
        .with_service_code("InvalidRequestContent");
  const Value definition = parse_part(spec.definition, "definition");
  const Value parameters = parse_part(spec.parameters, "parameters");
  workflow::Options options = options_.plan;
  if (stored) {
    // It was deployed when these were not looked at.
    options.max_retries = std::numeric_limits<int>::max();
    options.min_retry_interval = Duration{0};
    options.max_retry_interval = Duration::max();
  }
  auto version = std::make_shared<WorkflowVersion>();
  version->plan = workflow::compile_or_throw({.definition = definition,
                                              .parameters = &parameters,
                                              .source = spec.source.empty() ? spec.definition : spec.source,
                                              .definition_pointer = spec.definition_pointer,
                                              .parameters_pointer = spec.parameters_pointer,
                                              .options = options,
                                              .stored = stored});
  version->definition = spec.definition;
  version->parameters = spec.parameters.empty() ? "{}" : spec.parameters;
  version->created_at = parts_.clock.now();
  return version;
}

void WorkflowService::keep(const WorkflowPtr& workflow) {
  const std::lock_guard lock(mutex_);
  by_id_[to_lower(workflow->arm_id)] = workflow;
  by_guid_[workflow->id] = workflow;
  by_key_[{workflow->database, workflow->key}] = workflow;
}

Task<WorkflowPtr> WorkflowService::deploy(WorkflowSpec spec) {
  check_name(spec.name);
  const std::string id = id_of(spec);
  const Hold hold(*this, id);
  std::shared_ptr<WorkflowVersion> version = compile_version(spec);
  const WorkflowPtr before = find(id);
  auto next = before ? std::make_shared<Workflow>(*before) : std::make_shared<Workflow>();
  next->kind = spec.kind;
  next->enabled = spec.enabled;
  next->location = spec.location;
  next->tags = std::move(spec.tags);
  next->kept = std::move(spec.kept);
  next->changed_at = parts_.clock.now();
  const bool same = before && before->version && before->version->definition == version->definition &&
                    before->version->parameters == version->parameters && before->version->plan;
  if (!same) version->name = run_name(engine_.new_key(), "");
  if (!before) {
    next->id = parts_.ids.uuid4().str();
    std::erase(next->id, '-');
    next->subscription = spec.subscription.empty() ? std::string(kDefaultSubscription) : spec.subscription;
    next->resource_group = spec.resource_group.empty() ? std::string(kDefaultResourceGroup) : spec.resource_group;
    next->name = spec.name;
    next->arm_id = id;
    next->created_at = next->changed_at;
    next->signing_key = random_signing_key();
    std::string_view location = "United States";
    if (!spec.data_location.empty()) {
      const auto found = find_data_location(spec.data_location);
      if (!found)
        throw Error(ErrorCode::kInvalidArgument, "'" + spec.data_location + "' is no published data location", "dataLocation");
      location = *found;
    }
    next->database = &parts_.store.of_location(location);
  }
  struct Keys {
    std::int64_t workflow = 0, version = 0;
  };
  const std::shared_ptr<const Workflow> row = next;
  const std::shared_ptr<const WorkflowVersion> made = version;
  auto work = [row, made, same, is_new = !before](Session& session) {
    Keys keys{row->key, same ? row->version->key : 0};
    if (is_new) keys.workflow = records::insert_workflow(session, *row);
    if (!same) keys.version = records::insert_version(session, keys.workflow, *made);
    Workflow changed = *row;
    changed.key = keys.workflow;
    auto stored = std::make_shared<WorkflowVersion>(*made);
    stored->key = keys.version;
    changed.version = std::move(stored);
    records::update_workflow(session, changed);
    return keys;
  };
  const Keys keys = co_await next->database->write_value<Keys>(std::move(work));
  next->key = keys.workflow;
  if (!same) {
    version->key = keys.version;
    next->version = version;
  }
  const WorkflowPtr deployed = next;
  keep(deployed);
  bool started = false;
  {
    const std::lock_guard lock(mutex_);
    started = started_;
  }
  if (started) {
    triggers_->changed(before, deployed);
    batches_->resume(deployed);
    engine_.limits_changed(deployed);
  }
  parts_.log.info("workflows", before ? "updated a workflow" : "deployed a workflow",
                  {{"workflow", deployed->name}, {"version", deployed->version->name}});
  co_return deployed;
}

Task<WorkflowPtr> WorkflowService::store_change(std::shared_ptr<Workflow> next) {
  next->changed_at = parts_.clock.now();
  const WorkflowPtr before = find(next->arm_id);
  const WorkflowPtr changed = std::move(next);
  auto work = [changed](Session& session) { records::update_workflow(session, *changed); };
  co_await changed->database->write(std::move(work));
  keep(changed);
  triggers_->changed(before, changed);
  batches_->resume(changed);
  co_return changed;
}

Task<WorkflowPtr> WorkflowService::set_enabled(std::string arm_id, bool enabled) {
  const Hold hold(*this, get(arm_id)->arm_id);
  const WorkflowPtr now = get(arm_id);
  if (now->enabled == enabled) co_return now;
  auto next = std::make_shared<Workflow>(*now);
  next->enabled = enabled;
  co_return co_await store_change(std::move(next));
}

Task<WorkflowPtr> WorkflowService::regenerate_signing_key(std::string arm_id) {
  const Hold hold(*this, get(arm_id)->arm_id);
  auto next = std::make_shared<Workflow>(*get(arm_id));
  next->signing_key = random_signing_key();
  co_return co_await store_change(std::move(next));
}

Task<bool> WorkflowService::remove(std::string arm_id) {
  const WorkflowPtr there = find(arm_id);
  if (!there) co_return false;
  const Hold hold(*this, there->arm_id);
  {
    const std::lock_guard lock(mutex_);
    by_id_.erase(to_lower(there->arm_id));
    by_guid_.erase(there->id);
    by_key_.erase({there->database, there->key});
  }
  triggers_->changed(there, nullptr);
  // Before the rows go: a run that moves later must not write new ones.
  engine_.forget_workflow(*there);
  auto work = [there](Session& session) { records::remove_workflow(session, there->key); };
  std::optional<Error> failure;
  try {
    co_await there->database->write(std::move(work));
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) {
    keep(there);
    triggers_->changed(nullptr, there);
    throw *failure;
  }
  parts_.log.info("workflows", "removed a workflow", {{"workflow", there->name}});
  co_return true;
}

WorkflowPtr WorkflowService::find(std::string_view id_or_name) const {
  const std::string key =
      id_or_name.find('/') == std::string_view::npos
          ? to_lower(
                arm_id(kDefaultSubscription, kDefaultResourceGroup, kProvider, {{"workflows", std::string(id_or_name)}}).str())
          : to_lower(id_or_name);
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(key);
  return found == by_id_.end() ? nullptr : found->second;
}

WorkflowPtr WorkflowService::find_by_guid(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_guid_.find(id);
  return found == by_guid_.end() ? nullptr : found->second;
}

WorkflowPtr WorkflowService::find_workflow(store::Database& database, std::int64_t key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find({&database, key});
  return found == by_key_.end() ? nullptr : found->second;
}

WorkflowPtr WorkflowService::get(std::string_view id_or_name) const {
  if (WorkflowPtr workflow = find(id_or_name)) return workflow;
  throw missing(id_or_name);
}

std::vector<WorkflowPtr> WorkflowService::list() const {
  std::vector<WorkflowPtr> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, workflow] : by_id_) out.push_back(workflow);
  return out;
}

std::vector<WorkflowVersion> WorkflowService::versions(const Workflow& workflow) const {
  std::vector<WorkflowVersion> out;
  workflow.database->read([&](Session& session) { out = records::versions(session, workflow.key); });
  return out;
}

WorkflowVersionPtr WorkflowService::find_version(const Workflow& workflow, std::int64_t version_key) {
  if (workflow.version && workflow.version->key == version_key) return workflow.version;
  const std::pair<const store::Database*, std::int64_t> key{workflow.database, version_key};
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = old_versions_.find(key); known != old_versions_.end())
      if (WorkflowVersionPtr version = known->second.lock()) return version;
  }
  std::optional<WorkflowVersion> row;
  workflow.database->read([&](Session& session) { row = records::version(session, version_key); });
  if (!row) return nullptr;
  WorkflowSpec spec;
  spec.definition = row->definition;
  spec.parameters = row->parameters;
  auto version = compile_version(spec, true);
  version->key = row->key;
  version->name = row->name;
  version->created_at = row->created_at;
  const std::lock_guard lock(mutex_);
  std::erase_if(old_versions_, [](const auto& entry) { return entry.second.expired(); });
  old_versions_[key] = version;
  return version;
}

std::string WorkflowService::callback_url(const Workflow& workflow, std::string_view run, std::string_view action,
                                          FrameId frame) {
  return action_callback_url(workflow, run, action, frame, endpoint());
}

CallbackUrl WorkflowService::callback_url(const Workflow& workflow, std::string_view trigger) const {
  const workflow::Trigger* found =
      workflow.version && workflow.version->plan ? workflow.version->plan->find_trigger(trigger) : nullptr;
  if (found == nullptr)
    throw Error(ErrorCode::kNotFound, "The trigger '" + std::string(trigger.substr(0, 100)) + "' could not be found.", "trigger")
        .with_service_code("WorkflowTriggerNotFound");
  return trigger_callback_url(workflow, *found, endpoint());
}

delivery::Target& WorkflowService::event_target() { return *event_target_; }

Task<std::int64_t> WorkflowService::trim() {
  std::int64_t all = 0;
  if (options_.engine.retention <= Duration{0}) co_return all;
  const Time before = parts_.clock.now() - options_.engine.retention;
  for (store::Database* database : databases()) {
    for (;;) {
      auto work = [before](Session& session) { return records::trim(session, before, kTrimPage); };
      const std::int64_t gone = co_await database->write_value<std::int64_t>(std::move(work));
      all += gone;
      if (gone < static_cast<std::int64_t>(kTrimPage)) break;
    }
  }
  co_return all;
}

void WorkflowService::schedule_trim() {
  if (options_.engine.retention <= Duration{0}) return;
  const std::lock_guard lock(mutex_);
  if (!started_) return;
  trim_timer_ = parts_.clock.schedule_after(kTrimEvery, [this] {
    spawn(trim(), [this](const Result<std::int64_t>& result) {
      if (!result.ok()) parts_.log.warning("workflows", "old runs could not be deleted", {{"error", result.error().message}});
      schedule_trim();
    });
  });
}

}  // namespace trunkline::flows
