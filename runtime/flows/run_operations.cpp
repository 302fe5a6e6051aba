// Of a run: its operations, from their beginning through retries and waits to their end.
#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/flows/engine.h"
#include "runtime/flows/http_actions.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/member_text.h"
#include "runtime/flows/retry_policy.h"
#include "runtime/flows/run.h"
#include "runtime/flows/trigger_request.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {
namespace {

using workflow::ActionType;
using workflow::Event;
using workflow::EventKind;
using workflow::Operation;
using workflow::Status;

const std::string kChild = "child:";
constexpr std::string_view kCallback = "callback";

bool is_webhook(ActionType type) { return type == ActionType::kHttpWebhook || type == ActionType::kApiConnectionWebhook; }

Event event(EventKind kind, Time at, FrameId frame, ActionIndex action) {
  Event out;
  out.kind = kind;
  out.at = at;
  out.frame = frame;
  out.action = action;
  return out;
}

}  // namespace

Operation* Run::operation(FrameId frame, ActionIndex action) const {
  workflow::Frame* at = machine_->state().find_frame(frame);
  if (at == nullptr) return nullptr;
  workflow::Cell& cell = machine_->state().cell(*at, action);
  return cell.status == Status::kRunning && cell.record ? cell.record->operation.get() : nullptr;
}

bool Run::is_in_flight(FrameId frame, ActionIndex action) const {
  return std::any_of(in_flight_.begin(), in_flight_.end(),
                     [&](const InFlight& one) { return one.frame == frame && one.action == action; });
}

Run::InFlight* Run::in_flight(std::uint64_t launch) {
  const auto found =
      std::find_if(in_flight_.begin(), in_flight_.end(), [&](const InFlight& one) { return one.launch == launch; });
  return found == in_flight_.end() ? nullptr : &*found;
}

ActionCall Run::make_call(FrameId frame, ActionIndex action) {
  const workflow::Action& what = version_->plan->actions[action];
  const workflow::Record& record = *machine_->state().cell(*machine_->state().find_frame(frame), action).record;
  ActionCall call;
  call.action = &what;
  call.plan = version_->plan;
  call.inputs = record.inputs;
  if (what.type == ActionType::kHttpWebhook && record.inputs)
    if (const auto subscribe = record.inputs->find("subscribe"); subscribe != record.inputs->end())
      call.inputs = std::make_shared<const Value>(*subscribe);
  call.workflow = workflow_;
  call.run_name = name_;
  call.client_tracking_id = row_.client_tracking_id;
  call.action_tracking_id = tracking_id(frame, action);
  call.idempotency_key = stable_guid(row_.key, (std::uint64_t{frame} << 32) | action, 2);
  if (record.operation) {
    call.retries = record.operation->retries;
    call.location = record.operation->location;
  }
  call.cancel = net::CancelToken::make();
  return call;
}

void Run::start_operation(FrameId frame, ActionIndex action) {
  const Operation* one = operation(frame, action);
  if (one == nullptr) return;
  if (version_->plan->actions[action].type == ActionType::kWorkflow) {
    begin_child(frame, action);
    return;
  }
  Launch launch;
  launch.call = make_call(frame, action);
  if (const workflow::Action& what = version_->plan->actions[action]; what.type == ActionType::kJavaScriptCode)
    launch.call.script_context =
        std::make_shared<const Value>(machine_->context().script_context(*machine_->state().find_frame(frame), what));
  launch.port = engine_.port_for(launch.call);
  if (launch.port == nullptr) {
    const workflow::Action& what = version_->plan->actions[action];
    machine_->finish(
        frame, action, Status::kFailed, "NotFound", Value(),
        Value{{"code", "ConnectorNotMapped"},
              {"message", "Nothing here performs the action '" + what.name + "' of type '" + what.type_name + "'."}});
    return;
  }
  launch.frame = frame;
  launch.action = action;
  launch.launch = ++last_launch_;
  in_flight_.push_back({frame, action, launch.launch, now(), launch.call.cancel});
  // What may be done twice need not wait until it is written that it was done once.
  if (!durable() || launch.port->repeats_safely(launch.call))
    send(std::move(launch));
  else
    pending_.launches.push_back(std::move(launch));
}

