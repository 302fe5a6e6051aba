// Of the triggers: those that ask others.
#include <algorithm>

#include "runtime/flows/armed_trigger.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/member_text.h"
#include "runtime/flows/notification.h"
#include "runtime/flows/trigger_request.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline::flows {
namespace {

using workflow::Status;
using workflow::TriggerType;

/// Conditions compare the code with a number or with a name, whichever they were written with.
Value code_value(const workflow::Trigger& trigger, int status) {
  if (trigger.conditions_name_status) return status_name(status);
  return status;
}

}  // namespace

std::optional<Time> Triggers::next_poll(const Armed& armed, std::optional<Time> asked) const {
  std::optional<Time> next = asked;
  if (!next && armed.trigger->recurrence) next = armed.trigger->recurrence->next(service_.parts_.clock.now(), armed.anchor);
  return next;
}

void Triggers::start_poll(const std::shared_ptr<Armed>& armed) {
  spawn(poll(armed), [this](const Result<FiringResult>& result) {
    if (!result.ok()) service_.parts_.log.error("workflows", "a poll failed", {{"error", result.error().message}});
  });
}

Task<FiringResult> Triggers::poll(std::shared_ptr<Armed> armed) {
  const workflow::Trigger& trigger = *armed->trigger;
  const bool notified = trigger.type == TriggerType::kApiConnectionNotification;
  FiringResult result;
  // Nothing is taken that there is no room for.
  const bool full = service_.engine().is_full(*armed->workflow, trigger);
  const Time began = service_.parts_.clock.now();
  std::int64_t changes = 0;
  std::optional<Time> next;
  {
    const std::lock_guard lock(mutex_);
    result.kind = FiringResult::Kind::kSkipped;
    if (stopped_ || (!full && std::exchange(armed->polling, true))) co_return result;
    changes = armed->changes;
    armed->told = full && notified;
    armed->fetch_at = armed->told ? std::optional<Time>(began + kTryAgain) : std::nullopt;
    if (full) next = notified ? armed->due() : next_poll(*armed, std::nullopt);
  }
  if (full) {
    result.kind = FiringResult::Kind::kRefused;
    if (next && current(armed)) schedule(armed, *next);
    co_return result;
  }
  Value inputs;
  std::optional<Error> failure;
  bool may_help = false;  // asking again
  std::string location;
  try {
    inputs = inputs_of(*armed);
    if (notified) inputs = notification_part(inputs, "fetch");
    Ask ask;
    ask.action = notified ? &armed->as_fetch : &armed->as_action;
    ask.operation = notified ? "fetch" : "poll";
    ask.inputs = std::make_shared<const Value>(inputs);
    {
      const std::lock_guard lock(mutex_);
      location = ask.location = armed->location;
      ask.cursor = armed->cursor;
    }
    std::string url = location.empty() ? text_of(inputs, "uri") : location;
    Answer answer = co_await request(armed, std::move(ask));
    may_help = asking_again_helps(answer.status);
    if (current(armed)) result = take_answer(armed, std::move(answer), inputs, std::move(url));
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) {
    result.kind = FiringResult::Kind::kFailed;
    result.code = failure->service_code.empty() ? "BadGateway" : failure->service_code;
    result.message = failure->message;
    const Value error{{"code", result.code}, {"message", result.message}};
    record_firing(service_.engine(), *armed->workflow, trigger, Status::kFailed, result.code, error, inputs, nullptr, began,
                  began);
    may_help = HttpActions::answer_of(*failure).retryable;
    const std::lock_guard lock(mutex_);
    armed->location.clear();
    if (armed->failed_subscriptions == 0)
      armed->problem = failure->code == ErrorCode::kInvalidArgument ? failure->message : std::string();
    if (!notified) armed->next.reset();
  }
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    armed->polling = false;
    armed->last = began;
    std::optional<Time> asked = notified ? armed->fetch_at : armed->next;
    if (asked && *asked <= began) asked.reset();
    if (notified && result.kind == FiringResult::Kind::kFailed && may_help) {
      // What it was told of is still to be fetched; nobody tells it again.
      armed->told = true;
      armed->location = location;
      asked = std::max(asked.value_or(began), service_.parts_.clock.now() + growing_wait(armed->failures++));
    } else {
      if (result.kind != FiringResult::Kind::kFailed) armed->failures = 0;
      // Told once more while it fetched: what came since may have been missed.
      if (armed->told) asked = began;
    }
    next = next_poll(*armed, asked);
    if (notified) {
      armed->fetch_at = next;
      next = armed->due();
    }
    changed = armed->changes != changes;
  }
  if (!current(armed)) co_return result;
  // Runs that there are write it themselves, as it was when they began; those that the runtime refused while it ends leave it.
  if (result.kind == FiringResult::Kind::kSkipped || result.kind == FiringResult::Kind::kFailed ||
      (result.kind == FiringResult::Kind::kRuns && changed))
    remember(*armed, next);
  if (next) schedule(armed, *next);
  co_return result;
}

FiringResult Triggers::take_answer(const std::shared_ptr<Armed>& armed, Answer answer, const Value& inputs, std::string url) {
  const workflow::Trigger& trigger = *armed->trigger;
  const Time now = service_.parts_.clock.now();
  TriggerRow row;
  {
    const std::lock_guard lock(mutex_);
    // Of a renewal that failed it stays.
    if (armed->failed_subscriptions == 0) armed->problem.clear();
    armed->last = now;
    armed->location = answer.location.empty() ? std::string() : resolve_location(url, answer.location);
    if (answer.status < 400) armed->cursor = std::move(answer.answer.cursor);
    // What the answer says of the next time counts, even if that is sooner than the recurrence.
    const std::optional<Time> asked =
        answer.asked ? std::optional<Time>(now + std::max(*answer.asked, Duration{1'000})) : std::nullopt;
    std::optional<Time> next = next_poll(*armed, asked);
    if (trigger.type == TriggerType::kApiConnectionNotification) {
      armed->fetch_at = next;
      next = armed->due();
    } else {
      armed->next = asked;
    }
    row = {trigger.name, expression::to_json_text(armed->state()), next};
  }
  FiringResult skipped;
  skipped.kind = FiringResult::Kind::kSkipped;
  skipped.code = answer.answer.code;
  if (answer.status >= 400 && !trigger.conditions_name_code) {
    skipped.kind = FiringResult::Kind::kFailed;
    const Value error{{"code", answer.answer.code},
                      {"message", "The poll was answered with status " + std::to_string(answer.status) + "."}};
    record_firing(service_.engine(), *armed->workflow, trigger, Status::kFailed, answer.answer.code, error, inputs,
                  answer.answer.outputs, now, now);
    return skipped;
  }
  if (answer.status != 200 && !trigger.conditions_name_code) {
    record_firing(service_.engine(), *armed->workflow, trigger, Status::kSkipped, answer.answer.code, nullptr, inputs,
                  answer.answer.outputs, now, now);
    return skipped;
  }
  Firing firing;
  firing.workflow = armed->workflow;
  firing.trigger = armed->trigger;
  // There was room when it asked. However many items came, whoever gave them does not give them again.
  firing.taken = true;
  firing.inputs = inputs;
  firing.inputs.erase("authentication");
  firing.outputs = std::move(answer.answer.outputs);
  firing.code = code_value(trigger, answer.status);
  if (armed->workflow->kind == WorkflowKind::kStateful) {
    // Where it goes on is known once everything that it was given is on disk, and not before.
    firing.with_last = [key = armed->workflow->key, row = std::move(row)](store::Session& session) {
      records::put_trigger(session, key, row);
    };
  }
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

}  // namespace trunkline::flows
