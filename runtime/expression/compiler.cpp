#include "runtime/expression/compiler.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "runtime/expression/decimal.h"
#include "runtime/expression/evaluator.h"
#include "runtime/expression/syntax.h"

namespace trunkline::expression {
namespace {

// What folding may cost, and how large its results may be: a definition must not grow when it is compiled.
constexpr std::uint64_t kFoldingWork = 1'000'000;
constexpr std::size_t kMaxFoldedText = 4'096;
constexpr std::size_t kMaxFoldedValues = 256;

/// Folding calls pure functions only. What needs the context all the same (a date without a year is one of this year) is left for
/// the run.
class NoContext final : public Context {
 public:
  Time now() override { not_now(); }
  std::array<std::uint8_t, 16> guid_bytes() override { not_now(); }
  std::uint64_t random_below(std::uint64_t) override { not_now(); }

 private:
  [[noreturn]] static void not_now() { throw Failure(kInvalidTemplate, "not a constant"); }
};

std::size_t values_in(const Value& value) {
  std::size_t out = 1;
  if (value.is_structured())
    for (const auto& item : value) {
      out += values_in(item);
      if (out > kMaxFoldedValues) break;
    }
  return out;
}

bool small(const Value& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() <= kMaxFoldedText;
  if (!value.is_structured()) return true;
  if (values_in(value) > kMaxFoldedValues) return false;
  return to_json_text(value).size() <= kMaxFoldedText;
}

void append_pointer_token(std::string& pointer, std::string_view name) {
  pointer += '/';
  for (const char c : name) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
}

std::string arity_text(const FunctionInfo& info) {
  const auto parameters = [](int count) { return std::to_string(count) + (count == 1 ? " parameter" : " parameters"); };
  if (info.max_arguments == info.min_arguments) return parameters(info.min_arguments);
  if (info.max_arguments == FunctionInfo::kAnyNumber) return "at least " + parameters(info.min_arguments);
  return std::to_string(info.min_arguments) + " to " + parameters(info.max_arguments);
}

/// A compiled piece: a value that is not in the program yet, or a node.
struct Piece {
  std::optional<Value> constant;
  std::uint32_t node = 0;
};

class Compiler {
 public:
  Compiler(const CompileOptions& options, std::vector<Failure>* failures)
      : options_(options), failures_(failures), program_(std::make_shared<Program>()) {}

  std::shared_ptr<const Program> compile(const Value& json) {
    Piece root = value(json, 0);
    if (root.constant && program_->decimals) settle_decimals(*root.constant);
    program_->root = place(std::move(root));
    return program_;
  }

 private:
  Piece value(const Value& json, std::size_t depth) {
    if (depth > options_.limits.max_depth) {
      Failure failure(kInvalidTemplate,
                      "The template is nested deeper than " + std::to_string(options_.limits.max_depth) + " levels.");
      failure.pointer = pointer_;
      return report(std::move(failure));
    }
    if (json.is_string()) return text(json.get_ref<const std::string&>());
    if (json.is_array()) return array(json, depth);
    if (json.is_object()) return object(json, depth);
    return {json, 0};
  }

  Piece array(const Value& json, std::size_t depth) {
    std::vector<Piece> pieces;
    pieces.reserve(json.size());
    bool constant = true;
    std::size_t index = 0;
    for (const auto& item : json) {
      const std::size_t length = pointer_.size();
      append_pointer_token(pointer_, std::to_string(index++));
      pieces.push_back(value(item, depth + 1));
      pointer_.resize(length);
      constant &= pieces.back().constant.has_value();
    }
    if (!constant) return {{}, add(Node::Op::kArray, std::move(pieces))};
    Value out = Value::array();
    for (Piece& piece : pieces) out.push_back(std::move(*piece.constant));
    return {std::move(out), 0};
  }

  Piece object(const Value& json, std::size_t depth) {
    std::vector<Piece> pieces;
    pieces.reserve(json.size() * 2);
    bool constant = true;
    for (const auto& [name, item] : json.get_ref<const Value::object_t&>()) {
      const std::size_t length = pointer_.size();
      append_pointer_token(pointer_, name);
      pieces.push_back(member_name(name));
      pieces.push_back(value(item, depth + 1));
      pointer_.resize(length);
      constant &= pieces[pieces.size() - 2].constant && pieces.back().constant;
    }
    if (!constant) {
      Node node;
      node.op = Node::Op::kObject;
      node.distinct = distinct_names(pieces);
      return {{}, add(node, std::move(pieces))};
    }
    Value out = Value::object();
    auto& members = out.get_ref<Value::object_t&>();
    for (std::size_t i = 0; i < pieces.size(); i += 2) {
      if (!pieces[i].constant->is_string()) {
        Failure failure(kInvalidTemplate, "The name of a property has to be a text. The provided value is of type '" +
                                              std::string(kind_name(*pieces[i].constant)) + "'.");
        failure.pointer = pointer_;
        return report(std::move(failure));
      }
      members[pieces[i].constant->get<std::string>()] = std::move(*pieces[i + 1].constant);
    }
    return {std::move(out), 0};
  }

