#include "runtime/workflow/expression_kind.h"

#include <algorithm>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/expression/template.h"

namespace trunkline::workflow {
namespace {

using expression::Context;
using expression::Failure;
using expression::Template;
using expression::Value;
using Input = ExpressionKind::Input;

constexpr Input kFormat{.name = "formatString", .required = false};
constexpr Input kInterval{.name = "interval", .whole_number = true};
constexpr Input kNow[] = {kFormat};
constexpr Input kZones[] = {{"baseTime"}, {"sourceTimeZone"}, {"destinationTimeZone"}, kFormat};
constexpr Input kFromTime[] = {{"baseTime"}, kInterval, {"timeUnit"}, kFormat};
constexpr Input kFromNow[] = {kInterval, {"timeUnit"}, kFormat};
constexpr Input kPart[] = {{"text"}, {.name = "startPosition", .whole_number = true}, {"length", false, true}};
constexpr Input kPosition[] = {{"text"}, {"searchText"}};

constexpr ExpressionKind kKinds[] = {
    {"AddToTime", "addToTime", kFromTime},    {"ConvertTimeZone", "convertTimeZone", kZones},
    {"CurrentTime", "utcNow", kNow},          {"GetFutureTime", "getFutureTime", kFromNow},
    {"GetPastTime", "getPastTime", kFromNow}, {"IndexOf", "indexOf", kPosition},
    {"Substring", "substring", kPart},        {"SubtractFromTime", "subtractFromTime", kFromTime},
};

/// The call of a kind with its first `count` inputs, which item() gives.
Template call_of(const ExpressionKind& kind, std::size_t count) {
  std::string text = "@" + std::string(kind.function) + "(";
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "item()['" : ", item()['") + std::string(kind.inputs[i].name) + "']";
  return Template::compile(Value(text + ")"));
}

/// Compiled once for all workflows: by kind, then by the number of inputs that are given.
const Template& compiled(const ExpressionKind& kind, std::size_t count) {
  static const auto all = [] {
    std::vector<std::vector<Template>> out;
    for (const ExpressionKind& each : kKinds) {
      std::vector<Template>& calls = out.emplace_back();
      for (std::size_t n = 0; n <= each.inputs.size(); ++n)
        if (n == each.inputs.size() || !each.inputs[n].required) calls.push_back(call_of(each, n));
    }
    return out;
  }();
  const std::vector<Template>& calls = all[static_cast<std::size_t>(&kind - kKinds)];
  return calls[count - (kind.inputs.size() + 1 - calls.size())];
}

/// The inputs as item(), the rest from the run.
class InputsContext final : public Context {
 public:
  InputsContext(const Value& inputs, Context& run) : inputs_(inputs), run_(run) {}
  const Value* item() override { return &inputs_; }
  Time now() override { return run_.now(); }
  std::array<std::uint8_t, 16> guid_bytes() override { return run_.guid_bytes(); }
  std::uint64_t random_below(std::uint64_t bound) override { return run_.random_below(bound); }

 private:
  const Value& inputs_;
  Context& run_;
};

Failure wrong(std::string_view input, const std::string& why) {
  return Failure(expression::kInvalidTemplate, "The input '" + std::string(input) + "' " + why);
}

}  // namespace

const ExpressionKind* find_expression_kind(std::string_view name) {
  for (const ExpressionKind& kind : kKinds)
    if (iequals(kind.name, name)) return &kind;
  return nullptr;
}

std::string expression_kind_names() {
  std::string out;
  for (const ExpressionKind& kind : kKinds) out += (out.empty() ? "" : ", ") + std::string(kind.name);
  return out;
}

Value compute(const ExpressionKind& kind, const Value& inputs, Context& context, const expression::Limits& limits) {
  for (const auto& member : inputs.items())
    if (std::none_of(kind.inputs.begin(), kind.inputs.end(), [&](const Input& input) { return input.name == member.key(); }))
      throw wrong(member.key().substr(0, 80), "is not known.");
  Value given = Value::object();
  std::size_t count = 0;
  for (const Input& input : kind.inputs) {
    const auto found = inputs.find(input.name);
    if (found == inputs.end() || found->is_null()) {
      if (!input.required) break;
      throw wrong(input.name, found == inputs.end() ? "is missing." : "is null.");
    }
    Value value = *found;
    if (input.whole_number && value.is_string())
      if (const auto number = parse_number<std::int64_t>(trim(value.get_ref<const std::string&>()))) value = *number;
    given[std::string(input.name)] = std::move(value);
    ++count;
  }
  InputsContext with_inputs(given, context);
  try {
    return compiled(kind, count).evaluate(with_inputs, limits);
  } catch (const Failure& failure) {
    if (failure.argument < 0 || static_cast<std::size_t>(failure.argument) >= count) throw;
    throw wrong(kind.inputs[static_cast<std::size_t>(failure.argument)].name, "is wrong: " + failure.message);
  }
}

}  // namespace trunkline::workflow
