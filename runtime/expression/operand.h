// A value on its way through an evaluation: borrowed while that is possible.
#pragma once
#include <string>
#include <utility>

#include "runtime/expression/value.h"

namespace trunkline::expression {

/// Either refers to a value that outlives the evaluation, or owns one. Moving it does not move what it refers to.
class Operand {
 public:
  Operand() = default;
  Operand(Value owned) : owned_(std::move(owned)) {}  // NOLINT(google-explicit-constructor): functions return values
  static Operand borrow(const Value* value) {
    Operand out;
    out.borrowed_ = value;
    return out;
  }
  static Operand text(std::string value) { return Operand(Value(std::move(value))); }

  const Value& get() const { return borrowed_ ? *borrowed_ : owned_; }
  const Value* operator->() const { return &get(); }
  bool borrowed() const { return borrowed_ != nullptr; }
  const Value* borrowed_value() const { return borrowed_; }
  /// For changing it in place: copies what is borrowed.
  Value& own() {
    if (borrowed_) {
      owned_ = *borrowed_;
      borrowed_ = nullptr;
    }
    return owned_;
  }
  Value take() && { return borrowed_ ? *borrowed_ : std::move(owned_); }

 private:
  const Value* borrowed_ = nullptr;
  Value owned_;
};

}  // namespace trunkline::expression
