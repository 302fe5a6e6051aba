#include "receipt.h"

#include <algorithm>
#include <array>

#include "smpp_time.h"

namespace smpp {
namespace {

using trunkline::sms::FailureReason;
using State = trunkline::sms::MessageState;

// In the order of MessageState.
constexpr std::array<std::string_view, 9> kWords = {"",        "ENROUTE", "DELIVRD", "EXPIRED", "DELETED",
                                                    "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"};
constexpr std::array<std::string_view, 9> kLongWords = {"",         "ENROUTE", "DELIVERED", "EXPIRED", "DELETED", "UNDELIVERABLE",
                                                        "ACCEPTED", "UNKNOWN", "REJECTED"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

/// The place of `name` with a colon behind it, at the beginning of a word; npos: it is not there.
std::size_t find_field(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at + name.size() < text.size(); ++at) {
    if (at > 0 && text[at - 1] != ' ') continue;
    if (text[at + name.size()] == ':' && same_word(text.substr(at, name.size()), name)) return at + name.size() + 1;
  }
  return std::string_view::npos;
}

std::string_view word_of(std::string_view text, std::string_view name) {
  const std::size_t at = find_field(text, name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at);
  return rest.substr(0, rest.find_first_of(" \r\n\t"));
}

}  // namespace

std::string_view state_word(MessageState state) {
  const auto i = static_cast<std::size_t>(state);
  return i < kWords.size() ? kWords[i] : "UNKNOWN";
}

MessageState parse_state_word(std::string_view word) {
  for (std::size_t i = 1; i < kWords.size(); ++i)
    if (same_word(word, kWords[i]) || same_word(word, kLongWords[i])) return static_cast<MessageState>(i);
  // Some peers write more letters than seven, or fewer.
  if (word.size() >= 5)
    for (std::size_t i = 1; i < kWords.size(); ++i)
      if (same_word(word.substr(0, 5), kWords[i].substr(0, 5))) return static_cast<MessageState>(i);
  return MessageState::kNone;
}

Receipt parse_receipt_text(std::string_view text) {
  Receipt receipt;
  // What the message itself said comes last and may hold anything.
  std::size_t body = find_field(text, "text");
  if (body != std::string_view::npos) {
    receipt.text = text.substr(body);
    text = text.substr(0, body);
  }
  receipt.message_id = word_of(text, "id");
  receipt.state = parse_state_word(word_of(text, "stat"));
  receipt.error = word_of(text, "err");
  receipt.done_at = parse_receipt_date(word_of(text, "done date"));
  return receipt;
}

std::optional<Receipt> read_receipt(const Message& message) {
  const std::uint8_t type = message.esm_class & kEsmTypeMask;
  const bool marked = type == kEsmReceipt || type == kEsmIntermediate;
  const auto named = find_text(message.tlvs, tag::kReceiptedMessageId);
  const auto state = find_number(message.tlvs, tag::kMessageState);
  if (!marked && !(named && state)) return std::nullopt;
  Receipt receipt = parse_receipt_text(message.content());
  if (named && !named->empty()) receipt.message_id = *named;
  if (state && *state >= 1 && *state <= 8) receipt.state = static_cast<MessageState>(*state);
  // network_error_code: one octet that says whose network it is, two with the code.
  if (const std::string* error = find(message.tlvs, tag::kNetworkErrorCode); error && error->size() == 3 && receipt.error.empty())
    receipt.error = std::to_string(static_cast<unsigned char>((*error)[1]) << 8 | static_cast<unsigned char>((*error)[2]));
  receipt.user_reference = find_number(message.tlvs, tag::kUserMessageReference);
  if (receipt.message_id.empty() && receipt.state == MessageState::kNone && !receipt.user_reference) return std::nullopt;
  return receipt;
}

std::string format_receipt_text(const Receipt& receipt, trunkline::Time submitted_at, trunkline::Time done_at) {
  const bool delivered = receipt.state == MessageState::kDelivered;
  std::string text = "id:" + receipt.message_id + " sub:001 dlvrd:" + (delivered ? "001" : "000") +
                     " submit date:" + format_receipt_date(submitted_at) + " done date:" + format_receipt_date(done_at) +
                     " stat:";
  text.append(state_word(receipt.state)).append(" err:").append(receipt.error.empty() ? "000" : receipt.error).append(" text:");
  text.append(receipt.text.substr(0, 20));
  if (text.size() > kMaxShortMessage) text.resize(kMaxShortMessage);
  return text;
}

Outcome outcome_of(MessageState state) {
  switch (state) {
    case MessageState::kDelivered:
      return {State::kDelivered, FailureReason::kNone};
    case MessageState::kExpired:
      return {State::kExpired, FailureReason::kUnreachable};
    case MessageState::kDeleted:
      return {State::kFailed, FailureReason::kUnspecified};
    case MessageState::kUndeliverable:
      return {State::kFailed, FailureReason::kUnreachable};
    case MessageState::kUnknown:
      return {State::kFailed, FailureReason::kNoReport};
    case MessageState::kRejected:
      return {State::kFailed, FailureReason::kBlocked};
    default:
      return {State::kSent, FailureReason::kNone};
  }
}

MessageState state_of(State state, FailureReason reason) {
  switch (state) {
    case State::kDelivered:
      return MessageState::kDelivered;
    case State::kExpired:
      return MessageState::kExpired;
    case State::kFailed:
      if (reason == FailureReason::kBlocked || reason == FailureReason::kOptedOut || reason == FailureReason::kBadSender)
        return MessageState::kRejected;
      return reason == FailureReason::kNoReport ? MessageState::kUnknown : MessageState::kUndeliverable;
    case State::kUncertain:
      return MessageState::kUnknown;
    case State::kUnknown:
      return MessageState::kNone;
    case State::kCancelled:
      return MessageState::kDeleted;
    default:
      return MessageState::kEnroute;
  }
}

}  // namespace smpp
