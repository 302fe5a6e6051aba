// Contexts and short cuts for the tests of expressions.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/expression/json_context.h"
#include "runtime/expression/template.h"

namespace trunkline::expression {

/// A fixed time and a fixed sequence of bytes.
inline JsonContext::Sources test_sources() {
  return {[] { return Time(std::chrono::seconds(1'700'000'000)); },
          [state = std::uint32_t{1}](std::uint8_t* bytes, std::size_t count) mutable {
            for (std::size_t i = 0; i < count; ++i) {
              state = state * 1664525u + 1013904223u;
              bytes[i] = static_cast<std::uint8_t>(state >> 24);
            }
          }};
}

inline Value evaluate(std::string_view expression, std::string_view context = "{}", const Limits& limits = {}) {
  JsonContext with(parse_value(context), test_sources());
  return Expression::compile(expression).evaluate(with, limits);
}

/// As JSON text, which tells 5 from 5.0.
inline std::string json(std::string_view expression, std::string_view context = "{}") {
  return to_json_text(evaluate(expression, context));
}

/// The failure of an expression that must have one.
inline Failure failure_of(std::string_view expression, std::string_view context = "{}", const Limits& limits = {}) {
  try {
    const Value value = evaluate(expression, context, limits);
    return Failure("none", "gave " + to_json_text(value));
  } catch (const Failure& failure) {
    return failure;
  }
}

}  // namespace trunkline::expression
