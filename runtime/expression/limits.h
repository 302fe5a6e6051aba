// What an expression may cost.
#pragma once
#include <cstddef>
#include <cstdint>

namespace trunkline::expression {

/// While compiling.
struct CompileLimits {
  /// Characters of one string that holds expressions (UTF-16 units, as everywhere in the language).
  std::size_t max_expression_length = 8'192;
  /// Calls inside calls, and arrays and objects of a template inside each other.
  std::size_t max_depth = 128;
};

/// While running. What passes one of them fails with InvalidTemplate and a message that names the limit.
struct Limits {
  /// Characters of one text that a function or an interpolation makes (bytes of UTF-8).
  std::size_t max_text_length = 104'857'600;
  /// Items that range() makes.
  std::int64_t max_range_count = 100'000;
  /// Function calls of one evaluation.
  std::uint64_t max_calls = 1'000'000;
  /// Bytes of text plus values that all functions of one evaluation may make or look at; this stands for time and memory, which a
  /// library without a clock cannot measure.
  std::uint64_t max_work = 1'000'000'000;
  /// Depth of values that json() and xml() take.
  std::size_t max_value_depth = 128;
};

}  // namespace trunkline::expression
