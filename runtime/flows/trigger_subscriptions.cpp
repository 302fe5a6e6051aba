// Of the triggers: those that let themselves be called.
#include <algorithm>
#include <span>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/crypto/hash.h"
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

constexpr std::size_t kNameBytes = 4;

/// The event subscription of a trigger: Event Grid allows letters, digits and dashes, and a trigger's name has more.
std::string event_subscription_name(const Workflow& workflow, const workflow::Trigger& trigger) {
  const crypto::Digest digest = crypto::Sha256().update(to_lower(trigger.name)).finish();
  return "workflow-" + workflow.id + "-" + hex_encode(std::span(digest).first(kNameBytes));
}

/// As it was called when a workflow had one such trigger at most.
std::string former_subscription_name(const Workflow& workflow) { return "workflow-" + workflow.id; }

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

void Triggers::start_subscription(const std::shared_ptr<Armed>& armed, bool restored) {
  std::optional<Time> next;
  bool stands = false;
  {
    const std::lock_guard lock(mutex_);
    stands = restored && armed->subscribed;
    if (stands)
      // What a restart cut off goes on: a fetch that it was told of, or one of which an answer said when.
      next = armed->told ? service_.parts_.clock.now() : armed->due();
    else if (std::exchange(armed->subscribing, true))
      return;
  }
  if (next) schedule(armed, *next);
  if (stands) return;
  spawn(subscribe(armed), [this, armed](const Result<void>& result) {
    if (!result.ok()) not_subscribed(armed, result.error(), "a trigger could not subscribe");
  });
}

void Triggers::not_subscribed(const std::shared_ptr<Armed>& armed, const Error& error, std::string_view what) {
  std::optional<Time> next;
  {
    const std::lock_guard lock(mutex_);
    armed->subscribing = false;
    armed->problem = error.message;
    // Until it is asked again nothing comes, or nothing any more once the one before has run out.
    armed->until = service_.parts_.clock.now() + growing_wait(armed->failed_subscriptions++);
    next = armed->due();
  }
  service_.parts_.log.warning("workflows", what,
                              {{"workflow", armed->workflow->name}, {"trigger", armed->trigger->name}, {"error", error.message}});
  if (next && current(armed)) schedule(armed, *next);
}

void Triggers::tick_subscription(const std::shared_ptr<Armed>& armed) {
  bool renews = false, fetches = false;
  std::optional<Time> next;
  {
    const std::lock_guard lock(mutex_);
    const Time now = service_.parts_.clock.now();
    renews = armed->until && *armed->until <= now && !armed->subscribing;
    if (renews) armed->subscribing = true;
    fetches = armed->trigger->type == TriggerType::kApiConnectionNotification &&
              (armed->told || (armed->fetch_at && *armed->fetch_at <= now));
    if (!fetches) next = armed->due();
  }
  if (next) schedule(armed, *next);
  // Its time has run out: a new one takes its place.
  if (renews)
    spawn(subscribe(armed), [this, armed](const Result<void>& result) {
      if (!result.ok()) not_subscribed(armed, result.error(), "a webhook could not be subscribed again");
    });
  if (fetches) start_poll(armed);
}

Task<void> Triggers::told(WorkflowPtr workflow, std::string trigger) {
  bool asks = false, found = false;
  // On disk before the sender hears that we know. Queued under the lock: what is written last is what was so last.
  auto begin = [&](auto done) {
    const std::lock_guard lock(mutex_);
    const auto at = armed_.find(key_of(*workflow, trigger));
    found = at != armed_.end();
    if (found) {
      Armed& armed = *at->second;
      armed.told = true;
      ++armed.changes;
      asks = armed.polling;
      if (armed.workflow->kind == WorkflowKind::kStateful) {
        TriggerRow row{armed.trigger->name, expression::to_json_text(armed.state()), armed.next};
        workflow->database->write(
            [key = workflow->key, row = std::move(row)](store::Session& session) { records::put_trigger(session, key, row); },
            std::move(done));
        return;
      }
    }
    service_.parts_.executor.post([done = std::move(done)]() mutable { done(Result<void>()); });
  };
  auto pending = from_callback<void>(std::move(begin));
  co_await pending;
  if (!found) throw Error(ErrorCode::kNotFound, "the trigger '" + trigger + "' does not listen", "trigger");
  if (asks) co_return;
  std::shared_ptr<Armed> armed;
  {
    // A deployment may have put another one in its place meanwhile.
    const std::lock_guard lock(mutex_);
    const auto at = armed_.find(key_of(*workflow, trigger));
    if (at != armed_.end()) armed = at->second;
  }
  if (armed) start_poll(armed);
}

