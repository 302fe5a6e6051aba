// A compiled template: flat nodes, no names to look up while it runs.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "runtime/expression/function.h"
#include "runtime/expression/template.h"
#include "runtime/expression/value.h"

namespace trunkline::expression {

/// Children of a node are the `count` indexes from `first` on in Program::children.
struct Node {
  enum class Op : std::uint8_t {
    kConstant,  // constants[constant]
    kCall,      // function(children)
    kAnd,       // the three forms that do not evaluate all their children
    kOr,
    kIf,
    kMember,       // child 0, by the key constants[constant]
    kComputed,     // child 0, by child 1
    kInterpolate,  // texts of the children, one after the other
    kArray,        // of the children
    kObject,       // children in pairs: name, value
  };
  Op op = Op::kConstant;
  bool safe = false;
  bool distinct = false;  // kObject: all names are constant, and no two are the same
  std::uint32_t count = 0;
  std::uint32_t first = 0;
  std::uint32_t constant = 0;
  std::uint32_t slot = Name::kUnresolved;
  const FunctionInfo* function = nullptr;
  /// Where it stands: sources[source], byte offset.
  std::uint32_t source = 0;
  std::uint32_t offset = 0;
};

/// A string of the template that holds expressions.
struct Source {
  std::string pointer;
  std::string text;
};

struct Program {
  std::vector<Node> nodes;
  std::vector<std::uint32_t> children;
  std::deque<Value> constants;  // borrowed by evaluations, so nothing moves
  std::vector<Source> sources;
  std::vector<Reference> references;
  /// Calls decimal(): results may hold decimals, which must not leave.
  bool decimals = false;
  std::uint32_t root = 0;
};

}  // namespace trunkline::expression
