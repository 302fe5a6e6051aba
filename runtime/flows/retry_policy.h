// How often, and when, an action that failed is tried again.
#pragma once
#include <cstdint>
#include <optional>

#include "runtime/expression/value.h"
#include "runtime/workflow/options.h"
#include "trunkline/error.hpp"

namespace trunkline::flows {

struct RetryPolicy {
  enum class Kind : std::uint8_t { kDefault, kNone, kFixed, kExponential } kind = Kind::kDefault;
  int count = 4;
  Duration interval = std::chrono::milliseconds{7'500};
  Duration minimum = std::chrono::seconds{5};
  Duration maximum = std::chrono::seconds{45};

  /// The wait before retry number `retry` (from 1); nullopt: there is none any more. `asked`: what the answer said, which counts
  /// instead. `random` is uniform in [0, 1).
  std::optional<Duration> wait(int retry, std::optional<Duration> asked, double random) const;
};

/// The member `retryPolicy` of evaluated inputs. Throws Error kInvalidArgument.
RetryPolicy read_retry_policy(const expression::Value& inputs, const workflow::Options& limits);

}  // namespace trunkline::flows
