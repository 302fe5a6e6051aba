// The types of actions and variables that a definition may name.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace trunkline::workflow {

enum class ActionType : std::uint8_t {
  kCompose,
  kExpression,
  kQuery,
  kSelect,
  kJoin,
  kTable,
  kParseJson,
  kInitializeVariable,
  kSetVariable,
  kIncrementVariable,
  kDecrementVariable,
  kAppendToStringVariable,
  kAppendToArrayVariable,
  kScope,
  kIf,
  kSwitch,
  kForeach,
  kUntil,
  kTerminate,
  kWait,
  kResponse,
  kHttp,
  kHttpWebhook,
  kFunction,
  kApiConnection,
  kApiConnectionWebhook,
  kWorkflow,
  kSendToBatch,
  kJavaScriptCode,
  kServiceProvider,  // a connector of the Standard edition
  kInvokeFunction,   // a function of the application that holds the workflow, in the Standard edition
  kOther,            // of the service, with nothing behind it here unless the action port has it
};

/// How a type is treated.
enum class ActionClass : std::uint8_t { kContainer, kData, kVariable, kControl, kOperation };

std::optional<ActionType> find_action_type(std::string_view name);
ActionClass class_of(ActionType type);
constexpr bool is_loop(ActionType type) { return type == ActionType::kForeach || type == ActionType::kUntil; }
/// Follows retry policies and, unless told otherwise, the asynchronous pattern.
constexpr bool is_http_like(ActionType type) {
  return type == ActionType::kHttp || type == ActionType::kFunction || type == ActionType::kApiConnection ||
         type == ActionType::kServiceProvider;
}

enum class VariableType : std::uint8_t { kString, kInteger, kFloat, kBoolean, kObject, kArray };
std::optional<VariableType> parse_variable_type(std::string_view name);
std::string_view to_text(VariableType type);

}  // namespace trunkline::workflow
