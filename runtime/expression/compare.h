// The order of values.
#pragma once
#include "runtime/expression/value.h"

namespace trunkline::expression {

/// Both numbers, both text or both booleans.
bool comparable(const Value& left, const Value& right);
/// Both must be comparable(): numbers by value, text by its UTF-16 units, false before true.
int compare_values(const Value& left, const Value& right);

}  // namespace trunkline::expression