void Run::send(Launch launch) {
  ActionPort* port = launch.port;
  port->run(std::move(launch.call), [self = shared_from_this(), number = launch.launch](ActionAnswer answer) mutable {
    Input input = [number, answer = std::move(answer)](Run& run) mutable { run.on_answer(number, std::move(answer)); };
    self->post(input);
  });
}

void Run::on_answer(std::uint64_t number, ActionAnswer answer) {
  const InFlight* found = in_flight(number);
  if (found == nullptr || ended()) return;  // it was given up
  const InFlight flight = *found;
  std::erase_if(in_flight_, [&](const InFlight& one) { return one.launch == number; });
  const Operation* one = operation(flight.frame, flight.action);
  if (one == nullptr) return;
  const workflow::Action& what = version_->plan->actions[flight.action];
  if (answer.status == Status::kSucceeded && !answer.location.empty() && !is_webhook(what.type)) {
    Event poll = event(EventKind::kPoll, now(), flight.frame, flight.action);
    poll.text = answer.location;
    poll.due = poll.at + answer.retry_after.value_or(Duration{0});
    machine_->append(std::move(poll));
    return;
  }
  if (answer.status == Status::kFailed && answer.retryable) {
    retry(flight, *one, answer);
    return;
  }
  if (answer.status == Status::kSucceeded && is_webhook(what.type)) {
    Event wait = event(EventKind::kWaiting, now(), flight.frame, flight.action);
    wait.text = kCallback;
    machine_->append(std::move(wait));
    return;
  }
  machine_->finish(flight.frame, flight.action, answer.status, std::move(answer.code), std::move(answer.outputs),
                   std::move(answer.error));
}

void Run::retry(const InFlight& flight, const Operation& one, ActionAnswer& answer) {
  const workflow::Record& record = *machine_->state().cell(*machine_->state().find_frame(flight.frame), flight.action).record;
  std::optional<Duration> wait;
  try {
    const bool hook = version_->plan->actions[flight.action].type == ActionType::kHttpWebhook;
    const RetryPolicy policy = read_retry_policy(
        hook && record.inputs->contains("subscribe") ? (*record.inputs)["subscribe"] : *record.inputs, version_->plan->options);
    wait = policy.wait(one.retries + 1, answer.retry_after,
                       static_cast<double>(random_below(1u << 30)) / static_cast<double>(1u << 30));
  } catch (const Error& error) {
    answer.code = "BadRequest";
    answer.error = Value{{"code", "InvalidTemplate"}, {"message", error.message}};
  }
  if (!wait) {
    machine_->finish(flight.frame, flight.action, answer.status, std::move(answer.code), std::move(answer.outputs),
                     std::move(answer.error));
    return;
  }
  Event next = event(EventKind::kRetry, now(), flight.frame, flight.action);
  next.due = next.at + *wait;
  Value attempt{{"startTime", workflow::time_text(flight.started)},
                {"endTime", workflow::time_text(next.at)},
                {"code", answer.code},
                {"clientRequestId", stable_guid(row_.key, (std::uint64_t{flight.frame} << 32) | flight.action, 2)}};
  if (!answer.error.is_null()) attempt["error"] = Value{{"error", answer.error}};
  next.extra = std::make_shared<const Value>(std::move(attempt));
  machine_->append(std::move(next));
}

void Run::on_due() {
  if (ended() || held_) return;
  const Time at = now();
  if (at >= deadline()) {
    for (const auto& [frame, action] : std::vector(machine_->state().operations())) unsubscribe(frame, action);
    machine_->time_out();
    collect();
    return;
  }
  for (const auto& [frame, action] : std::vector(machine_->state().operations())) {
    const Operation* one = operation(frame, action);
    if (one == nullptr) continue;
    const workflow::Action& what = version_->plan->actions[action];
    if (one->deadline && *one->deadline <= at) {
      unsubscribe(frame, action);
      std::erase_if(in_flight_, [&, frame = frame, action = action](InFlight& flight) {
        const bool mine = flight.frame == frame && flight.action == action;
        if (mine) flight.cancel.cancel();
        return mine;
      });
      machine_->finish(
          frame, action, Status::kTimedOut, "ActionTimedOut", Value(),
          Value{{"code", "ActionTimedOut"}, {"message", "The execution of template action '" + what.name + "' timed out."}});
    } else if (one->due && *one->due <= at && !is_in_flight(frame, action)) {
      if (what.type == ActionType::kWait)
        machine_->finish(frame, action, Status::kSucceeded, "OK", Value());
      else
        start_operation(frame, action);
    }
  }
}

