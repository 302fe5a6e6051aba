#include "runtime/expression/context.h"

namespace trunkline::expression {
namespace {

const Value* null_value() {
  static const Value kNull;
  return &kNull;
}

const Value* outputs_of(const Value* record) {
  if (!record) return nullptr;
  const Value* outputs = find_member(*record, "outputs");
  return outputs ? outputs : null_value();
}

}  // namespace

const Value* Context::trigger_outputs() { return outputs_of(trigger()); }
const Value* Context::action_outputs(const Name& name) { return outputs_of(action(name)); }
const Value* Context::action(const Name&) { return nullptr; }
const Value* Context::result(const Name&) { return nullptr; }
const Value* Context::items(const Name&) { return nullptr; }
std::optional<std::int64_t> Context::iteration_index(const Name&) { return std::nullopt; }
const Value* Context::variable(const Name&) { return nullptr; }
const Value* Context::parameter(const Name&) { return nullptr; }
std::optional<std::string> Context::setting(const Name&) { return std::nullopt; }
const Value* Context::agent_parameter(const Name&) { return nullptr; }

}  // namespace trunkline::expression
