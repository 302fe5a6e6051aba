#include "runtime/connectors/connector_port.h"

#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/connectors/trigger_functions.h"
#include "runtime/flows/http_actions.h"
#include "runtime/flows/http_content.h"

namespace trunkline::connectors {
namespace {

using expression::Value;
using flows::ActionAnswer;
using flows::ActionCall;
using nlohmann::json;
using workflow::ActionType;

std::string text_at(const Value& value, std::string_view name) {
  const Value* found = expression::find_member(value, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::string last_part(const std::string& text) {
  const std::size_t at = text.find_last_of('/');
  return at == std::string::npos ? text : text.substr(at + 1);
}

/// How an action says which operation it wants.
struct Wanted {
  std::string method, path;
};

Wanted wanted_by(const ActionCall& call) {
  if (call.action->type == ActionType::kServiceProvider) {
    const Value* provider = expression::find_member(*call.inputs, "serviceProviderConfiguration");
    return {std::string(kProviderMethod), provider == nullptr ? std::string() : text_at(*provider, "operationId")};
  }
  Wanted out{text_at(*call.inputs, "method"), text_at(*call.inputs, "path")};
  // Webhooks of connectors do not say it.
  if (out.method.empty() && call.action->type == ActionType::kApiConnectionWebhook) out.method = "POST";
  return out;
}

int status_of(const Error& error) {
  if (error.http_status >= 400 && error.http_status < 600) return error.http_status;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kOutOfRange:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kAborted:
    case ErrorCode::kFailedPrecondition:
      return 409;
    case ErrorCode::kResourceExhausted:
      return 429;
    case ErrorCode::kUnimplemented:
      return 501;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

bool may_help(int status) { return status == 408 || status == 429 || status >= 500; }

ActionAnswer answer_of(int status, const json& body) {
  ActionAnswer answer;
  answer.code = flows::status_name(status);
  answer.outputs = Value::object();
  answer.outputs["statusCode"] = status;
  answer.outputs["headers"] = Value::object();
  if (!body.is_null()) {
    answer.outputs["headers"]["Content-Type"] = "application/json";
    answer.outputs["body"] = Value(body);
  }
  if (status >= 400) {
    answer.status = workflow::Status::kFailed;
    answer.retryable = may_help(status);
  }
  return answer;
}

/// As our REST API would refuse it.
ActionAnswer answer_of(const Error& error) {
  const int status = status_of(error);
  json body;
  body["error"]["code"] = error.service_code.empty() ? flows::status_name(status) : error.service_code;
  body["error"]["message"] = error.message;
  if (!error.target.empty()) body["error"]["target"] = error.target;
  ActionAnswer answer = answer_of(status, body);
  answer.retry_after = error.retry_after;
  return answer;
}

ActionAnswer not_mapped(const std::vector<std::string>& names) {
  const std::string name = names.empty() ? "?" : names.front();
  return ActionAnswer::failed("ConnectorNotMapped", "ConnectorNotMapped",
                              "Nothing stands behind '" + name +
                                  "' here: map it under `connections` in the configuration, to the " +
                                  "address of an HTTP API or to a function of yours.");
}

std::map<std::string, std::string> texts_of(const Value* object, bool lower) {
  std::map<std::string, std::string> out;
  if (object == nullptr || !object->is_object()) return out;
  for (const auto& item : object->items())
    if (!item.value().is_null()) out[lower ? to_lower(item.key()) : item.key()] = expression::to_text(item.value());
  return out;
}

std::vector<std::string> function_names(const Value& inputs) {
  std::vector<std::string> out;
  if (const std::string name = text_at(inputs, "functionName"); !name.empty()) out.push_back(name);
  const Value* function = expression::find_member(inputs, "function");
  if (function == nullptr) return out;
  for (const char* member : {"id", "connectionName"})
    if (const std::string name = last_part(text_at(*function, member)); !name.empty()) out.push_back(name);
  return out;
}

}  // namespace

ConnectorPort::ConnectorPort(Executor& executor, ResourceService& resources, ConnectorServices services,
                             std::map<std::string, ConnectionMapping> mappings)
    : executor_(executor),
      resources_(resources),
      services_(services),
      mappings_([&] {
        std::map<std::string, ConnectionMapping> lower;
        for (auto& [name, mapping] : mappings) lower[to_lower(name)] = std::move(mapping);
        return lower;
      }()),
      functions_(std::make_shared<FunctionCalls>(executor)) {}

std::vector<std::string> ConnectorPort::names_of(const ActionCall& call) {
  switch (call.action->type) {
    case ActionType::kApiConnection:
    case ActionType::kApiConnectionWebhook:
    case ActionType::kServiceProvider:
      return flows::connector_names(*call.plan, *call.inputs);
    case ActionType::kFunction:
    case ActionType::kInvokeFunction:
      return function_names(*call.inputs);
    default:
      return {};
  }
}

ConnectorPort::Choice ConnectorPort::choose(const ActionCall& call) const { return choose(names_of(call)); }

ConnectorPort::Choice ConnectorPort::choose(std::vector<std::string> names) const {
  Choice choice;
  choice.names = std::move(names);
  for (const std::string& name : choice.names) {
    const auto mapping = mappings_.find(to_lower(name));
    if (mapping != mappings_.end() && choice.mapping == nullptr) choice.mapping = &mapping->second;
    if (choice.connector == nullptr) choice.connector = find_connector(name);
  }
  return choice;
}

bool ConnectorPort::handles(const ActionCall& call) const {
  switch (call.action->type) {
    case ActionType::kApiConnection:
    case ActionType::kApiConnectionWebhook:
    case ActionType::kServiceProvider:
    case ActionType::kFunction: {
      // A Function that is called by its address is HTTP.
      if (call.action->type == ActionType::kFunction && names_of(call).empty()) return false;
      const Choice choice = choose(call);
      return choice.mapping == nullptr || choice.mapping->url.empty();
    }
    case ActionType::kInvokeFunction:
      return true;
    default:
      return false;
  }
}

bool ConnectorPort::repeats_safely(const ActionCall& call) const {
  const Choice choice = choose(call);
  // Functions are given the idempotency key, so that they can tell.
  if (choice.mapping != nullptr && !choice.mapping->function.empty()) return true;
  if (choice.connector == nullptr) return true;
  const Wanted wanted = wanted_by(call);
  const ConnectorMatch match = match_operation(*choice.connector, wanted.method, wanted.path);
  return match.operation == nullptr || match.operation->repeats_safely;
}

bool ConnectorPort::stands_behind(const std::vector<std::string>& names) const {
  const Choice choice = choose(names);
  return choice.connector != nullptr || (choice.mapping != nullptr && choice.mapping->url.empty());
}

void ConnectorPort::run(ActionCall call, UniqueFunction<void(ActionAnswer)> done) {
  Choice choice = choose(call);
  if (choice.mapping != nullptr && !choice.mapping->function.empty()) {
    FunctionCall out;
    out.function = choice.mapping->function;
    if (call.workflow) out.workflow = call.workflow->name;
    out.run = call.run_name;
    out.action = call.action->name;
    Value inputs = *call.inputs;
    // How the definition finds its connector is nobody's business here.
    if (inputs.is_object())
      for (const char* member : {"host", "retryPolicy", "authentication", "function"}) inputs.erase(member);
    if (!call.trigger_operation.empty()) {
      inputs["trigger"] = trigger_member(call);
      done = answers_of_trigger(call, std::move(done));
    }
    out.inputs = expression::to_json_text(inputs);
    out.attempt = call.retries + 1;
    out.idempotency_key = call.idempotency_key;
    return functions_->call(std::move(out), call.cancel, std::move(done));
  }
  spawn(perform(std::move(call), std::move(choice)), [done = std::move(done)](Result<ActionAnswer> result) mutable {
    done(result.ok() ? std::move(result).value() : answer_of(result.error()));
  });
}

Task<ActionAnswer> ConnectorPort::perform(ActionCall call, Choice choice) {
  if (choice.connector == nullptr) co_return not_mapped(choice.names);
  const Value& inputs = *call.inputs;
  const bool provider = call.action->type == ActionType::kServiceProvider;
  const Wanted operation = wanted_by(call);
  ConnectorMatch match = match_operation(*choice.connector, operation.method, operation.path);
  if (match.operation == nullptr)
    co_return ActionAnswer::failed("NotFound", "ConnectorOperationNotFound",
                                   "The connector '" + std::string(choice.connector->names.front()) + "' has no operation " +
                                       (provider ? "'" + operation.path + "'" : operation.method + " " + operation.path) + ".");
  ConnectorRequest request;
  const std::string wanted = choice.mapping == nullptr ? std::string() : choice.mapping->resource;
  request.resource = wanted.empty() ? resources_.default_resource() : resources_.get(wanted);
  if (!request.resource) throw Error(ErrorCode::kFailedPrecondition, "the runtime has no communication resource", "resource");
  request.operation = match.operation;
  request.arguments = std::move(match.arguments);
  request.queries = texts_of(expression::find_member(inputs, "queries"), false);
  request.headers = texts_of(expression::find_member(inputs, "headers"), true);
  if (const Value* body = expression::find_member(inputs, provider ? "parameters" : "body")) request.body = json(*body);
  request.idempotency_key = call.idempotency_key;
  const ConnectorResponse response = co_await match.operation->handler(services_, std::move(request));
  co_return answer_of(response.status, response.body);
}

}  // namespace trunkline::connectors
