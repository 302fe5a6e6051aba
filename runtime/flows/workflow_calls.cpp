// Of the workflow service: requests to triggers and webhook actions, firings by hand, and histories of triggers.
#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/expression/value_object.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/triggers.h"
#include "runtime/flows/workflow_headers.h"
#include "runtime/flows/workflow_service.h"
#include "runtime/workflow/run_context.h"

namespace trunkline::flows {
namespace {

using store::Session;
using workflow::Status;
using workflow::TriggerType;

constexpr int kPollSeconds = 10;

net::Response refusal(int status, std::string_view code, std::string_view message) {
  net::Response out;
  out.status = status;
  out.body = net::error_envelope(code, message);
  return out;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return text;
}

/// The parameters of a path by a template such as `/orders/{id}`; nullopt: it does not fit.
std::optional<Value> match_path(std::string_view wanted, std::string_view given) {
  const auto parts = [](std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    return path.empty() ? std::vector<std::string_view>{} : split(path, '/');
  };
  const std::vector<std::string_view> left = parts(wanted), right = parts(given);
  if (left.size() != right.size()) return std::nullopt;
  Value out = Value::object();
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::string value = net::percent_decode(right[i]).value_or(std::string(right[i]));
    if (left[i].size() > 2 && left[i].front() == '{' && left[i].back() == '}')
      out[std::string(left[i].substr(1, left[i].size() - 2))] = value;
    else if (!iequals(left[i], value))
      return std::nullopt;
  }
  return out;
}

bool is_own_query(std::string_view name) {
  return name == "api-version" || name == "sp" || name == "sv" || name == "sig" || name == "se";
}

Error no_trigger(std::string_view name) {
  return Error(ErrorCode::kNotFound, "The trigger '" + std::string(name.substr(0, 100)) + "' could not be found.", "trigger")
      .with_service_code("WorkflowTriggerNotFound");
}

const workflow::Trigger& trigger_of(const Workflow& workflow, std::string_view name) {
  const workflow::Trigger* found =
      workflow.version && workflow.version->plan ? workflow.version->plan->find_trigger(name) : nullptr;
  if (found == nullptr) throw no_trigger(name);
  return *found;
}

/// What a run keeps, and everybody who reads runs sees.
Value shown_headers(const net::Headers& headers, bool with_authorization = false) {
  Value out = headers_value(headers);
  if (!with_authorization)
    for (const auto& [name, value] : headers)
      if (iequals(name, "Authorization")) out.erase(name);
  return out;
}

/// `{ headers, queries?, relativePathParameters?, body? }`
Value outputs_of(const workflow::Trigger& trigger, TriggerCall& call, Value path_parameters) {
  Value outputs = expression::make_object(4);
  outputs["headers"] = shown_headers(call.headers, trigger.include_authorization);
  Value queries = Value::object();
  for (const auto& [name, value] : call.queries)
    if (!is_own_query(name)) queries[name] = value;
  if (!queries.empty()) outputs["queries"] = std::move(queries);
  if (!path_parameters.empty()) outputs["relativePathParameters"] = std::move(path_parameters);
  if (!call.body.empty()) {
    std::string_view type = call.headers.get("Content-Type");
    outputs["body"] = body_value(type, call.body, true);
  }
  return outputs;
}

}  // namespace

net::Response WorkflowService::to_response(const Workflow& workflow, const workflow::Trigger& trigger,
                                           CallerAnswer answer) const {
  net::Response out;
  switch (answer.kind) {
    case CallerAnswer::Kind::kAccepted:
      out.status = 202;
      break;
    case CallerAnswer::Kind::kAcceptedAsync: {
      out.status = 202;
      const std::string permission = "/runs/" + answer.run + "/operations/response/read";
      std::string location = endpoint() + "workflows/" + workflow.id + "/runs/" + answer.run + "/operations/response";
      char separator = '?';
      for (const auto& [name, value] : callback_queries(workflow, permission, {})) {
        location += separator + name + "=" + net::percent_encode(value);
        separator = '&';
      }
      out.headers.set("Location", std::move(location));
      out.headers.set("Retry-After", std::to_string(kPollSeconds));
      break;
    }
    case CallerAnswer::Kind::kResponse: {
      const Value& response = *answer.response;
      out.status = response["statusCode"].get<int>();
      if (const auto headers = response.find("headers"); headers != response.end())
        for (const auto& header : headers->items()) out.headers.set(header.key(), expression::to_text(header.value()));
      std::string given(out.headers.get("Content-Type"));
      if (const auto body = response.find("body"); body != response.end() && !body->is_null()) {
        EncodedBody encoded = encode_body(*body, given, answer.run);
        out.body = std::move(encoded.bytes);
        out.content_type = given.empty() ? encoded.content_type : given;
      }
      out.headers.remove("Content-Type");
      break;
    }
    case CallerAnswer::Kind::kNoResponse:
      out = refusal(502, "NoResponse",
                    "The server did not receive a response from an upstream server. The run ended without its Response.");
      break;
    case CallerAnswer::Kind::kTimeout:
      out = refusal(504, "GatewayTimeout",
                    "The server did not receive a response from an upstream server within the specified time.");
      break;
    case CallerAnswer::Kind::kRefused:
      out = refusal(429, "WorkflowRunConcurrencyLimitExceeded", answer.error.message);
      break;
    case CallerAnswer::Kind::kError: {
      const int status = answer.error.http_status != 0 ? answer.error.http_status : 503;
      out = refusal(status, answer.error.service_code.empty() ? "ServiceUnavailable" : answer.error.service_code,
                    answer.error.message);
      break;
    }
  }
  if (!trigger.suppress_headers && !answer.run.empty()) add_answer_headers(out.headers, workflow, answer);
  return out;
}