Task<void> Triggers::subscribe(std::shared_ptr<Armed> armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  const PlanPtr plan = armed->workflow->version->plan;
  const Value inputs = inputs_of(*armed);
  Value subscription;
  std::string ends_at;
  std::optional<Duration> length;
  if (trigger.timeout) {
    // Before anything is asked: a subscription that is made and not known is never ended.
    TriggerContext context(service_.engine(), *armed->workflow, Value{{"name", trigger.name}});
    const Value text = trigger.timeout->evaluate(context, plan->options.evaluate);
    if (text.is_string()) length = parse_duration(text.get_ref<const std::string&>());
  }
  if (trigger.type == TriggerType::kApiConnectionWebhook && subscriber_ != nullptr && is_event_grid(*plan, inputs)) {
    const Value body = inputs.contains("body") ? inputs["body"] : Value::object();
    const Value properties = body.contains("properties") ? body["properties"] : Value::object();
    std::string name = event_subscription_name(*armed->workflow, trigger), topic = text_of(properties, "topic");
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
  std::optional<Time> next;
  // They were disabled, removed or followed by another version while the other side was asked, which would go on calling.
  std::vector<std::shared_ptr<Armed>> orphans;
  {
    const std::lock_guard lock(mutex_);
    armed->subscribed = true;
    armed->subscribing = false;
    ++armed->changes;
    armed->failed_subscriptions = 0;
    armed->subscription = std::move(subscription);
    armed->ends_at = std::move(ends_at);
    armed->until = length ? std::optional<Time>(service_.parts_.clock.now() + *length) : std::nullopt;
    armed->problem.clear();
    next = armed->due();
    // What names itself ends alone. Anything else ends by the address of its trigger, which is that of its successor too.
    const bool alone = !armed->ends_at.empty() || !armed->subscription.is_null();
    const auto place = armed_.find(key_of(*armed->workflow, trigger.name));
    if (stopped_) {
      // What stands goes on after the next start.
    } else if (place == armed_.end()) {
      orphans.push_back(armed);
    } else if (place->second == armed) {
      orphans.swap(armed->orphans);
      std::erase_if(orphans, [&](const auto& one) { return one->shares_subscription(*armed); });
    } else if (alone) {
      // A connector may have one subscription for each address that it calls: ours is the successor's then.
      Armed& successor = *place->second;
      if (successor.subscribing)
        successor.orphans.push_back(armed);
      else if (!successor.shares_subscription(*armed))
        orphans.push_back(armed);
    }
  }
  for (const auto& orphan : orphans) end_subscription(orphan);
  if (!current(armed)) co_return;
  remember(*armed, next);
  if (next) schedule(armed, *next);
}

void Triggers::end_subscription(const std::shared_ptr<Armed>& armed) {
  spawn(unsubscribe(armed), [this](const Result<void>& result) {
    if (!result.ok())
      service_.parts_.log.warning("workflows", "a webhook could not be unsubscribed", {{"error", result.error().message}});
  });
}

Task<void> Triggers::unsubscribe(std::shared_ptr<Armed> armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  const PlanPtr plan = armed->workflow->version->plan;
  const Value inputs = inputs_of(*armed);
  if (trigger.type == TriggerType::kApiConnectionWebhook && subscriber_ != nullptr && is_event_grid(*plan, inputs)) {
    const Value body = inputs.contains("body") ? inputs["body"] : Value::object();
    std::string topic = text_of(body.contains("properties") ? body["properties"] : Value::object(), "topic"), same = topic;
    std::string name = event_subscription_name(*armed->workflow, trigger), former = former_subscription_name(*armed->workflow);
    co_await subscriber_->unsubscribe(std::move(name), std::move(topic));
    co_await subscriber_->unsubscribe(std::move(former), std::move(same));
    co_return;
  }
  Ask ask;
  ask.operation = "unsubscribe";
  Value given;
  std::string ends_at;
  {
    const std::lock_guard lock(mutex_);
    ask.cursor = armed->subscription;
    ends_at = armed->ends_at;
  }
  if (trigger.type == TriggerType::kHttpWebhook) {
    if (!inputs.contains("unsubscribe") || inputs["unsubscribe"].empty()) co_return;
    ask.action = &armed->as_action;
    given = inputs["unsubscribe"];
  } else if (!ends_at.empty()) {
    ask.action = &armed->as_end;
    given = Value{{"method", "DELETE"}, {"uri", ends_at}};
  } else if (!ask.cursor.is_null()) {
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
