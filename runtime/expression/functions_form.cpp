// Functions for form data and multipart bodies.
#include "runtime/expression/form_data.h"
#include "runtime/expression/function.h"

namespace trunkline::expression {
namespace {

const Value& action_outputs(const Call& call) {
  const Value* outputs = call.context().action_outputs(call.name());
  if (!outputs)
    call.fail_with(
        "The template action '" + std::string(call.name().text) + "' is not defined, or cannot have run before this place.", 0);
  return *outputs;
}

const Value& trigger_outputs(const Call& call) {
  const Value* outputs = call.context().trigger_outputs();
  if (!outputs) call.fail("cannot be used here, where the trigger has no outputs.");
  return *outputs;
}

std::vector<std::string> values(const Call& call, const Value& outputs, std::size_t key) {
  const std::string& name = call.text(key);
  auto out = form_values(outputs, name);
  if (!out) call.fail("expects outputs whose body is form data.");
  return *std::move(out);
}

Operand single(const Call& call, const Value& outputs, std::size_t key) {
  std::vector<std::string> found = values(call, outputs, key);
  if (found.size() != 1)
    call.fail(
        "expects exactly one value for the key '" + call.text(key) + "'. The form data has " + std::to_string(found.size()) + ".",
        static_cast<int>(key));
  return Operand::text(std::move(found.front()));
}

Operand all(const Call& call, const Value& outputs, std::size_t key) { return Value(values(call, outputs, key)); }

Operand part(const Call& call, const Value& outputs, std::size_t index) {
  const std::int64_t wanted = call.integer(index);
  auto parts = multipart_bodies(outputs);
  if (!parts) call.fail("expects outputs whose body is multipart.");
  if (wanted < 0 || static_cast<std::uint64_t>(wanted) >= parts->size())
    call.fail("expects the index of a part. The index '" + std::to_string(wanted) + "' is outside of the " +
                  std::to_string(parts->size()) + " parts.",
              static_cast<int>(index));
  return std::move((*parts)[static_cast<std::size_t>(wanted)]);
}

Operand form_data_value(Call& call) { return single(call, action_outputs(call), 1); }
Operand form_data_multi_values(Call& call) { return all(call, action_outputs(call), 1); }
Operand trigger_form_data_value(Call& call) { return single(call, trigger_outputs(call), 0); }
Operand trigger_form_data_multi_values(Call& call) { return all(call, trigger_outputs(call), 0); }
Operand multipart_body(Call& call) { return part(call, action_outputs(call), 1); }
Operand trigger_multipart_body(Call& call) { return part(call, trigger_outputs(call), 0); }

using Kind = Reference::Kind;

constexpr FunctionInfo kFormFunctions[] = {
    {"formDataValue", 2, 2, form_data_value, false, Symbol::kAction, Kind::kAction},
    {"formDataMultiValues", 2, 2, form_data_multi_values, false, Symbol::kAction, Kind::kAction},
    {"triggerFormDataValue", 1, 1, trigger_form_data_value, false, std::nullopt, Kind::kTrigger},
    {"triggerFormDataMultiValues", 1, 1, trigger_form_data_multi_values, false, std::nullopt, Kind::kTrigger},
    {"multipartBody", 2, 2, multipart_body, false, Symbol::kAction, Kind::kAction},
    {"triggerMultipartBody", 1, 1, trigger_multipart_body, false, std::nullopt, Kind::kTrigger},
};

}  // namespace

std::span<const FunctionInfo> form_functions() { return kFormFunctions; }

}  // namespace trunkline::expression
