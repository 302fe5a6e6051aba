// What a definition needs from outside, and what stands for it here.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "runtime/connectors/connector_port.h"
#include "runtime/workflow/plan.h"

namespace trunkline::connectors {

struct ConnectorUse {
  enum class Kind {
    kConnector,
    kFunction,
    kActionType,  // of the service, with nothing behind it here
  };
  Kind kind = Kind::kConnector;
  std::string name;
  /// For people: `this runtime`, the address or the function it is mapped to. Empty: nothing, and whatever uses it fails, or
  /// never fires.
  std::string stands_for;
  /// Triggers and actions, in the order of the definition.
  std::vector<std::string> used_by;
};

/// In the order in which the definition names them: triggers first. `definition`: what `plan` was made of. [any-thread]
std::vector<ConnectorUse> connector_uses(const workflow::Plan& plan, const expression::Value& definition,
                                         const std::map<std::string, ConnectionMapping>& mappings);

}  // namespace trunkline::connectors
