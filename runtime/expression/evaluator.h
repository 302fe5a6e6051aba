// Runs a program.
#pragma once
#include <cstdint>
#include <string>

#include "runtime/expression/operand.h"
#include "runtime/expression/program.h"

namespace trunkline::expression {

/// One evaluation. Not reused, one thread.
class Evaluator {
 public:
  Evaluator(const Program& program, Context& context, const Limits& limits)
      : program_(program), context_(context), limits_(limits) {}

  Operand run(std::uint32_t node);

  Context& context() const { return context_; }
  const Limits& limits() const { return limits_; }
  void charge(const Node& node, std::size_t amount) {
    work_ += amount;
    if (work_ > limits_.max_work) too_much(node);
  }
  [[noreturn]] void fail(const Node& node, std::string message, int argument = -1) const;

 private:
  template <std::size_t Count>
  Operand call_with(const Node& node);
  Operand call(const Node& node);
  Operand logical(const Node& node, bool decides);
  Operand choose(const Node& node);
  Operand member(const Node& node, Operand object, const Value& key);
  Operand item(const Node& node, Operand array, const Value& key);
  Operand interpolate(const Node& node);
  Operand make_array(const Node& node);
  Operand make_object(const Node& node);
  const std::uint32_t* children(const Node& node) const { return program_.children.data() + node.first; }
  [[noreturn]] void too_much(const Node& node) const;
  [[noreturn]] void cannot_select(const Node& node, const std::string& reason) const;

  const Program& program_;
  Context& context_;
  const Limits& limits_;
  std::uint64_t calls_ = 0;
  std::uint64_t work_ = 0;
};

}  // namespace trunkline::expression
