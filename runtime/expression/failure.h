// Why an expression was refused or failed.
#pragma once
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace trunkline::expression {

/// Codes of Logic Apps. What a workflow shows as the code of its action is the engine's business (BadRequest, for instance).
inline constexpr std::string_view kInvalidTemplate = "InvalidTemplate";
inline constexpr std::string_view kEvaluationFailed = "ExpressionEvaluationFailed";

/// `message` is the detail alone, in Logic Apps' style; describe() puts the place before it.
class Failure : public std::exception {
 public:
  Failure(std::string_view code, std::string message) : code(code), message(std::move(message)) {}
  const char* what() const noexcept override { return message.c_str(); }

  /// kInvalidTemplate; kEvaluationFailed where the value had to be a boolean and is none, see Expression::evaluate_bool.
  std::string code;
  std::string message;
  /// The function at fault as the definition spells it; empty for syntax and for member access.
  std::string function;
  /// The argument at fault, from 0; -1: none in particular.
  int argument = -1;
  /// JSON pointer of the string inside the template that was compiled; empty for its root.
  std::string pointer;
  /// Byte within that string.
  std::size_t offset = 0;
  /// false: refused by compile(); true: failed while it ran.
  bool at_run_time = false;

  /// `<message> (in '<expression>' at position 5)`: for people who have no line and column.
  std::string describe(std::string_view expression) const;
};

/// `Unable to process template language expressions in action 'Send' inputs at line '1' and column '5': '<detail>'.`
std::string unable_to_process(std::string_view where, std::size_t line, std::size_t column, std::string_view detail);

}  // namespace trunkline::expression