std::optional<net::Response> WorkflowService::read_call(const WorkflowPtr& workflow, std::string_view name, TriggerCall& call,
                                                        Firing& firing) {
  const workflow::Trigger& trigger = trigger_of(*workflow, name);
  if (trigger.type != TriggerType::kRequest && trigger.type != TriggerType::kHttpWebhook &&
      trigger.type != TriggerType::kApiConnectionWebhook && trigger.type != TriggerType::kApiConnectionNotification)
    throw no_trigger(name);
  if (!workflow->enabled)
    return refusal(400, "WorkflowTriggerIsNotEnabled",
                   "Could not execute workflow trigger '" + trigger.name + "'. The workflow is disabled.");
  const std::string_view wanted = trigger.method.empty() ? "POST" : std::string_view(trigger.method);
  if (call.method != wanted && upper(call.method) != wanted)
    return refusal(400, "TriggerRequestMethodNotValid",
                   "The HTTP method for an invoke trigger request is not valid: '" + call.method + "'. Expected was '" +
                       std::string(wanted) + "'.");
  const std::size_t most = workflow->version->plan->options.max_message_bytes;
  if (call.body.size() > most)
    return refusal(413, "RequestEntityTooLarge",
                   "The body of the request has " + std::to_string(call.body.size()) + " bytes; at most " + std::to_string(most) +
                       " are allowed.");
  std::optional<Value> path = match_path(trigger.relative_path, call.relative_path);
  if (!path)
    return refusal(404, "WorkflowTriggerNotFound",
                   "The address does not fit the relative path '" + trigger.relative_path + "' of the trigger.");
  firing.client_tracking_id = call.headers.get("x-ms-client-tracking-id");
  try {
    firing.outputs = outputs_of(trigger, call, std::move(*path));
  } catch (const Error& error) {
    return refusal(400, error.service_code.empty() ? "InvalidRequestContent" : error.service_code, error.message);
  }
  if (trigger.validate_schema && trigger.schema) {
    static const Value kNothing;
    const auto body = firing.outputs.find("body");
    const std::vector<std::string> messages = trigger.schema->validate(body == firing.outputs.end() ? kNothing : *body);
    if (!messages.empty()) {
      std::string details;
      for (const std::string& message : messages) details += (details.empty() ? "'" : ",'") + message + "'";
      const std::string message = "The input body for trigger '" + trigger.name +
                                  "' of type 'Request' did not match its schema definition. Error details: " + details + ".";
      record_firing(engine_, *workflow, trigger, Status::kFailed, "TriggerInputSchemaMismatch",
                    Value{{"code", "TriggerInputSchemaMismatch"}, {"message", message}}, nullptr, firing.outputs, std::nullopt,
                    parts_.clock.now());
      return refusal(400, "TriggerInputSchemaMismatch", message);
    }
  }
  firing.workflow = workflow;
  firing.trigger = &trigger;
  firing.has_caller = trigger.has_caller();
  return std::nullopt;
}

/// What may be wrong with a call has its texts in a function of its own, and what is large stands beside these two: all of it
/// would be part of what waits, and blocks of more than a kilobyte cost the allocator much more than others.
Task<net::Response> WorkflowService::call_trigger(WorkflowPtr workflow, std::string name, TriggerCall call) {
  auto firing = std::make_unique<Firing>();
  net::Response out;
  if (std::optional<net::Response> refused = read_call(workflow, name, call, *firing))
    out = std::move(*refused);
  else if (firing->trigger->type == TriggerType::kApiConnectionNotification && options_.automatic_triggers)
    out = co_await told(std::move(workflow), firing->trigger->name);
  else
    out = co_await answer_of(std::move(firing));
  co_return out;
}