/// After it was read from the store: what was under way has an outcome that nobody told us.
void Run::resume_operations() {
  if (ended()) return;
  for (const auto& [frame, action] : std::vector(machine_->state().operations())) {
    const Operation* one = operation(frame, action);
    const workflow::Action& what = version_->plan->actions[action];
    if (one == nullptr || what.type == ActionType::kWait || one->due) continue;
    if (one->waiting_for.starts_with(kChild)) {
      look_after_child(frame, action);
      continue;
    }
    if (!one->waiting_for.empty()) continue;
    if (what.type != ActionType::kWorkflow) {
      const ActionCall call = make_call(frame, action);
      const ActionPort* port = engine_.port_for(call);
      RetryPolicy policy;
      try {
        policy = read_retry_policy(*call.inputs, version_->plan->options);
      } catch (const Error&) {
        policy.kind = RetryPolicy::Kind::kNone;
      }
      if (port != nullptr && !port->repeats_safely(call) && policy.kind == RetryPolicy::Kind::kNone) {
        machine_->finish(frame, action, Status::kFailed, "OutcomeUnknown", Value(),
                         Value{{"code", "OutcomeUnknown"},
                               {"message", "The runtime stopped while the action '" + what.name +
                                               "' was under way, and its retry policy does not allow another attempt."}});
        continue;
      }
    }
    start_operation(frame, action);
  }
}

void Run::begin_child(FrameId frame, ActionIndex action) {
  const SharedValue inputs = make_call(frame, action).inputs;
  const workflow::Action& what = version_->plan->actions[action];
  const auto fail = [&](std::string code, std::string error, std::string message) {
    machine_->finish(frame, action, Status::kFailed, std::move(code), Value(),
                     Value{{"code", std::move(error)}, {"message", std::move(message)}});
  };
  const auto host = inputs->find("host");
  const Value& target = host != inputs->end() ? *host : *inputs;
  const std::string id = target.contains("workflow") ? text_of(target["workflow"], "id") : "";
  const WorkflowPtr child = engine_.parts().registry.find_workflow(
      id.find('/') == std::string::npos ? workflow_->arm_id.substr(0, workflow_->arm_id.rfind('/') + 1) + id : id);
  if (!child || !child->version || !child->version->plan) {
    fail("NotFound", "WorkflowNotFound",
         "The workflow '" + id + "' that the action '" + what.name + "' calls could not be found.");
    return;
  }
  if (!child->version->plan->has_response) {
    fail("BadRequest", "NestedWorkflowDoesNotContainResponseAction",
         "The workflow '" + child->name + "' must contain a Response action to be called by the action '" + what.name + "'.");
    return;
  }
  if (!child->enabled) {
    fail("BadRequest", "WorkflowTriggerIsNotEnabled", "The workflow '" + child->name + "' is disabled.");
    return;
  }
  Event wait = event(EventKind::kWaiting, now(), frame, action);
  wait.text = kChild + std::to_string(engine_.new_key()) + " " + child->arm_id;
  machine_->append(std::move(wait));
  // Begins once that is written, so that no crash can make two children.
  pending_.calls.push_back([self = shared_from_this(), frame, action] {
    Input input = [frame, action](Run& run) { run.look_after_child(frame, action); };
    self->post(input);
  });
}

