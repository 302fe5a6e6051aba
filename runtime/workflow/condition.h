// Conditions of If, Until, Query and triggers: one template that gives a boolean, or a tree of objects.
#pragma once
#include <memory>
#include <vector>

#include "runtime/expression/template.h"

namespace trunkline::workflow {

/// `"@greater(1, 2)"`, `{"and": […]}`, `{"or": […]}`, `{"not": {…}}` and leaves such as `{"equals": ["@a", 1]}`, whose name may
/// be any function. Immutable and cheap to copy. [any-thread]
class Condition {
 public:
  /// What is wrong is added to `failures`; its pointers begin at `json`.
  static Condition compile(const expression::Value& json, const expression::CompileOptions& options,
                           std::vector<expression::Failure>& failures);

  /// Stops at the first member that decides. Throws Failure with ExpressionEvaluationFailed.
  bool evaluate(expression::Context& context, const expression::Limits& limits) const;
  std::vector<expression::Reference> references() const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;
};

}  // namespace trunkline::workflow
