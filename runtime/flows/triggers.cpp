#include "runtime/flows/triggers.h"

#include "runtime/base/time_text.h"
#include "runtime/flows/armed_trigger.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/workflow/run_context.h"

namespace trunkline::flows {
namespace {

using store::Session;
using workflow::TriggerType;

bool ticks(TriggerType type) {
  return type == TriggerType::kRecurrence || type == TriggerType::kSlidingWindow || type == TriggerType::kHttp ||
         type == TriggerType::kApiConnection || type == TriggerType::kServiceProvider;
}
bool subscribes(TriggerType type) {
  return type == TriggerType::kHttpWebhook || type == TriggerType::kApiConnectionWebhook ||
         type == TriggerType::kApiConnectionNotification;
}

/// Its windows follow each other without a gap, also over a time for which the workflow was disabled.
bool keeps_its_place(TriggerType type) { return type == TriggerType::kSlidingWindow; }

std::optional<Time> time_in(const Value& state, const char* name) {
  const auto found = state.find(name);
  return found != state.end() && found->is_string() ? parse_rfc3339(found->get_ref<const std::string&>()) : std::nullopt;
}

/// Of the requests that it makes.
workflow::ActionType action_type(TriggerType type) {
  switch (type) {
    case TriggerType::kApiConnection:
      return workflow::ActionType::kApiConnection;
    case TriggerType::kServiceProvider:
      return workflow::ActionType::kServiceProvider;
    case TriggerType::kApiConnectionWebhook:
    case TriggerType::kApiConnectionNotification:
      return workflow::ActionType::kApiConnectionWebhook;
    default:
      return workflow::ActionType::kHttp;
  }
}

bool same_trigger(const workflow::Trigger& was, const workflow::Trigger& is) {
  return was.type == is.type && was.raw_inputs == is.raw_inputs && was.raw_recurrence == is.raw_recurrence;
}

}  // namespace

Value Triggers::Armed::state() const {
  Value out{{"anchor", format_rfc3339(anchor)}, {"count", count}};
  if (last) out["last"] = format_rfc3339(*last);
  if (window) out["window"] = format_rfc3339(*window);
  if (!location.empty()) out["location"] = location;
  if (!cursor.is_null()) out["cursor"] = cursor;
  if (subscribed) out["subscribed"] = true;
  if (!ends_at.empty()) out["endsAt"] = ends_at;
  if (!subscription.is_null()) out["subscription"] = subscription;
  if (until) out["until"] = format_rfc3339(*until);
  if (told) out["told"] = true;
  if (fetch_at) out["fetchAt"] = format_rfc3339(*fetch_at);
  return out;
}

void Triggers::Armed::read(const Value& state) {
  anchor = time_in(state, "anchor").value_or(anchor);
  last = time_in(state, "last");
  window = time_in(state, "window");
  if (const auto found = state.find("count"); found != state.end() && found->is_number_integer()) count = *found;
  if (const auto found = state.find("location"); found != state.end() && found->is_string()) location = *found;
  if (const auto found = state.find("subscribed"); found != state.end() && found->is_boolean()) subscribed = *found;
  if (const auto found = state.find("cursor"); found != state.end()) cursor = *found;
  if (const auto found = state.find("subscription"); found != state.end()) subscription = *found;
  if (const auto found = state.find("endsAt"); found != state.end() && found->is_string()) ends_at = *found;
  until = time_in(state, "until");
  told = state.contains("told");
  fetch_at = time_in(state, "fetchAt");
}

Triggers::Triggers(WorkflowService& service) : service_(service) {}
Triggers::~Triggers() = default;

Triggers::Key Triggers::key_of(const Workflow& workflow, std::string_view trigger) {
  return {{workflow.database, workflow.key}, to_lower(trigger)};
}

void Triggers::stop() {
  std::map<Key, std::shared_ptr<Armed>> all;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    all.swap(armed_);
  }
  for (const auto& [key, armed] : all)
    if (armed->timer != 0) service_.parts_.clock.cancel(armed->timer);
}

bool Triggers::current(const std::shared_ptr<Armed>& armed) const {
  const std::lock_guard lock(mutex_);
  const auto found = armed_.find(key_of(*armed->workflow, armed->trigger->name));
  return !stopped_ && found != armed_.end() && found->second == armed;
}

