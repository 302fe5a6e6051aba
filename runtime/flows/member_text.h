// Members of definitions and answers as text.
#pragma once
#include <string>
#include <string_view>

#include "runtime/expression/value.h"

namespace trunkline::flows {

/// Empty when it is missing or null, or when `object` is none.
inline std::string text_of(const expression::Value& object, std::string_view name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? std::string() : expression::to_text(*found);
}

}  // namespace trunkline::flows
