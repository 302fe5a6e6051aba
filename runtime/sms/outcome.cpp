#include "runtime/sms/outcome.h"

namespace trunkline {

using sms::FailureReason;
using sms::Fault;
using sms::MessageState;

OutcomeClass outcome_class(const Error& error) {
  switch (error.code) {
    case ErrorCode::kDeadlineExceeded:
      return OutcomeClass::kUnknown;
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return OutcomeClass::kAuthentication;
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kAborted:
    case ErrorCode::kCancelled:
      return OutcomeClass::kRetriable;
    case ErrorCode::kInternal:
    case ErrorCode::kUnknown:
    case ErrorCode::kDataLoss:
      return error.retryable ? OutcomeClass::kRetriable : OutcomeClass::kCarrierFault;
    default:
      return error.retryable ? OutcomeClass::kRetriable : OutcomeClass::kRefused;
  }
}

OutcomeClass outcome_class(FailureReason reason, bool retryable) {
  switch (reason) {
    case FailureReason::kOptedOut:
      return OutcomeClass::kConsent;
    case FailureReason::kBadDestination:
      return OutcomeClass::kBadNumber;
    case FailureReason::kOverQuota:
    case FailureReason::kUnreachable:
      return retryable || reason == FailureReason::kOverQuota ? OutcomeClass::kRetriable : OutcomeClass::kRefused;
    case FailureReason::kTemporary:
    case FailureReason::kNoReport:
      return OutcomeClass::kCarrierFault;
    default:
      return retryable ? OutcomeClass::kRetriable : OutcomeClass::kRefused;
  }
}

std::string_view word(OutcomeClass outcome) {
  switch (outcome) {
    case OutcomeClass::kTaken:
      return "taken";
    case OutcomeClass::kRetriable:
      return "retriable";
    case OutcomeClass::kCarrierFault:
      return "carrier fault";
    case OutcomeClass::kRefused:
      return "refused";
    case OutcomeClass::kConsent:
      return "consent";
    case OutcomeClass::kAuthentication:
      return "authentication";
    case OutcomeClass::kBadNumber:
      return "bad number";
    case OutcomeClass::kUnknown:
      return "unknown";
  }
  return "unknown";
}

FailureReason reason_of(OutcomeClass outcome) {
  switch (outcome) {
    case OutcomeClass::kRetriable:
    case OutcomeClass::kCarrierFault:
      return FailureReason::kTemporary;
    case OutcomeClass::kConsent:
      return FailureReason::kOptedOut;
    case OutcomeClass::kBadNumber:
      return FailureReason::kBadDestination;
    default:
      return FailureReason::kUnspecified;
  }
}

Fault fault_of(FailureReason reason) {
  switch (reason) {
    case FailureReason::kNone:
      return Fault::kNone;
    case FailureReason::kBadSender:
    case FailureReason::kOverQuota:
      return Fault::kSender;
    case FailureReason::kBadDestination:
    case FailureReason::kUnreachable:
    case FailureReason::kOptedOut:
      return Fault::kRecipient;
    case FailureReason::kBlocked:
    case FailureReason::kTemporary:
    case FailureReason::kNoReport:
      return Fault::kCarrier;
    default:
      return Fault::kUndetermined;
  }
}

bool is_retryable(FailureReason reason) {
  return reason == FailureReason::kUnreachable || reason == FailureReason::kOverQuota || reason == FailureReason::kTemporary ||
         reason == FailureReason::kNoReport;
}

std::string_view word(MessageState state) {
  switch (state) {
    case MessageState::kQueued:
      return "queued";
    case MessageState::kSent:
      return "sent";
    case MessageState::kDelivered:
      return "delivered";
    case MessageState::kFailed:
      return "failed";
    case MessageState::kExpired:
      return "expired";
    case MessageState::kUncertain:
      return "uncertain";
    case MessageState::kScheduled:
      return "scheduled";
    case MessageState::kCancelled:
      return "cancelled";
    default:
      return "unknown";
  }
}

std::string_view word(FailureReason reason) {
  switch (reason) {
    case FailureReason::kNone:
      return "none";
    case FailureReason::kBadDestination:
      return "bad_destination";
    case FailureReason::kBadSender:
      return "bad_sender";
    case FailureReason::kUnreachable:
      return "unreachable";
    case FailureReason::kBlocked:
      return "blocked";
    case FailureReason::kOptedOut:
      return "opted_out";
    case FailureReason::kOverQuota:
      return "over_quota";
    case FailureReason::kTemporary:
      return "temporary";
    case FailureReason::kNoReport:
      return "no_report";
    default:
      return "unspecified";
  }
}

std::string_view word(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "none";
    case Fault::kSender:
      return "sender";
    case Fault::kRecipient:
      return "recipient";
    case Fault::kCarrier:
      return "carrier";
    default:
      return "undetermined";
  }
}

}  // namespace trunkline
