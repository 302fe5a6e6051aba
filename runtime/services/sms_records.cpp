#include "runtime/services/sms_records.h"

#include <nlohmann/json.hpp>

namespace trunkline::sms_records {
namespace {

using store::Row;
using store::Session;
using store::Statement;

// States 1 queued, 2 sent, 3 delivered, 4 failed, 5 expired, 6 uncertain. 3, 4 and 5 are final; "sent" may not undo them.
const Statement kInsert{
    "INSERT INTO sms_messages (resource_key, message_id, inbound, sender, recipient, body, state, reason, segments, "
    "wants_report, "
    "report_deadline_us, tag, provider, provider_message_id, idempotency_key, request_hash, traceparent, decision, created_us, "
    "updated_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kByIdempotencyKey{
    "SELECT message_id, request_hash FROM sms_messages WHERE resource_key = ? AND idempotency_key = ?"};
#define TL_SMS_APPLY                                                                                     \
  "UPDATE sms_messages SET state = ?, reason = ?, provider = COALESCE(?, provider), "                    \
  "provider_message_id = COALESCE(?, provider_message_id), provider_code = COALESCE(?, provider_code), " \
  "segments = COALESCE(?, segments), decision = decision || ?, updated_us = ?, "                         \
  "report_deadline_us = CASE WHEN ? = 1 THEN NULL ELSE report_deadline_us END "                          \
  "WHERE resource_key = ? AND message_id = ? AND state IN (1, 2, 6) AND state <> ?"
const Statement kApply{TL_SMS_APPLY};
const Statement kFinish{TL_SMS_APPLY " RETURNING sender, recipient, segments, tag, wants_report, traceparent"};
#undef TL_SMS_APPLY
const Statement kApplySent{
    "UPDATE sms_messages SET state = 2, provider = ?, provider_message_id = ?, segments = COALESCE(?, segments), "
    "decision = decision || ?, updated_us = ? WHERE resource_key = ? AND message_id = ? AND state IN (1, 6)"};
// The report was faster than our own note: keep its state, add what only the send knows.
const Statement kApplySentLate{
    "UPDATE sms_messages SET provider = COALESCE(provider, ?), provider_message_id = COALESCE(provider_message_id, ?), "
    "decision = decision || ? WHERE resource_key = ? AND message_id = ?"};
const Statement kAppendDecision{"UPDATE sms_messages SET decision = decision || ? WHERE resource_key = ? AND message_id = ?"};

#define TL_SMS_COLUMNS                                                                                                         \
  "message_id, inbound, sender, recipient, body, state, reason, segments, provider, provider_message_id, provider_code, tag, " \
  "created_us, updated_us"
const Statement kFind{"SELECT " TL_SMS_COLUMNS
                      ", wants_report, report_deadline_us, traceparent, decision FROM sms_messages "
                      "WHERE resource_key = ? AND message_id = ?"};
const Statement kQueued{"SELECT " TL_SMS_COLUMNS
                        ", wants_report, report_deadline_us, traceparent, decision FROM sms_messages "
                        "WHERE resource_key = ? AND state = 1 ORDER BY message_id"};
const Statement kByProviderId{
    "SELECT resource_key, message_id FROM sms_messages WHERE provider_message_id = ? AND provider = ? AND inbound = 0 "
    "ORDER BY created_us DESC LIMIT 1"};
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

const Statement kAddHandover{"INSERT INTO sms_handovers (message_ids) VALUES (?)"};
const Statement kRemoveHandover{"DELETE FROM sms_handovers WHERE handover_id = ?"};
const Statement kOpenHandovers{"SELECT handover_id, message_ids FROM sms_handovers"};

// A copy is a record of the past: what is still queued or reported belongs to the original alone.
const Statement kCopy{
    "INSERT INTO sms_messages SELECT ?, message_id, inbound, sender, recipient, body, CASE state WHEN 1 THEN 6 ELSE state END, "
    "reason, "
    "segments, wants_report, NULL, tag, provider, provider_message_id, provider_code, idempotency_key, request_hash, "
    "traceparent, decision, "
    "created_us, updated_us FROM sms_messages WHERE resource_key = ?"};
const Statement kDrop{"DELETE FROM sms_messages WHERE resource_key = ?"};

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
  record.created_at = Time{std::chrono::microseconds{row.integer(12)}};
  record.updated_at = Time{std::chrono::microseconds{row.integer(13)}};
  return record;
}

StoredMessage read_stored(const Row& row) {
  StoredMessage stored;
  stored.record = read_record(row);
  stored.wants_report = row.integer(14) != 0;
  if (!row.is_null(15)) stored.report_deadline_us = row.integer(15);
  stored.traceparent = row.optional_text(16).value_or("");
  stored.decision = row.text(17);
  return stored;
}

}  // namespace

