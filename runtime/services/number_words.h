// REST words of the enumerations of numbers.
#pragma once
#include <optional>
#include <string_view>

#include "trunkline/service.hpp"

namespace trunkline {

/// parse gives nullopt for other words.
std::string_view to_rest(service::NumberType type);
std::string_view to_rest(service::NumberCapability capability);
std::optional<service::NumberType> parse_number_type(std::string_view word);
std::optional<service::NumberCapability> parse_number_capability(std::string_view word);

/// `offered` includes everything that `wanted` asks for.
constexpr bool covers(service::NumberCapability offered, service::NumberCapability wanted) noexcept {
  return (static_cast<int>(wanted) & ~static_cast<int>(offered)) == 0;
}

}  // namespace trunkline
