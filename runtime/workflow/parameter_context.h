// What an expression sees outside any run: the parameters of the workflow.
#pragma once
#include "runtime/expression/context.h"
#include "runtime/workflow/plan.h"

namespace trunkline::workflow {

class ParameterContext : public expression::Context {
 public:
  explicit ParameterContext(const Plan& plan) : plan_(plan) {}

  const Value* parameter(const expression::Name& name) override {
    const std::uint32_t slot = name.slot != expression::Name::kUnresolved ? name.slot : plan_.find_parameter(name.text);
    return slot < plan_.parameters.size() ? &plan_.parameters[slot].value : nullptr;
  }
  // Nothing here depends on when or how often it is looked at.
  Time now() override { return {}; }
  std::array<std::uint8_t, 16> guid_bytes() override { return {}; }
  std::uint64_t random_below(std::uint64_t) override { return 0; }

 protected:
  const Plan& plan_;
};

}  // namespace trunkline::workflow
