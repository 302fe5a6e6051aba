// Of the triggers: those that ask others, and those that let themselves be called.
#include <algorithm>

#include "runtime/flows/armed_trigger.h"
#include "runtime/flows/callback_url.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/member_text.h"
#include "runtime/flows/retry_policy.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/workflow/run_context.h"

namespace trunkline::flows {
namespace {

using workflow::Status;
using workflow::TriggerType;

constexpr std::string_view kEventGridConnector = "azureeventgrid";

/// Conditions compare the code with a number or with a name, whichever they were written with.
Value code_value(const workflow::Trigger& trigger, int status) {
  if (trigger.conditions_name_status) return status_name(status);
  return status;
}

bool is_event_grid(const workflow::Plan& plan, const Value& inputs) {
  const std::vector<std::string> names = connector_names(plan, inputs);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) { return iequals(name, kEventGridConnector); });
}

}  // namespace

Task<net::ClientResponse> Triggers::request(std::shared_ptr<Armed> armed, SharedValue inputs, std::string location) {
  ActionCall call;
  call.action = &armed->as_action;
  call.plan = armed->workflow->version->plan;
  call.inputs = inputs;
  call.workflow = armed->workflow;
  call.location = std::move(location);
  call.action_tracking_id = service_.parts_.ids.uuid4().str();
  call.idempotency_key = call.action_tracking_id;
  call.client_tracking_id = call.action_tracking_id;
  const RetryPolicy policy = read_retry_policy(*inputs);
  for (int retry = 1;; ++retry) {
    std::optional<Error> failure;
    net::ClientResponse response;
    std::optional<Duration> asked;
    try {
      ActionCall attempt = call;
      response = co_await service_.http_actions().send(std::move(attempt), inputs);
      asked = retry_after(response.headers.get("Retry-After"), service_.parts_.clock.now());
    } catch (const Error& error) {
      failure = error;
    }
    const bool again = failure ? HttpActions::answer_of(*failure).retryable
                               : response.status == 408 || response.status == 429 || response.status >= 500;
    std::optional<Duration> wait;
    if (again)
      wait = policy.wait(retry, asked,
                         static_cast<double>(service_.parts_.ids.next_below(1u << 30)) / static_cast<double>(1u << 30));
    if (!wait) {
      if (failure) throw *failure;
      co_return response;
    }
    co_await service_.parts_.clock.sleep(*wait);
  }
}

Task<FiringResult> Triggers::poll(std::shared_ptr<Armed> armed) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || std::exchange(armed->polling, true)) co_return FiringResult{FiringResult::Kind::kSkipped, {}, "", ""};
  }
  const workflow::Trigger& trigger = *armed->trigger;
  const PlanPtr plan = armed->workflow->version->plan;
  const Time began = service_.parts_.clock.now();
  FiringResult result;
  Value inputs;
  std::optional<Error> failure;
  try {
    TriggerContext context(service_.engine(), *armed->workflow, Value{{"name", trigger.name}});
    inputs = trigger.inputs->evaluate(context, plan->options.evaluate);
    const auto shared = std::make_shared<const Value>(inputs);
    std::string url = armed->location.empty() ? text_of(inputs, "uri") : armed->location;
    net::ClientResponse response = co_await request(armed, shared, armed->location);
    if (current(armed)) result = take_answer(armed, std::move(response), inputs, std::move(url));
  } catch (const Error& error) {
    failure = error;
  } catch (const expression::Failure& error) {
    failure = Error(ErrorCode::kInvalidArgument, error.message).with_service_code("InvalidTemplate");
  }
  if (failure) {
    result.kind = FiringResult::Kind::kFailed;
    result.code = failure->service_code.empty() ? "BadGateway" : failure->service_code;
    result.message = failure->message;
    const Value error{{"code", result.code}, {"message", result.message}};
    record_firing(service_.engine(), *armed->workflow, trigger, Status::kFailed, result.code, error, inputs, nullptr, began,
                  began);
    armed->location.clear();
    const std::lock_guard lock(mutex_);
    armed->problem = failure->code == ErrorCode::kInvalidArgument ? failure->message : std::string();
    armed->next.reset();
  }
  {
    const std::lock_guard lock(mutex_);
    armed->polling = false;
    armed->last = began;
  }
  if (!current(armed)) co_return result;
  std::optional<Time> next = armed->next && *armed->next > began ? armed->next : std::nullopt;
  if (!next) next = trigger.recurrence->next(service_.parts_.clock.now(), armed->anchor);
  remember(*armed, next);
  if (next) schedule(armed, *next);
  co_return result;
}