  static bool distinct_names(const std::vector<Piece>& pieces) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < pieces.size(); i += 2) {
      const std::optional<Value>& name = pieces[i].constant;
      if (!name || !name->is_string() || !names.insert(name->get_ref<const std::string&>()).second) return false;
    }
    return true;
  }

  Piece member_name(const std::string& name) {
    if (!options_.member_names) return {Value(name), 0};
    const std::size_t reported = failures_ ? failures_->size() : 0;
    Piece out = text(name);
    // One that was refused keeps its text, so that it is reported once.
    if (failures_ && failures_->size() > reported) return {Value(name), 0};
    return out;
  }

  Piece text(const std::string& text) {
    if (!holds_expression(text)) return {Value(text), 0};
    source_ = static_cast<std::uint32_t>(program_->sources.size());
    try {
      SplitText split = parse_template_text(text, options_.limits);
      if (split.parts.empty()) return {Value(""), 0};
      if (split.parts.size() == 1 && !split.parts.front().expression) return {Value(std::move(split.parts.front().text)), 0};
      program_->sources.push_back({pointer_, text});
      if (split.typed) return expression(*split.parts.front().expression);
      std::vector<Piece> pieces;
      for (SplitText::Part& part : split.parts)
        pieces.push_back(part.expression ? expression(*part.expression) : Piece{Value(std::move(part.text)), 0});
      return interpolation(std::move(pieces));
    } catch (Failure& failure) {
      failure.pointer = pointer_;
      return report(failure);
    }
  }

  Piece interpolation(std::vector<Piece> pieces) {
    // Neighbours that are constant become one text.
    std::vector<Piece> merged;
    for (Piece& piece : pieces) {
      if (piece.constant && !merged.empty() && merged.back().constant) {
        append_text(merged.back().constant->get_ref<std::string&>(), *piece.constant);
      } else if (piece.constant) {
        merged.push_back({Value(to_text(*piece.constant)), 0});
      } else {
        merged.push_back(std::move(piece));
      }
    }
    if (merged.size() == 1 && merged.front().constant) return std::move(merged.front());
    return {{}, add(Node::Op::kInterpolate, std::move(merged))};
  }

  Piece expression(const Syntax& syntax) {
    switch (syntax.kind) {
      case Syntax::Kind::kLiteral:
        return {syntax.literal, 0};
      case Syntax::Kind::kMember:
        return member(syntax);
      case Syntax::Kind::kCall:
        return call(syntax);
    }
    return {};
  }

  Piece member(const Syntax& syntax) {
    const Mark mark = this->mark();
    Piece object = expression(*syntax.items[0]);
    Piece key = expression(*syntax.items[1]);
    const bool fixed = object.constant.has_value() && key.constant.has_value();
    Node node;
    node.safe = syntax.safe;
    node.offset = static_cast<std::uint32_t>(syntax.offset);
    std::vector<Piece> pieces;
    pieces.push_back(std::move(object));
    if (key.constant) {
      node.op = Node::Op::kMember;
      node.constant = constant(std::move(*key.constant));
    } else {
      node.op = Node::Op::kComputed;
      pieces.push_back(std::move(key));
    }
    const std::uint32_t index = add(node, std::move(pieces));
    return fixed ? folded(index, mark) : Piece{{}, index};
  }

  Piece call(const Syntax& syntax) {
    const FunctionInfo* info = find_function(syntax.name);
    if (!info) refuse(syntax, "The template function '" + syntax.name + "' is not defined or not valid.");
    refer(syntax, *info);
    program_->decimals |= info->makes_decimals;
    const std::size_t count = syntax.items.size();
    if (count < info->min_arguments || (info->max_arguments != FunctionInfo::kAnyNumber && count > info->max_arguments)) {
      refuse(syntax, "The template language function '" + std::string(info->name) + "' must be invoked with " +
                         arity_text(*info) + ", not with " + std::to_string(count) + ".");
    }
    const Mark mark = this->mark();
    std::vector<Piece> pieces;
    bool fixed = info->pure;
    for (const auto& argument : syntax.items) {
      pieces.push_back(expression(*argument));
      fixed &= pieces.back().constant.has_value();
    }
    if (info->form != FunctionInfo::Form::kPlain) {
      if (std::optional<Piece> decided = decide(*info, pieces)) return std::move(*decided);
    }
    Node node;
    node.op = info->form == FunctionInfo::Form::kAnd  ? Node::Op::kAnd
              : info->form == FunctionInfo::Form::kOr ? Node::Op::kOr
              : info->form == FunctionInfo::Form::kIf ? Node::Op::kIf
                                                      : Node::Op::kCall;
    node.function = info;
    node.offset = static_cast<std::uint32_t>(syntax.offset);
    if (info->symbol && options_.resolver && pieces[0].constant && pieces[0].constant->is_string())
      node.slot = options_.resolver->resolve(*info->symbol, pieces[0].constant->get_ref<const std::string&>());
    const std::uint32_t index = add(node, std::move(pieces));
    return fixed ? folded(index, mark) : Piece{{}, index};
  }

