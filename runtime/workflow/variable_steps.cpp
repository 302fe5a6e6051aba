// Variables.
#include <limits>

#include "runtime/workflow/machine.h"
#include "runtime/workflow/shared_value.h"

namespace trunkline::workflow {
namespace {

Value initial_value(VariableType type) {
  switch (type) {
    case VariableType::kString:
      return "";
    case VariableType::kInteger:
      return 0;
    case VariableType::kFloat:
      return 0.0;
    case VariableType::kBoolean:
      return false;
    case VariableType::kArray:
      return Value::array();
    case VariableType::kObject:
      return nullptr;
  }
  return nullptr;
}

bool fits(const Value& value, VariableType type) {
  switch (type) {
    case VariableType::kString:
      return value.is_string();
    case VariableType::kInteger:
      return value.is_number_integer();
    case VariableType::kFloat:
      return value.is_number();
    case VariableType::kBoolean:
      return value.is_boolean();
    case VariableType::kArray:
      return value.is_array();
    case VariableType::kObject:
      return value.is_object() || value.is_null();
  }
  return false;
}

/// `{ name, value }` and `{ body }`, without the copies that a list of initial values makes.
Value named_value(const std::string& name, Value value) {
  Value out = Value::object();
  auto& members = out.get_ref<Value::object_t&>();
  members.reserve(2);
  members.Container::emplace_back("name", name);
  members.Container::emplace_back("value", std::move(value));
  return out;
}
Value body_of(Value value) {
  Value out = Value::object();
  out.get_ref<Value::object_t&>().Container::emplace_back("body", std::move(value));
  return out;
}

}  // namespace

void Machine::initialize_variable(const Pending& at) {
  const Variable& variable = plan().variables[*at.action.variable];
  Value value = at.action.inputs ? at.action.inputs->evaluate(context_, plan().options.evaluate) : initial_value(variable.type);
  SharedValue inputs;
  if (is_seen(at.action)) {
    Value declared{{"name", variable.name}, {"type", to_text(variable.type)}};
    if (at.action.inputs) declared["value"] = value;
    inputs = share(Value{{"variables", Value::array({std::move(declared)})}});
  }
  if (at.action.inputs && value.is_null()) value = initial_value(variable.type);
  if (!fits(value, variable.type)) {
    fail(at, "BadRequest", "InvalidTemplate",
         "The variable '" + variable.name + "' of type '" + std::string(to_text(variable.type)) +
             "' cannot be initialized with a value of type '" + std::string(expression::kind_name(value)) + "'.",
         std::move(inputs));
    return;
  }
  change_variable(at, VariableChange::kSet, std::move(value));
  done(at, Status::kSucceeded, "", std::move(inputs), nullptr, nullptr);
}

/// Variables own what they hold, so that a loop that adds to one does not copy what is there already.
void Machine::change_variable(const Pending& at, VariableChange change, Value value) {
  if (durable_) {
    Event e = event(EventKind::kVariable, at);
    e.number = *at.action.variable;
    e.change = change;
    e.inputs = SharedValue(SharedValue(), &value);  // for as long as it takes to write it
    writer_.add(e);
  }
  state_.change_variable(*at.action.variable, change, std::move(value));
}

void Machine::run_variable(const Pending& at) {
  if (at.action.type == ActionType::kInitializeVariable) {
    initialize_variable(at);
    return;
  }
  const std::uint32_t slot = *at.action.variable;
  const Variable& variable = plan().variables[slot];
  const bool counts = at.action.type == ActionType::kIncrementVariable || at.action.type == ActionType::kDecrementVariable;
  Value value = at.action.inputs ? at.action.inputs->evaluate(context_, plan().options.evaluate) : Value(1);
  if (counts && value.is_null()) value = 1;
  if (!state_.has_variable(slot)) {
    fail(at, "BadRequest", "InvalidTemplate",
         "The variable '" + variable.name + "' was not initialized before the action '" + at.action.name + "'.");
    return;
  }
  if (counts) {
    add_to_variable(at, value);
    return;
  }
  // The outputs are the inputs under another name.
  const SharedValue outputs = is_seen(at.action) ? share(body_of(named_value(variable.name, value))) : nullptr;
  const SharedValue inputs = outputs ? SharedValue(outputs, &outputs->begin().value()) : nullptr;
  const auto wrong = [&](std::string_view wanted) {
    fail(at, "BadRequest", "InvalidTemplate",
         "The value for the variable '" + variable.name + "' must be of type '" + std::string(wanted) + "', and is of type '" +
             std::string(expression::kind_name(value)) + "'.",
         inputs);
  };
  VariableChange change = VariableChange::kSet;
  if (at.action.type == ActionType::kAppendToArrayVariable) {
    change = VariableChange::kAppendItem;
  } else if (at.action.type == ActionType::kAppendToStringVariable) {
    change = VariableChange::kAppendText;
    std::string text = expression::to_text(value);
    const std::size_t length = state_.variables()[slot].get_ref<const std::string&>().size() + text.size();
    if (length > plan().options.evaluate.max_text_length) {
      fail(at, "BadRequest", "InvalidTemplate", "The text of the variable '" + variable.name + "' would become too long.",
           inputs);
      return;
    }
    value = std::move(text);
  } else if (!fits(value, variable.type)) {
    wrong(to_text(variable.type));
    return;
  }
  change_variable(at, change, std::move(value));
  done(at, Status::kSucceeded, "", inputs, outputs, nullptr);
}

void Machine::add_to_variable(const Pending& at, const Value& value) {
  const std::uint32_t slot = *at.action.variable;
  const Variable& variable = plan().variables[slot];
  SharedValue inputs = is_seen(at.action) ? share(named_value(variable.name, value)) : nullptr;
  const bool whole = variable.type == VariableType::kInteger;
  if (whole ? !value.is_number_integer() : !value.is_number()) {
    fail(at, "BadRequest", "InvalidTemplate",
         "The variable '" + variable.name + "' of type '" + std::string(to_text(variable.type)) +
             "' cannot be changed by a value of type '" + std::string(expression::kind_name(value)) + "'.",
         std::move(inputs));
    return;
  }
  const Value& before = state_.variables()[slot];
  const bool down = at.action.type == ActionType::kDecrementVariable;
  Value after;
  if (whole && before.is_number_integer()) {
    std::int64_t sum = 0;
    const auto a = before.get<std::int64_t>(), b = value.get<std::int64_t>();
    if (down ? __builtin_sub_overflow(a, b, &sum) : __builtin_add_overflow(a, b, &sum)) {
      fail(at, "BadRequest", "InvalidTemplate", "The variable '" + variable.name + "' would leave the range of 64-bit integers.",
           std::move(inputs));
      return;
    }
    after = sum;
  } else {
    after = down ? before.get<double>() - value.get<double>() : before.get<double>() + value.get<double>();
  }
  change_variable(at, VariableChange::kSet, after);
  SharedValue outputs = inputs ? share(body_of(named_value(variable.name, std::move(after)))) : nullptr;
  done(at, Status::kSucceeded, "", std::move(inputs), std::move(outputs), nullptr);
}

}  // namespace trunkline::workflow