/// What it is told is only that there is something; that it fetches.
Task<net::Response> WorkflowService::told(WorkflowPtr workflow, std::string trigger) {
  co_await triggers_->told(std::move(workflow), std::move(trigger));
  net::Response out;
  out.status = 202;
  co_return out;
}

Task<net::Response> WorkflowService::answer_of(std::unique_ptr<Firing> firing) {
  const WorkflowPtr workflow = firing->workflow;
  const workflow::Trigger& trigger = *firing->trigger;
  using Answer = std::unique_ptr<CallerAnswer>;
  auto start = [this, &firing](auto done) {
    firing->respond = [done = std::move(done)](CallerAnswer answer) mutable {
      done(Result<Answer>(std::make_unique<CallerAnswer>(std::move(answer))));
    };
    fire(engine_, std::move(*firing));
  };
  auto pending = from_callback<Answer>(std::move(start));
  Answer answer = co_await pending;
  co_return to_response(*workflow, trigger, std::move(*answer));
}

Task<FiringResult> WorkflowService::run_trigger(WorkflowPtr workflow, std::string name, Value outputs) {
  const workflow::Trigger& trigger = trigger_of(*workflow, name);
  if (!workflow->enabled)
    throw Error(ErrorCode::kFailedPrecondition,
                "Could not execute workflow trigger '" + trigger.name + "'. The workflow is disabled.", "trigger")
        .with_http_status(400)
        .with_service_code("WorkflowTriggerIsNotEnabled");
  if (outputs.is_null() && (trigger.type == TriggerType::kHttp || trigger.type == TriggerType::kApiConnection ||
                            trigger.type == TriggerType::kApiConnectionNotification)) {
    // It looks now, instead of at its time.
    const FiringResult polled = co_await triggers_->poll_now(workflow, trigger.name);
    co_return polled;
  }
  auto result = std::make_shared<FiringResult>();
  Firing firing;
  firing.workflow = workflow;
  firing.trigger = &trigger;
  firing.outputs = std::move(outputs);
  if (trigger.type == TriggerType::kRequest && firing.outputs.is_null()) firing.outputs = Value{{"headers", Value::object()}};
  auto start = [this, &firing, result](auto done) {
    firing.respond = [done = std::move(done)](CallerAnswer answer) mutable { done(Result<CallerAnswer>(std::move(answer))); };
    *result = fire(engine_, std::move(firing));
  };
  auto pending = from_callback<CallerAnswer>(std::move(start));
  const CallerAnswer answer = co_await pending;
  if (answer.kind == CallerAnswer::Kind::kRefused || answer.kind == CallerAnswer::Kind::kError) throw answer.error;
  // The answer may come before fire() has returned; its run is in it then.
  FiringResult out;
  out.kind = answer.run.empty() ? FiringResult::Kind::kSkipped : FiringResult::Kind::kRuns;
  if (!answer.run.empty()) out.runs.push_back(answer.run);
  co_return out;
}

Task<net::Response> WorkflowService::call_action(WorkflowPtr workflow, std::string run, std::string action, FrameId frame,
                                                 TriggerCall call) {
  std::string_view suffix;
  const RunKey key = parse_run_name(run, suffix);
  Value outputs = Value::object();
  outputs["headers"] = shown_headers(call.headers);
  try {
    if (!call.body.empty()) outputs["body"] = body_value(call.headers.get("Content-Type"), call.body, true);
  } catch (const Error& error) {
    co_return refusal(400, "InvalidRequestContent", error.message);
  }
  auto start = [&, this](auto done) {
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    engine_.with_run(
        workflow, key,
        [shared, action, frame, outputs = std::move(outputs)](Run& one) mutable {
          const ActionIndex index = one.machine()->plan().find_action(action);
          (*shared)(Result<bool>(index != workflow::kNone && one.on_callback(frame, index, std::move(outputs))));
        },
        [shared] { (*shared)(Result<bool>(false)); });
  };
  auto pending = from_callback<bool>(std::move(start));
  const bool taken = co_await pending;
  if (!taken)
    co_return refusal(404, "WorkflowRunActionNotFound",
                      "No action '" + action.substr(0, 80) + "' of this run waits for a callback.");
  net::Response out;
  out.status = 200;
  co_return out;
}

