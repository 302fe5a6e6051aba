// Of the triggers: what happens when the time of one has come.
#include <algorithm>

#include "runtime/flows/armed_trigger.h"
#include "runtime/flows/trigger_request.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/workflow/run_context.h"

namespace trunkline::flows {
namespace {

using store::Session;
using workflow::TriggerType;

}  // namespace

void Triggers::tick(const std::shared_ptr<Armed>& armed, Time due) {
  if (!current(armed)) return;
  switch (armed->trigger->type) {
    case TriggerType::kRecurrence:
      tick_recurrence(armed, due);
      return;
    case TriggerType::kSlidingWindow:
      tick_window(armed);
      return;
    case TriggerType::kHttpWebhook:
    case TriggerType::kApiConnectionWebhook:
    case TriggerType::kApiConnectionNotification:
      tick_subscription(armed);
      return;
    default:
      start_poll(armed);
  }
}

void Triggers::tick_recurrence(const std::shared_ptr<Armed>& armed, Time due) {
  const workflow::Recurrence& recurrence = *armed->trigger->recurrence;
  std::optional<Time> next;
  TriggerRow row;
  {
    const std::lock_guard lock(mutex_);
    armed->last = due;
    ++armed->count;
    if (recurrence.count == 0 || armed->count < recurrence.count)
      next = recurrence.next(std::max(due, service_.parts_.clock.now()), armed->anchor);
    row = {armed->trigger->name, expression::to_json_text(armed->state()), next};
  }
  Firing firing;
  firing.workflow = armed->workflow;
  firing.trigger = armed->trigger;
  firing.scheduled = due;
  // Both or neither: the run, and the knowledge that this time has passed.
  const bool kept = armed->workflow->kind == WorkflowKind::kStateful;
  if (kept) firing.with = [key = armed->workflow->key, row](Session& session) { records::put_trigger(session, key, row); };
  const FiringResult result = fire(service_.engine(), std::move(firing));
  if (result.kind != FiringResult::Kind::kRuns) remember(*armed, next);
  if (next) {
    schedule(armed, *next);
  } else {
    const std::lock_guard lock(mutex_);
    armed->next.reset();
  }
}

void Triggers::tick_window(const std::shared_ptr<Armed>& armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  Time begin;
  {
    const std::lock_guard lock(mutex_);
    begin = *armed->window;
  }
  const std::optional<Time> end = trigger.recurrence->next(begin, begin);
  if (!end) return;
  Firing firing;
  firing.workflow = armed->workflow;
  firing.trigger = armed->trigger;
  firing.scheduled = *end + trigger.window_delay;
  firing.outputs = Value{{"windowStartTime", workflow::time_text(begin)}, {"windowEndTime", workflow::time_text(*end)}};
  const std::optional<Time> following = trigger.recurrence->next(*end, *end);
  const std::optional<Time> next = following ? std::optional<Time>(*following + trigger.window_delay) : std::nullopt;
  TriggerRow row;
  {
    const std::lock_guard lock(mutex_);
    armed->window = *end;
    armed->last = firing.scheduled;
    row = {trigger.name, expression::to_json_text(armed->state()), next};
  }
  if (armed->workflow->kind == WorkflowKind::kStateful)
    firing.with = [key = armed->workflow->key, row](Session& session) { records::put_trigger(session, key, row); };
  const FiringResult result = fire(service_.engine(), std::move(firing));
  if (result.kind == FiringResult::Kind::kRefused) {
    // No window is lost because others take their time.
    {
      const std::lock_guard lock(mutex_);
      armed->window = begin;
    }
    schedule(armed, service_.parts_.clock.now() + kTryAgain);
    return;
  }
  if (result.kind != FiringResult::Kind::kRuns) remember(*armed, next);
  // Windows that lie behind us are made up one after the other.
  if (next) schedule(armed, *next);
}

}  // namespace trunkline::flows
