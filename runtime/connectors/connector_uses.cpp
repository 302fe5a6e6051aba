#include "runtime/connectors/connector_uses.h"

#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/flows/http_actions.h"
#include "runtime/flows/member_text.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::connectors {
namespace {

using expression::Value;
using workflow::ActionType;

constexpr const char* kOurs = "this runtime";
constexpr std::string_view kEventGrid = "azureeventgrid";

/// `@parameters('$connections')['name']['connectionId']` says which connection it is before anything is evaluated.
std::string connection_in(std::string_view text) {
  constexpr std::string_view kBefore = "parameters('$connections')['";
  const std::size_t at = text.find(kBefore);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + kBefore.size());
  return std::string(text.substr(0, text.find('\'')));
}

/// What is left of deployment templates names nothing here; the whole of it is the best name there is.
std::string readable(std::string name, std::string_view whole) { return whole.starts_with('[') ? std::string(whole) : name; }

std::vector<std::string> connector_names_of(const workflow::Plan& plan, const Value& inputs) {
  const Value* host = expression::find_member(inputs, "host");
  const Value* connection = host == nullptr ? nullptr : expression::find_member(*host, "connection");
  const std::string known = connection == nullptr ? std::string() : connection_in(flows::text_of(*connection, "name"));
  if (known.empty()) return flows::connector_names(plan, inputs);
  Value resolved;
  resolved["host"]["connection"]["name"] = known;
  return flows::connector_names(plan, resolved);
}

std::vector<std::string> function_names_of(const Value& inputs) {
  if (std::string name = flows::text_of(inputs, "functionName"); !name.empty()) return {std::move(name)};
  const Value* function = expression::find_member(inputs, "function");
  if (function == nullptr) return {};
  std::vector<std::string> out;
  for (const char* member : {"id", "connectionName"}) {
    const std::string whole = flows::text_of(*function, member);
    if (whole.empty() || istarts_with(whole, "http")) continue;  // an address is HTTP
    out.push_back(readable(whole.substr(whole.find_last_of('/') + 1), whole));
  }
  return out;
}

/// `pointer` may begin with where the definition stood in its document.
Value inputs_at(const Value& definition, const std::string& pointer) {
  const std::size_t begin = std::min(pointer.find("/triggers/"), pointer.find("/actions/"));
  if (begin == std::string::npos) return {};
  const Value::json_pointer at(pointer.substr(begin) + "/inputs");
  return definition.contains(at) ? definition.at(at) : Value();
}

class Uses {
 public:
  explicit Uses(const std::map<std::string, ConnectionMapping>& mappings) : mappings_(mappings) {}

  void add(ConnectorUse::Kind kind, const std::vector<std::string>& names, const std::string& user, bool events = false) {
    const std::string name = names.empty() ? "?" : names.front();
    const auto known =
        std::find_if(out_.begin(), out_.end(), [&](const ConnectorUse& one) { return one.kind == kind && one.name == name; });
    ConnectorUse& use =
        known == out_.end() ? out_.emplace_back(ConnectorUse{kind, name, stands_for(kind, names, events), {}}) : *known;
    use.used_by.push_back(user);
  }
  std::vector<ConnectorUse> take() { return std::move(out_); }

 private:
  std::string stands_for(ConnectorUse::Kind kind, const std::vector<std::string>& names, bool events) const {
    if (kind == ConnectorUse::Kind::kActionType) return {};
    for (const std::string& name : names)
      for (const auto& [known, mapping] : mappings_)
        if (iequals(known, name)) {
          if (!mapping.url.empty()) return mapping.url;
          if (!mapping.function.empty()) return "the function '" + mapping.function + "'";
        }
    if (kind == ConnectorUse::Kind::kFunction) return {};
    for (const std::string& name : names)
      if (find_connector(name) != nullptr || (events && iequals(name, kEventGrid))) return kOurs;
    return {};
  }

  const std::map<std::string, ConnectionMapping>& mappings_;
  std::vector<ConnectorUse> out_;
};

}  // namespace

std::vector<ConnectorUse> connector_uses(const workflow::Plan& plan, const Value& definition,
                                         const std::map<std::string, ConnectionMapping>& mappings) {
  using Kind = ConnectorUse::Kind;
  Uses uses(mappings);
  for (const workflow::Trigger& trigger : plan.triggers)
    if (istarts_with(trigger.type_name, "ApiConnection") || trigger.type == workflow::TriggerType::kServiceProvider)
      uses.add(Kind::kConnector, connector_names_of(plan, inputs_at(definition, trigger.pointer)), trigger.name, true);
  for (const workflow::Action& action : plan.actions) switch (action.type) {
      case ActionType::kApiConnection:
      case ActionType::kApiConnectionWebhook:
      case ActionType::kServiceProvider:
        uses.add(Kind::kConnector, connector_names_of(plan, inputs_at(definition, action.pointer)), action.name);
        break;
      case ActionType::kFunction:
      case ActionType::kInvokeFunction:
        if (const std::vector<std::string> names = function_names_of(inputs_at(definition, action.pointer)); !names.empty())
          uses.add(Kind::kFunction, names, action.name);
        break;
      case ActionType::kOther:
        uses.add(Kind::kActionType, {action.type_name}, action.name);
        break;
      default:
        break;
    }
  return uses.take();
}

}  // namespace trunkline::connectors
