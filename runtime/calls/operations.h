// The operations of the Call Automation API over JSON, whoever asks for them: REST, or an action of a workflow.
#pragma once
#include <nlohmann/json.hpp>  // NOLINT(trunkline-json): requests and answers hold documents
#include <span>
#include <string>
#include <string_view>

#include "runtime/services/resource.h"

namespace trunkline::calls {

class CallService;

struct OperationRequest {
  CallService& calls;
  const ResourcePtr& resource;
  /// What stands for each `{name}` of the path, decoded.
  std::span<const std::string> arguments;
  const nlohmann::json& body;
  /// Empty: an early one, which knows no PlayStarted.
  std::string_view api_version;
  /// The same for every attempt to make the same call; empty: none.
  std::string_view repeatability_id;
};

struct OperationAnswer {
  int status = 200;
  nlohmann::json body;  // null: none
};

enum class OperationBody {
  kIgnored,
  kOptional,  // an empty object when there is none
  kWanted,
};

struct Operation {
  std::string_view method;  // upper case
  std::string_view path;    // `/calling/callConnections/{callConnectionId}:play`
  OperationBody body = OperationBody::kIgnored;
  /// Errors: those of CallService, and kInvalidArgument for what the body says.
  OperationAnswer (*run)(const OperationRequest& request) = nullptr;
};

/// Published versions of the API.
std::span<const char* const> call_versions();
/// All of them. [any-thread]
std::span<const Operation> call_operations();

std::span<const Operation> setup_operations();
std::span<const Operation> media_operations();
std::span<const Operation> participant_operations();
std::span<const Operation> recording_operations();

}  // namespace trunkline::calls
