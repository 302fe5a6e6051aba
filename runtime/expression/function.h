// How functions of the language are declared and called.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/expression/context.h"
#include "runtime/expression/limits.h"
#include "runtime/expression/operand.h"
#include "runtime/expression/template.h"

namespace trunkline::expression {

class Evaluator;
class Call;
struct Node;

using Function = Operand (*)(Call& call);

/// A function of the language. One static object each.
struct FunctionInfo {
  static constexpr std::uint8_t kAnyNumber = 255;
  /// Evaluated by the program itself, because not all arguments are.
  enum class Form : std::uint8_t { kPlain, kAnd, kOr, kIf };

  std::string_view name;  // as documented
  std::uint8_t min_arguments = 0;
  std::uint8_t max_arguments = 0;
  Function function = nullptr;
  /// The same arguments give the same value everywhere and always.
  bool pure = true;
  /// What the first argument names, for references and slots.
  std::optional<Symbol> symbol = std::nullopt;
  Reference::Kind reference = Reference::Kind::kFunction;
  Form form = Form::kPlain;
  bool makes_decimals = false;
};

/// nullptr: there is none. Any letter case. [any-thread]
const FunctionInfo* find_function(std::string_view name);
/// All of them.
std::span<const FunctionInfo* const> all_functions();

/// One call while it runs: the arguments, typed, and how to fail.
class Call {
 public:
  Call(Evaluator& evaluator, const Node& node, std::span<Operand> arguments)
      : evaluator_(evaluator), node_(node), arguments_(arguments) {}

  std::size_t size() const { return arguments_.size(); }
  const Value& operator[](std::size_t index) const { return arguments_[index].get(); }
  Operand& operand(std::size_t index) { return arguments_[index]; }
  /// The argument itself, for results that are one of the arguments.
  Operand take(std::size_t index) { return std::move(arguments_[index]); }

  /// Typed reading; each throws Failure.
  const std::string& text(std::size_t index) const;
  std::int64_t integer(std::size_t index) const;
  bool boolean(std::size_t index) const;
  const Value& object(std::size_t index) const;
  const Value& array(std::size_t index) const;
  /// The first argument as a name.
  Name name() const;
  bool has(std::size_t index) const { return index < arguments_.size(); }

  Context& context() const;
  const Limits& limits() const;
  /// Counts work done; throws Failure when the evaluation has done too much.
  void charge(std::size_t amount) const;
  /// Throws when a text of this length may not be made.
  void check_text_length(std::size_t bytes) const;

  /// `The template language function 'add' …`: `problem` goes on from there.
  [[noreturn]] void fail(std::string_view problem, int argument = -1) const;
  /// `… expects its parameter 'n' to be <wanted>. The provided value is of type 'Integer'.`
  [[noreturn]] void wrong_type(std::size_t index, std::string_view wanted) const;
  /// A message that does not begin with the function.
  [[noreturn]] void fail_with(std::string message, int argument = -1) const;

 private:
  Evaluator& evaluator_;
  const Node& node_;
  std::span<Operand> arguments_;
};

/// The functions by category, one file each.
std::span<const FunctionInfo> string_functions();
std::span<const FunctionInfo> collection_functions();
std::span<const FunctionInfo> logical_functions();
std::span<const FunctionInfo> comparison_functions();
std::span<const FunctionInfo> conversion_functions();
std::span<const FunctionInfo> content_functions();
std::span<const FunctionInfo> math_functions();
std::span<const FunctionInfo> date_functions();
std::span<const FunctionInfo> workflow_functions();
std::span<const FunctionInfo> form_functions();
std::span<const FunctionInfo> uri_functions();
std::span<const FunctionInfo> object_functions();
std::span<const FunctionInfo> xml_functions();

}  // namespace trunkline::expression
