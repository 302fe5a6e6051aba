#include "runtime/expression/evaluator.h"

#include <array>
#include <vector>

#include "runtime/expression/failure.h"

namespace trunkline::expression {
namespace {

// Messages show no more names than this.
constexpr std::size_t kShownNames = 50;

std::string member_names(const Value& object) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& [key, value] : object.get_ref<const Value::object_t&>()) {
    if (shown++ > 0) out += ", ";
    if (shown > kShownNames) return out + "…";
    out += key;
  }
  return out;
}

Operand part_of(Operand whole, const Value* part) {
  if (whole.borrowed()) return Operand::borrow(part);
  // The whole is ours alone and dies with this call.
  return Operand(std::move(const_cast<Value&>(*part)));
}

}  // namespace

Operand Evaluator::run(std::uint32_t index) {
  const Node& node = program_.nodes[index];
  switch (node.op) {
    case Node::Op::kConstant:
      return Operand::borrow(&program_.constants[node.constant]);
    case Node::Op::kCall:
      return call(node);
    case Node::Op::kAnd:
      return logical(node, false);
    case Node::Op::kOr:
      return logical(node, true);
    case Node::Op::kIf:
      return choose(node);
    case Node::Op::kMember:
      return member(node, run(*children(node)), program_.constants[node.constant]);
    case Node::Op::kComputed: {
      Operand object = run(children(node)[0]);
      const Operand key = run(children(node)[1]);
      return member(node, std::move(object), key.get());
    }
    case Node::Op::kInterpolate:
      return interpolate(node);
    case Node::Op::kArray:
      return make_array(node);
    case Node::Op::kObject:
      return make_object(node);
  }
  return {};
}

template <std::size_t Count>
Operand Evaluator::call_with(const Node& node) {
  std::array<Operand, Count> arguments;
  const std::uint32_t* child = children(node);
  for (std::size_t i = 0; i < Count; ++i) arguments[i] = run(child[i]);
  Call call(*this, node, arguments);
  return node.function->function(call);
}

Operand Evaluator::call(const Node& node) {
  if (++calls_ > limits_.max_calls)
    fail(node, "The evaluation needs more than " + std::to_string(limits_.max_calls) + " calls of functions.");
  switch (node.count) {
    case 0:
      return call_with<0>(node);
    case 1:
      return call_with<1>(node);
    case 2:
      return call_with<2>(node);
    case 3:
      return call_with<3>(node);
    default:
      break;
  }
  std::vector<Operand> arguments(node.count);
  for (std::size_t i = 0; i < arguments.size(); ++i) arguments[i] = run(children(node)[i]);
  Call call(*this, node, arguments);
  return node.function->function(call);
}

Operand Evaluator::logical(const Node& node, bool decides) {
  for (std::uint32_t i = 0; i < node.count; ++i) {
    const Operand value = run(children(node)[i]);
    if (!value->is_boolean()) {
      fail(node,
           "The template language function '" + std::string(node.function->name) +
               "' expects its parameters to be boolean values. The parameter " + std::to_string(i + 1) + " is of type '" +
               std::string(kind_name(value.get())) + "'.",
           static_cast<int>(i));
    }
    if (value->get<bool>() == decides) return Value(decides);
  }
  return Value(!decides);
}

Operand Evaluator::choose(const Node& node) {
  const Operand condition = run(children(node)[0]);
  if (!condition->is_boolean()) {
    fail(
        node,
        "The template language function 'if' expects its first parameter to be a boolean value. The provided value is of type '" +
            std::string(kind_name(condition.get())) + "'.",
        0);
  }
  return run(children(node)[condition->get<bool>() ? 1 : 2]);
}

Operand Evaluator::member(const Node& node, Operand object, const Value& key) {
  const Value& value = object.get();
  if (value.is_object() && key.is_string()) {
    if (const Value* found = find_member(value, key.get_ref<const std::string&>())) return part_of(std::move(object), found);
    if (node.safe) return Value(nullptr);
    cannot_select(node, "property '" + to_text(key) + "' doesn't exist, available properties are '" + member_names(value) + "'");
  }
  if (value.is_null()) {
    if (node.safe) return Value(nullptr);
    cannot_select(node, "property '" + to_text(key) + "' cannot be selected");
  }
  if (value.is_array()) return item(node, std::move(object), key);
  cannot_select(node,
                "property '" + to_text(key) + "' cannot be selected. Property selection is not supported on values of type '" +
                    std::string(kind_name(value)) + (value.is_object() ? "' by a key of type '" : "' with a key of type '") +
                    std::string(kind_name(key)) + "'");
}

Operand Evaluator::item(const Node& node, Operand array, const Value& key) {
  const auto& items = array->get_ref<const Value::array_t&>();
  if (!key.is_number_integer())
    cannot_select(
        node, "property '" + to_text(key) + "' cannot be selected. Array elements can only be selected using an integer index");
  const bool outside = key.is_number_unsigned()
                           ? key.get<std::uint64_t>() >= items.size()
                           : key.get<std::int64_t>() < 0 || static_cast<std::uint64_t>(key.get<std::int64_t>()) >= items.size();
  if (!outside) return part_of(std::move(array), &items[key.get<std::size_t>()]);
  if (node.safe) return Value(nullptr);
  if (items.empty()) cannot_select(node, "array index '" + to_text(key) + "' cannot be selected from empty array");
  cannot_select(node,
                "array index '" + to_text(key) + "' is outside bounds (0, " + std::to_string(items.size() - 1) + ") of array");
}

