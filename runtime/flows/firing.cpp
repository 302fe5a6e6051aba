#include "runtime/flows/firing.h"

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
  const auto refuse = [&](std::string why, std::string message) {
    CallerAnswer answer = no_run(CallerAnswer::Kind::kError);
    answer.error = Error(ErrorCode::kInvalidArgument, message, "trigger").with_http_status(400).with_service_code(why);
    return give_up(FiringResult::Kind::kFailed, Status::kFailed, std::move(why), std::move(message), std::move(answer));
  };

  Value split;
  std::optional<std::string> tracking;
  std::vector<std::string> split_tracking;
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
    try {
      for (const workflow::Condition& condition : trigger.conditions)
        if (!condition.evaluate(context, options.evaluate))
          return give_up(FiringResult::Kind::kSkipped, Status::kSkipped, "Accepted", "", no_run(CallerAnswer::Kind::kAccepted));
      if (trigger.client_tracking_id && firing.client_tracking_id.empty()) {
        const Value id = trigger.client_tracking_id->evaluate(context, options.evaluate);
        if (!id.is_null()) tracking = expression::to_text(id);
      }
      if (trigger.split_on) split = trigger.split_on->evaluate(context, options.evaluate);
    } catch (const Failure& failure) {
      return refuse("InvalidTemplate", expression::unable_to_process("trigger '" + trigger.name + "'", 0, 0, failure.message));
    }
    if (trigger.split_on) {
      if (!split.is_array())
        return refuse("InvalidTemplate", "The 'splitOn' property of the trigger '" + trigger.name + "' gave a value of type '" +
                                             std::string(expression::kind_name(split)) + "'. The value must be of type 'Array'.");
      const std::size_t most = trigger.concurrent_runs > 0 ? options.max_split_items_limited : options.max_split_items;
      if (split.size() > most)
        return refuse("InvalidTemplate", "The 'splitOn' property of the trigger '" + trigger.name + "' gave " +
                                             std::to_string(split.size()) + " items; at most " + std::to_string(most) +
                                             " are allowed.");
      if (trigger.split_client_tracking_id) {
        for (const Value& item : split) {
          context.record()["outputs"] = Value{{"body", item}};
          context.set_item(&item);
          try {
            split_tracking.push_back(expression::to_text(trigger.split_client_tracking_id->evaluate(context, options.evaluate)));
          } catch (const Failure&) {
            split_tracking.emplace_back();
          }
        }
      }
    }
  }
  if (!tracking && !firing.client_tracking_id.empty()) tracking = firing.client_tracking_id;

  const auto start = [&](Value outputs, std::string id, Responder respond, bool has_caller) {
    StartSpec spec;
    spec.workflow = firing.workflow;
    spec.trigger = firing.trigger;
    if (!outputs.is_null()) spec.record["outputs"] = std::move(outputs);
    if (!firing.inputs.is_null()) spec.record["inputs"] = firing.inputs;
    if (firing.scheduled) spec.record["scheduledTime"] = workflow::time_text(*firing.scheduled);
    spec.record["code"] = firing.code;
    spec.with = std::exchange(firing.with, nullptr);
    spec.client_tracking_id = std::move(id);
    spec.origin = firing.origin;
    spec.has_caller = has_caller;
    spec.respond = std::move(respond);
    spec.fired_at = started;
    return engine.start_run(std::move(spec));
  };
  if (!trigger.split_on) {
    std::string name = start(std::move(firing.outputs), tracking.value_or(""), std::move(firing.respond), firing.has_caller);
    if (name.empty())
      result.kind = FiringResult::Kind::kRefused;
    else
      result.runs.push_back(std::move(name));
    return result;
  }
  // Each run sees its item as the body, and nothing of the others. The caller is let go once the first of them is on disk.
  if (split.empty()) {
    if (firing.respond) firing.respond(no_run(CallerAnswer::Kind::kAccepted));
    return result;
  }
  for (std::size_t i = 0; i < split.size(); ++i) {
    Value outputs = Value::object();
    if (firing.outputs.is_object())
      for (const auto& item : firing.outputs.items())
        if (item.key() != "body") outputs[item.key()] = item.value();
    outputs["body"] = std::move(split[i]);
    const bool last = i + 1 == split.size();
    std::string name = start(std::move(outputs), i < split_tracking.size() ? split_tracking[i] : tracking.value_or(""),
                             last ? std::move(firing.respond) : Responder(), false);
    if (name.empty())
      result.kind = FiringResult::Kind::kRefused;
    else
      result.runs.push_back(std::move(name));
  }
  return result;
}

}  // namespace trunkline::flows