void Triggers::changed(const WorkflowPtr& before, const WorkflowPtr& after, bool restored) {
  const auto triggers_of = [](const WorkflowPtr& workflow) -> const std::vector<workflow::Trigger>* {
    return workflow && workflow->version && workflow->version->plan ? &workflow->version->plan->triggers : nullptr;
  };
  const auto* was = triggers_of(before);
  const auto* is = triggers_of(after);
  if (was != nullptr)
    for (const workflow::Trigger& trigger : *was) {
      const workflow::Trigger* now = is != nullptr ? after->version->plan->find_trigger(trigger.name) : nullptr;
      const bool same = now != nullptr && same_trigger(trigger, *now);
      // One that stays as it is goes on as if nothing had happened; it only has to follow the new version.
      if (same && before->enabled && after->enabled) continue;
      disarm(before, trigger, same && keeps_its_place(trigger.type));
    }
  if (is == nullptr || !after->enabled) return;
  for (const workflow::Trigger& trigger : *is) {
    const workflow::Trigger* old = was != nullptr ? before->version->plan->find_trigger(trigger.name) : nullptr;
    const bool resumed = keeps_its_place(trigger.type) && old != nullptr && !before->enabled && same_trigger(*old, trigger);
    arm(after, trigger, restored || resumed);
  }
}

void Triggers::arm(const WorkflowPtr& workflow, const workflow::Trigger& trigger, bool restored) {
  if (!service_.options().automatic_triggers || (!ticks(trigger.type) && !subscribes(trigger.type))) return;
  const Time now = service_.parts_.clock.now();
  auto armed = std::make_shared<Armed>();
  armed->workflow = workflow;
  armed->trigger = &trigger;
  armed->anchor = now;
  for (workflow::Action* action : {&armed->as_action, &armed->as_fetch, &armed->as_end}) {
    action->name = trigger.name;
    action->suppress_headers = trigger.suppress_request_headers;
  }
  armed->as_action.type = action_type(trigger.type);
  armed->as_fetch.type = workflow::ActionType::kApiConnection;
  armed->as_end.type = workflow::ActionType::kHttp;
  std::optional<Time> stored_next;
  if (restored) {
    workflow->database->read([&](Session& session) {
      for (const TriggerRow& row : records::triggers(session, workflow->key))
        if (iequals(row.name, trigger.name)) {
          armed->read(expression::parse_value(row.state));
          stored_next = row.next;
        }
    });
    // A row that an older program wrote of a webhook has no `until`: its next time is the end of the subscription.
    if (armed->subscribed && !armed->until && trigger.type != TriggerType::kApiConnectionNotification) armed->until = stored_next;
  }
  std::shared_ptr<Armed> before;
  bool subscribes_anew = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    std::shared_ptr<Armed>& place = armed_[key_of(*workflow, trigger.name)];
    before = std::exchange(place, armed);
    if (before) {
      // It goes on as if nothing had happened, for the new version.
      armed->anchor = before->anchor;
      armed->last = before->last;
      armed->next = before->next;
      armed->count = before->count;
      armed->window = before->window;
      armed->location = before->location;
      armed->cursor = before->cursor;
      armed->subscribed = before->subscribed;
      armed->ends_at = before->ends_at;
      armed->subscription = before->subscription;
      armed->orphans = std::move(before->orphans);
      armed->until = before->until;
      // What the old one is fetching does not count once we are here, so it is fetched again.
      armed->told = before->told || (trigger.type == TriggerType::kApiConnectionNotification && before->polling);
      armed->failures = before->failures;
      armed->fetch_at = before->fetch_at;
      armed->failed_subscriptions = before->failed_subscriptions;
      if (subscribes(trigger.type)) armed->next = armed->told ? now : armed->due();
      // Its answer would be the old one's; a renewal is due anyway.
      subscribes_anew = before->subscribing && !before->subscribed;
      armed->problem = before->problem;
    }
  }
  if (before) {
    if (before->timer != 0) service_.parts_.clock.cancel(before->timer);
    if (armed->next) schedule(armed, *armed->next);
    // What kept the old version from subscribing may be what the new one mends.
    if (subscribes(trigger.type) && (subscribes_anew || !armed->problem.empty())) start_subscription(armed, restored);
    return;
  }
  if (subscribes(trigger.type)) {
    start_subscription(armed, restored);
    return;
  }
  if (!trigger.recurrence) return;
  if (trigger.type == TriggerType::kServiceProvider && !is_mapped(*armed)) return;
  std::optional<Time> next;
  if (trigger.type == TriggerType::kSlidingWindow) {
    if (!armed->window) armed->window = trigger.recurrence->start().value_or(now);
    const auto end = trigger.recurrence->next(*armed->window, *armed->window);
    if (end) next = *end + trigger.window_delay;
    // Without a start of its own only we know where the first window begins. What a stateless one left when it was disabled has
    // been taken over.
    if (workflow->kind == WorkflowKind::kStateful)
      remember(*armed, next);
    else
      forget(workflow, trigger);
  } else if (restored && stored_next && *stored_next > now) {
    next = stored_next;
  } else if (restored && armed->last) {
    next = trigger.recurrence->next(now, armed->anchor);  // missed times are not made up
  } else {
    next = trigger.recurrence->first(now);
  }
  if (next) schedule(armed, *next);
}

