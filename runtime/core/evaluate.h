// Expressions by themselves, for people who have no runtime open: the command line, C, Python, Node.js.
#pragma once
#include <string>
#include <string_view>

#include "runtime/expression/failure.h"
#include "runtime/expression/json_context.h"
#include "trunkline/error.hpp"

namespace trunkline {

/// The clock and the random numbers of the system.
expression::JsonContext::Sources system_sources();

/// kInvalidArgument with the service code of the failure; details: `offset`, and where known `pointer`, `function`, `argument`.
Error to_error(const expression::Failure& failure);

/// JSON with expressions in it, and a context as JsonContext takes it (empty: nothing is known), to the JSON of the result.
/// Throws Error. [any-thread]
std::string evaluate_template(std::string_view template_json, std::string_view context_json);

}  // namespace trunkline
