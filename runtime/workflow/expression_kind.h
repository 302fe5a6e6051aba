// The kinds of Expression actions: the designer's helpers for times and texts.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "runtime/expression/context.h"
#include "runtime/expression/limits.h"
#include "runtime/expression/value.h"

namespace trunkline::workflow {

/// What one kind takes, in the order of the arguments of the function that computes it. Optional inputs come last.
struct ExpressionKind {
  struct Input {
    std::string_view name;
    bool required = true;
    /// May come as a text, as everything does that stands in `@{…}`.
    bool whole_number = false;
  };
  std::string_view name;
  std::string_view function;  // of the expression language
  std::span<const Input> inputs;
};

/// nullptr: there is none. Any letter case. [any-thread]
const ExpressionKind* find_expression_kind(std::string_view name);
/// All of them, for people.
std::string expression_kind_names();
/// The value of an action of this kind. Throws Failure, whose message names the input at fault.
expression::Value compute(const ExpressionKind& kind, const expression::Value& inputs, expression::Context& context,
                          const expression::Limits& limits);

}  // namespace trunkline::workflow
