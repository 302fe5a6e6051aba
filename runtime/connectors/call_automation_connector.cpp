// Call Automation: the operations, paths and bodies of its REST API.
#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/calls/operations.h"
#include "runtime/connectors/connector.h"

namespace trunkline::connectors {
namespace {

using nlohmann::json;

std::string version_of(const ConnectorRequest& request) {
  for (const auto& [name, value] : request.queries)
    if (iequals(name, "api-version")) {
      const auto known = calls::call_versions();
      if (std::find(known.begin(), known.end(), value) == known.end())
        throw Error(ErrorCode::kInvalidArgument, "'" + value.substr(0, 80) + "' is no published version of Call Automation",
                    name);
      return value;
    }
  return {};
}

Task<ConnectorResponse> call_operation(ConnectorServices services, ConnectorRequest request) {
  const calls::Operation& operation = *request.operation->call;
  if (request.body.is_null() && operation.body == calls::OperationBody::kWanted)
    throw Error(ErrorCode::kInvalidArgument, "the action has no body", "body");
  if (request.body.is_null() && operation.body == calls::OperationBody::kOptional) request.body = json::object();
  const std::string version = version_of(request);
  calls::OperationAnswer answer =
      operation.run({*services.calls, request.resource, request.arguments, request.body, version, request.idempotency_key});
  ConnectorResponse response;
  response.status = answer.status;
  response.body = std::move(answer.body);
  co_return response;
}

/// Calls live in memory: after a crash whatever is done to one is refused. Only calling somebody would be done twice.
bool harmless(const calls::Operation& operation) {
  return !(operation.method == "POST" && operation.path == "/calling/callConnections");
}

}  // namespace

std::span<const ConnectorOperation> call_automation_operations() {
  static const std::vector<ConnectorOperation> all = [] {
    std::vector<ConnectorOperation> out;
    for (const calls::Operation& one : calls::call_operations())
      out.push_back({one.method, one.path, harmless(one), call_operation, &one});
    return out;
  }();
  return all;
}

}  // namespace trunkline::connectors
