// From the text of a definition to a plan.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/expression/value.h"
#include "runtime/workflow/options.h"
#include "runtime/workflow/plan.h"
#include "runtime/workflow/problem.h"

namespace trunkline::workflow {

struct CompileInput {
  /// A definition of schema 2016-06-01.
  const expression::Value& definition;
  /// Values as a deployment gives them, `{ name: { "value": … } }`; null or no object: none.
  const expression::Value* parameters = nullptr;
  /// The text that both were parsed from, for lines; empty: problems have none.
  std::string_view source = {};
  /// Where the definition and the parameters stand in that text.
  std::string definition_pointer = {};
  std::string parameters_pointer = "/parameters";
  Options options = {};
  /// It was accepted once, perhaps under other limits or by a program that looked at less: that does not count against it.
  bool stored = false;
};

struct Compiled {
  /// Null when there are problems.
  PlanPtr plan;
  /// All that was found, in the order of the definition's parts.
  std::vector<Problem> problems;
};

/// Checks everything that can be known before a run: shape, names, runAfter, references, expressions, parameters, limits. Never
/// throws for what a definition says.
Compiled compile(const CompileInput& input);
/// The same, or throws to_error() of the problems.
PlanPtr compile_or_throw(const CompileInput& input);

}  // namespace trunkline::workflow
