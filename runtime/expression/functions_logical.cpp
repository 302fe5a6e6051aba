// Logical functions. Those that leave arguments out run inside the evaluator; see FunctionInfo::Form.
#include "runtime/expression/function.h"

namespace trunkline::expression {
namespace {

Operand negation(Call& call) { return Value(!call.boolean(0)); }

constexpr FunctionInfo kLogicalFunctions[] = {
    {.name = "and", .min_arguments = 1, .max_arguments = FunctionInfo::kAnyNumber, .form = FunctionInfo::Form::kAnd},
    {.name = "or", .min_arguments = 1, .max_arguments = FunctionInfo::kAnyNumber, .form = FunctionInfo::Form::kOr},
    {.name = "if", .min_arguments = 3, .max_arguments = 3, .form = FunctionInfo::Form::kIf},
    {"not", 1, 1, negation},
};

}  // namespace

std::span<const FunctionInfo> logical_functions() { return kLogicalFunctions; }

}  // namespace trunkline::expression
