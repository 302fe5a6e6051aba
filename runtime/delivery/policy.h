// The delivery policy: which answers end a delivery, which are tried again, and when.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/ids.h"
#include "runtime/delivery/options.h"

namespace trunkline::delivery {

/// How an attempt ended; the words are those of dead letters.
enum class Outcome : std::uint8_t {
  kDelivered = 0,
  kBadRequest = 1,
  kUnauthorized = 2,
  kForbidden = 3,
  kNotFound = 4,
  kPayloadTooLarge = 5,
  kTimedOut = 6,
  kBusy = 7,
  kSocketError = 8,
  kResolutionError = 9,
  kAborted = 10,
  /// Never tried: its time had passed while its endpoint was left alone.
  kProbation = 11,
};
std::string_view to_text(Outcome outcome);

struct OutcomeRule {
  Outcome outcome;
  /// Never tried again.
  bool final = false;
  /// Speaks against the endpoint, not against the event.
  bool counts = false;
  /// Least wait before the next attempt under the documented schedule.
  Duration least_wait{};
};

/// What an HTTP status of a webhook means.
OutcomeRule rule_of_status(int status);
/// What it means that there was no answer.
OutcomeRule rule_of_error(const Error& error);
OutcomeRule rule_of(Outcome outcome);

/// Why an event was given up; empty for an outcome that is tried again.
std::string_view dead_letter_reason(Outcome outcome);
inline constexpr std::string_view kAttemptsExceeded = "MaxDeliveryAttemptsExceeded";
inline constexpr std::string_view kTimeExceeded = "TimeToLiveExceeded";

/// The wait after the `attempts`-th attempt (from 1).
Duration retry_wait(const DeliveryOptions& options, int attempts, const OutcomeRule& rule, IdSource& random);

}  // namespace trunkline::delivery
