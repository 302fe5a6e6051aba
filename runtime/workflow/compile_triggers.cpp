// Triggers: types, inputs, recurrences, conditions, splitOn and concurrency.
#include <algorithm>

#include "runtime/base/time_text.h"
#include "runtime/workflow/compiler.h"

namespace trunkline::workflow {
namespace {

constexpr std::pair<std::string_view, TriggerType> kTriggerTypes[] = {
    {"Request", TriggerType::kRequest},
    {"Manual", TriggerType::kRequest},
    {"Recurrence", TriggerType::kRecurrence},
    {"SlidingWindow", TriggerType::kSlidingWindow},
    {"Http", TriggerType::kHttp},
    {"HttpWebhook", TriggerType::kHttpWebhook},
    {"ApiConnection", TriggerType::kApiConnection},
    {"ApiConnectionWebhook", TriggerType::kApiConnectionWebhook},
    {"ApiConnectionNotification", TriggerType::kApiConnectionNotification},
    {"Batch", TriggerType::kBatch},
    {"ServiceProvider", TriggerType::kServiceProvider},
    {"ApiManagement", TriggerType::kOther},
    {"EventGrid", TriggerType::kApiConnectionWebhook},
};

/// Runs that wait by default beyond those that run.
constexpr int kMoreWaiting = 10;
constexpr int kProviderPoll_s = 30;

}  // namespace

std::optional<TriggerType> find_trigger_type(std::string_view name) {
  for (const auto& [text, type] : kTriggerTypes)
    if (iequals(text, name)) return type;
  return std::nullopt;
}

void Compiler::triggers() {
  const std::string at = append_pointer(in_.definition_pointer, "triggers");
  const Value* declared = find(in_.definition, "triggers");
  if (declared == nullptr) {
    problem(in_.definition_pointer, "The definition has no 'triggers'.", kInvalidRequestContent);
    return;
  }
  if (!check_object(declared, at, "'triggers'")) return;
  if (declared->size() > limits_.max_triggers)
    problem(at, "The definition has " + std::to_string(declared->size()) + " triggers; at most " +
                    std::to_string(limits_.max_triggers) + " are allowed.");
  for (const auto& item : declared->items()) {
    const std::string here = append_pointer(at, item.key());
    if (!check_object(&item.value(), here, "A trigger")) continue;
    if (item.key().empty() || item.key().size() > limits_.max_name_length)
      problem(here, "The name of the trigger '" + item.key().substr(0, 80) + "' must have 1 to " +
                        std::to_string(limits_.max_name_length) + " characters.");
    if (plan_->find_trigger(item.key()) != nullptr)
      problem(here, "The trigger name '" + item.key() + "' is used more than once.");
    Trigger made;
    made.name = item.key();
    made.pointer = here;
    const Value* type = find(item.value(), "type");
    const auto known =
        type != nullptr && type->is_string() ? find_trigger_type(type->get_ref<const std::string&>()) : std::nullopt;
    if (!known) {
      problem(type == nullptr ? here : append_pointer(here, "type"),
              type != nullptr && type->is_string()
                  ? "The trigger '" + item.key() + "' has the unknown type '" + type->get<std::string>().substr(0, 80) + "'."
                  : "The trigger '" + item.key() + "' has no 'type'.");
      continue;
    }
    made.type = *known;
    made.type_name = type->get<std::string>();
    trigger(made, item.value());
    plan_->triggers.push_back(std::move(made));
  }
}

void Compiler::trigger(Trigger& trigger, const Value& json) {
  check_members(json, trigger.pointer,
                {"type", "kind", "inputs", "recurrence", "conditions", "splitOn", "splitOnConfiguration", "correlation",
                 "runtimeConfiguration", "operationOptions", "limit", "description", "metadata", "trackedProperties",
                 "evaluatedRecurrence", "runAfter"},
                "the trigger '" + trigger.name + "'");
  const Site site{.in_trigger = true};
  if (const Value* kind = find(json, "kind"); kind != nullptr && kind->is_string()) trigger.kind = kind->get<std::string>();
  trigger.validate_schema = has_option(json, "EnableSchemaValidation");
  trigger.include_authorization = has_option(json, "IncludeAuthorizationHeadersInOutputs");
  trigger.suppress_headers = has_option(json, "SuppressWorkflowHeadersOnResponse");
  trigger.suppress_request_headers = has_option(json, "SuppressWorkflowHeaders");
  concurrency(trigger, json, has_option(json, "SingleInstance"));
  trigger_inputs(trigger, json);

  const bool polls = trigger.type == TriggerType::kHttp || trigger.type == TriggerType::kApiConnection;
  const bool scheduled = trigger.type == TriggerType::kRecurrence || trigger.type == TriggerType::kSlidingWindow;
  const std::string recurrence_at = append_pointer(trigger.pointer, "recurrence");
  if (const Value* recurrence = find(json, "recurrence")) {
    const Value evaluated = evaluate_constant(*recurrence, recurrence_at);
    trigger.raw_recurrence = evaluated;
    trigger.recurrence = parse_recurrence(
        evaluated, [&](std::string pointer, std::string message) { problem(recurrence_at + pointer, std::move(message)); });
    if (trigger.type == TriggerType::kSlidingWindow && trigger.recurrence && trigger.recurrence->has_schedule())
      problem(append_pointer(recurrence_at, "schedule"), "A SlidingWindow takes no 'schedule'.");
  } else if (scheduled || polls) {
    problem(trigger.pointer, "The trigger '" + trigger.name + "' of type '" + trigger.type_name + "' has no 'recurrence'.");
  } else if (trigger.type == TriggerType::kServiceProvider) {
    // On the service such a trigger is told; what a mapping stands in for is asked.
    Recurrence often;
    often.frequency = Recurrence::Frequency::kSecond;
    often.interval = kProviderPoll_s;
    trigger.recurrence = often;
  }

  const std::string conditions_at = append_pointer(trigger.pointer, "conditions");
  if (const Value* conditions = find(json, "conditions")) {
    if (!conditions->is_array()) {
      problem(conditions_at, "'conditions' must be an array.");
    } else {
      for (std::size_t i = 0; i < conditions->size(); ++i) {
        const std::string here = append_pointer(conditions_at, std::to_string(i));
        const Value* expression = find((*conditions)[i], "expression");
        if (expression == nullptr) {
          problem(here, "A condition has no 'expression'.");
          continue;
        }
        if (auto compiled = compile_condition(*expression, append_pointer(here, "expression"), site))
          trigger.conditions.push_back(std::move(*compiled));
        const std::string text = expression::to_json_text(*expression);
        trigger.conditions_name_code = trigger.conditions_name_code || ifind(text, "code") != std::string::npos;
        for (const char* word : {"'OK'", "'Accepted'", "'Created'", "'NoContent'"})
          trigger.conditions_name_status = trigger.conditions_name_status || ifind(text, word) != std::string::npos;
      }
    }
  }
  if (const Value* split = find(json, "splitOn")) {
    const std::string here = append_pointer(trigger.pointer, "splitOn");
    if (!split->is_string() || !expression::holds_expression(split->get_ref<const std::string&>()))
      problem(here, "'splitOn' must be an expression that gives an array.");
    else
      trigger.split_on = compile_template(*split, here, site);
  }
  const auto tracking = [&](const char* member) -> std::optional<Template> {
    const std::string here = append_pointer(trigger.pointer, member);
    const Value* holder = find(json, member);
    if (!check_object(holder, here, std::string("'") + member + "'")) return std::nullopt;
    const Value* correlation = std::string_view(member) == "correlation" ? holder : find(*holder, "correlation");
    const Value* id = correlation != nullptr ? find(*correlation, "clientTrackingId") : nullptr;
    return id != nullptr ? compile_template(*id, append_pointer(here, "clientTrackingId"), site) : std::nullopt;
  };
  trigger.client_tracking_id = tracking("correlation");
  trigger.split_client_tracking_id = tracking("splitOnConfiguration");
  if (const Value* limit = find(json, "limit"))
    if (const Value* timeout = find(*limit, "timeout"))
      trigger.timeout = compile_template(*timeout, append_pointer(append_pointer(trigger.pointer, "limit"), "timeout"), site);
  if (const Value* tracked = find(json, "trackedProperties"))
    trigger.tracked = compile_template(*tracked, append_pointer(trigger.pointer, "trackedProperties"), site);
}

void Compiler::concurrency(Trigger& trigger, const Value& json, bool single_instance) {
  const std::string at = append_pointer(trigger.pointer, "runtimeConfiguration");
  const Value* configuration = find(json, "runtimeConfiguration");
  if (check_object(configuration, at, "'runtimeConfiguration'")) {
    const std::string here = append_pointer(at, "concurrency");
    const Value* concurrency = find(*configuration, "concurrency");
    if (check_object(concurrency, here, "'concurrency'")) {
      const auto number = [&](const char* member, int max, int fallback) {
        const Value* value = find(*concurrency, member);
        if (value == nullptr) return fallback;
        if (value->is_number_integer() && *value >= 1 && *value <= max) return value->get<int>();
        problem(append_pointer(here, member),
                std::string("'") + member + "' must be a whole number from 1 to " + std::to_string(max) + ".");
        return fallback;
      };
      trigger.concurrent_runs = number("runs", limits_.max_concurrent_runs, in_.options.default_concurrent_runs);
      if (single_instance && concurrency->contains("runs"))
        problem(append_pointer(here, "runs"),
                "The trigger '" + trigger.name + "' has 'SingleInstance' and 'runs'; only one of them is allowed.");
      trigger.max_waiting_runs = number("maximumWaitingRuns", limits_.max_waiting_runs,
                                        std::min(trigger.concurrent_runs + kMoreWaiting, in_.options.max_waiting_runs));
    }
    if (const Value* secure = find(*configuration, "secureData"))
      if (const Value* list = find(*secure, "properties"); list != nullptr && list->is_array())
        for (const Value& word : *list) {
          trigger.secure_inputs = trigger.secure_inputs || word == "inputs";
          trigger.secure_outputs = trigger.secure_outputs || word == "outputs";
        }
  }
  if (single_instance) {
    trigger.concurrent_runs = 1;
    if (trigger.max_waiting_runs == 0) trigger.max_waiting_runs = std::min(1 + kMoreWaiting, in_.options.max_waiting_runs);
  }
}

void Compiler::trigger_inputs(Trigger& trigger, const Value& json) {
  const Site site{.in_trigger = true};
  const std::string at = append_pointer(trigger.pointer, "inputs");
  const Value* inputs = find(json, "inputs");
  const bool needed = trigger.type == TriggerType::kHttp || trigger.type == TriggerType::kHttpWebhook ||
                      trigger.type == TriggerType::kApiConnection || trigger.type == TriggerType::kApiConnectionWebhook ||
                      trigger.type == TriggerType::kApiConnectionNotification || trigger.type == TriggerType::kBatch ||
                      trigger.type == TriggerType::kServiceProvider;
  if (inputs == nullptr) {
    if (needed) problem(trigger.pointer, "The trigger '" + trigger.name + "' has no 'inputs'.");
    return;
  }
  if (!check_object(inputs, at, "'inputs'")) return;
  trigger.raw_inputs = *inputs;
  if (trigger.type == TriggerType::kRequest) {
    if (const Value* method = find(*inputs, "method")) {
      if (method->is_string())
        for (const char c : method->get_ref<const std::string&>())
          trigger.method += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
      constexpr std::string_view kMethods[] = {"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"};
      if (std::find(std::begin(kMethods), std::end(kMethods), trigger.method) == std::end(kMethods))
        problem(append_pointer(at, "method"), "The 'method' of a Request trigger must be an HTTP method.");
    }
    if (const Value* path = find(*inputs, "relativePath")) {
      if (!path->is_string()) {
        problem(append_pointer(at, "relativePath"), "'relativePath' must be a text such as /orders/{id}.");
      } else {
        trigger.relative_path = path->get<std::string>();
        if (!trigger.relative_path.empty() && trigger.method.empty())
          problem(append_pointer(at, "relativePath"), "A Request trigger with a 'relativePath' needs a 'method'.");
        for (const std::string_view segment : split(trigger.relative_path, '/'))
          if ((segment.find('{') != std::string_view::npos) != (segment.find('}') != std::string_view::npos))
            problem(append_pointer(at, "relativePath"), "The braces of 'relativePath' do not match.");
      }
    }
    if (const Value* schema = find(*inputs, "schema")) {
      try {
        if (schema->is_object()) trigger.schema = Schema(*schema);
      } catch (const Error& error) {
        problem(append_pointer(at, "schema"), error.message);
      }
    }
    return;
  }
  if (trigger.type == TriggerType::kBatch) {
    batch(trigger, *inputs);
    return;
  }
  if (trigger.type == TriggerType::kSlidingWindow) {
    if (const Value* delay = find(*inputs, "delay")) {
      const auto parsed = delay->is_string() ? parse_duration(delay->get_ref<const std::string&>()) : std::nullopt;
      if (parsed)
        trigger.window_delay = *parsed;
      else
        problem(append_pointer(at, "delay"), "'delay' must be an ISO 8601 duration such as PT10M.");
    }
    return;
  }
  if (trigger.type == TriggerType::kRecurrence) return;
  if (trigger.type == TriggerType::kHttp)
    for (const char* member : {"method", "uri"})
      if (find(*inputs, member) == nullptr)
        problem(at, std::string("Required property '") + member + "' is missing from the inputs of the trigger '" + trigger.name +
                        "'.");
  if (trigger.type == TriggerType::kApiConnectionNotification) notification(trigger, *inputs, at);
  retry_policy(*inputs, at);
  trigger.inputs = compile_template(*inputs, at, site);
}

void Compiler::batch(Trigger& trigger, const Value& inputs) {
  const std::string at = append_pointer(append_pointer(trigger.pointer, "inputs"), "configurations");
  const Value* mode = find(inputs, "mode");
  if (mode != nullptr && mode->is_string() && iequals(mode->get_ref<const std::string&>(), "IntegrationAccount")) {
    problem(append_pointer(append_pointer(trigger.pointer, "inputs"), "mode"),
            "There are no integration accounts here; give the criteria with the mode 'Inline'.");
    return;
  }
  const Value* configurations = find(inputs, "configurations");
  if (configurations == nullptr) {
    problem(append_pointer(trigger.pointer, "inputs"), "The Batch trigger '" + trigger.name + "' has no 'configurations'.");
    return;
  }
  if (!check_object(configurations, at, "'configurations'")) return;
  for (const auto& item : configurations->items()) {
    const std::string here = append_pointer(append_pointer(at, item.key()), "releaseCriteria");
    BatchCriteria criteria;
    criteria.name = item.key();
    const Value* release = find(item.value(), "releaseCriteria");
    if (release == nullptr || !release->is_object()) {
      problem(here, "The batch '" + item.key().substr(0, 80) + "' has no 'releaseCriteria'.");
      continue;
    }
    const auto number = [&](const char* member, std::int64_t most) -> std::int64_t {
      const Value* value = find(*release, member);
      if (value == nullptr) return 0;
      if (value->is_number_integer() && *value > 0 && *value <= most) return value->get<std::int64_t>();
      problem(append_pointer(here, member),
              std::string("'") + member + "' must be a whole number from 1 to " + std::to_string(most) + ".");
      return 0;
    };
    criteria.message_count = number("messageCount", limits_.max_batch_messages);
    criteria.batch_bytes = number("batchSize", limits_.max_batch_bytes);
    if (const Value* recurrence = find(*release, "recurrence"))
      criteria.recurrence = parse_recurrence(*recurrence, [&](std::string pointer, std::string message) {
        problem(append_pointer(here, "recurrence") + pointer, std::move(message));
      });
    if (criteria.message_count == 0 && criteria.batch_bytes == 0 && !criteria.recurrence)
      problem(here, "The batch '" + item.key().substr(0, 80) + "' needs a 'messageCount', a 'batchSize' or a 'recurrence'.");
    trigger.batches.push_back(std::move(criteria));
  }
}

}  // namespace trunkline::workflow
