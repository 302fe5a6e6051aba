#include "runtime/sms/receipts.h"

#include <algorithm>
#include <tuple>

namespace trunkline {

using service::ReceiptVerdict;
using sms::MessageState;

namespace {

int evidence(MessageState state) {
  switch (state) {
    case MessageState::kDelivered:
      return 5;
    case MessageState::kFailed:
      return 4;
    case MessageState::kExpired:
      return 3;
    case MessageState::kSent:
      return 2;
    case MessageState::kUncertain:
      return 1;
    default:
      return 0;
  }
}

bool says_the_same(const Receipt& a, const Receipt& b) {
  return a.provider == b.provider && a.state == b.state && a.reason == b.reason && a.provider_code == b.provider_code &&
         a.segments_delivered == b.segments_delivered;
}

}  // namespace

ReceiptVerdict judge(const MessageStanding& standing, const Receipt& receipt, std::span<const Receipt> earlier) {
  for (const Receipt& before : earlier)
    if (says_the_same(before, receipt) && (before.at <= receipt.at || is_final(receipt.state) == false))
      return ReceiptVerdict::kDuplicate;
  const bool delivered = receipt.state == MessageState::kDelivered;
  // Another carrier has the message now. Only that it arrived after all is of interest.
  const bool has_it = standing.provider.empty() ? std::find(standing.given_up.begin(), standing.given_up.end(),
                                                            receipt.provider) == standing.given_up.end()
                                                : standing.provider == receipt.provider;
  if (!delivered && !has_it) return ReceiptVerdict::kStale;
  const bool was_final = is_final(standing.state);
  const int now = standing.assumed ? 0 : evidence(standing.state);
  const int then = evidence(receipt.state);
  if (!was_final) {
    if (then > now) return ReceiptVerdict::kApplied;
    return then == now ? ReceiptVerdict::kDuplicate : ReceiptVerdict::kLate;
  }
  // "Sent" after the end tells nothing, not even about an end that we only assumed.
  if (!is_final(receipt.state)) return ReceiptVerdict::kLate;
  if (then > now) return ReceiptVerdict::kCorrected;
  if (then < now) return ReceiptVerdict::kContradictory;
  // The same state: the one that happened first is the cause. At one moment any rule will do that does not depend on the order.
  const auto rank = [](Time at, sms::FailureReason reason, std::string_view code) { return std::tuple(at, reason, code); };
  return rank(receipt.at, receipt.reason, receipt.provider_code) <
                 rank(standing.decided_at, standing.reason, standing.provider_code)
             ? ReceiptVerdict::kCorrected
             : (receipt.reason == standing.reason && receipt.provider_code == standing.provider_code
                    ? ReceiptVerdict::kDuplicate
                    : ReceiptVerdict::kContradictory);
}

std::string_view word(ReceiptVerdict verdict) {
  switch (verdict) {
    case ReceiptVerdict::kApplied:
      return "applied";
    case ReceiptVerdict::kDuplicate:
      return "duplicate";
    case ReceiptVerdict::kLate:
      return "late";
    case ReceiptVerdict::kContradictory:
      return "contradictory";
    case ReceiptVerdict::kCorrected:
      return "corrected";
    case ReceiptVerdict::kStale:
      return "stale";
    default:
      return "unknown";
  }
}

}  // namespace trunkline
