#include "runtime/flows/expression_traces.h"

#include "runtime/expression/template.h"
#include "runtime/workflow/run_context.h"

namespace trunkline::flows {
namespace {

using workflow::Event;
using workflow::EventKind;
using workflow::kNone;

/// The surroundings of a run that is only looked at.
class Replay final : public workflow::Environment {
 public:
  Replay(const Workflow& workflow, const RunView& run, Time at) : at_(at), tracking_(run.row().client_tracking_id) {
    workflow_["id"] = workflow.arm_id;
    workflow_["name"] = workflow.name;
    workflow_["type"] = "Microsoft.Logic/workflows";
    workflow_["location"] = workflow.location;
    workflow_["run"]["id"] = workflow.arm_id + "/runs/" + run.row().name();
    workflow_["run"]["name"] = run.row().name();
    workflow_["run"]["type"] = "Microsoft.Logic/workflows/runs";
  }
  Time now() override { return at_; }
  std::array<std::uint8_t, 16> guid_bytes() override { return {}; }
  std::uint64_t random_below(std::uint64_t) override { return 0; }
  const Value& workflow() override { return workflow_; }
  const std::string& client_tracking_id() override { return tracking_; }
  std::optional<std::string> callback_url(FrameId, ActionIndex) override { return std::nullopt; }
  std::optional<std::string> setting(std::string_view) override { return std::nullopt; }
  std::string tracking_id(FrameId, ActionIndex) override { return {}; }

 private:
  const Time at_;
  const std::string tracking_;
  Value workflow_;
};

/// The expressions in the `@{…}` of a text.
std::vector<std::string> interpolations(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '@') continue;
    if (text[i + 1] == '@') {
      ++i;
      continue;
    }
    if (text[i + 1] != '{') continue;
    const std::size_t begin = i + 2;
    bool quoted = false;
    int depth = 1;
    std::size_t at = begin;
    for (; at < text.size() && depth > 0; ++at) {
      if (text[at] == '\'') quoted = !quoted;  // two of them are one inside: off and on again
      if (quoted) continue;
      depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
    }
    if (depth > 0) break;
    out.emplace_back(text.substr(begin, at - begin - 1));
    i = at - 1;
  }
  return out;
}

/// The inputs of an action as the definition has them. Its pointer may begin with where the definition stood in its document.
Value raw_inputs(const WorkflowVersion& version, const workflow::Action& action) {
  const Value definition = expression::parse_value(version.definition);
  std::string_view pointer = action.pointer;
  for (;;) {
    const Value::json_pointer at{std::string(pointer)};
    if (definition.contains(at)) {
      const Value& found = definition.at(at);
      const Value* inputs = expression::find_member(found, "inputs");
      return inputs == nullptr ? Value() : *inputs;
    }
    const std::size_t next = pointer.find('/', 1);
    if (next == std::string_view::npos) return {};
    pointer.remove_prefix(next);
  }
}

class Tracer {
 public:
  Tracer(workflow::RunContext& context, const expression::Limits& limits) : context_(context), limits_(limits) {}

  /// `recorded`: what the action got there; null: not known.
  void walk(const Value& raw, const Value* recorded, const std::string& path) {
    if (raw.is_object()) {
      for (const auto& item : raw.items()) {
        const Value* inner = recorded == nullptr ? nullptr : expression::find_member(*recorded, item.key());
        walk(item.value(), inner, path.empty() ? item.key() : path + "." + item.key());
      }
    } else if (raw.is_array()) {
      for (std::size_t i = 0; i < raw.size(); ++i) {
        const bool same = recorded != nullptr && recorded->is_array() && recorded->size() == raw.size();
        walk(raw[i], same ? &(*recorded)[i] : nullptr, path + "[" + std::to_string(i) + "]");
      }
    } else if (raw.is_string()) {
      const auto& text = raw.get_ref<const std::string&>();
      const bool whole = text.size() > 1 && text[0] == '@' && text[1] != '@' && text[1] != '{';
      if (whole) return add(path, text.substr(1), recorded);
      for (const std::string& expression : interpolations(text)) add(path, expression, nullptr);
    }
  }

  Value take() { return std::move(out_); }

 private:
  void add(const std::string& path, const std::string& text, const Value* recorded) {
    Value trace;
    trace["path"] = path;
    trace["text"] = text;
    if (recorded != nullptr) {
      trace["value"] = *recorded;
    } else {
      try {
        trace["value"] = expression::Expression::compile("@" + text).evaluate(context_, limits_);
      } catch (const expression::Failure& failure) {
        trace["error"]["code"] = failure.code;
        trace["error"]["message"] = failure.message;
      }
    }
    out_.push_back(std::move(trace));
  }

  workflow::RunContext& context_;
  const expression::Limits& limits_;
  Value out_ = Value::array();
};

}  // namespace

Value expression_traces(const WorkflowService&, const WorkflowPtr& workflow, const RunView& run, const ActionView& action) {
  const workflow::PlanPtr& plan = run.version().plan;
  const ActionIndex index = plan->find_action(action.name);
  if (index == kNone || action.secured_inputs) return Value::array();
  const Value raw = raw_inputs(run.version(), plan->actions[index]);
  if (raw.is_null()) return Value::array();
  std::vector<std::string> segments;
  workflow->database->read([&](store::Session& session) { segments = records::segments(session, run.row().key); });
  workflow::RunState state(plan, true);
  std::optional<Time> began;
  for (const std::string& segment : segments) {
    workflow::HistoryReader reader(segment);
    while (const auto event = began ? std::nullopt : reader.next()) {
      const bool ours = event->action == index && event->frame == action.frame;
      if (ours && (event->kind == EventKind::kActionStarted || event->kind == EventKind::kActionDone))
        began = event->at;
      else
        state.apply(*event);
    }
  }
  workflow::Frame* frame = began ? state.find_frame(action.frame) : nullptr;
  if (frame == nullptr) return Value::array();
  Replay surroundings(*workflow, run, *began);
  workflow::RunContext context(state, surroundings);
  context.begin(*frame, index);
  Tracer tracer(context, plan->options.evaluate);
  tracer.walk(raw, action.inputs.get(), "");
  return tracer.take();
}

}  // namespace trunkline::flows
