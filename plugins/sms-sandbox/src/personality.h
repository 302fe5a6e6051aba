// What kind of carrier this is: how fast, how reliable, how honest.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "random.h"
#include "trunkline/sms.hpp"

namespace sms_sandbox {

using trunkline::Duration;
using trunkline::Time;

/// A share of messages to which something happens.
struct Share {
  trunkline::sms::FailureReason reason = trunkline::sms::FailureReason::kUnspecified;
  double share = 0;
};

/// So many of all messages take at most so long.
struct LatencyPoint {
  double percentile = 0;  // 0 to 100
  Duration latency{};
};

/// Immutable once parsed.
struct Personality {
  /// Messages a second that it takes; 0: any. `burst`: how many at once after a silence.
  double rate_per_second = 0;
  double burst = 1;
  /// Sorted; empty: latency and jitter as configured.
  std::vector<LatencyPoint> latency_curve;
  std::vector<Share> refuse;
  std::vector<Share> fail;
  double late_share = 0, duplicate_share = 0, contradictory_share = 0, missing_share = 0;
  Duration late_by{}, duplicate_after{}, contradictory_after{};

  bool has_rate() const { return rate_per_second > 0; }
};

/// Throws kInvalidArgument with the member at fault.
Personality parse_personality(const nlohmann::json& config);

/// What it does with one message. Every number is drawn in any case, so that a change of one share leaves the others as they are.
struct Whim {
  trunkline::sms::FailureReason refuse = trunkline::sms::FailureReason::kNone;
  trunkline::sms::FailureReason fail = trunkline::sms::FailureReason::kNone;
  std::optional<Duration> latency;
  std::optional<Duration> late_by;
  std::optional<Duration> duplicate_after;
  std::optional<Duration> contradictory_after;
  /// The false report comes first, and the true one after it.
  bool lies_first = false;
  bool missing = false;
};
Whim draw(const Personality& personality, Random random);

/// Counts messages against a rate. Not thread-safe: a World guards it.
class RateGate {
 public:
  /// False: too many. `now` never goes back.
  bool pass(const Personality& personality, Time now);
  void reset() { started_ = false; }

 private:
  bool started_ = false;
  double tokens_ = 0;
  Time at_{};
};

}  // namespace sms_sandbox
