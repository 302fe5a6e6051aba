// Comparison functions, and the order of values.
#include "runtime/expression/compare.h"
#include "runtime/expression/decimal.h"
#include "runtime/expression/function.h"
#include "runtime/expression/text_units.h"

namespace trunkline::expression {
namespace {

int order(double left, double right) { return left < right ? -1 : left > right ? 1 : 0; }

Decimal as_decimal(const Value& value) {
  if (is_decimal(value)) return decimal_of(value);
  if (value.is_number_float()) return Decimal::from_double(value.get<double>()).value_or(Decimal{});
  return Decimal::from_integer(value.get<std::int64_t>());
}

int compare_arguments(const Call& call) {
  const Value& left = call[0];
  const Value& right = call[1];
  if (!is_numeric(left) && !left.is_string()) call.wrong_type(0, "a number or a string");
  if (!comparable(left, right))
    call.fail("expects two parameters of matching types. The provided values are of type '" + std::string(kind_name(left)) +
                  "' and '" + std::string(kind_name(right)) + "'.",
              1);
  return compare_values(left, right);
}

Operand equals(Call& call) {
  if (call[0].is_structured()) call.charge(call[0].size());
  return Value(equal_values(call[0], call[1]));
}
Operand greater(Call& call) { return Value(compare_arguments(call) > 0); }
Operand greater_or_equals(Call& call) { return Value(compare_arguments(call) >= 0); }
Operand less(Call& call) { return Value(compare_arguments(call) < 0); }
Operand less_or_equals(Call& call) { return Value(compare_arguments(call) <= 0); }

constexpr FunctionInfo kComparisonFunctions[] = {
    {"equals", 2, 2, equals},
    {"greater", 2, 2, greater},
    {"greaterOrEquals", 2, 2, greater_or_equals},
    {"less", 2, 2, less},
    {"lessOrEquals", 2, 2, less_or_equals},
};

}  // namespace

bool comparable(const Value& left, const Value& right) {
  return (is_numeric(left) && is_numeric(right)) || (left.is_string() && right.is_string()) ||
         (left.is_boolean() && right.is_boolean());
}

int compare_values(const Value& left, const Value& right) {
  if (left.is_string()) return compare_ordinal(left.get_ref<const std::string&>(), right.get_ref<const std::string&>());
  if (left.is_boolean()) return static_cast<int>(left.get<bool>()) - static_cast<int>(right.get<bool>());
  if (is_decimal(left) || is_decimal(right)) return compare(as_decimal(left), as_decimal(right));
  if (left.is_number_float() || right.is_number_float()) return order(left.get<double>(), right.get<double>());
  if (left < right) return -1;
  return right < left ? 1 : 0;
}

std::span<const FunctionInfo> comparison_functions() { return kComparisonFunctions; }

}  // namespace trunkline::expression
