#include "runtime/services/sms_records.h"

#include "runtime/base/unix_time.h"
#include "runtime/sms/outcome.h"

namespace trunkline::sms_records {
namespace {

using store::Row;
using store::Session;
using store::Statement;

// States 1 queued, 2 sent, 3 delivered, 4 failed, 5 expired, 6 uncertain, 7 scheduled, 8 cancelled. 3, 4, 5 and 8 are final;
// "sent" may not undo them. Receipts may correct one final state by another: sms/receipts.h.
const Statement kInsert{
    "INSERT INTO sms_messages (resource_key, message_id, inbound, sender, recipient, body, state, reason, segments, "
    "wants_report, "
    "report_deadline_us, tag, provider, provider_message_id, idempotency_key, request_hash, traceparent, decision, created_us, "
    "updated_us, not_before_us, confirmation, price_micros, currency) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kByIdempotencyKey{
    "SELECT message_id, request_hash FROM sms_messages WHERE resource_key = ? AND idempotency_key = ?"};
const Statement kApply{
    "UPDATE sms_messages SET state = ?, reason = ?, provider = COALESCE(?, provider), "
    "provider_message_id = COALESCE(?, provider_message_id), provider_code = COALESCE(?, provider_code), "
    "segments = COALESCE(?, segments), decision = decision || ?, updated_us = ?, assumed = ?, "
    "report_deadline_us = CASE WHEN ? = 1 THEN NULL ELSE report_deadline_us END "
    "WHERE resource_key = ? AND message_id = ? AND state IN (1, 2, 6) AND state <> ?"};
// Read before it is changed: RETURNING, which SQLite makes of a trigger, costs more than both together.
const Statement kFinishing{
    "SELECT sender, recipient, segments, tag, wants_report, traceparent FROM sms_messages "
    "WHERE resource_key = ? AND message_id = ? AND state IN (1, 2, 6) AND state <> ?"};
const Statement kApplySent{
    "UPDATE sms_messages SET state = 2, provider = ?, provider_message_id = ?, segments = COALESCE(?, segments), "
    "decision = decision || ?, updated_us = ?, price_micros = COALESCE(?, price_micros), "
    "currency = COALESCE(?, currency), assumed = 0 "
    "WHERE resource_key = ? AND message_id = ? AND state IN (1, 6) AND NOT EXISTS (SELECT 1 FROM sms_given_up g "
    "WHERE g.resource_key = sms_messages.resource_key AND g.message_id = sms_messages.message_id AND g.provider = ?)"};
// Only of a message that is not settled in another way: a call that is resumed may have others in it.
const Statement kApplyUncertain{
    "UPDATE sms_messages SET state = 6, provider = ?, decision = decision || ?, updated_us = ? "
    "WHERE resource_key = ? AND message_id = ? AND state = 1"};
// The report was faster than our own note: keep its state, add what only the send knows.
const Statement kApplySentLate{
    "UPDATE sms_messages SET provider = COALESCE(provider, ?), provider_message_id = COALESCE(provider_message_id, ?), "
    "decision = decision || ? WHERE resource_key = ? AND message_id = ? AND NOT EXISTS (SELECT 1 FROM sms_given_up g "
    "WHERE g.resource_key = sms_messages.resource_key AND g.message_id = sms_messages.message_id AND g.provider = ?)"};
const Statement kAppendDecision{"UPDATE sms_messages SET decision = decision || ? WHERE resource_key = ? AND message_id = ?"};

#define TL_SMS_COLUMNS                                                                                                         \
  "message_id, inbound, sender, recipient, body, state, reason, segments, provider, provider_message_id, provider_code, tag, " \
  "created_us, updated_us, not_before_us, price_micros, currency, receipts"
const Statement kFind{"SELECT " TL_SMS_COLUMNS
                      ", wants_report, report_deadline_us, traceparent, decision, confirmation FROM sms_messages "
                      "WHERE resource_key = ? AND message_id = ?"};
const Statement kQueued{"SELECT " TL_SMS_COLUMNS
                        ", wants_report, report_deadline_us, traceparent, decision, confirmation FROM sms_messages "
                        "WHERE resource_key = ? AND state = 1 ORDER BY message_id"};
const Statement kByProviderId{
    "SELECT resource_key, message_id FROM sms_messages WHERE provider_message_id = ? AND provider = ? AND inbound = 0 "
    "ORDER BY created_us DESC LIMIT 1"};
const Statement kGivenUpByProviderId{
    "SELECT resource_key, message_id FROM sms_given_up WHERE provider_message_id = ? AND provider = ? ORDER BY at_us DESC LIMIT "
    "1"};
const Statement kList{"SELECT " TL_SMS_COLUMNS
                      " FROM sms_messages WHERE resource_key = ? ORDER BY created_us DESC, message_id DESC LIMIT ?"};
const Statement kListBefore{"SELECT " TL_SMS_COLUMNS
                            " FROM sms_messages WHERE resource_key = ? AND (created_us, message_id) < (?, ?) "
                            "ORDER BY created_us DESC, message_id DESC LIMIT ?"};
#undef TL_SMS_COLUMNS
const Statement kDueReports{
    "SELECT resource_key, message_id FROM sms_messages WHERE report_deadline_us <= ? ORDER BY report_deadline_us LIMIT 1000"};
const Statement kNextDeadline{"SELECT MIN(report_deadline_us) FROM sms_messages WHERE report_deadline_us IS NOT NULL"};
const Statement kClearDeadline{"UPDATE sms_messages SET report_deadline_us = NULL WHERE resource_key = ? AND message_id = ?"};

const Statement kStanding{
    "SELECT sender, recipient, segments, tag, wants_report, traceparent, state, reason, provider, provider_code, updated_us, "
    "assumed, receipts, provider_message_id IS NOT NULL, report_deadline_us IS NOT NULL FROM sms_messages "
    "WHERE resource_key = ? AND message_id = ? AND inbound = 0"};
const Statement kReceipts{
    "SELECT provider, state, reason, code, segments, at_us, received_us, verdict FROM sms_receipts "
    "WHERE resource_key = ? AND message_id = ? ORDER BY sequence"};
const Statement kAddReceipt{"INSERT INTO sms_receipts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kAppendReceiptDecision{
    "UPDATE sms_messages SET decision = decision || ?, receipts = receipts + 1 WHERE resource_key = ? AND message_id = ?"};
#define TL_SMS_RECEIPT                                                                                                          \
  "UPDATE sms_messages SET state = ?, reason = ?, provider = COALESCE(provider, ?), provider_code = ?, decision = decision || " \
  "?, "                                                                                                                         \
  "updated_us = ?, assumed = 0, receipts = receipts + 1"
// Columns that have an index are set only where they change: SQLite writes the index for every column that is named.
const Statement kApplyReceipt{TL_SMS_RECEIPT " WHERE resource_key = ? AND message_id = ?"};
const Statement kApplyReceiptAndMore{
    TL_SMS_RECEIPT
    ", provider_message_id = COALESCE(provider_message_id, ?), "
    "report_deadline_us = CASE WHEN ? = 1 THEN NULL ELSE report_deadline_us END WHERE resource_key = ? AND message_id = ?"};
#undef TL_SMS_RECEIPT
const Statement kApplySentAndReceipt{
    "UPDATE sms_messages SET state = ?, reason = ?, provider = ?, provider_message_id = ?, provider_code = ?, "
    "segments = COALESCE(?, segments), decision = decision || ?, updated_us = ?, price_micros = COALESCE(?, price_micros), "
    "currency = COALESCE(?, currency), assumed = 0, receipts = receipts + 1, "
    "report_deadline_us = CASE WHEN ? = 1 THEN NULL ELSE report_deadline_us END WHERE resource_key = ? AND message_id = ?"};
const Statement kRequeue{
    "UPDATE sms_messages SET state = 1, provider = NULL, provider_message_id = NULL, decision = decision || ?, updated_us = ? "
    "WHERE resource_key = ? AND message_id = ? AND state = 6"};
// Notes are few: only calls that are under way have one.
const Statement kCancel{
    "UPDATE sms_messages SET state = 8, decision = decision || ?, updated_us = ?, report_deadline_us = NULL "
    "WHERE resource_key = ? AND message_id = ? AND inbound = 0 AND (state = 7 OR (state = 1 AND NOT EXISTS ("
    "SELECT 1 FROM sms_handovers WHERE instr(message_ids, ?) > 0)))"};
const Statement kNextScheduled{"SELECT MIN(not_before_us) FROM sms_messages WHERE state = 7"};
const Statement kRelease{
    "UPDATE sms_messages SET state = 1 WHERE (resource_key, message_id) IN ("
    "SELECT resource_key, message_id FROM sms_messages WHERE state = 7 AND not_before_us <= ? ORDER BY not_before_us LIMIT ?) "
    "RETURNING resource_key, message_id"};
const Statement kIsOpen{"SELECT 1 FROM sms_messages WHERE resource_key = ? AND message_id = ? AND state IN (1, 6)"};

service::SmsRecord read_record(const Row& row) {
  service::SmsRecord record;
  record.message_id = row.text(0);
  record.inbound = row.integer(1) != 0;
  record.from = row.text(2);
  record.to = row.text(3);
  record.message = row.text(4);
  record.state = static_cast<sms::MessageState>(row.integer(5));
  record.reason = static_cast<sms::FailureReason>(row.integer(6));
  record.segments = static_cast<std::int32_t>(row.integer(7));
  record.provider = row.optional_text(8);
  record.provider_message_id = row.optional_text(9);
  record.provider_code = row.optional_text(10);
  record.tag = row.optional_text(11);
  record.created_at = from_unix_us(row.integer(12));
  record.updated_at = from_unix_us(row.integer(13));
  const bool ended = record.state == sms::MessageState::kFailed || record.state == sms::MessageState::kExpired;
  if (ended) {
    record.fault = fault_of(record.reason);
    record.retryable = is_retryable(record.reason);
  }
  if (record.state == sms::MessageState::kScheduled && !row.is_null(14)) record.expected_at = from_unix_us(row.integer(14));
  if (!row.is_null(15)) record.price_micros = row.integer(15);
  record.currency = row.optional_text(16);
  record.receipt_count = static_cast<std::int32_t>(row.integer(17));
  return record;
}

StoredMessage read_stored(const Row& row) {
  StoredMessage stored;
  stored.record = read_record(row);
  stored.wants_report = row.integer(18) != 0;
  if (!row.is_null(19)) stored.report_deadline_us = row.integer(19);
  stored.traceparent = row.optional_text(20).value_or("");
  stored.decision = row.text(21);
  stored.confirmation = row.integer(22) != 0;
  return stored;
}

Receipt read_receipt(const Row& row) {
  Receipt receipt;
  receipt.provider = row.text(0);
  receipt.state = static_cast<sms::MessageState>(row.integer(1));
  receipt.reason = static_cast<sms::FailureReason>(row.integer(2));
  receipt.provider_code = row.optional_text(3).value_or("");
  if (!row.is_null(4)) receipt.segments_delivered = static_cast<std::int32_t>(row.integer(4));
  receipt.at = from_unix_us(row.integer(5));
  return receipt;
}

std::optional<std::string_view> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

Finished read_finished(std::string_view message_id, const Row& row) {
  Finished one;
  one.record.message_id = message_id;
  one.record.from = row.text(0);
  one.record.to = row.text(1);
  one.record.segments = static_cast<std::int32_t>(row.integer(2));
  one.record.tag = row.optional_text(3);
  one.wants_report = row.integer(4) != 0;
  one.traceparent = row.optional_text(5).value_or("");
  return one;
}

}  // namespace

void insert(Session& session, std::int64_t resource_key, const NewMessage& m) {
  session.execute(kInsert, {resource_key,
                            m.message_id,
                            std::int64_t{m.inbound},
                            m.sender,
                            m.recipient,
                            m.body,
                            static_cast<std::int64_t>(m.state),
                            static_cast<std::int64_t>(m.reason),
                            m.segments,
                            std::int64_t{m.wants_report},
                            m.report_deadline_us,
                            m.tag,
                            m.provider,
                            m.provider_message_id,
                            m.idempotency_key,
                            m.request_hash,
                            m.traceparent,
                            m.decision,
                            m.created_us,
                            m.created_us,
                            m.not_before_us,
                            std::int64_t{m.confirmation},
                            m.price_micros,
                            m.currency});
}

std::optional<Earlier> find_by_idempotency_key(Session& session, std::int64_t resource_key, std::string_view key) {
  std::optional<Earlier> found;
  session.query(kByIdempotencyKey, {resource_key, key}, [&](const Row& row) {
    found = Earlier{std::string(row.text(0)), row.optional_text(1).value_or("")};
  });
  return found;
}

bool apply(Session& session, std::int64_t resource_key, std::string_view message_id, const Transition& t) {
  if (t.state == sms::MessageState::kSent) {
    if (session.execute(kApplySent, {t.provider, t.provider_message_id, t.segments, t.decision, t.at_us, t.price_micros,
                                     t.currency, resource_key, message_id, t.provider}) > 0)
      return true;
    session.execute(kApplySentLate, {t.provider, t.provider_message_id, t.decision, resource_key, message_id, t.provider});
    return false;
  }
  if (t.state == sms::MessageState::kUncertain)
    return session.execute(kApplyUncertain, {t.provider, t.decision, t.at_us, resource_key, message_id}) > 0;
  const auto state = static_cast<std::int64_t>(t.state);
  return session.execute(
             kApply, {state, static_cast<std::int64_t>(t.reason), t.provider, t.provider_message_id, t.provider_code, t.segments,
                      t.decision, t.at_us, std::int64_t{t.assumed}, std::int64_t{1}, resource_key, message_id, state}) > 0;
}

std::optional<Finished> finish(Session& session, std::int64_t resource_key, std::string_view message_id, const Transition& t) {
  std::optional<Finished> finished;
  session.query(kFinishing, {resource_key, message_id, static_cast<std::int64_t>(t.state)},
                [&](const Row& row) { finished = read_finished(message_id, row); });
  if (finished) apply(session, resource_key, message_id, t);
  return finished;
}

std::optional<Standing> standing(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::optional<Standing> found;
  session.query(kStanding, {resource_key, message_id}, [&](const Row& row) {
    Standing& one = found.emplace();
    one.finished = read_finished(message_id, row);
    one.message.state = static_cast<sms::MessageState>(row.integer(6));
    one.message.reason = static_cast<sms::FailureReason>(row.integer(7));
    one.message.provider = row.optional_text(8).value_or("");
    one.message.provider_code = row.optional_text(9).value_or("");
    one.message.decided_at = from_unix_us(row.integer(10));
    one.message.assumed = row.integer(11) != 0;
    one.receipts = row.integer(12);
    one.has_provider_id = row.integer(13) != 0;
    one.has_deadline = row.integer(14) != 0;
  });
  if (found && found->receipts > 0)
    for (GivenUp& one : given_up(session, resource_key, message_id)) found->message.given_up.push_back(std::move(one.provider));
  return found;
}

std::vector<Receipt> receipts(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::vector<Receipt> all;
  session.query(kReceipts, {resource_key, message_id}, [&](const Row& row) { all.push_back(read_receipt(row)); });
  return all;
}

std::vector<service::SmsReceipt> receipt_records(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::vector<service::SmsReceipt> all;
  session.query(kReceipts, {resource_key, message_id}, [&](const Row& row) {
    const Receipt receipt = read_receipt(row);
    service::SmsReceipt& one = all.emplace_back();
    one.provider = receipt.provider;
    one.state = receipt.state;
    one.reason = receipt.reason;
    if (!receipt.provider_code.empty()) one.provider_code = receipt.provider_code;
    one.at = receipt.at;
    one.received_at = from_unix_us(row.integer(6));
    one.segments_delivered = receipt.segments_delivered;
    const bool failed = receipt.state == sms::MessageState::kFailed || receipt.state == sms::MessageState::kExpired;
    one.fault = failed ? fault_of(receipt.reason) : sms::Fault::kNone;
    one.retryable = failed && is_retryable(receipt.reason);
    one.verdict = static_cast<service::ReceiptVerdict>(row.integer(7));
  });
  return all;
}

void add_receipt(Session& session, std::int64_t resource_key, std::string_view message_id, std::int64_t sequence,
                 const Receipt& receipt, std::int64_t received_us, service::ReceiptVerdict verdict) {
  session.execute(kAddReceipt,
                  {resource_key, message_id, sequence, receipt.provider, static_cast<std::int64_t>(receipt.state),
                   static_cast<std::int64_t>(receipt.reason), text_or_null(receipt.provider_code), receipt.segments_delivered,
                   unix_us(receipt.at), received_us, static_cast<std::int64_t>(verdict)});
}

void apply_receipt(Session& session, std::int64_t resource_key, std::string_view message_id, const Standing& before,
                   const Receipt& receipt, std::optional<std::string_view> provider_message_id, std::string_view decision) {
  const auto state = static_cast<std::int64_t>(receipt.state);
  const auto reason = static_cast<std::int64_t>(receipt.reason);
  const auto code = text_or_null(receipt.provider_code);
  const bool brings_id = provider_message_id && !before.has_provider_id;
  const bool ends_wait = before.has_deadline && is_final(receipt.state);
  if (brings_id || ends_wait)
    session.execute(kApplyReceiptAndMore, {state, reason, receipt.provider, code, decision, unix_us(receipt.at),
                                           provider_message_id, std::int64_t{ends_wait}, resource_key, message_id});
  else
    session.execute(kApplyReceipt,
                    {state, reason, receipt.provider, code, decision, unix_us(receipt.at), resource_key, message_id});
}

void apply_sent_and_receipt(Session& session, std::int64_t resource_key, std::string_view message_id, const Transition& sent,
                            const Receipt& receipt, const std::optional<std::string>& provider_message_id,
                            std::string_view decision) {
  const std::string lines = sent.decision + std::string(decision);
  session.execute(kApplySentAndReceipt,
                  {static_cast<std::int64_t>(receipt.state), static_cast<std::int64_t>(receipt.reason), sent.provider,
                   sent.provider_message_id ? sent.provider_message_id : provider_message_id, text_or_null(receipt.provider_code),
                   sent.segments, lines, unix_us(receipt.at), sent.price_micros, sent.currency,
                   std::int64_t{is_final(receipt.state)}, resource_key, message_id});
}

void append_receipt_decision(Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view lines) {
  session.execute(kAppendReceiptDecision, {lines, resource_key, message_id});
}

bool requeue(Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view decision,
             std::int64_t at_us) {
  return session.execute(kRequeue, {decision, at_us, resource_key, message_id}) > 0;
}

bool cancel(Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view decision,
            std::int64_t at_us) {
  const std::string quoted = '"' + std::string(message_id) + '"';
  return session.execute(kCancel, {decision, at_us, resource_key, message_id, quoted}) > 0;
}

std::optional<std::int64_t> next_scheduled(Session& session) {
  std::optional<std::int64_t> next;
  session.query(kNextScheduled, {}, [&](const Row& row) {
    if (!row.is_null(0)) next = row.integer(0);
  });
  return next;
}

std::vector<std::pair<std::int64_t, std::string>> release_scheduled(Session& session, std::int64_t until_us, std::int32_t limit) {
  std::vector<std::pair<std::int64_t, std::string>> due;
  session.query(kRelease, {until_us, limit}, [&](const Row& row) { due.emplace_back(row.integer(0), std::string(row.text(1))); });
  return due;
}

bool is_open(Session& session, std::int64_t resource_key, std::string_view message_id) {
  bool found = false;
  session.query(kIsOpen, {resource_key, message_id}, [&](const Row&) { found = true; });
  return found;
}

void append_decision(Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view lines) {
  session.execute(kAppendDecision, {lines, resource_key, message_id});
}

std::optional<StoredMessage> find(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::optional<StoredMessage> found;
  session.query(kFind, {resource_key, message_id}, [&](const Row& row) { found = read_stored(row); });
  // Whoever was given up has sent a receipt.
  if (found && found->record.receipt_count > 0) found->given_up = given_up(session, resource_key, message_id);
  return found;
}

std::optional<std::pair<std::int64_t, std::string>> find_by_provider_id(Session& session, std::string_view provider,
                                                                        std::string_view provider_message_id) {
  std::optional<std::pair<std::int64_t, std::string>> found;
  session.query(kByProviderId, {provider_message_id, provider},
                [&](const Row& row) { found.emplace(row.integer(0), std::string(row.text(1))); });
  if (!found)
    session.query(kGivenUpByProviderId, {provider_message_id, provider},
                  [&](const Row& row) { found.emplace(row.integer(0), std::string(row.text(1))); });
  return found;
}

std::vector<service::SmsRecord> list(Session& session, std::int64_t resource_key, std::int32_t limit,
                                     const std::optional<std::string>& before) {
  std::vector<service::SmsRecord> records;
  auto keep = [&](const Row& row) { records.push_back(read_record(row)); };
  if (!before) {
    session.query(kList, {resource_key, limit}, keep);
    return records;
  }
  const auto dot = before->find('.');
  std::int64_t created_us = 0;
  try {
    created_us = std::stoll(before->substr(0, dot));
  } catch (const std::exception&) {
    throw Error(ErrorCode::kInvalidArgument, "the continuation is not one of ours", "continuation");
  }
  const std::string_view id = dot == std::string::npos ? std::string_view{} : std::string_view(*before).substr(dot + 1);
  session.query(kListBefore, {resource_key, created_us, id, limit}, keep);
  return records;
}

std::vector<StoredMessage> queued(Session& session, std::int64_t resource_key) {
  std::vector<StoredMessage> all;
  session.query(kQueued, {resource_key}, [&](const Row& row) { all.push_back(read_stored(row)); });
  for (StoredMessage& one : all)
    if (one.record.receipt_count > 0) one.given_up = given_up(session, resource_key, one.record.message_id);
  return all;
}

std::vector<std::pair<std::int64_t, std::string>> due_reports(Session& session, std::int64_t until_us) {
  std::vector<std::pair<std::int64_t, std::string>> due;
  session.query(kDueReports, {until_us}, [&](const Row& row) { due.emplace_back(row.integer(0), std::string(row.text(1))); });
  return due;
}

std::optional<std::int64_t> next_report_deadline(Session& session) {
  std::optional<std::int64_t> next;
  session.query(kNextDeadline, {}, [&](const Row& row) {
    if (!row.is_null(0)) next = row.integer(0);
  });
  return next;
}

void clear_report_deadline(Session& session, std::int64_t resource_key, std::string_view message_id) {
  session.execute(kClearDeadline, {resource_key, message_id});
}

}  // namespace trunkline::sms_records
