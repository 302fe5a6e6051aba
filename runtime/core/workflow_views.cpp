#include "runtime/core/workflow_views.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/services/arm_id.h"

namespace trunkline {
namespace {

using expression::Value;
using flows::ActionView;
using flows::SharedValue;
using workflow::ActionIndex;
using workflow::kNone;

std::optional<std::string> text_of(const Value& value) {
  if (value.is_null()) return std::nullopt;
  return expression::to_json_text(value);
}

std::optional<std::string> text_of(const SharedValue& value) { return value ? text_of(*value) : std::nullopt; }

std::optional<std::string> some(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

std::optional<workflows::WorkflowResponse> response_of(const SharedValue& response) {
  if (!response || !response->is_object()) return std::nullopt;
  workflows::WorkflowResponse out;
  if (const auto status = response->find("statusCode"); status != response->end() && status->is_number())
    out.status_code = status->get<std::int32_t>();
  if (const auto headers = response->find("headers"); headers != response->end() && headers->is_object())
    for (const auto& header : headers->items()) out.headers[header.key()] = expression::to_text(header.value());
  if (const auto body = response->find("body"); body != response->end()) out.body = text_of(*body);
  return out;
}

Time time_at(const Value& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return {};
  return parse_rfc3339(found->get_ref<const std::string&>()).value_or(Time{});
}

std::vector<workflows::WorkflowRetry> retries_of(const Value& history) {
  std::vector<workflows::WorkflowRetry> out;
  if (!history.is_array()) return out;
  for (const Value& one : history) {
    workflows::WorkflowRetry retry;
    retry.started_at = time_at(one, "startTime");
    retry.ended_at = time_at(one, "endTime");
    if (const auto code = one.find("code"); code != one.end() && code->is_string()) retry.code = code->get<std::string>();
    if (const auto error = one.find("error"); error != one.end()) retry.error = text_of(*error);
    out.push_back(std::move(retry));
  }
  return out;
}

/// One action, or one repetition of it, where it stands.
struct Place {
  ActionIndex action = kNone;
  ActionView view;
};

/// Steps in the order in which they began, what stands in a container right behind it.
class StepWriter {
 public:
  StepWriter(const flows::RunView& run) : run_(run), plan_(*run.version().plan) {
    std::vector<ActionView> summaries = run.actions();
    for (ActionIndex index = 0; index < plan_.actions.size(); ++index) {
      const workflow::Action& action = plan_.actions[index];
      if (action.region == 0)
        add(index, std::move(summaries[index]));
      else
        for (ActionView& view : run.repetitions(action.name)) add(index, std::move(view));
    }
    for (auto& [key, places] : children_)
      std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return begin(a) < begin(b); });
  }

  std::vector<workflows::WorkflowStep> write() {
    emit({kNone, {}}, 0);
    return std::move(steps_);
  }

 private:
  using Key = std::pair<ActionIndex, std::vector<std::uint64_t>>;

  static Time begin(const Place& place) { return place.view.started.value_or(Time::max()); }

  void add(ActionIndex index, ActionView view) {
    if (view.status == workflow::Status::kNotStarted) return;
    std::vector<std::uint64_t> path;
    for (const auto& [loop, iteration] : view.indexes) path.push_back(iteration);
    children_[{plan_.actions[index].parent, std::move(path)}].push_back({index, std::move(view)});
  }

  void emit(const Key& key, int depth) {
    const auto found = children_.find(key);
    if (found == children_.end()) return;
    for (const Place& place : found->second) {
      steps_.push_back(step_of(place, depth));
      emit_inside(place.action, key.second, depth + 1);
    }
  }

  /// Of a loop: the iterations in their order.
  void emit_inside(ActionIndex action, const std::vector<std::uint64_t>& path, int depth) {
    for (auto at = children_.lower_bound({action, path}); at != children_.end() && at->first.first == action; ++at) {
      const std::vector<std::uint64_t>& inner = at->first.second;
      if (inner.size() < path.size() || !std::equal(path.begin(), path.end(), inner.begin())) return;
      emit(at->first, depth);
    }
  }

  workflows::WorkflowStep step_of(const Place& place, int depth) const {
    const ActionView& view = place.view;
    const workflow::Action& action = plan_.actions[place.action];
    workflows::WorkflowStep out;
    out.name = view.name;
    out.type = view.type;
    if (action.parent != kNone) out.scope = plan_.actions[action.parent].name;
    out.depth = depth;
    out.repetition = some(view.repetition_name());
    out.status = to_service(view.status);
    if (view.code != "NotSpecified") out.code = some(view.code);
    out.error = text_of(view.error);
    out.inputs = text_of(view.inputs);
    out.outputs = text_of(view.outputs);
    out.tracked_properties = text_of(view.tracked_properties);
    out.retries = retries_of(view.retry_history);
    out.started_at = view.started;
    out.ended_at = view.ended;
    if (!workflow::is_final(view.status))
      if (workflow::Frame* frame = run_.state().find_frame(view.frame))
        if (const workflow::Record* record = run_.state().cell(*frame, place.action).record.get();
            record != nullptr && record->operation)
          out.due_at = record->operation->due;
    return out;
  }