void Run::look_after_child(FrameId frame, ActionIndex action) {
  const Operation* one = operation(frame, action);
  if (one == nullptr || !one->waiting_for.starts_with(kChild)) return;
  const std::string_view text = std::string_view(one->waiting_for).substr(kChild.size());
  const std::size_t blank = text.find(' ');
  const RunKey key = parse_number<RunKey>(text.substr(0, blank)).value_or(0);
  const WorkflowPtr child = engine_.parts().registry.find_workflow(text.substr(blank + 1));
  if (!child || !child->version || !child->version->plan) {
    on_child(frame, action, key, nullptr);
    return;
  }
  const ParentLink parent{workflow_->arm_id, row_.key, frame, action};
  const SharedValue inputs = make_call(frame, action).inputs;
  const std::string tracking = row_.client_tracking_id;
  Engine& engine = engine_;
  engine.with_run(
      child, key,
      [parent](Run& run) {
        // It is there. What it said, or will say, is told again.
        const workflow::RunState& state = run.machine()->state();
        if (state.response() || state.ended()) run.engine_.tell_parent(parent, run.row_.key, state.response());
      },
      [&engine, child, parent, inputs, tracking, key] {
        const auto& host = (*inputs)["host"];
        const workflow::Plan& plan = *child->version->plan;
        const std::string name = text_of(host, "triggerName");
        const workflow::Trigger* trigger =
            name.empty() && plan.triggers.size() == 1 ? &plan.triggers.front() : plan.find_trigger(name);
        if (trigger == nullptr) {
          engine.tell_parent(parent, key, nullptr);
          return;
        }
        StartSpec spec;
        spec.workflow = child;
        spec.trigger = trigger;
        spec.key = key;
        spec.parent = parent;
        spec.client_tracking_id = tracking;
        Value outputs = Value::object();
        const auto headers = inputs->find("headers");
        outputs["headers"] = headers != inputs->end() && headers->is_object() ? *headers : Value::object();
        if (const auto body = inputs->find("body"); body != inputs->end()) outputs["body"] = *body;
        spec.record["outputs"] = std::move(outputs);
        if (engine.start_run(std::move(spec)).empty()) engine.tell_parent(parent, key, nullptr);
      });
}

void Run::on_child(FrameId frame, ActionIndex action, RunKey child, SharedValue response) {
  const Operation* one = operation(frame, action);
  // One before it, whose answer made us try again, may tell of its end.
  if (one == nullptr || !one->waiting_for.starts_with(kChild + std::to_string(child) + " ")) return;
  if (!response) {
    machine_->finish(frame, action, Status::kFailed, "BadGateway", Value(),
                     Value{{"code", "NoResponse"}, {"message", "The called workflow ended without a response."}});
    return;
  }
  const auto status = static_cast<int>((*response)["statusCode"].get<std::int64_t>());
  if (!asking_again_helps(status)) {
    machine_->finish(frame, action, status < 400 ? Status::kSucceeded : Status::kFailed, status_name(status), response, nullptr);
    return;
  }
  ActionAnswer answer;
  answer.status = Status::kFailed;
  answer.code = status_name(status);
  answer.outputs = *response;
  if (const auto headers = response->find("headers"); headers != response->end() && headers->is_object())
    for (const auto& header : headers->items())
      if (iequals(header.key(), "Retry-After")) answer.retry_after = retry_after(expression::to_text(header.value()), now());
  const workflow::Record& record = *machine_->state().cell(*machine_->state().find_frame(frame), action).record;
  retry({frame, action, 0, record.started, {}}, *one, answer);
}

bool Run::on_callback(FrameId frame, ActionIndex action, Value outputs) {
  const Operation* one = operation(frame, action);
  if (one == nullptr || !is_webhook(version_->plan->actions[action].type)) return false;
  // The callback may overtake the answer to the subscription.
  std::erase_if(in_flight_, [&](const InFlight& flight) { return flight.frame == frame && flight.action == action; });
  machine_->finish(frame, action, Status::kSucceeded, "OK", std::move(outputs));
  return true;
}

/// When it will not wait any longer.
void Run::unsubscribe(FrameId frame, ActionIndex action) {
  const workflow::Action& what = version_->plan->actions[action];
  const Operation* one = operation(frame, action);
  if (one == nullptr || !is_webhook(what.type) || !what.unsubscribe) return;
  machine_->context().begin(*machine_->state().find_frame(frame), action);
  machine_->context().set_current(true);
  ActionCall call = make_call(frame, action);
  try {
    call.inputs =
        std::make_shared<const Value>(what.unsubscribe->evaluate(machine_->context(), version_->plan->options.evaluate));
  } catch (const expression::Failure& failure) {
    engine_.parts().log.warning("workflows", "the unsubscription of a webhook could not be evaluated",
                                {{"workflow", workflow_->name}, {"action", what.name}, {"error", failure.message}});
    return;
  }
  call.location.clear();
  if (ActionPort* port = engine_.port_for(call)) port->run(std::move(call), [](ActionAnswer) {});
}

void Run::stop_operations() {
  for (InFlight& flight : in_flight_) flight.cancel.cancel();
  in_flight_.clear();
  pending_.launches.clear();
}

}  // namespace trunkline::flows
