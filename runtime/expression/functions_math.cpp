// Math functions.
#include <cmath>

#include "runtime/expression/compare.h"
#include "runtime/expression/decimal.h"
#include "runtime/expression/function.h"

namespace trunkline::expression {
namespace {

constexpr std::int64_t kMaxRangeEnd = 2'147'483'647;

/// The two operands in their common type.
struct Operands {
  enum class Type { kInteger, kFloat, kDecimal } type = Type::kInteger;
  std::int64_t a = 0, b = 0;
  double x = 0, y = 0;
  Decimal m, n;
};

Decimal decimal_argument(const Call& call, std::size_t index) {
  const Value& value = call[index];
  if (is_decimal(value)) return decimal_of(value);
  if (!value.is_number_float()) return Decimal::from_integer(call.integer(index));
  const auto decimal = Decimal::from_double(value.get<double>());
  if (!decimal) call.fail("cannot make a decimal of the number '" + to_text(value) + "'.", static_cast<int>(index));
  return *decimal;
}

Operands operands(const Call& call) {
  Operands out;
  for (std::size_t i = 0; i < 2; ++i)
    if (!is_numeric(call[i])) call.wrong_type(i, "an integer or a decimal number");
  if (is_decimal(call[0]) || is_decimal(call[1])) {
    out.type = Operands::Type::kDecimal;
    out.m = decimal_argument(call, 0);
    out.n = decimal_argument(call, 1);
  } else if (call[0].is_number_float() || call[1].is_number_float()) {
    out.type = Operands::Type::kFloat;
    out.x = call[0].get<double>();
    out.y = call[1].get<double>();
  } else {
    out.a = call.integer(0);
    out.b = call.integer(1);
  }
  return out;
}

[[noreturn]] void overflow(const Call& call) { call.fail("has a result that is too large or too small for its type."); }

Operand result(const Call& call, double value) {
  if (!std::isfinite(value)) overflow(call);
  return Value(value);
}
Operand result(const Call& call, const std::optional<Decimal>& value) {
  if (!value) overflow(call);
  return to_value(*value);
}

Operand add(Call& call) {
  const Operands o = operands(call);
  if (o.type == Operands::Type::kFloat) return result(call, o.x + o.y);
  if (o.type == Operands::Type::kDecimal) return result(call, add(o.m, o.n));
  std::int64_t out = 0;
  if (__builtin_add_overflow(o.a, o.b, &out)) overflow(call);
  return Value(out);
}

Operand sub(Call& call) {
  const Operands o = operands(call);
  if (o.type == Operands::Type::kFloat) return result(call, o.x - o.y);
  if (o.type == Operands::Type::kDecimal) return result(call, add(o.m, negate(o.n)));
  std::int64_t out = 0;
  if (__builtin_sub_overflow(o.a, o.b, &out)) overflow(call);
  return Value(out);
}

Operand mul(Call& call) {
  const Operands o = operands(call);
  if (o.type == Operands::Type::kFloat) return result(call, o.x * o.y);
  if (o.type == Operands::Type::kDecimal) return result(call, multiply(o.m, o.n));
  std::int64_t out = 0;
  if (__builtin_mul_overflow(o.a, o.b, &out)) overflow(call);
  return Value(out);
}

void refuse_zero(const Call& call, const Operands& o, std::string_view name) {
  const bool zero = o.type == Operands::Type::kInteger ? o.b == 0 : o.type == Operands::Type::kFloat ? o.y == 0 : o.n.is_zero();
  if (zero) call.fail_with("Attempt to divide an integral or decimal value by zero in function '" + std::string(name) + "'.", 1);
}

Operand div(Call& call) {
  const Operands o = operands(call);
  refuse_zero(call, o, "div");
  if (o.type == Operands::Type::kFloat) return result(call, o.x / o.y);
  if (o.type == Operands::Type::kDecimal) return result(call, divide(o.m, o.n));
  if (o.a == INT64_MIN && o.b == -1) overflow(call);
  return Value(o.a / o.b);
}

Operand mod(Call& call) {
  const Operands o = operands(call);
  refuse_zero(call, o, "mod");
  if (o.type == Operands::Type::kFloat) return result(call, std::fmod(o.x, o.y));
  if (o.type == Operands::Type::kDecimal) return result(call, remainder(o.m, o.n));
  return Value(o.b == -1 ? std::int64_t{0} : o.a % o.b);
}

Operand extreme(Call& call, int sign) {
  const Value* best = nullptr;
  const auto consider = [&](const Value& value, std::size_t argument) {
    if (!is_numeric(value)) {
      call.fail("expects its parameters to be integers or decimal numbers. A provided value is of type '" +
                    std::string(kind_name(value)) + "'.",
                static_cast<int>(argument));
    }
    if (!best || sign * compare_values(value, *best) > 0) best = &value;
  };
  for (std::size_t i = 0; i < call.size(); ++i) {
    if (call[i].is_array()) {
      call.charge(call[i].size());
      for (const Value& item : call[i]) consider(item, i);
    } else {
      consider(call[i], i);
    }
  }
  if (!best) call.fail("expects an array with at least one number.", 0);
  return *best;
}

Operand max(Call& call) { return extreme(call, 1); }
Operand min(Call& call) { return extreme(call, -1); }

Operand rand(Call& call) {
  const std::int64_t low = call.integer(0);
  const std::int64_t high = call.integer(1);
  if (low >= high)
    call.fail("expects its first parameter to be less than its second. The provided values are '" + std::to_string(low) +
                  "' and '" + std::to_string(high) + "'.",
              0);
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return Value(static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + call.context().random_below(span)));
}

Operand range(Call& call) {
  const std::int64_t start = call.integer(0);
  const std::int64_t count = call.integer(1);
  if (count < 0 || count > call.limits().max_range_count)
    call.fail("expects its second parameter, the count, to be an integer between 0 and " +
                  std::to_string(call.limits().max_range_count) + ". The provided value is '" + std::to_string(count) + "'.",
              1);
  if (start > kMaxRangeEnd - count)
    call.fail("expects the sum of its start index and its count not to be greater than '" + std::to_string(kMaxRangeEnd) + "'.",
              0);
  call.charge(static_cast<std::size_t>(count));
  Value out = Value::array();
  auto& items = out.get_ref<Value::array_t&>();
  items.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) items.emplace_back(start + i);
  return out;
}

constexpr FunctionInfo kMathFunctions[] = {
    {"add", 2, 2, add},
    {"sub", 2, 2, sub},
    {"mul", 2, 2, mul},
    {"div", 2, 2, div},
    {"mod", 2, 2, mod},
    {"max", 1, FunctionInfo::kAnyNumber, max},
    {"min", 1, FunctionInfo::kAnyNumber, min},
    {"rand", 2, 2, rand, false},
    {"range", 2, 2, range},
};

}  // namespace

std::span<const FunctionInfo> math_functions() { return kMathFunctions; }

}  // namespace trunkline::expression
