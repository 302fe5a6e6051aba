// Rows beside the messages: notes of calls that are about to be made, what is spent, who hears from whom; copies and drops.
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/base/unix_time.h"
#include "runtime/services/sms_records.h"

namespace trunkline::sms_records {
namespace {

using store::Row;
using store::Session;
using store::Statement;

const Statement kAddHandover{"INSERT INTO sms_handovers (message_ids) VALUES (?)"};
const Statement kRemoveHandover{"DELETE FROM sms_handovers WHERE handover_id = ?"};
const Statement kOpenHandovers{"SELECT handover_id, message_ids FROM sms_handovers"};

const Statement kKeepGivenUp{
    "INSERT INTO sms_given_up SELECT resource_key, message_id, ?, COALESCE(provider_message_id, ?), ?, ?, ? FROM sms_messages "
    "WHERE resource_key = ? AND message_id = ? AND state IN (2, 6) ON CONFLICT DO NOTHING"};
const Statement kGiveUp{
    "UPDATE sms_messages SET state = 1, provider = NULL, provider_message_id = NULL, provider_code = NULL, "
    "decision = decision || ?, updated_us = ?, assumed = 0, receipts = receipts + 1 "
    "WHERE resource_key = ? AND message_id = ? AND state IN (2, 6)"};
const Statement kHandedOver{"SELECT 1 FROM sms_handovers WHERE instr(message_ids, ?) > 0"};
const Statement kGivenUp{
    "SELECT provider, reason, code FROM sms_given_up WHERE resource_key = ? AND message_id = ? ORDER BY at_us, provider"};
const Statement kSpent{"SELECT micros FROM sms_spend WHERE resource_key = ? AND period = ?"};
const Statement kAddSpent{
    "INSERT INTO sms_spend VALUES (?, ?, ?) ON CONFLICT (resource_key, period) DO UPDATE SET micros = micros + excluded.micros"};
const Statement kReservation{
    "SELECT price_micros, created_us FROM sms_messages WHERE resource_key = ? AND message_id = ? AND price_micros IS NOT NULL"};
const Statement kSticky{"SELECT sender FROM sms_sticky_senders WHERE resource_key = ? AND pool = ? AND recipient = ?"};
const Statement kSetSticky{
    "INSERT INTO sms_sticky_senders VALUES (?, ?, ?, ?, ?) ON CONFLICT (resource_key, pool, recipient) "
    "DO UPDATE SET sender = excluded.sender, since_us = excluded.since_us"};
const Statement kCopySticky{
    "INSERT INTO sms_sticky_senders SELECT ?, pool, recipient, sender, since_us FROM sms_sticky_senders WHERE resource_key = ?"};
const Statement kCopySpend{"INSERT INTO sms_spend SELECT ?, period, micros FROM sms_spend WHERE resource_key = ?"};
const Statement kDropSticky{"DELETE FROM sms_sticky_senders WHERE resource_key = ?"};
const Statement kDropSpend{"DELETE FROM sms_spend WHERE resource_key = ?"};

// A copy is a record of the past: what is still queued, scheduled or reported belongs to the original alone.
#define TL_SMS_KEPT                                                                                                         \
  "segments, wants_report, tag, provider, provider_message_id, provider_code, idempotency_key, request_hash, traceparent, " \
  "decision, created_us, updated_us, confirmation, price_micros, currency, receipts, assumed"
const Statement kCopy{
    "INSERT INTO sms_messages (resource_key, message_id, inbound, sender, recipient, body, state, reason, " TL_SMS_KEPT
    ") SELECT ?, message_id, inbound, sender, recipient, body, CASE WHEN state IN (1, 7) THEN 6 ELSE state END, "
    "reason, " TL_SMS_KEPT " FROM sms_messages WHERE resource_key = ?"};
#undef TL_SMS_KEPT
const Statement kCopyReceipts{
    "INSERT INTO sms_receipts SELECT ?, message_id, sequence, provider, state, reason, code, segments, at_us, received_us, "
    "verdict "
    "FROM sms_receipts WHERE resource_key = ?"};
const Statement kDrop{"DELETE FROM sms_messages WHERE resource_key = ?"};
const Statement kDropReceipts{"DELETE FROM sms_receipts WHERE resource_key = ?"};
const Statement kCopyGivenUp{
    "INSERT INTO sms_given_up SELECT ?, message_id, provider, provider_message_id, reason, code, at_us FROM sms_given_up "
    "WHERE resource_key = ?"};
const Statement kDropGivenUp{"DELETE FROM sms_given_up WHERE resource_key = ?"};

}  // namespace

std::int64_t add_handover(Session& session, const std::vector<HandoverCall>& calls) {
  std::string text = "[";
  for (const HandoverCall& call : calls) {
    text += text.size() > 1 ? ",[" : "[";
    append_json_string(text, call.provider);
    for (const std::string& id : call.message_ids) text += ",\"" + id + '"';
    text += ']';
  }
  text += ']';
  session.execute(kAddHandover, {text});
  return session.last_insert_id();
}

void remove_handover(Session& session, std::int64_t handover_id) { session.execute(kRemoveHandover, {handover_id}); }

std::vector<std::pair<std::int64_t, std::vector<HandoverCall>>> open_handovers(Session& session) {
  std::vector<std::pair<std::int64_t, std::vector<HandoverCall>>> open;
  session.query(kOpenHandovers, {}, [&](const Row& row) {
    std::vector<HandoverCall>& calls = open.emplace_back(row.integer(0), std::vector<HandoverCall>{}).second;
    for (const auto& call : nlohmann::json::parse(row.text(1))) {
      HandoverCall& one = calls.emplace_back();
      if (call.is_string()) {  // as notes once were: nobody knows whose it was
        one.message_ids.push_back(call.get<std::string>());
        continue;
      }
      auto texts = call.get<std::vector<std::string>>();
      one.provider = std::move(texts.at(0));
      one.message_ids.assign(std::make_move_iterator(texts.begin() + 1), std::make_move_iterator(texts.end()));
    }
  });
  return open;
}

bool give_up(Session& session, std::int64_t resource_key, std::string_view message_id, const Receipt& receipt,
             const std::optional<std::string>& provider_message_id, std::string_view decision) {
  const std::int64_t at_us = unix_us(receipt.at);
  std::optional<std::string_view> code;
  if (!receipt.provider_code.empty()) code = receipt.provider_code;
  if (session.execute(kKeepGivenUp, {receipt.provider, provider_message_id, static_cast<std::int64_t>(receipt.reason), code,
                                     at_us, resource_key, message_id}) == 0)
    return false;
  return session.execute(kGiveUp, {decision, at_us, resource_key, message_id}) > 0;
}

bool is_handed_over(Session& session, std::string_view message_id) {
  bool found = false;
  session.query(kHandedOver, {'"' + std::string(message_id) + '"'}, [&](const Row&) { found = true; });
  return found;
}

std::vector<GivenUp> given_up(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::vector<GivenUp> all;
  session.query(kGivenUp, {resource_key, message_id}, [&](const Row& row) {
    all.push_back({std::string(row.text(0)), static_cast<sms::FailureReason>(row.integer(1)), row.optional_text(2).value_or("")});
  });
  return all;
}

std::int64_t spent(Session& session, std::int64_t resource_key, std::string_view period) {
  std::int64_t micros = 0;
  session.query(kSpent, {resource_key, period}, [&](const Row& row) { micros = row.integer(0); });
  return micros;
}

void add_spent(Session& session, std::int64_t resource_key, std::string_view period, std::int64_t micros) {
  session.execute(kAddSpent, {resource_key, period, micros});
}

std::optional<Reservation> reservation(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::optional<Reservation> found;
  session.query(kReservation, {resource_key, message_id}, [&](const Row& row) {
    found = Reservation{row.integer(0), row.integer(1)};
  });
  return found;
}

std::optional<std::string> sticky_sender(Session& session, std::int64_t resource_key, std::string_view pool,
                                         std::string_view recipient) {
  std::optional<std::string> sender;
  session.query(kSticky, {resource_key, pool, recipient}, [&](const Row& row) { sender = std::string(row.text(0)); });
  return sender;
}

void set_sticky_sender(Session& session, std::int64_t resource_key, std::string_view pool, std::string_view recipient,
                       std::string_view sender, std::int64_t at_us) {
  session.execute(kSetSticky, {resource_key, pool, recipient, sender, at_us});
}

void copy_rows(Session& session, std::int64_t from, std::int64_t to) {
  for (const Statement* statement : {&kCopy, &kCopyReceipts, &kCopyGivenUp, &kCopySticky, &kCopySpend})
    session.execute(*statement, {to, from});
}

void drop_rows(Session& session, std::int64_t resource_key) {
  for (const Statement* statement : {&kDrop, &kDropReceipts, &kDropGivenUp, &kDropSticky, &kDropSpend})
    session.execute(*statement, {resource_key});
}

}  // namespace trunkline::sms_records