FiringResult Triggers::take_answer(const std::shared_ptr<Armed>& armed, net::ClientResponse response, const Value& inputs,
                                   std::string url) {
  const workflow::Trigger& trigger = *armed->trigger;
  const Time now = service_.parts_.clock.now();
  const std::optional<Duration> asked = retry_after(response.headers.get("Retry-After"), now);
  const std::string location(response.headers.get("Location"));
  {
    const std::lock_guard lock(mutex_);
    armed->problem.clear();
    armed->location = location.empty() ? std::string() : resolve_location(url, location);
    // What the answer says of the next time counts, even if that is sooner than the recurrence.
    armed->next = asked ? std::optional<Time>(now + std::max(*asked, Duration{1'000})) : std::nullopt;
  }
  ActionAnswer answer = HttpActions::answer_of(response);
  FiringResult skipped;
  skipped.kind = FiringResult::Kind::kSkipped;
  skipped.code = answer.code;
  if (response.status >= 400 && !trigger.conditions_name_code) {
    skipped.kind = FiringResult::Kind::kFailed;
    const Value error{{"code", answer.code},
                      {"message", "The poll was answered with status " + std::to_string(response.status) + "."}};
    record_firing(service_.engine(), *armed->workflow, trigger, Status::kFailed, answer.code, error, inputs, answer.outputs, now,
                  now);
    return skipped;
  }
  if (response.status != 200 && !trigger.conditions_name_code) {
    record_firing(service_.engine(), *armed->workflow, trigger, Status::kSkipped, answer.code, nullptr, inputs, answer.outputs,
                  now, now);
    return skipped;
  }
  Firing firing;
  firing.workflow = armed->workflow;
  firing.trigger = armed->trigger;
  firing.inputs = inputs;
  firing.inputs.erase("authentication");
  firing.outputs = std::move(answer.outputs);
  firing.code = code_value(trigger, response.status);
  return fire(service_.engine(), std::move(firing));
}

Task<FiringResult> Triggers::poll_now(WorkflowPtr workflow, std::string trigger) {
  std::shared_ptr<Armed> armed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = armed_.find(key_of(*workflow, trigger));
    if (found != armed_.end()) armed = found->second;
  }
  if (!armed) throw Error(ErrorCode::kFailedPrecondition, "the trigger '" + trigger + "' does not poll", "trigger");
  co_return co_await poll(armed);
}

void Triggers::start_subscription(const std::shared_ptr<Armed>& armed, bool restored) {
  if (restored && armed->subscribed) return;
  spawn(subscribe(armed), [this, armed](const Result<void>& result) {
    if (result.ok()) return;
    {
      const std::lock_guard lock(mutex_);
      armed->problem = result.error().message;
    }
    service_.parts_.log.warning(
        "workflows", "a trigger could not subscribe",
        {{"workflow", armed->workflow->name}, {"trigger", armed->trigger->name}, {"error", result.error().message}});
  });
}

Task<void> Triggers::subscribe(std::shared_ptr<Armed> armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  const PlanPtr plan = armed->workflow->version->plan;
  TriggerContext context(service_.engine(), *armed->workflow, Value{{"name", trigger.name}});
  context.set_callback_url(service_.callback_url(*armed->workflow, trigger.name).value);
  Value inputs;
  try {
    inputs = trigger.inputs->evaluate(context, plan->options.evaluate);
  } catch (const expression::Failure& failure) {
    throw Error(ErrorCode::kInvalidArgument, failure.message, "inputs").with_service_code("InvalidTemplate");
  }
  if (trigger.type == TriggerType::kApiConnectionWebhook && subscriber_ != nullptr && is_event_grid(*plan, inputs)) {
    const Value body = inputs.contains("body") ? inputs["body"] : Value::object();
    const Value properties = body.contains("properties") ? body["properties"] : Value::object();
    std::string name = "workflow-" + armed->workflow->id, topic = text_of(properties, "topic");
    Value filter = properties.contains("filter") ? properties["filter"] : Value();
    std::string endpoint = armed->workflow->arm_id + "/triggers/" + trigger.name;
    co_await subscriber_->subscribe(std::move(name), std::move(topic), std::move(filter), std::move(endpoint));
  } else {
    const bool hook = trigger.type == TriggerType::kHttpWebhook;
    const auto shared = std::make_shared<const Value>(hook && inputs.contains("subscribe") ? inputs["subscribe"] : inputs);
    const net::ClientResponse response = co_await request(armed, shared, "");
    if (response.status >= 400)
      throw Error(ErrorCode::kFailedPrecondition, "the subscription was answered with status " + std::to_string(response.status),
                  "subscribe");
  }
  {
    const std::lock_guard lock(mutex_);
    armed->subscribed = true;
    armed->problem.clear();
  }
  if (!current(armed)) co_return;
  std::optional<Time> until;
  if (trigger.timeout) {
    const Value text = trigger.timeout->evaluate(context, plan->options.evaluate);
    const auto length = text.is_string() ? parse_duration(text.get_ref<const std::string&>()) : std::nullopt;
    if (length) until = service_.parts_.clock.now() + *length;
  }
  remember(*armed, until);
  if (until) schedule(armed, *until);
}

Task<void> Triggers::unsubscribe(std::shared_ptr<Armed> armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  const PlanPtr plan = armed->workflow->version->plan;
  TriggerContext context(service_.engine(), *armed->workflow, Value{{"name", trigger.name}});
  context.set_callback_url(trigger_callback_url(*armed->workflow, trigger, service_.endpoint()).value);
  Value inputs;
  try {
    inputs = trigger.inputs->evaluate(context, plan->options.evaluate);
  } catch (const expression::Failure& failure) {
    throw Error(ErrorCode::kInvalidArgument, failure.message, "inputs");
  }
  if (trigger.type == TriggerType::kApiConnectionWebhook) {
    if (subscriber_ == nullptr || !is_event_grid(*plan, inputs)) co_return;
    const Value body = inputs.contains("body") ? inputs["body"] : Value::object();
    std::string name = "workflow-" + armed->workflow->id,
                topic = text_of(body.contains("properties") ? body["properties"] : Value::object(), "topic");
    co_await subscriber_->unsubscribe(std::move(name), std::move(topic));
    co_return;
  }
  if (!inputs.contains("unsubscribe") || inputs["unsubscribe"].empty()) co_return;
  const auto shared = std::make_shared<const Value>(inputs["unsubscribe"]);
  const net::ClientResponse response = co_await request(armed, shared, "");
  (void)response;
}

}  // namespace trunkline::flows
