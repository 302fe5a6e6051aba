// Compiled expressions and templates: JSON whose strings may hold `@expression`, `@{expression}` and `@@`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/expression/context.h"
#include "runtime/expression/failure.h"
#include "runtime/expression/limits.h"
#include "runtime/expression/value.h"

namespace trunkline::expression {

/// Gives numbers to names while compiling. Called only from compile(), on its thread.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// Name::kUnresolved: the context is asked with the text alone.
  virtual std::uint32_t resolve(Symbol symbol, std::string_view name) = 0;
};

struct CompileOptions {
  CompileLimits limits;
  /// Borrowed for the length of compile(); may be null.
  Resolver* resolver = nullptr;
  /// Names of object members may hold expressions as well.
  bool member_names = true;
  /// Computes what does not depend on the context while compiling.
  bool fold_constants = true;
};

/// Something that a template refers to.
struct Reference {
  enum class Kind : std::uint8_t {
    kTrigger,        // trigger(), triggerBody(), …
    kAction,         // actions('x'), body('x'), outputs('x'), formDataValue('x', …), …
    kCurrentAction,  // action()
    kScopeResult,    // result('x')
    kLoopItem,       // items('x')
    kItem,           // item()
    kIteration,      // iterationIndexes('x')
    kVariable,
    kParameter,
    kWorkflow,
    kCallbackUrl,
    kSetting,
    kFunction,  // every call of a function, by its name as documented
  };
  Kind kind = Kind::kFunction;
  /// Empty when `dynamic`, and for kinds without a name.
  std::string name;
  /// The name is computed, so it is known only while running.
  bool dynamic = false;
  /// JSON pointer of the string inside the template, and the byte of the call in that string.
  std::string pointer;
  std::size_t offset = 0;
};

/// The outcome of an evaluation: of its own, or borrowed from the context or the template, whichever is cheaper. A borrowed one
/// is valid as long as both of them.
class Evaluated {
 public:
  explicit Evaluated(const Value* borrowed) : borrowed_(borrowed) {}
  explicit Evaluated(Value owned) : owned_(std::move(owned)) {}
  const Value& get() const { return borrowed_ ? *borrowed_ : owned_; }
  bool borrowed() const { return borrowed_ != nullptr; }
  /// Copies what is borrowed.
  Value take() && { return borrowed_ ? *borrowed_ : std::move(owned_); }

 private:
  const Value* borrowed_ = nullptr;
  Value owned_;
};

struct Program;

/// A JSON value, compiled once. Immutable and cheap to copy. [any-thread]
class Template {
 public:
  /// Throws Failure (InvalidTemplate) for the first wrong expression.
  static Template compile(const Value& json, const CompileOptions& options = {});
  /// The same, but goes on after an error and reports all of them in `failures`; what failed evaluates to null.
  static Template compile(const Value& json, const CompileOptions& options, std::vector<Failure>& failures);

  /// Throws Failure.
  Value evaluate(Context& context, const Limits& limits = {}) const;
  /// Without the copy where there is none to make: `@variables('list')` gives the list of the context itself.
  Evaluated resolve(Context& context, const Limits& limits = {}) const;

  /// In the order of the text, each occurrence by itself.
  const std::vector<Reference>& references() const;
  /// The value when no expression is left in it after folding; else nullptr.
  const Value* constant() const;

 private:
  friend class Expression;
  explicit Template(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

/// One expression or text with expressions: a Template of a single string.
class Expression {
 public:
  /// `text` as it stands in a definition, with its `@`. Throws Failure.
  static Expression compile(std::string_view text, const CompileOptions& options = {});

  Value evaluate(Context& context, const Limits& limits = {}) const { return template_.evaluate(context, limits); }
  Evaluated resolve(Context& context, const Limits& limits = {}) const { return template_.resolve(context, limits); }
  /// For conditions: anything but a boolean, and every failure, is a Failure with ExpressionEvaluationFailed.
  bool evaluate_bool(Context& context, const Limits& limits = {}) const;
  const std::vector<Reference>& references() const { return template_.references(); }
  const Value* constant() const { return template_.constant(); }

 private:
  explicit Expression(Template compiled) : template_(std::move(compiled)) {}
  Template template_;
};

/// Whether a string of a definition holds an expression or an escape at all.
bool holds_expression(std::string_view text);

}  // namespace trunkline::expression
