#include "runtime/workflow/condition.h"

#include <optional>

#include "runtime/base/strings.h"
#include "runtime/workflow/problem.h"

namespace trunkline::workflow {
namespace {

using expression::CompileOptions;
using expression::Context;
using expression::Expression;
using expression::Failure;
using expression::Limits;
using expression::Reference;
using expression::Template;
using expression::Value;

/// The operands of a leaf, as item(); everything else is of no interest to a function's own call.
class OperandContext final : public Context {
 public:
  OperandContext(Context& outer, const Value& operands) : outer_(outer), operands_(operands) {}
  const Value* item() override { return &operands_; }
  Time now() override { return outer_.now(); }
  std::array<std::uint8_t, 16> guid_bytes() override { return outer_.guid_bytes(); }
  std::uint64_t random_below(std::uint64_t bound) override { return outer_.random_below(bound); }

 private:
  Context& outer_;
  const Value& operands_;
};

Failure refused(std::string message, std::string pointer) {
  Failure failure(expression::kInvalidTemplate, std::move(message));
  failure.pointer = std::move(pointer);
  return failure;
}

}  // namespace

struct Condition::Node {
  enum class Kind { kText, kConstant, kAnd, kOr, kNot, kCall } kind = Kind::kConstant;
  bool constant = false;
  std::string pointer;
  std::vector<std::shared_ptr<const Node>> members;
  std::optional<Expression> text;    // kText, and the call of kCall
  std::optional<Template> operands;  // kCall

  static std::shared_ptr<const Node> compile(const Value& json, const std::string& pointer, const CompileOptions& options,
                                             std::vector<Failure>& failures);
  bool evaluate(Context& context, const Limits& limits) const;
  void collect(std::vector<Reference>& out) const;
};

std::shared_ptr<const Condition::Node> Condition::Node::compile(const Value& json, const std::string& pointer,
                                                                const CompileOptions& options, std::vector<Failure>& failures) {
  auto node = std::make_shared<Node>();
  node->pointer = pointer;
  if (json.is_boolean()) {
    node->constant = json.get<bool>();
    return node;
  }
  if (json.is_string()) {
    node->kind = Kind::kText;
    try {
      node->text = Expression::compile(json.get_ref<const std::string&>(), options);
    } catch (const Failure& failure) {
      failures.push_back(failure);
      failures.back().pointer = pointer;
      return nullptr;
    }
    return node;
  }
  if (!json.is_object() || json.size() != 1) {
    failures.push_back(refused("A condition is an expression, or an object with one member that names a function.", pointer));
    return nullptr;
  }
  const std::string& name = json.begin().key();
  const Value& content = json.begin().value();
  const std::string below = append_pointer(pointer, name);
  const bool is_and = iequals(name, "and"), is_or = iequals(name, "or"), is_not = iequals(name, "not");
  if (is_and || is_or || is_not) {
    node->kind = is_and ? Kind::kAnd : is_or ? Kind::kOr : Kind::kNot;
    if (content.is_array()) {
      for (std::size_t i = 0; i < content.size(); ++i)
        node->members.push_back(compile(content[i], append_pointer(below, std::to_string(i)), options, failures));
    } else {
      node->members.push_back(compile(content, below, options, failures));
    }
    if (is_not && node->members.size() != 1) failures.push_back(refused("'not' takes exactly one condition.", below));
    return node;
  }
  node->kind = Kind::kCall;
  const Value operands = content.is_array() ? content : Value::array({content});
  std::vector<Failure> found;
  node->operands = Template::compile(operands, options, found);
  for (Failure& failure : found) {
    // A lone operand was wrapped into an array.
    if (!content.is_array() && failure.pointer.starts_with("/0")) failure.pointer.erase(0, 2);
    failure.pointer = below + failure.pointer;
    failures.push_back(std::move(failure));
  }
  std::string call = "@" + name + "(";
  for (std::size_t i = 0; i < operands.size(); ++i) call += (i == 0 ? "item()[" : ", item()[") + std::to_string(i) + "]";
  try {
    node->text = Expression::compile(call + ")", {});
  } catch (const Failure& failure) {
    failures.push_back(refused(failure.message, below));
    return nullptr;
  }
  return node;
}

bool Condition::Node::evaluate(Context& context, const Limits& limits) const {
  switch (kind) {
    case Kind::kConstant:
      return constant;
    case Kind::kText:
      return text->evaluate_bool(context, limits);
    case Kind::kAnd:
      for (const auto& member : members)
        if (!member->evaluate(context, limits)) return false;
      return true;
    case Kind::kOr:
      for (const auto& member : members)
        if (member->evaluate(context, limits)) return true;
      return false;
    case Kind::kNot:
      return !members.front()->evaluate(context, limits);
    case Kind::kCall: {
      const Value values = operands->evaluate(context, limits);
      OperandContext inner(context, values);
      return text->evaluate_bool(inner, limits);
    }
  }
  return false;
}

void Condition::Node::collect(std::vector<Reference>& out) const {
  const auto add = [&](const std::vector<Reference>& references, const std::string& base) {
    for (Reference reference : references) {
      reference.pointer = base + reference.pointer;
      out.push_back(std::move(reference));
    }
  };
  if (kind == Kind::kText && text) add(text->references(), pointer);
  if (operands) add(operands->references(), pointer);
  for (const auto& member : members)
    if (member) member->collect(out);
}

Condition Condition::compile(const Value& json, const CompileOptions& options, std::vector<Failure>& failures) {
  Condition condition;
  condition.root_ = Node::compile(json, "", options, failures);
  return condition;
}

bool Condition::evaluate(Context& context, const Limits& limits) const {
  try {
    return root_->evaluate(context, limits);
  } catch (Failure& failure) {
    failure.code = expression::kEvaluationFailed;
    throw;
  }
}

std::vector<Reference> Condition::references() const {
  std::vector<Reference> out;
  if (root_) root_->collect(out);
  return out;
}

}  // namespace trunkline::workflow
