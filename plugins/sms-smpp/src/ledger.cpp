#include "ledger.h"

#include <algorithm>
#include <charconv>

namespace sms_smpp {

using smpp::MessageState;
using trunkline::sms::DeliveryReport;
using trunkline::sms::FailureReason;
using State = trunkline::sms::MessageState;

namespace {

bool is_final(MessageState state) {
  return state != MessageState::kNone && state != MessageState::kEnroute && state != MessageState::kAccepted;
}

std::string rebase(std::string_view text, int from, int to) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, from);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::string(text);
  char digits[24];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, number, to).ptr);
}

/// Carriers do not agree with themselves about leading zeros and the case of hexadecimal digits.
std::string canonical(std::string_view id) {
  std::string out(id.substr(std::min(id.find_first_not_of('0'), id.size())));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out.empty() ? std::string(id) : out;
}

std::string_view digits_of(std::string_view number) {
  if (!number.empty() && number[0] == '+') number.remove_prefix(1);
  return number;
}

}  // namespace

void Ledger::add(RecordPtr record) {
  if (order_.size() >= kMaxRecords) forget_before(order_[kMaxRecords / 10]->at);
  order_.push_back(record);
  for (std::size_t i = 0; i < record->parts.size(); ++i)
    if (!record->parts[i].carrier_id.empty()) by_carrier_[canonical(record->parts[i].carrier_id)] = {record, i};
  by_message_[record->message_id] = std::move(record);
}

RecordPtr Ledger::find(std::string_view message_id) const {
  const auto found = by_message_.find(message_id);
  return found == by_message_.end() ? nullptr : found->second;
}

void Ledger::taken(const RecordPtr& record, std::size_t part, std::string carrier_id) {
  if (!carrier_id.empty()) by_carrier_[canonical(carrier_id)] = {record, part};
  record->parts[part].carrier_id = std::move(carrier_id);
}

std::string Ledger::answer_form(std::string_view id) const {
  switch (ids_) {
    case ReceiptIds::kDecimalOfHex:
      return rebase(id, 10, 16);
    case ReceiptIds::kHexOfDecimal:
      return rebase(id, 16, 10);
    default:
      return std::string(id);
  }
}

std::optional<Ledger::Place> Ledger::find_carrier_id(std::string_view id_in_receipt) const {
  if (id_in_receipt.empty()) return std::nullopt;
  const auto found = by_carrier_.find(canonical(answer_form(id_in_receipt)));
  return found == by_carrier_.end() ? std::nullopt : std::optional(found->second);
}

void Ledger::lost(const RecordPtr& record) {
  record->custody = Custody::kLost;
  lost_.push_back(record);
}

RecordPtr Ledger::find_lost(const smpp::Message& message, const smpp::Receipt& receipt) {
  std::erase_if(lost_, [](const RecordPtr& record) { return record->custody != Custody::kLost; });
  RecordPtr found;
  for (const RecordPtr& record : lost_) {
    // In a receipt the recipient is the one who writes.
    if (digits_of(record->destination.digits) != digits_of(message.source.digits) ||
        digits_of(record->source.digits) != digits_of(message.destination.digits))
      continue;
    const bool same_reference = receipt.user_reference && *receipt.user_reference == record->reference;
    const bool same_text = !receipt.user_reference && !receipt.text.empty() && record->text_start.starts_with(receipt.text);
    if (!same_reference && !same_text) continue;
    if (found) return nullptr;
    found = record;
  }
  return found;
}

void Ledger::forget_before(Time time) {
  while (!order_.empty() && order_.front()->at < time) {
    const RecordPtr record = std::move(order_.front());
    order_.pop_front();
    if (record->custody == Custody::kLost) std::erase(lost_, record);
    for (const PartState& part : record->parts) {
      const auto found = by_carrier_.find(canonical(part.carrier_id));
      if (found != by_carrier_.end() && found->second.record == record) by_carrier_.erase(found);
    }
    const auto found = by_message_.find(record->message_id);
    if (found != by_message_.end() && found->second == record) by_message_.erase(found);
  }
}

std::optional<DeliveryReport> apply_receipt(Record& record, std::size_t part, MessageState state, const std::string& error,
                                            Time now) {
  PartState& mine = record.parts[part];
  // A receipt that comes again, or takes back what is final, is for the host to judge; a part keeps its first final state.
  if (!is_final(mine.state) || record.parts.size() == 1) {
    mine.state = state;
    mine.error = error;
  }
  std::size_t delivered = 0, open = 0;
  const PartState* worst = nullptr;
  for (const PartState& one : record.parts) {
    if (one.state == MessageState::kDelivered)
      ++delivered;
    else if (!is_final(one.state))
      ++open;
    else if (!worst)
      worst = &one;
  }
  const PartState& telling = worst ? *worst : mine;
  if (open > 0 && !worst && record.parts.size() > 1) return std::nullopt;  // not all have arrived, none has failed
  const smpp::Outcome outcome = smpp::outcome_of(telling.state);
  DeliveryReport report;
  report.message_id = record.message_id;
  if (!record.parts[0].carrier_id.empty()) report.provider_message_id = record.parts[0].carrier_id;
  report.state = outcome.state;
  report.reason = outcome.reason;
  if (telling.state != MessageState::kDelivered) {
    std::string code(smpp::state_word(telling.state));
    if (!telling.error.empty()) code += " " + telling.error;
    report.provider_code = std::move(code);
  }
  report.at = now;
  report.segments_delivered = static_cast<std::int32_t>(delivered);
  if (outcome.state != State::kSent) record.reported = true;
  return report;
}

}  // namespace sms_smpp