  /// What a constant first argument decides by itself.
  static std::optional<Piece> decide(const FunctionInfo& info, std::vector<Piece>& pieces) {
    if (!pieces[0].constant || !pieces[0].constant->is_boolean()) return std::nullopt;
    const bool first = pieces[0].constant->get<bool>();
    switch (info.form) {
      case FunctionInfo::Form::kAnd:
        return first ? std::nullopt : std::optional<Piece>(Piece{Value(false), 0});
      case FunctionInfo::Form::kOr:
        return first ? std::optional<Piece>(Piece{Value(true), 0}) : std::nullopt;
      case FunctionInfo::Form::kIf:
        return std::move(pieces[first ? 1 : 2]);
      default:
        return std::nullopt;
    }
  }

  void refer(const Syntax& syntax, const FunctionInfo& info) {
    Reference reference;
    reference.name = info.name;
    reference.pointer = pointer_;
    reference.offset = syntax.offset;
    program_->references.push_back(reference);
    if (info.reference == Reference::Kind::kFunction) return;
    reference.kind = info.reference;
    reference.name.clear();
    if (info.symbol) {
      const bool fixed =
          !syntax.items.empty() && syntax.items[0]->kind == Syntax::Kind::kLiteral && syntax.items[0]->literal.is_string();
      if (fixed)
        reference.name = syntax.items[0]->literal.get<std::string>();
      else
        reference.dynamic = true;
    }
    program_->references.push_back(std::move(reference));
  }

  /// Runs the node now if that works; nothing of it stays behind then.
  struct Mark {
    std::size_t nodes, children, constants;
  };
  Mark mark() const { return {program_->nodes.size(), program_->children.size(), program_->constants.size()}; }

  Piece folded(std::uint32_t index, const Mark& mark) {
    if (!options_.fold_constants) return {{}, index};
    try {
      NoContext context;
      Limits limits;
      limits.max_work = kFoldingWork;
      Evaluator evaluator(*program_, context, limits);
      Value result = evaluator.run(index).take();
      if (!small(result)) return {{}, index};
      program_->nodes.resize(mark.nodes);
      program_->children.resize(mark.children);
      program_->constants.resize(mark.constants);
      return {std::move(result), 0};
    } catch (const Failure&) {
      // It fails when, and only if, the run comes to it.
      return {{}, index};
    }
  }

  std::uint32_t add(Node::Op op, std::vector<Piece> pieces) {
    Node node;
    node.op = op;
    return add(node, std::move(pieces));
  }
  std::uint32_t add(Node node, std::vector<Piece> pieces) {
    std::vector<std::uint32_t> places;
    places.reserve(pieces.size());
    for (Piece& piece : pieces) places.push_back(place(std::move(piece)));
    node.source = source_;
    node.first = static_cast<std::uint32_t>(program_->children.size());
    node.count = static_cast<std::uint32_t>(places.size());
    program_->children.insert(program_->children.end(), places.begin(), places.end());
    program_->nodes.push_back(node);
    return static_cast<std::uint32_t>(program_->nodes.size() - 1);
  }
  std::uint32_t place(Piece piece) {
    if (!piece.constant) return piece.node;
    Node node;
    node.source = source_;
    node.constant = constant(std::move(*piece.constant));
    program_->nodes.push_back(node);
    return static_cast<std::uint32_t>(program_->nodes.size() - 1);
  }
  std::uint32_t constant(Value value) {
    program_->constants.push_back(std::move(value));
    return static_cast<std::uint32_t>(program_->constants.size() - 1);
  }

  [[noreturn]] static void refuse(const Syntax& syntax, std::string message) {
    Failure failure(kInvalidTemplate, std::move(message));
    failure.function = syntax.name;
    failure.offset = syntax.offset;
    throw failure;
  }
  Piece report(Failure failure) {
    if (!failures_) throw failure;
    failures_->push_back(std::move(failure));
    return {Value(nullptr), 0};
  }

  const CompileOptions& options_;
  std::vector<Failure>* failures_;
  std::shared_ptr<Program> program_;
  std::string pointer_;
  std::uint32_t source_ = 0;
};

}  // namespace

std::shared_ptr<const Program> compile_program(const Value& json, const CompileOptions& options, std::vector<Failure>* failures) {
  return Compiler(options, failures).compile(json);
}

}  // namespace trunkline::expression
