// Doubles as text, by the rules of .NET.
#pragma once
#include <string>

namespace trunkline::expression {

/// Shortest text that reads back alike: `5`, `0.1`, `1E+20`, `1E-05`, `NaN`, `Infinity`.
void append_double(std::string& out, double value);
/// The same as JSON: whole numbers get `.0`.
void append_json_double(std::string& out, double value);

}  // namespace trunkline::expression
