// Points in time as rows and wires have them.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "trunkline/error.hpp"

namespace trunkline {

/// Whole microseconds since 1970, rounded down.
inline std::int64_t unix_us(Time time) { return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count(); }
inline std::optional<std::int64_t> unix_us(const std::optional<Time>& time) {
  return time ? std::optional<std::int64_t>(unix_us(*time)) : std::nullopt;
}
inline Time from_unix_us(std::int64_t us) { return Time{std::chrono::microseconds{us}}; }

}  // namespace trunkline