void insert(Session& session, std::int64_t resource_key, const NewMessage& m) {
  session.execute(kInsert, {resource_key, m.message_id, std::int64_t{m.inbound}, m.sender, m.recipient, m.body,
                            static_cast<std::int64_t>(m.state), m.segments, std::int64_t{m.wants_report}, m.report_deadline_us,
                            m.tag, m.provider, m.provider_message_id, m.idempotency_key, m.request_hash, m.traceparent,
                            m.decision, m.created_us, m.created_us});
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
    if (session.execute(kApplySent,
                        {t.provider, t.provider_message_id, t.segments, t.decision, t.at_us, resource_key, message_id}) > 0)
      return true;
    session.execute(kApplySentLate, {t.provider, t.provider_message_id, t.decision, resource_key, message_id});
    return false;
  }
  const auto state = static_cast<std::int64_t>(t.state);
  const bool final_state = t.state != sms::MessageState::kUncertain;
  return session.execute(kApply, {state, static_cast<std::int64_t>(t.reason), t.provider, t.provider_message_id, t.provider_code,
                                  t.segments, t.decision, t.at_us, std::int64_t{final_state}, resource_key, message_id, state}) >
         0;
}

std::optional<Finished> finish(Session& session, std::int64_t resource_key, std::string_view message_id, const Transition& t) {
  std::optional<Finished> finished;
  const auto state = static_cast<std::int64_t>(t.state);
  session.query(kFinish,
                {state, static_cast<std::int64_t>(t.reason), t.provider, t.provider_message_id, t.provider_code, t.segments,
                 t.decision, t.at_us, std::int64_t{1}, resource_key, message_id, state},
                [&](const Row& row) {
                  Finished& one = finished.emplace();
                  one.record.message_id = message_id;
                  one.record.from = row.text(0);
                  one.record.to = row.text(1);
                  one.record.segments = static_cast<std::int32_t>(row.integer(2));
                  one.record.tag = row.optional_text(3);
                  one.wants_report = row.integer(4) != 0;
                  one.traceparent = row.optional_text(5).value_or("");
                });
  return finished;
}

void append_decision(Session& session, std::int64_t resource_key, std::string_view message_id, std::string_view lines) {
  session.execute(kAppendDecision, {lines, resource_key, message_id});
}

std::optional<StoredMessage> find(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::optional<StoredMessage> found;
  session.query(kFind, {resource_key, message_id}, [&](const Row& row) { found = read_stored(row); });
  return found;
}

std::optional<std::pair<std::int64_t, std::string>> find_by_provider_id(Session& session, std::string_view provider,
                                                                        std::string_view provider_message_id) {
  std::optional<std::pair<std::int64_t, std::string>> found;
  session.query(kByProviderId, {provider_message_id, provider},
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

std::int64_t add_handover(Session& session, std::string_view message_ids_json) {
  session.execute(kAddHandover, {message_ids_json});
  return session.last_insert_id();
}

void remove_handover(Session& session, std::int64_t handover_id) { session.execute(kRemoveHandover, {handover_id}); }

std::vector<std::pair<std::int64_t, std::vector<std::string>>> open_handovers(Session& session) {
  std::vector<std::pair<std::int64_t, std::vector<std::string>>> open;
  session.query(kOpenHandovers, {}, [&](const Row& row) {
    open.emplace_back(row.integer(0), nlohmann::json::parse(row.text(1)).get<std::vector<std::string>>());
  });
  return open;
}

void copy_rows(Session& session, std::int64_t from, std::int64_t to) { session.execute(kCopy, {to, from}); }
void drop_rows(Session& session, std::int64_t resource_key) { session.execute(kDrop, {resource_key}); }

}  // namespace trunkline::sms_records
