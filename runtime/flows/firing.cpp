#include "runtime/flows/firing.h"

#include <algorithm>

#include "runtime/expression/value_object.h"
#include "runtime/workflow/run_context.h"

namespace trunkline::flows {
namespace {

using expression::Failure;
using workflow::Status;

CallerAnswer no_run(CallerAnswer::Kind kind) {
  CallerAnswer answer;
  answer.kind = kind;
  return answer;
}

}  // namespace

TriggerContext::TriggerContext(Engine& engine, const Workflow& workflow, Value record)
    : engine_(engine), plan_(workflow.version->plan), record_(std::move(record)) {
  Value tags = Value::object();
  for (const auto& [name, value] : workflow.tags) tags[name] = value;
  workflow_value_ = {{"id", workflow.arm_id},
                     {"name", workflow.name},
                     {"type", "Microsoft.Logic/workflows"},
                     {"location", workflow.location},
                     {"tags", std::move(tags)}};
}

const Value* TriggerContext::parameter(const expression::Name& name) {
  const std::uint32_t slot = name.slot != expression::Name::kUnresolved ? name.slot : plan_->find_parameter(name.text);
  return slot < plan_->parameters.size() ? &plan_->parameters[slot].value : nullptr;
}

std::optional<std::string> TriggerContext::setting(const expression::Name& name) {
  return engine_.options().setting ? engine_.options().setting(name.text) : std::nullopt;
}

void record_firing(Engine& engine, const Workflow& workflow, const workflow::Trigger& trigger, Status status, std::string code,
                   const Value& error, const Value& inputs, const Value& outputs, std::optional<Time> scheduled, Time started) {
  if (workflow.kind == WorkflowKind::kStateless) return;
  auto row = std::make_shared<FiringRow>();
  row->key = engine.new_key();
  row->suffix = engine.new_suffix();
  row->workflow_key = workflow.key;
  row->trigger = trigger.name;
  row->status = status;
  row->code = std::move(code);
  if (!error.is_null()) row->error = expression::to_json_text(error);
  row->started = started;
  row->ended = engine.parts().clock.now();
  row->scheduled = scheduled;
  if (!inputs.is_null() && !trigger.secure_inputs) row->inputs = expression::to_json_text(inputs);
  if (!outputs.is_null() && !trigger.secure_outputs) row->outputs = expression::to_json_text(outputs);
  Log& log = engine.parts().log;
  workflow.database->write([row](store::Session& session) { records::insert_firing(session, *row); },
                           [&log](Result<void> result) {
                             if (!result.ok())
                               log.warning("workflows", "a firing could not be written", {{"error", result.error().message}});
                           });
}

namespace {

/// The items that a trigger splits into, as far as they fire.
struct Split {
  Value items = Value::array();
  /// By item; empty: none of its own.
  std::vector<std::string> tracking;
  /// By item: it does not meet the conditions.
  std::vector<bool> skipped;
};

bool holds(const workflow::Trigger& trigger, TriggerContext& context, const workflow::Options& options) {
  for (const workflow::Condition& condition : trigger.conditions)
    if (!condition.evaluate(context, options.evaluate)) return false;
  return true;
}

/// What is wrong with the items; empty: nothing.
std::string problem_of(const Value& items, const workflow::Trigger& trigger, const workflow::Options& options) {
  if (!items.is_array())
    return "The 'splitOn' property of the trigger '" + trigger.name + "' gave a value of type '" +
           std::string(expression::kind_name(items)) + "'. The value must be of type 'Array'.";
  const std::size_t most = trigger.concurrent_runs > 0 ? options.max_split_items_limited : options.max_split_items;
  if (items.size() <= most) return {};
  return "The 'splitOn' property of the trigger '" + trigger.name + "' gave " + std::to_string(items.size()) +
         " items; at most " + std::to_string(most) + " are allowed.";
}

/// What the trigger gave, with the item for the body.
Value outputs_of(const Value& outputs, Value item) {
  Value out = expression::make_object(outputs.is_object() ? outputs.size() + 1 : 1);
  if (outputs.is_object())
    for (const auto& member : outputs.items())
      if (member.key() != "body") out[member.key()] = member.value();
  out["body"] = std::move(item);
  return out;
}

/// Conditions and tracking ids see the item as the body. Throws Failure.
void look_at_items(Split& split, const workflow::Trigger& trigger, TriggerContext& context, const workflow::Options& options,
                   const Value& outputs) {
  split.skipped.resize(split.items.size());
  if (trigger.conditions.empty() && !trigger.split_client_tracking_id) return;
  for (std::size_t i = 0; i < split.items.size(); ++i) {
    context.record()["outputs"] = outputs_of(outputs, split.items[i]);
    split.skipped[i] = !holds(trigger, context, options);
    if (!trigger.split_client_tracking_id) continue;
    split.tracking.emplace_back();
    context.set_item(&split.items[i]);
    try {
      split.tracking.back() = expression::to_text(trigger.split_client_tracking_id->evaluate(context, options.evaluate));
    } catch (const Failure&) {
      // The run is tracked by its own name then.
    }
    context.set_item(nullptr);
  }
}

}  // namespace

FiringResult fire(Engine& engine, Firing firing) {
  const Workflow& workflow = *firing.workflow;
  const workflow::Trigger& trigger = *firing.trigger;
  const workflow::Options& options = workflow.version->plan->options;
  const Time started = firing.started.value_or(engine.parts().clock.now());

  FiringResult result;
  const auto give_up = [&](FiringResult::Kind kind, Status status, std::string why, std::string message, CallerAnswer answer) {
    result.kind = kind;
    result.code = std::move(why);
    result.message = std::move(message);
    const Value error = result.message.empty() ? Value() : Value{{"code", result.code}, {"message", result.message}};
    record_firing(engine, workflow, trigger, status, result.code, error, firing.inputs, firing.outputs, firing.scheduled,
                  started);
    if (firing.respond) firing.respond(std::move(answer));
    return result;
  };
  const auto refuse = [&](std::string message) {
    CallerAnswer answer = no_run(CallerAnswer::Kind::kError);
    answer.error =
        Error(ErrorCode::kInvalidArgument, message, "trigger").with_http_status(400).with_service_code("InvalidTemplate");
    return give_up(FiringResult::Kind::kFailed, Status::kFailed, "InvalidTemplate", std::move(message), std::move(answer));
  };
  const auto skip = [&] {
    return give_up(FiringResult::Kind::kSkipped, Status::kSkipped, "Accepted", "", no_run(CallerAnswer::Kind::kAccepted));
  };

  Split split;
  std::optional<std::string> tracking;
  if (!trigger.conditions.empty() || trigger.split_on || trigger.client_tracking_id) {
    Value record{{"name", trigger.name},
                 {"outputs", firing.outputs},
                 {"startTime", workflow::time_text(started)},
                 {"endTime", workflow::time_text(engine.parts().clock.now())},
                 {"code", firing.code},
                 {"status", "Succeeded"}};
    if (!firing.inputs.is_null()) record["inputs"] = firing.inputs;
    if (firing.scheduled) record["scheduledTime"] = workflow::time_text(*firing.scheduled);
    TriggerContext context(engine, workflow, std::move(record));
    const auto failed = [&](const Failure& failure) {
      return refuse(expression::unable_to_process("trigger '" + trigger.name + "'", 0, 0, failure.message));
    };
    std::string problem;
    std::optional<Failure> failure;
    try {
      if (!trigger.split_on && !holds(trigger, context, options)) return skip();
      if (trigger.client_tracking_id && firing.client_tracking_id.empty()) {
        const Value id = trigger.client_tracking_id->evaluate(context, options.evaluate);
        if (!id.is_null()) tracking = expression::to_text(id);
      }
      if (trigger.split_on) {
        split.items = trigger.split_on->evaluate(context, options.evaluate);
        problem = problem_of(split.items, trigger, options);
        if (problem.empty()) look_at_items(split, trigger, context, options, firing.outputs);
      }
    } catch (const Failure& thrown) {
      failure = thrown;
    }
    if (trigger.split_on && !trigger.conditions.empty() && !split.items.is_array()) {
      // There is nothing to split, and perhaps nothing to fire for: conditions may say so by the code.
      try {
        if (!holds(trigger, context, options)) return skip();
      } catch (const Failure&) {
        // Then it stays with what was wrong first.
      }
    }
    if (failure) return failed(*failure);
    if (!problem.empty()) return refuse(std::move(problem));
  }
  if (!tracking && !firing.client_tracking_id.empty()) tracking = firing.client_tracking_id;

  // By run, whether it is on disk; only the writer's thread looks at it.
  std::shared_ptr<std::vector<bool>> on_disk;
  const auto start = [&](Value outputs, std::string id, Responder respond, bool has_caller, std::size_t number) {
    StartSpec spec;
    spec.workflow = firing.workflow;
    spec.trigger = firing.trigger;
    spec.record = expression::make_object(4);
    if (!outputs.is_null()) spec.record["outputs"] = std::move(outputs);
    if (!firing.inputs.is_null()) spec.record["inputs"] = firing.inputs;
    if (firing.scheduled) spec.record["scheduledTime"] = workflow::time_text(*firing.scheduled);
    spec.record["code"] = firing.code;
    spec.with = std::exchange(firing.with, nullptr);
    if (on_disk)
      spec.with = [first = std::move(spec.with), on_disk, number, last = firing.with_last](store::Session& session) {
        if (first) first(session);
        (*on_disk)[number] = true;
        if (std::find(on_disk->begin(), on_disk->end(), false) == on_disk->end()) last(session);
      };
    spec.client_tracking_id = std::move(id);
    spec.origin = firing.origin;
    spec.has_caller = has_caller;
    spec.beyond_limit = firing.taken;
    spec.respond = std::move(respond);
    spec.fired_at = started;
    std::string name = engine.start_run(std::move(spec));
    if (name.empty())
      result.kind = FiringResult::Kind::kRefused;
    else
      result.runs.push_back(std::move(name));
  };
  const auto expect = [&](std::size_t runs) {
    if (firing.with_last) on_disk = std::make_shared<std::vector<bool>>(runs, false);
  };
  if (!trigger.split_on) {
    expect(1);
    start(std::move(firing.outputs), tracking.value_or(""), std::move(firing.respond), firing.has_caller, 0);
    return result;
  }
  // Each run sees its item as the body, and nothing of the others. The caller is let go once they are all begun.
  std::size_t left = static_cast<std::size_t>(std::count(split.skipped.begin(), split.skipped.end(), false));
  const std::size_t all = left;
  expect(all);
  if (left == 0) result.kind = FiringResult::Kind::kSkipped;
  if (left == 0 && firing.respond) firing.respond(no_run(CallerAnswer::Kind::kAccepted));
  for (std::size_t i = 0; i < split.items.size(); ++i) {
    Value outputs = outputs_of(firing.outputs, std::move(split.items[i]));
    if (split.skipped[i]) {
      result.code = "Accepted";
      record_firing(engine, workflow, trigger, Status::kSkipped, result.code, nullptr, firing.inputs, outputs, firing.scheduled,
                    started);
      continue;
    }
    const bool last = --left == 0;
    start(std::move(outputs), i < split.tracking.size() ? split.tracking[i] : tracking.value_or(""),
          last ? std::move(firing.respond) : Responder(), false, all - 1 - left);
  }
  return result;
}

}  // namespace trunkline::flows
