#include "runtime/workflow/action_types.h"

#include <array>
#include <utility>

#include "runtime/base/strings.h"

namespace trunkline::workflow {
namespace {

using T = ActionType;
constexpr std::pair<std::string_view, ActionType> kActionTypes[] = {
    {"Compose", T::kCompose},
    {"Expression", T::kExpression},
    {"Query", T::kQuery},
    {"Select", T::kSelect},
    {"Join", T::kJoin},
    {"Table", T::kTable},
    {"ParseJson", T::kParseJson},
    {"InitializeVariable", T::kInitializeVariable},
    {"SetVariable", T::kSetVariable},
    {"IncrementVariable", T::kIncrementVariable},
    {"DecrementVariable", T::kDecrementVariable},
    {"AppendToStringVariable", T::kAppendToStringVariable},
    {"AppendToArrayVariable", T::kAppendToArrayVariable},
    {"Scope", T::kScope},
    {"If", T::kIf},
    {"Switch", T::kSwitch},
    {"Foreach", T::kForeach},
    {"Until", T::kUntil},
    {"Terminate", T::kTerminate},
    {"Wait", T::kWait},
    {"Response", T::kResponse},
    {"Http", T::kHttp},
    {"HttpWebhook", T::kHttpWebhook},
    {"Function", T::kFunction},
    {"ApiConnection", T::kApiConnection},
    {"ApiConnectionWebhook", T::kApiConnectionWebhook},
    {"ApiConnectionNotification", T::kApiConnectionWebhook},
    {"Workflow", T::kWorkflow},
    {"SendToBatch", T::kSendToBatch},
    {"JavaScriptCode", T::kJavaScriptCode},
    {"ServiceProvider", T::kServiceProvider},
    {"InvokeFunction", T::kInvokeFunction},
    // Known, and left to the action port.
    {"ApiManagement", T::kOther},
    {"Xslt", T::kOther},
    {"XmlValidation", T::kOther},
    {"XmlParse", T::kOther},
    {"XmlCompose", T::kOther},
    {"FlatFileEncoding", T::kOther},
    {"FlatFileDecoding", T::kOther},
    {"Liquid", T::kOther},
    {"IntegrationAccountArtifactLookup", T::kOther},
    {"AS2Encode", T::kOther},
    {"AS2Decode", T::kOther},
    {"Rosettanet", T::kOther},
    {"RosettanetEncode", T::kOther},
    {"RosettanetDecode", T::kOther},
    {"SwiftEncode", T::kOther},
    {"SwiftDecode", T::kOther},
    {"X12Encode", T::kOther},
    {"X12Decode", T::kOther},
    {"EdifactEncode", T::kOther},
    {"EdifactDecode", T::kOther},
    {"AppService", T::kOther},
    {"PowerShellCode", T::kOther},
    {"CSharpScriptCode", T::kOther},
    {"Agent", T::kOther},
    {"ChunkText", T::kOther},
    {"ParseDocument", T::kOther},
    {"RosettaNetWaitForResponse", T::kOther},
    {"McpClientTool", T::kOther},
};

constexpr std::array<std::string_view, 6> kVariableTypes{"String", "Integer", "Float", "Boolean", "Object", "Array"};

}  // namespace

std::optional<ActionType> find_action_type(std::string_view name) {
  for (const auto& [text, type] : kActionTypes)
    if (iequals(text, name)) return type;
  return std::nullopt;
}

ActionClass class_of(ActionType type) {
  if (type <= T::kParseJson) return ActionClass::kData;
  if (type <= T::kAppendToArrayVariable) return ActionClass::kVariable;
  if (type <= T::kUntil) return ActionClass::kContainer;
  if (type == T::kTerminate) return ActionClass::kControl;
  return ActionClass::kOperation;
}

std::optional<VariableType> parse_variable_type(std::string_view name) {
  for (std::size_t i = 0; i < kVariableTypes.size(); ++i)
    if (iequals(kVariableTypes[i], name)) return static_cast<VariableType>(i);
  return std::nullopt;
}

std::string_view to_text(VariableType type) { return kVariableTypes[static_cast<std::size_t>(type)]; }

}  // namespace trunkline::workflow