net::Response WorkflowService::poll_response(const WorkflowPtr& workflow, std::string_view name) const {
  const RunView run = view(workflow, name);
  CallerAnswer answer;
  answer.run = run.row().name();
  answer.client_tracking_id = run.row().client_tracking_id;
  if (run.response()) {
    answer.kind = CallerAnswer::Kind::kResponse;
    answer.response = run.response();
  } else {
    answer.kind = run.row().ended ? CallerAnswer::Kind::kNoResponse : CallerAnswer::Kind::kAcceptedAsync;
  }
  const workflow::Trigger* trigger = run.version().plan->find_trigger(run.row().trigger);
  if (trigger == nullptr) throw no_trigger(run.row().trigger);
  return to_response(*workflow, *trigger, std::move(answer));
}

std::vector<TriggerState> WorkflowService::triggers(const Workflow& workflow) const {
  std::vector<TriggerState> out;
  if (!workflow.version || !workflow.version->plan) return out;
  for (const workflow::Trigger& trigger : workflow.version->plan->triggers) {
    TriggerState state = triggers_->state_of(workflow, trigger);
    state.trigger = &trigger;
    state.plan = workflow.version->plan;
    state.enabled = workflow.enabled;
    out.push_back(std::move(state));
  }
  return out;
}

namespace {

HistoryEntry entry_of(const FiringRow& row) {
  HistoryEntry out;
  out.name = run_name(row.key, row.suffix);
  out.status = row.status;
  out.code = row.code;
  out.started = row.started;
  out.ended = row.ended;
  out.scheduled = row.scheduled;
  out.tracking_id = stable_guid(row.key, ~std::uint64_t{0}, 0);
  out.client_tracking_id = out.name;
  if (!row.error.empty()) out.error = expression::parse_value(row.error);
  if (!row.inputs.empty()) out.inputs = expression::parse_value(row.inputs);
  if (!row.outputs.empty()) out.outputs = expression::parse_value(row.outputs);
  return out;
}

HistoryEntry entry_of(const RunRow& row) {
  HistoryEntry out;
  out.name = row.origin.empty() ? row.name() : row.origin;
  out.code = "OK";
  out.started = out.ended = row.started;
  out.fired = true;
  out.run = row.name();
  out.tracking_id = stable_guid(row.key, ~std::uint64_t{0}, 0);
  out.client_tracking_id = row.client_tracking_id;
  return out;
}

}  // namespace

std::vector<HistoryEntry> WorkflowService::histories(const WorkflowPtr& workflow, std::string_view trigger,
                                                     std::string_view before, std::size_t limit) {
  std::string_view suffix;
  RunKey key = before.empty() ? 0 : parse_run_name(before, suffix);
  // Nobody waits until a firing that started no run is written; whoever asks what came of one does.
  if (key == 0) workflow->database->flush();
  std::vector<HistoryEntry> out;
  for (;;) {
    std::vector<RunRow> runs;
    std::vector<FiringRow> firings;
    workflow->database->read([&](Session& session) {
      RunFilter filter;
      filter.trigger = trigger;
      filter.before = key;
      filter.limit = limit;
      runs = records::runs(session, workflow->key, filter);
      firings = records::firings(session, workflow->key, trigger, key, limit);
    });
    const bool more_runs = runs.size() == limit, more_firings = firings.size() == limit;
    std::size_t r = 0, f = 0;
    // What has not been read yet may be newer than the rest of the other list.
    while (out.size() < limit && (r < runs.size() || !more_runs) && (f < firings.size() || !more_firings) &&
           (r < runs.size() || f < firings.size())) {
      if (f == firings.size() || (r < runs.size() && runs[r].key > firings[f].key)) {
        key = runs[r].key;
        // One that repeats another has its entry.
        if (runs[r].repeats.empty()) out.push_back(entry_of(runs[r]));
        ++r;
      } else {
        key = firings[f].key;
        out.push_back(entry_of(firings[f++]));
      }
    }
    if (out.size() == limit || (!more_runs && !more_firings)) return out;
  }
}

std::optional<HistoryEntry> WorkflowService::history(const WorkflowPtr& workflow, std::string_view trigger,
                                                     std::string_view name) {
  std::string_view suffix;
  const RunKey key = parse_run_name(name, suffix);
  if (key == 0) return std::nullopt;
  if (const auto row = run(*workflow, name)) {
    HistoryEntry out = entry_of(*row);
    const RunView seen = view(workflow, name);
    const Value record = seen.trigger();
    for (const auto& [member, target] : {std::pair{"inputs", &out.inputs}, std::pair{"outputs", &out.outputs}})
      if (const auto found = record.find(member); found != record.end()) *target = *found;
    return out;
  }
  std::vector<FiringRow> rows;
  workflow->database->read([&](Session& session) { rows = records::firings(session, workflow->key, trigger, key + 1, 1); });
  if (rows.empty() || rows.front().key != key) return std::nullopt;
  return entry_of(rows.front());
}

}  // namespace trunkline::flows