  const flows::RunView& run_;
  const workflow::Plan& plan_;
  std::map<Key, std::vector<Place>> children_;
  std::vector<workflows::WorkflowStep> steps_;
};

}  // namespace

workflows::WorkflowStatus to_service(workflow::Status status) {
  switch (status) {
    case workflow::Status::kNotStarted:
      return workflows::WorkflowStatus::kUnknown;
    case workflow::Status::kWaiting:
      return workflows::WorkflowStatus::kWaiting;
    case workflow::Status::kRunning:
      return workflows::WorkflowStatus::kRunning;
    case workflow::Status::kSucceeded:
      return workflows::WorkflowStatus::kSucceeded;
    case workflow::Status::kFailed:
      return workflows::WorkflowStatus::kFailed;
    case workflow::Status::kSkipped:
      return workflows::WorkflowStatus::kSkipped;
    case workflow::Status::kTimedOut:
      return workflows::WorkflowStatus::kTimedOut;
    case workflow::Status::kCancelled:
      return workflows::WorkflowStatus::kCancelled;
  }
  return workflows::WorkflowStatus::kUnknown;
}

std::optional<workflow::Status> from_service(workflows::WorkflowStatus status) {
  switch (status) {
    case workflows::WorkflowStatus::kWaiting:
      return workflow::Status::kWaiting;
    case workflows::WorkflowStatus::kRunning:
      return workflow::Status::kRunning;
    case workflows::WorkflowStatus::kSucceeded:
      return workflow::Status::kSucceeded;
    case workflows::WorkflowStatus::kFailed:
      return workflow::Status::kFailed;
    case workflows::WorkflowStatus::kSkipped:
      return workflow::Status::kSkipped;
    case workflows::WorkflowStatus::kTimedOut:
      return workflow::Status::kTimedOut;
    case workflows::WorkflowStatus::kCancelled:
      return workflow::Status::kCancelled;
    default:
      return std::nullopt;
  }
}

workflows::WorkflowInfo describe(const flows::WorkflowService& workflows, const flows::Workflow& workflow) {
  workflows::WorkflowInfo out;
  out.name = workflow.name;
  out.workflow_id = workflow.arm_id;
  out.enabled = workflow.enabled;
  out.stateless = workflow.kind == flows::WorkflowKind::kStateless;
  if (workflow.version) {
    out.version = workflow.version->name;
    out.definition = workflow.version->definition;
  }
  for (const flows::TriggerState& state : workflows.triggers(workflow)) {
    workflows::WorkflowTriggerInfo trigger;
    trigger.name = state.trigger->name;
    trigger.type = state.trigger->type_name;
    if (state.trigger->type == workflow::TriggerType::kRequest)
      trigger.callback_url = workflows.callback_url(workflow, state.trigger->name).value;
    trigger.next_run_at = state.next;
    if (!state.problem.empty()) trigger.problem = state.problem;
    out.triggers.push_back(std::move(trigger));
  }
  out.tags = workflow.tags;
  out.created_at = workflow.created_at;
  out.changed_at = workflow.changed_at;
  return out;
}

workflows::WorkflowRunInfo describe(const flows::Workflow& workflow, const flows::RunRow& row, std::string version) {
  workflows::WorkflowRunInfo out;
  out.name = row.name();
  out.workflow = workflow.name;
  out.version = std::move(version);
  out.trigger = row.trigger;
  out.status = to_service(row.status);
  out.code = some(row.code);
  out.error = some(row.error);
  out.client_tracking_id = row.client_tracking_id;
  out.repeats = some(row.repeats);
  out.repeats_from = some(row.repeats_from);
  out.started_at = row.started;
  out.ended_at = row.ended;
  return out;
}

workflows::WorkflowRunDetails describe(const flows::Workflow& workflow, const flows::RunView& run) {
  workflows::WorkflowRunDetails out;
  out.run = describe(workflow, run.row(), run.version().name);
  const Value trigger = run.trigger();
  if (const auto inputs = trigger.find("inputs"); inputs != trigger.end()) out.trigger_inputs = text_of(*inputs);
  if (const auto outputs = trigger.find("outputs"); outputs != trigger.end()) out.trigger_outputs = text_of(*outputs);
  out.outputs = text_of(run.outputs());
  out.response = response_of(run.response());
  out.steps = StepWriter(run).write();
  return out;
}

