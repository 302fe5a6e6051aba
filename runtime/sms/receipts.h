// What a carrier's receipt means for a message that may have heard others before.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/service.hpp"
#include "trunkline/sms.hpp"

namespace trunkline {

/// What is believed of a message.
struct MessageStanding {
  sms::MessageState state = sms::MessageState::kQueued;
  sms::FailureReason reason = sms::FailureReason::kNone;
  std::string provider;  // the one that has it; empty: nobody yet
  std::string provider_code;
  Time decided_at{};
  /// The state is our own conclusion, such as that no receipt came in time: any word of a carrier is better.
  bool assumed = false;
  /// Carriers that had it and reported that they failed, so that others were asked.
  std::vector<std::string> given_up;
};

/// What a carrier says.
struct Receipt {
  std::string provider;
  sms::MessageState state = sms::MessageState::kUnknown;
  sms::FailureReason reason = sms::FailureReason::kNone;
  std::string provider_code;
  std::optional<std::int32_t> segments_delivered;
  Time at{};
};

/// Nothing further is expected of it.
constexpr bool is_final(sms::MessageState state) {
  return state == sms::MessageState::kDelivered || state == sms::MessageState::kFailed || state == sms::MessageState::kExpired ||
         state == sms::MessageState::kCancelled;
}

/// Judges one receipt. The state that a set of receipts ends in does not depend on the order in which they come: the better
/// evidence wins. A delivery is what a handset said and beats a failure, which is what somebody concluded; a failure beats an
/// expiry; an expiry beats "sent"; of two failures the one that happened first counts, as the later ones follow from it.
/// `applied` and `corrected` are to be applied, the others only kept. Pure. [any-thread]
service::ReceiptVerdict judge(const MessageStanding& standing, const Receipt& receipt, std::span<const Receipt> earlier);

std::string_view word(service::ReceiptVerdict verdict);

}  // namespace trunkline
