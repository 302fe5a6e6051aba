#include "runtime/expression/template.h"

#include <algorithm>

#include "runtime/expression/compiler.h"
#include "runtime/expression/decimal.h"
#include "runtime/expression/evaluator.h"

namespace trunkline::expression {

Template Template::compile(const Value& json, const CompileOptions& options) {
  return Template(compile_program(json, options, nullptr));
}

Template Template::compile(const Value& json, const CompileOptions& options, std::vector<Failure>& failures) {
  return Template(compile_program(json, options, &failures));
}

Evaluated Template::resolve(Context& context, const Limits& limits) const {
  Evaluator evaluator(*program_, context, limits);
  Operand result = evaluator.run(program_->root);
  if (result.borrowed() && !(program_->decimals && has_decimals(result.get()))) return Evaluated(result.borrowed_value());
  Value value = std::move(result).take();
  if (program_->decimals) settle_decimals(value);
  return Evaluated(std::move(value));
}

Value Template::evaluate(Context& context, const Limits& limits) const { return resolve(context, limits).take(); }

const std::vector<Reference>& Template::references() const { return program_->references; }

const Value* Template::constant() const {
  const Node& root = program_->nodes[program_->root];
  return root.op == Node::Op::kConstant ? &program_->constants[root.constant] : nullptr;
}

Expression Expression::compile(std::string_view text, const CompileOptions& options) {
  return Expression(Template::compile(Value(text), options));
}

bool Expression::evaluate_bool(Context& context, const Limits& limits) const {
  try {
    const Evaluated result = resolve(context, limits);
    if (result.get().is_boolean()) return result.get().get<bool>();
    Failure failure(kEvaluationFailed, "The template language expression evaluates to a value of type '" +
                                           std::string(kind_name(result.get())) + "' where a boolean is expected.");
    failure.at_run_time = true;
    throw failure;
  } catch (Failure& failure) {
    failure.code = kEvaluationFailed;
    throw;
  }
}

std::string Failure::describe(std::string_view expression) const {
  return message + " (in '" + std::string(expression) + "' at position " + std::to_string(offset) + ")";
}

std::string unable_to_process(std::string_view where, std::size_t line, std::size_t column, std::string_view detail) {
  return "Unable to process template language expressions in " + std::string(where) + " at line '" + std::to_string(line) +
         "' and column '" + std::to_string(column) + "': '" + std::string(detail) + "'.";
}

}  // namespace trunkline::expression