Operand Evaluator::interpolate(const Node& node) {
  std::string out;
  for (std::uint32_t i = 0; i < node.count; ++i) {
    const Operand part = run(children(node)[i]);
    const std::size_t before = out.size();
    append_text(out, part.get());
    charge(node, out.size() - before);
    if (out.size() > limits_.max_text_length)
      fail(node, "The text is longer than " + std::to_string(limits_.max_text_length) + " characters.");
  }
  return Operand::text(std::move(out));
}

Operand Evaluator::make_array(const Node& node) {
  Value out = Value::array();
  auto& items = out.get_ref<Value::array_t&>();
  items.reserve(node.count);
  for (std::uint32_t i = 0; i < node.count; ++i) items.push_back(run(children(node)[i]).take());
  return out;
}

Operand Evaluator::make_object(const Node& node) {
  Value out = Value::object();
  auto& members = out.get_ref<Value::object_t&>();
  members.reserve(node.count / 2);
  if (node.distinct) {
    for (std::uint32_t i = 0; i < node.count; i += 2) {
      const Value& name = program_.constants[program_.nodes[children(node)[i]].constant];
      members.Value::object_t::Container::emplace_back(name.get_ref<const std::string&>(), run(children(node)[i + 1]).take());
    }
    return out;
  }
  for (std::uint32_t i = 0; i < node.count; i += 2) {
    const Operand name = run(children(node)[i]);
    if (!name->is_string()) {
      fail(program_.nodes[children(node)[i]], "The name of a property has to be a text. The provided value is of type '" +
                                                  std::string(kind_name(name.get())) + "'.");
    }
    members[name->get_ref<const std::string&>()] = run(children(node)[i + 1]).take();
  }
  return out;
}

void Evaluator::fail(const Node& node, std::string message, int argument) const {
  Failure failure(kInvalidTemplate, std::move(message));
  failure.at_run_time = true;
  failure.argument = argument;
  if (node.function) failure.function = node.function->name;
  failure.offset = node.offset;
  if (node.source < program_.sources.size()) failure.pointer = program_.sources[node.source].pointer;
  throw failure;
}

void Evaluator::too_much(const Node& node) const {
  fail(node, "The evaluation makes or reads more than " + std::to_string(limits_.max_work) + " bytes and values.");
}

void Evaluator::cannot_select(const Node& node, const std::string& reason) const {
  fail(node, "The template language expression '" + program_.sources[node.source].text + "' cannot be evaluated because " +
                 reason + ".");
}

// ---- what functions see of it ----

Context& Call::context() const { return evaluator_.context(); }
const Limits& Call::limits() const { return evaluator_.limits(); }
void Call::charge(std::size_t amount) const { evaluator_.charge(node_, amount); }

void Call::check_text_length(std::size_t bytes) const {
  if (bytes > limits().max_text_length)
    fail("makes a text that is longer than " + std::to_string(limits().max_text_length) + " characters.");
  charge(bytes);
}

const std::string& Call::text(std::size_t index) const {
  const Value& value = (*this)[index];
  if (!value.is_string()) wrong_type(index, "a string");
  return value.get_ref<const std::string&>();
}

std::int64_t Call::integer(std::size_t index) const {
  const Value& value = (*this)[index];
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX))
    wrong_type(index, "an integer");
  return value.get<std::int64_t>();
}

bool Call::boolean(std::size_t index) const {
  const Value& value = (*this)[index];
  if (!value.is_boolean()) wrong_type(index, "a boolean");
  return value.get<bool>();
}

const Value& Call::object(std::size_t index) const {
  const Value& value = (*this)[index];
  if (!value.is_object()) wrong_type(index, "an object");
  return value;
}

const Value& Call::array(std::size_t index) const {
  const Value& value = (*this)[index];
  if (!value.is_array()) wrong_type(index, "an array");
  return value;
}

Name Call::name() const { return {text(0), node_.slot}; }

void Call::fail(std::string_view problem, int argument) const {
  fail_with("The template language function '" + std::string(node_.function->name) + "' " + std::string(problem), argument);
}

void Call::wrong_type(std::size_t index, std::string_view wanted) const {
  static constexpr std::array<std::string_view, 5> kOrdinals = {"first", "second", "third", "fourth", "fifth"};
  const std::string which = size() == 1                ? std::string("its parameter")
                            : index < kOrdinals.size() ? "its " + std::string(kOrdinals[index]) + " parameter"
                                                       : "its parameter " + std::to_string(index + 1);
  fail("expects " + which + " to be " + std::string(wanted) + ". The provided value is of type '" +
           std::string(kind_name((*this)[index])) + "'.",
       static_cast<int>(index));
}

void Call::fail_with(std::string message, int argument) const { evaluator_.fail(node_, std::move(message), argument); }

}  // namespace trunkline::expression
