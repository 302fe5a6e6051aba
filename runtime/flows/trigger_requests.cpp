// Of the triggers: one request and its answer, whoever performs it: HTTP, a connector of ours, or a function.
#include "runtime/flows/armed_trigger.h"
#include "runtime/flows/member_text.h"
#include "runtime/flows/retry_policy.h"
#include "runtime/flows/trigger_request.h"
#include "runtime/flows/workflow_service.h"

namespace trunkline::flows {
namespace {

constexpr std::uint64_t kRandomSteps = 1u << 30;

/// It has been refused without an answer such as HTTP gives; whether asking again may help.
[[noreturn]] void throw_failure(const ActionAnswer& answer) {
  const std::string code = text_of(answer.error, "code");
  throw Error(answer.retryable ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument, text_of(answer.error, "message"))
      .with_service_code(code.empty() ? answer.code : code);
}

}  // namespace

Value Triggers::inputs_of(const Armed& armed) const {
  const WorkflowVersion& version = *armed.workflow->version;
  TriggerContext context(service_.engine(), *armed.workflow, Value{{"name", armed.trigger->name}});
  context.set_callback_url(service_.callback_url(*armed.workflow, armed.trigger->name).value);
  try {
    return armed.trigger->inputs->evaluate(context, version.plan->options.evaluate);
  } catch (const expression::Failure& failure) {
    throw Error(ErrorCode::kInvalidArgument, failure.message, "inputs").with_service_code("InvalidTemplate");
  }
}

Task<Triggers::Answer> Triggers::attempt(ActionCall call) {
  Answer out;
  ActionPort* port = service_.engine().port_for(call);
  if (port == nullptr || port == &service_.http_actions()) {
    const SharedValue inputs = call.inputs;
    const net::ClientResponse response = co_await service_.http_actions().send(std::move(call), inputs);
    out.status = response.status;
    out.asked = retry_after(response.headers.get("Retry-After"), service_.parts_.clock.now());
    out.location = response.headers.get("Location");
    out.answer = HttpActions::answer_of(response);
    co_return out;
  }
  auto begin = [port, &call](auto done) {
    port->run(std::move(call),
              [done = std::move(done)](ActionAnswer answer) mutable { done(Result<ActionAnswer>(std::move(answer))); });
  };
  auto pending = from_callback<ActionAnswer>(std::move(begin));
  out.answer = co_await pending;
  const auto status = out.answer.outputs.is_object() ? out.answer.outputs.find("statusCode") : out.answer.outputs.end();
  if (status == out.answer.outputs.end() || !status->is_number_integer()) throw_failure(out.answer);
  out.status = status->get<int>();
  out.asked = out.answer.retry_after;
  co_return out;
}

Task<Triggers::Answer> Triggers::request(std::shared_ptr<Armed> armed, Ask ask) {
  ActionCall call;
  call.action = ask.action;
  call.plan = armed->workflow->version->plan;
  call.inputs = ask.inputs;
  call.workflow = armed->workflow;
  call.location = std::move(ask.location);
  call.trigger_operation = ask.operation;
  call.cursor = std::move(ask.cursor);
  call.action_tracking_id = service_.parts_.ids.uuid4().str();
  call.idempotency_key = call.action_tracking_id;
  call.client_tracking_id = call.action_tracking_id;
  const RetryPolicy policy = read_retry_policy(*call.inputs, call.plan->options);
  for (int retry = 1;; ++retry) {
    std::optional<Error> failure;
    Answer answer;
    try {
      ActionCall copy = call;
      copy.retries = retry - 1;
      answer = co_await attempt(std::move(copy));
    } catch (const Error& error) {
      failure = error;
    }
    const bool again = failure ? HttpActions::answer_of(*failure).retryable : asking_again_helps(answer.status);
    std::optional<Duration> wait;
    if (again)
      wait = policy.wait(retry, answer.asked,
                         static_cast<double>(service_.parts_.ids.next_below(kRandomSteps)) / static_cast<double>(kRandomSteps));
    if (!wait) {
      if (failure) throw *failure;
      co_return answer;
    }
    co_await service_.parts_.clock.sleep(*wait);
  }
}

}  // namespace trunkline::flows
