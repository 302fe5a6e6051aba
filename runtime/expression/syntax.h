// The syntax of expressions: text to a tree.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/expression/limits.h"
#include "runtime/expression/value.h"

namespace trunkline::expression {

/// One node of an expression as written. Offsets are bytes of the whole string.
struct Syntax {
  enum class Kind { kLiteral, kCall, kMember };
  Kind kind = Kind::kLiteral;
  std::size_t offset = 0;
  Value literal;
  std::string name;                            // kCall: as written
  std::vector<std::unique_ptr<Syntax>> items;  // kCall: arguments; kMember: the object and the key
  bool safe = false;                           // kMember: with a question mark
};

/// A string of a template, cut up. Exactly one part that is an expression, and `typed`: the whole string is `@expression`.
struct SplitText {
  struct Part {
    std::string text;                    // plain text, when there is no expression
    std::unique_ptr<Syntax> expression;  // null: plain text
  };
  std::vector<Part> parts;
  bool typed = false;
};

/// Throws Failure (InvalidTemplate) with the offset of what is wrong.
SplitText parse_template_text(std::string_view text, const CompileLimits& limits);

}  // namespace trunkline::expression