/// Whether something stands behind the provider that the trigger names; says so where it does not.
bool Triggers::is_mapped(Armed& armed) {
  const std::vector<std::string> names = connector_names(*armed.workflow->version->plan, armed.trigger->raw_inputs);
  if (service_.engine().stands_behind(names)) return true;
  const std::string problem =
      "nothing here fires a trigger of '" + (names.empty() ? std::string("?") : names.front()) +
      "': map it to an address or a function under `connections` in the configuration, or fire it by hand";
  service_.parts_.log.warning("workflows", "a trigger has nothing behind it",
                              {{"workflow", armed.workflow->name}, {"trigger", armed.trigger->name}, {"error", problem}});
  const std::lock_guard lock(mutex_);
  armed.problem = problem;
  return false;
}

void Triggers::forget(const WorkflowPtr& workflow, const workflow::Trigger& trigger) {
  workflow->database->write(
      [workflow, name = trigger.name](Session& session) { records::remove_trigger(session, workflow->key, name); },
      [](Result<void>) {});
}

void Triggers::disarm(const WorkflowPtr& workflow, const workflow::Trigger& trigger, bool keep) {
  std::shared_ptr<Armed> armed;
  bool subscribed = false;
  std::vector<std::shared_ptr<Armed>> orphans;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = armed_.find(key_of(*workflow, trigger.name)); found != armed_.end()) {
      armed = std::move(found->second);
      armed_.erase(found);
      subscribed = armed->subscribed;
      orphans.swap(armed->orphans);
      std::erase_if(orphans, [&](const auto& one) { return subscribed && one->shares_subscription(*armed); });
    }
  }
  if (!armed) {
    // It was disabled already; what it remembers goes once the trigger becomes another one.
    if (!keep && keeps_its_place(trigger.type)) forget(workflow, trigger);
    return;
  }
  if (armed->timer != 0) service_.parts_.clock.cancel(armed->timer);
  if (subscribed) end_subscription(armed);
  for (const auto& orphan : orphans) end_subscription(orphan);
  if (keep)
    write_down(*armed, std::nullopt);
  else
    forget(workflow, trigger);
}

void Triggers::remember(const Armed& armed, std::optional<Time> next) {
  if (armed.workflow->kind == WorkflowKind::kStateful) write_down(armed, next);
}

void Triggers::write_down(const Armed& armed, std::optional<Time> next) {
  Log& log = service_.parts_.log;
  // Queued under the lock: what is written last is what was so last.
  const std::lock_guard lock(mutex_);
  TriggerRow row{armed.trigger->name, expression::to_json_text(armed.state()), next};
  armed.workflow->database->write(
      [workflow = armed.workflow, row = std::move(row)](Session& session) { records::put_trigger(session, workflow->key, row); },
      [&log](Result<void> result) {
        if (!result.ok())
          log.warning("workflows", "the state of a trigger could not be written", {{"error", result.error().message}});
      });
}

void Triggers::schedule(const std::shared_ptr<Armed>& armed, Time due) {
  Clock::TimerId old = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    armed->next = due;
    old = std::exchange(armed->timer, 0);
  }
  if (old != 0) service_.parts_.clock.cancel(old);
  const Clock::TimerId made = service_.parts_.clock.schedule_at(due, [this, weak = std::weak_ptr<Armed>(armed), due] {
    if (const auto self = weak.lock()) tick(self, due);
  });
  const std::lock_guard lock(mutex_);
  armed->timer = made;
}

TriggerState Triggers::state_of(const Workflow& workflow, const workflow::Trigger& trigger) const {
  TriggerState out;
  const std::lock_guard lock(mutex_);
  const auto found = armed_.find(key_of(workflow, trigger.name));
  if (found == armed_.end()) return out;
  out.last = found->second->last;
  out.next = found->second->next;
  out.problem = found->second->problem;
  return out;
}

}  // namespace trunkline::flows
