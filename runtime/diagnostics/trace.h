// W3C trace context: which request a piece of work belongs to, from the HTTP door through plugins to the carrier.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/ids.h"

namespace trunkline {

/// Passed by value with the work. All-zero (the default) means there is none.
struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  bool sampled = false;

  /// A new trace.
  static TraceContext generate(IdSource& ids, bool sampled = true);
  /// A `traceparent` header. nullopt when malformed or all-zero, so that the caller begins a new trace, as the standard wants.
  static std::optional<TraceContext> parse(std::string_view traceparent);

  /// A span of the same trace below this one; a new trace when there is none.
  TraceContext child(IdSource& ids) const;
  explicit operator bool() const { return *this != TraceContext{}; }
  /// `00-<trace id>-<span id>-<flags>`; empty when there is none.
  std::string traceparent() const;
  std::string trace_id_hex() const;
  bool operator==(const TraceContext&) const = default;
};

}  // namespace trunkline
