// Definitions for tests.
#pragma once
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "runtime/workflow/compile.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::workflow {

/// A definition around some actions; `more`: further members, each with a comma before it.
inline std::string definition_of(const std::string& actions, const std::string& more = "",
                                 const std::string& triggers = R"({"manual":{"type":"Request","kind":"Http"}})") {
  return R"({"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
"contentVersion":"1.0.0.0","triggers":)" +
         triggers + ",\n\"actions\":" + actions + more + "}";
}

inline Compiled compile_text(const std::string& text, const std::string& parameters = "{}", Options options = {}) {
  const Value definition = expression::parse_value(text);
  const Value values = expression::parse_value(parameters);
  return compile({.definition = definition, .parameters = &values, .source = text, .options = options});
}

inline PlanPtr plan_of(const std::string& text) {
  Compiled compiled = compile_text(text);
  for (const Problem& problem : compiled.problems) ADD_FAILURE() << problem.pointer << ": " << problem.message;
  return compiled.plan;
}

/// `pointer: message` of each problem.
inline std::vector<std::string> problems_of(const std::string& text, const std::string& parameters = "{}", Options options = {}) {
  std::vector<std::string> out;
  for (const Problem& problem : compile_text(text, parameters, options).problems)
    out.push_back(problem.pointer + ": " + problem.message);
  return out;
}

}  // namespace trunkline::workflow
