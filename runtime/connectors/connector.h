// Managed connectors that our own services stand behind: what workflows exported from Azure call.
#pragma once
#include <map>
#include <nlohmann/json.hpp>  // NOLINT(trunkline-json): requests and answers hold documents
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource_service.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline {
class ChatService;
class EmailService;
class IdentityService;
class SmsService;
namespace calls {
class CallService;
struct Operation;
}  // namespace calls

namespace connectors {

/// The services behind the connectors. They outlive whoever has this.
struct ConnectorServices {
  SmsService* sms = nullptr;
  IdentityService* identity = nullptr;
  ChatService* chat = nullptr;
  EmailService* email = nullptr;
  calls::CallService* calls = nullptr;
};

struct ConnectorOperation;

/// One call of an operation.
struct ConnectorRequest {
  const ConnectorOperation* operation = nullptr;
  ResourcePtr resource;
  /// What stands for each `{…}` of the operation's path, decoded.
  std::vector<std::string> arguments;
  std::map<std::string, std::string> queries;
  std::map<std::string, std::string> headers;  // names in lower case
  nlohmann::json body;                         // null: none
  /// The same for every attempt at the same piece of work.
  std::string idempotency_key;
};

/// As the HTTP API behind the connector would answer.
struct ConnectorResponse {
  int status = 200;
  nlohmann::json body;  // null: none
};

using ConnectorHandler = Task<ConnectorResponse> (*)(ConnectorServices services, ConnectorRequest request);

/// In place of an HTTP method: an operation of a service provider of the Standard edition, whose path is the name of the
/// operation.
inline constexpr std::string_view kProviderMethod = "PROVIDER";

struct ConnectorOperation {
  std::string_view method;  // upper case
  std::string_view path;    // `/chat/threads/{}/messages`, `/calling/recordings/{recordingId}:pause`
  /// Doing it again with the same idempotency key does no harm.
  bool repeats_safely = false;
  ConnectorHandler handler = nullptr;
  /// Of calls: what it is there.
  const calls::Operation* call = nullptr;
};

struct Connector {
  /// Names of the managed API, lower case.
  std::vector<std::string_view> names;
  std::span<const ConnectorOperation> operations;
};

/// All of them. [any-thread]
std::span<const Connector> managed_connectors();
/// Null: none of that name. `acsemail-1` is `acsemail`: so the designer names further connections.
const Connector* find_connector(std::string_view name);

struct ConnectorMatch {
  const ConnectorOperation* operation = nullptr;  // null: it has no such operation
  std::vector<std::string> arguments;
};
/// `path` as it stands in an action: percent-encoded, once or twice, as definitions have it.
ConnectorMatch match_operation(const Connector& connector, std::string_view method, std::string_view path);

std::span<const ConnectorOperation> sms_operations();
std::span<const ConnectorOperation> identity_operations();
std::span<const ConnectorOperation> chat_operations();
std::span<const ConnectorOperation> call_automation_operations();
std::span<const ConnectorOperation> email_operations();
std::span<const ConnectorOperation> smtp_operations();

}  // namespace connectors
}  // namespace trunkline
