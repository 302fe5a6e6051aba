// Of the triggers: those that let themselves be called.
#include <algorithm>

#include "runtime/base/time_text.h"
#include "runtime/flows/armed_trigger.h"
#include "runtime/flows/member_text.h"
#include "runtime/flows/notification.h"
#include "runtime/flows/trigger_request.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline::flows {
namespace {

using workflow::TriggerType;

constexpr std::string_view kEventGridConnector = "azureeventgrid";

bool is_event_grid(const workflow::Plan& plan, const Value& inputs) {
  const std::vector<std::string> names = connector_names(plan, inputs);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) { return iequals(name, kEventGridConnector); });
}

/// What its connector is mapped to.
std::string address_of(const HttpActions& http, const workflow::Plan& plan, const Value& inputs) {
  for (const std::string& name : connector_names(plan, inputs))
    if (std::string address = http.address_of(name); !address.empty()) return address;
  return {};
}

/// What goes out to subscribe.
Value subscribing(TriggerType type, const Value& inputs) {
  if (type == TriggerType::kApiConnectionNotification) return notification_part(inputs, "subscribe");
  return type == TriggerType::kHttpWebhook && inputs.contains("subscribe") ? inputs["subscribe"] : inputs;
}

}  // namespace

void Triggers::start_subscription(const std::shared_ptr<Armed>& armed, bool restored, std::optional<Time> stored_next) {
  if (restored && armed->subscribed) {
    // It stands; what a restart cut off goes on: a fetch that we were told of, or one of which an answer said when.
    std::optional<Time> next = armed->until;
    if (stored_next && (!next || *stored_next < *next)) next = stored_next;
    if (armed->told) next = service_.parts_.clock.now();
    if (next) schedule(armed, *next);
    return;
  }
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

void Triggers::tick_subscription(const std::shared_ptr<Armed>& armed) {
  if (armed->until && *armed->until <= service_.parts_.clock.now()) {
    // Its time has run out: a new one takes its place.
    spawn(subscribe(armed), [this](const Result<void>& result) {
      if (!result.ok())
        service_.parts_.log.warning("workflows", "a webhook could not be subscribed again", {{"error", result.error().message}});
    });
  }
  if (armed->trigger->type != TriggerType::kApiConnectionNotification) return;
  // It is told, or an answer said that there is more.
  if (armed->told || armed->next != armed->until) start_poll(armed);
}

Task<void> Triggers::told(WorkflowPtr workflow, std::string trigger) {
  std::shared_ptr<Armed> armed;
  bool asks = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = armed_.find(key_of(*workflow, trigger)); found != armed_.end()) {
      armed = found->second;
      armed->told = true;
      asks = armed->polling;
    }
  }
  if (!armed) throw Error(ErrorCode::kNotFound, "the trigger '" + trigger + "' does not listen", "trigger");
  // On disk before the sender hears that we know.
  if (workflow->kind == WorkflowKind::kStateful) {
    TriggerRow row{armed->trigger->name, expression::to_json_text(armed->state()), armed->next};
    auto work = [key = workflow->key, row](store::Session& session) { records::put_trigger(session, key, row); };
    co_await workflow->database->write(std::move(work));
  }
  if (asks) co_return;
  {
    // A deployment may have put another one in its place meanwhile.
    const std::lock_guard lock(mutex_);
    const auto found = armed_.find(key_of(*workflow, trigger));
    armed = found != armed_.end() ? found->second : nullptr;
  }
  if (armed) start_poll(armed);
}

Task<void> Triggers::subscribe(std::shared_ptr<Armed> armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  const PlanPtr plan = armed->workflow->version->plan;
  const Value inputs = inputs_of(*armed);
  Value subscription;
  std::string ends_at;
  if (trigger.type == TriggerType::kApiConnectionWebhook && subscriber_ != nullptr && is_event_grid(*plan, inputs)) {
    const Value body = inputs.contains("body") ? inputs["body"] : Value::object();
    const Value properties = body.contains("properties") ? body["properties"] : Value::object();
    std::string name = "workflow-" + armed->workflow->id, topic = text_of(properties, "topic");
    Value filter = properties.contains("filter") ? properties["filter"] : Value();
    std::string endpoint = armed->workflow->arm_id + "/triggers/" + trigger.name;
    co_await subscriber_->subscribe(std::move(name), std::move(topic), std::move(filter), std::move(endpoint));
  } else {
    Ask ask;
    ask.action = &armed->as_action;
    ask.operation = "subscribe";
    ask.inputs = std::make_shared<const Value>(subscribing(trigger.type, inputs));
    Answer answer = co_await request(armed, std::move(ask));
    if (answer.status >= 400)
      throw Error(ErrorCode::kFailedPrecondition, "the subscription was answered with status " + std::to_string(answer.status),
                  "subscribe");
    // A connector says where its subscription is; deleting that ends it.
    if (trigger.type != TriggerType::kHttpWebhook) {
      subscription = std::move(answer.answer.cursor);
      if (!answer.location.empty())
        ends_at = resolve_location(address_of(service_.http_actions(), *plan, inputs), answer.location);
    }
  }
  std::optional<Time> until;
  if (trigger.timeout) {
    TriggerContext context(service_.engine(), *armed->workflow, Value{{"name", trigger.name}});
    const Value text = trigger.timeout->evaluate(context, plan->options.evaluate);
    const auto length = text.is_string() ? parse_duration(text.get_ref<const std::string&>()) : std::nullopt;
    if (length) until = service_.parts_.clock.now() + *length;
  }
  {
    const std::lock_guard lock(mutex_);
    armed->subscribed = true;
    armed->subscription = std::move(subscription);
    armed->ends_at = std::move(ends_at);
    armed->until = until;
    armed->problem.clear();
  }
  if (!current(armed)) co_return;
  remember(*armed, until);
  if (until) schedule(armed, *until);
}

Task<void> Triggers::unsubscribe(std::shared_ptr<Armed> armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  const PlanPtr plan = armed->workflow->version->plan;
  const Value inputs = inputs_of(*armed);
  if (trigger.type == TriggerType::kApiConnectionWebhook && subscriber_ != nullptr && is_event_grid(*plan, inputs)) {
    const Value body = inputs.contains("body") ? inputs["body"] : Value::object();
    std::string name = "workflow-" + armed->workflow->id,
                topic = text_of(body.contains("properties") ? body["properties"] : Value::object(), "topic");
    co_await subscriber_->unsubscribe(std::move(name), std::move(topic));
    co_return;
  }
  Ask ask;
  ask.operation = "unsubscribe";
  ask.cursor = armed->subscription;
  Value given;
  if (trigger.type == TriggerType::kHttpWebhook) {
    if (!inputs.contains("unsubscribe") || inputs["unsubscribe"].empty()) co_return;
    ask.action = &armed->as_action;
    given = inputs["unsubscribe"];
  } else if (!armed->ends_at.empty()) {
    ask.action = &armed->as_end;
    given = Value{{"method", "DELETE"}, {"uri", armed->ends_at}};
  } else if (!armed->subscription.is_null()) {
    ask.action = &armed->as_action;
    given = subscribing(trigger.type, inputs);
  } else {
    co_return;  // nobody said how it ends
  }
  ask.inputs = std::make_shared<const Value>(std::move(given));
  const Answer answer = co_await request(armed, std::move(ask));
  (void)answer;
}

}  // namespace trunkline::flows
