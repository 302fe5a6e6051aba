// What an answer of a carrier means for what is done next.
#pragma once
#include <string_view>

#include "trunkline/sms.hpp"

namespace trunkline {

enum class OutcomeClass {
  kTaken,
  /// Another try, here or elsewhere, can help: no capacity, over a quota, not reachable.
  kRetriable,
  /// The carrier has a fault.
  kCarrierFault,
  /// This carrier does not take such a request; another may.
  kRefused,
  /// The recipient does not want it.
  kConsent,
  /// The carrier does not know us. Sending elsewhere would hide it.
  kAuthentication,
  /// The number is wrong, whoever asks.
  kBadNumber,
  /// Nobody knows whether it was sent.
  kUnknown,
};

/// Of a call that failed as a whole.
OutcomeClass outcome_class(const Error& error);
/// Of one recipient that was refused.
OutcomeClass outcome_class(sms::FailureReason reason, bool retryable);
std::string_view word(OutcomeClass outcome);

/// Whether another carrier may be asked.
constexpr bool may_fail_over(OutcomeClass outcome) {
  return outcome == OutcomeClass::kRetriable || outcome == OutcomeClass::kCarrierFault || outcome == OutcomeClass::kRefused;
}
/// Whether the same carriers may be asked again later.
constexpr bool may_retry(OutcomeClass outcome) {
  return outcome == OutcomeClass::kRetriable || outcome == OutcomeClass::kCarrierFault;
}
/// What the message's record says when nobody is left to ask.
sms::FailureReason reason_of(OutcomeClass outcome);

/// Normalised: whose fault a failure is, and whether sending it again can help.
sms::Fault fault_of(sms::FailureReason reason);
bool is_retryable(sms::FailureReason reason);

std::string_view word(sms::MessageState state);
std::string_view word(sms::FailureReason reason);
std::string_view word(sms::Fault fault);

}  // namespace trunkline
