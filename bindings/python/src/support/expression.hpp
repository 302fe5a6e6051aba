// Expressions by themselves, without a runtime. Hand-written.
#pragma once
#include <string>

namespace trunkline::pyrt {

/// JSON with expressions in it and a context, both as text, to the JSON of the result. Throws Error. [GIL, released meanwhile]
std::string evaluate(const std::string& template_json, const std::string& context_json);

}  // namespace trunkline::pyrt