namespace {

constexpr std::int32_t kMaxHistoryPage = 250;

workflows::WorkflowFiring firing_of(flows::HistoryEntry entry, const std::string& trigger) {
  workflows::WorkflowFiring out;
  out.name = std::move(entry.name);
  out.trigger = trigger;
  out.status = to_service(entry.status);
  out.code = some(entry.code);
  out.error = text_of(entry.error);
  out.run = some(entry.run);
  out.client_tracking_id = std::move(entry.client_tracking_id);
  out.inputs = text_of(entry.inputs);
  out.outputs = text_of(entry.outputs);
  out.scheduled_at = entry.scheduled;
  out.started_at = entry.started;
  out.ended_at = entry.ended;
  return out;
}

const workflow::Trigger& history_trigger(const flows::Workflow& workflow, const std::optional<std::string>& name) {
  if (!workflow.version || !workflow.version->plan)
    throw Error(ErrorCode::kFailedPrecondition, "the definition of the workflow '" + workflow.name + "' is refused here",
                "workflow");
  const auto& triggers = workflow.version->plan->triggers;
  if (name) {
    if (const workflow::Trigger* found = workflow.version->plan->find_trigger(*name)) return *found;
    throw Error(ErrorCode::kNotFound, "the workflow '" + workflow.name + "' has no trigger '" + name->substr(0, 80) + "'",
                "trigger");
  }
  if (triggers.size() == 1) return triggers.front();
  std::string names;
  for (const workflow::Trigger& one : triggers) names += (names.empty() ? "" : ", ") + one.name;
  throw Error(ErrorCode::kInvalidArgument, "the workflow '" + workflow.name + "' has more than one trigger: " + names, "trigger");
}

}  // namespace

workflows::WorkflowHistoryPage read_trigger_history(flows::WorkflowService& workflows,
                                                    const workflows::WorkflowHistoryQuery& query) {
  if (query.limit < 1 || query.limit > kMaxHistoryPage)
    throw Error(ErrorCode::kInvalidArgument, "limit must be 1 to 250, not " + std::to_string(query.limit), "limit");
  const flows::WorkflowPtr workflow = workflows.get(query.workflow);
  const std::string trigger = history_trigger(*workflow, query.trigger).name;
  std::string before = query.continuation.value_or("");
  std::string_view suffix;
  if (!before.empty() && flows::parse_run_name(before, suffix) == 0)
    throw Error(ErrorCode::kInvalidArgument, "continuation is not one of ours", "continuation");
  const auto limit = static_cast<std::size_t>(query.limit);
  workflows::WorkflowHistoryPage page;
  for (;;) {
    std::vector<flows::HistoryEntry> entries = workflows.histories(workflow, trigger, before, limit + 1);
    const bool last = entries.size() <= limit;
    for (flows::HistoryEntry& entry : entries) {
      const bool wanted = !query.status || to_service(entry.status) == *query.status;
      if (wanted && page.items.size() == limit) {
        page.continuation = before;
        return page;
      }
      before = entry.name;
      if (wanted) page.items.push_back(firing_of(std::move(entry), trigger));
    }
    if (last) return page;
  }
}

namespace {

/// `{ type, value }`, as the parameters.json of a Standard project has it: a declaration with its value.
bool is_declaration(const Value& value) {
  if (!value.is_object() || !value.contains("type") || !value.contains("value") || !value["type"].is_string()) return false;
  constexpr std::string_view kMembers[] = {"type", "value", "metadata", "description", "allowedValues"};
  for (const auto& member : value.items())
    if (std::find(std::begin(kMembers), std::end(kMembers), member.key()) == std::end(kMembers)) return false;
  constexpr std::string_view kTypes[] = {"String", "SecureString", "Int", "Float", "Bool", "Array", "Object", "SecureObject"};
  const std::string& type = value["type"].get_ref<const std::string&>();
  return std::any_of(std::begin(kTypes), std::end(kTypes), [&](std::string_view known) { return iequals(known, type); });
}

}  // namespace

flows::WorkflowSpec workflow_spec(std::string name, std::string_view document, std::string_view parameters) {
  Value json = expression::parse_value(document);
  std::string text(document);
  if (json.is_object() && json.contains("resources") && json["resources"].is_array()) {
    const Value* found = nullptr;
    for (const Value& resource : json["resources"]) {
      const auto type = resource.find("type");
      if (type == resource.end() || !type->is_string() ||
          !iequals(type->get_ref<const std::string&>(), "Microsoft.Logic/workflows"))
        continue;
      if (found != nullptr)
        throw Error(ErrorCode::kInvalidArgument, "the template has more than one workflow; give the resource of the one you mean",
                    "definition");
      found = &resource;
    }
    if (found == nullptr) throw Error(ErrorCode::kInvalidArgument, "the template has no workflow", "definition");
    text = expression::to_json_text(*found);
  }
  flows::WorkflowSpec spec = flows::read_workflow_file(std::move(name), std::move(text));
  if (parameters.empty()) return spec;
  const Value given = expression::parse_value(parameters);
  if (!given.is_object())
    throw Error(ErrorCode::kInvalidArgument, "parameters must be an object, with a value for each name", "parameters");
  Value all = spec.parameters.empty() ? Value::object() : expression::parse_value(spec.parameters);
  for (const auto& item : given.items())
    all[item.key()] = is_declaration(item.value()) ? item.value() : Value{{"value", item.value()}};
  spec.parameters = expression::to_json_text(all);
  return spec;
}

}  // namespace trunkline
