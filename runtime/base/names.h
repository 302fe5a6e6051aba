// Names that Event Grid gives its resources.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string_view>

#include "runtime/base/strings.h"

namespace trunkline {

/// 3 to `most` letters, digits and '-'.
inline bool is_event_grid_name(std::string_view name, std::size_t most) {
  return name.size() >= 3 && name.size() <= most && std::all_of(name.begin(), name.end(), [](char c) {
           return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-';
         });
}

}  // namespace trunkline
