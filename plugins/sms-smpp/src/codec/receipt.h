// Delivery receipts: a deliver_sm or data_sm whose parameters (message_state, receipted_message_id) or text (appendix B) tell
// what became of a message.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pdu.h"
#include "trunkline/sms.hpp"

namespace smpp {

/// message_state (5.2.28).
enum class MessageState : std::uint8_t {
  kNone = 0,
  kEnroute = 1,
  kDelivered = 2,
  kExpired = 3,
  kDeleted = 4,
  kUndeliverable = 5,
  kAccepted = 6,
  kUnknown = 7,
  kRejected = 8,
};

struct Receipt {
  std::string message_id;
  MessageState state = MessageState::kNone;
  /// The carrier's error code, as it wrote it; empty: none.
  std::string error;
  std::optional<trunkline::Time> done_at;
  /// What the receipt says the message began with.
  std::string text;
  std::optional<std::uint32_t> user_reference;
};

/// nullopt: this is no receipt that names a message, a state, or both. Parameters decide where both forms are there and differ.
std::optional<Receipt> read_receipt(const Message& message);
/// The text form alone. Names and states in any case; what is missing stays empty.
Receipt parse_receipt_text(std::string_view text);
/// The text form, at most 254 octets.
std::string format_receipt_text(const Receipt& receipt, trunkline::Time submitted_at, trunkline::Time done_at);

/// `DELIVRD` and its kin.
std::string_view state_word(MessageState state);
MessageState parse_state_word(std::string_view word);

/// In the words of the host. kNone and what is on its way: sent.
struct Outcome {
  trunkline::sms::MessageState state;
  trunkline::sms::FailureReason reason;
};
Outcome outcome_of(MessageState state);
/// The other way.
MessageState state_of(trunkline::sms::MessageState state, trunkline::sms::FailureReason reason);

}  // namespace smpp
