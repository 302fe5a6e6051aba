// What the code of a JavaScriptCode action looks at.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::workflow {

struct ScriptDependencies {
  /// Names of actions as the code has them: `workflowContext.actions.Name`, `…actions['Name']`, with `?.` or without.
  std::vector<std::string> actions;
  bool trigger = false;
};

/// Finds what is named outright; a name that the code computes is not seen.
ScriptDependencies find_dependencies(std::string_view code);

}  // namespace trunkline::workflow
