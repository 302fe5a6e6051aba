#include "runtime/services/email_records.h"

#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"

namespace trunkline::email_records {
namespace {

using email::EmailState;
using service::EmailOperation;
using service::EmailRecipientStatus;
using store::Row;
using store::Session;
using store::Statement;

const Statement kInsert{
    "INSERT INTO email_operations (resource_key, operation_id, sender, subject, status, internet_message_id, request_hash, "
    "traceparent, decision, created_us, updated_us) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)"};
const Statement kInsertBody{"INSERT INTO email_bodies (resource_key, operation_id, body) VALUES (?, ?, ?)"};
const Statement kInsertRecipient{
    "INSERT INTO email_recipients (resource_key, operation_id, position, address, state, attempts, updated_us) "
    "VALUES (?, ?, ?, ?, 1, 0, ?)"};
const Statement kFindHash{"SELECT request_hash FROM email_operations WHERE resource_key = ? AND operation_id = ?"};
#define TL_EMAIL_COLUMNS \
  "operation_id, status, error_code, error_message, sender, subject, internet_message_id, created_us, updated_us"
const Statement kFind{"SELECT " TL_EMAIL_COLUMNS
                      ", traceparent, decision FROM email_operations WHERE resource_key = ? AND operation_id = ?"};
const Statement kList{"SELECT " TL_EMAIL_COLUMNS
                      " FROM email_operations WHERE resource_key = ? ORDER BY created_us DESC, operation_id DESC LIMIT ?"};
const Statement kListBefore{"SELECT " TL_EMAIL_COLUMNS
                            " FROM email_operations WHERE resource_key = ? AND (created_us, operation_id) < (?, ?) "
                            "ORDER BY created_us DESC, operation_id DESC LIMIT ?"};
#undef TL_EMAIL_COLUMNS
const Statement kRecipients{
    "SELECT address, state, status_code, detail, provider, provider_message_id, attempts, next_attempt_us, updated_us "
    "FROM email_recipients WHERE resource_key = ? AND operation_id = ? ORDER BY position"};
const Statement kFindBody{"SELECT body FROM email_bodies WHERE resource_key = ? AND operation_id = ?"};
const Statement kRemoveBody{"DELETE FROM email_bodies WHERE resource_key = ? AND operation_id = ?"};
const Statement kState{"SELECT state FROM email_recipients WHERE resource_key = ? AND operation_id = ? AND position = ?"};
const Statement kApply{
    "UPDATE email_recipients SET state = ?, status_code = COALESCE(?, status_code), detail = COALESCE(?, detail), "
    "provider = COALESCE(?, provider), provider_message_id = COALESCE(?, provider_message_id), attempts = attempts + ?, "
    "next_attempt_us = ?, updated_us = ? WHERE resource_key = ? AND operation_id = ? AND position = ?"};
// A report that came before the provider's answer says more than the answer; only whose it is was missing.
const Statement kApplyLate{
    "UPDATE email_recipients SET provider = COALESCE(provider, ?), provider_message_id = COALESCE(provider_message_id, ?), "
    "attempts = attempts + ?, next_attempt_us = NULL WHERE resource_key = ? AND operation_id = ? AND position = ?"};
const Statement kPin{
    "UPDATE email_recipients SET provider = NULLIF(?, '') WHERE resource_key = ? AND operation_id = ? AND position = ? "
    "AND state = 1"};
const Statement kBegin{
    "UPDATE email_recipients SET next_attempt_us = NULL WHERE resource_key = ? AND operation_id = ? AND position = ? AND state = "
    "1"};
const Statement kSetStatus{
    "UPDATE email_operations SET status = ?, error_code = ?, error_message = ?, updated_us = ? "
    "WHERE resource_key = ? AND operation_id = ?"};
const Statement kAppendDecision{
    "UPDATE email_operations SET decision = decision || ? WHERE resource_key = ? AND operation_id = ?"};
const Statement kHasQueued{"SELECT 1 FROM email_recipients WHERE resource_key = ? AND operation_id = ? AND state = 1 LIMIT 1"};
const Statement kByProviderId{
    "SELECT resource_key, operation_id FROM email_recipients WHERE provider_message_id = ? AND provider = ? "
    "ORDER BY updated_us DESC LIMIT 1"};
const Statement kUnfinished{
    "SELECT DISTINCT operation_id FROM email_recipients WHERE resource_key = ? AND state = 1 AND next_attempt_us IS NULL "
    "ORDER BY operation_id"};
const Statement kDue{"SELECT DISTINCT resource_key, operation_id FROM email_recipients WHERE next_attempt_us <= ? LIMIT 1000"};
const Statement kNextAttempt{"SELECT MIN(next_attempt_us) FROM email_recipients WHERE next_attempt_us > ?"};

#define TL_SUPPRESSION_COLUMNS "address, sender, reason, detail, created_us, expires_us, hits"
const Statement kSuppressions{"SELECT " TL_SUPPRESSION_COLUMNS
                              " FROM email_suppressions WHERE resource_key = ? ORDER BY address, sender"};
const Statement kFindSuppressions{"SELECT " TL_SUPPRESSION_COLUMNS
                                  " FROM email_suppressions WHERE resource_key = ? AND address = ? AND sender IN ('', ?)"};
#undef TL_SUPPRESSION_COLUMNS
const Statement kPutSuppression{
    "INSERT INTO email_suppressions (resource_key, address, sender, reason, detail, hits, created_us, expires_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (resource_key, address, sender) DO UPDATE SET reason = excluded.reason, "
    "detail = excluded.detail, hits = excluded.hits, created_us = excluded.created_us, expires_us = excluded.expires_us"};
const Statement kRemoveSuppressions{"DELETE FROM email_suppressions WHERE resource_key = ? AND address = ?"};

const Statement kFindTold{"SELECT 1 FROM email_received WHERE resource_key = ? AND provider_key = ?"};
const Statement kInsertReceived{
    "INSERT INTO email_received (resource_key, message_id, provider_key, sender, recipients, subject, raw, received_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kReceivedMails{
    "SELECT message_id, sender, recipients, subject, received_us FROM email_received WHERE resource_key = ? "
    "ORDER BY received_us DESC, received_key DESC LIMIT ?"};
const Statement kFindReceived{
    "SELECT message_id, sender, recipients, subject, received_us, raw FROM email_received "
    "WHERE resource_key = ? AND message_id = ?"};

const Statement kInsertKey{"INSERT INTO email_keys (resource_key, secret) VALUES (?, ?)"};
const Statement kFindKey{"SELECT secret FROM email_keys WHERE resource_key = ?"};

// A copy is a record of the past: what is still to be sent belongs to the original alone. State 9 is failed, status 5 canceled.
const Statement kCopyOperations{
    "INSERT INTO email_operations SELECT ?, operation_id, sender, subject, CASE WHEN status IN (1, 2) THEN 5 ELSE status END, "
    "error_code, error_message, internet_message_id, request_hash, traceparent, decision, created_us, updated_us "
    "FROM email_operations WHERE resource_key = ?"};
const Statement kCopyRecipients{
    "INSERT INTO email_recipients SELECT ?, operation_id, position, address, CASE state WHEN 1 THEN 9 ELSE state END, "
    "status_code, detail, provider, provider_message_id, attempts, NULL, updated_us FROM email_recipients WHERE resource_key = "
    "?"};
const Statement kCopySuppressions{
    "INSERT INTO email_suppressions SELECT ?, address, sender, reason, detail, hits, created_us, expires_us "
    "FROM email_suppressions WHERE resource_key = ?"};
const Statement kCopyReceived{
    "INSERT INTO email_received (resource_key, message_id, provider_key, sender, recipients, subject, raw, received_us) "
    "SELECT ?, message_id, provider_key, sender, recipients, subject, raw, received_us FROM email_received "
    "WHERE resource_key = ? ORDER BY received_key"};
const Statement kCopyKey{"INSERT INTO email_keys SELECT ?, secret FROM email_keys WHERE resource_key = ?"};
const Statement kDropOperations{"DELETE FROM email_operations WHERE resource_key = ?"};
const Statement kDropBodies{"DELETE FROM email_bodies WHERE resource_key = ?"};
const Statement kDropRecipients{"DELETE FROM email_recipients WHERE resource_key = ?"};
const Statement kDropSuppressions{"DELETE FROM email_suppressions WHERE resource_key = ?"};
const Statement kDropReceived{"DELETE FROM email_received WHERE resource_key = ?"};
const Statement kDropKey{"DELETE FROM email_keys WHERE resource_key = ?"};

EmailOperation read_operation(const Row& row) {
  EmailOperation operation;
  operation.operation_id = row.text(0);
  operation.status = static_cast<service::EmailOperationStatus>(row.integer(1));
  operation.error_code = row.optional_text(2);
  operation.error_message = row.optional_text(3);
  operation.sender_address = row.text(4);
  operation.subject = row.text(5);
  operation.internet_message_id = row.text(6);
  operation.created_at = from_unix_us(row.integer(7));
  operation.updated_at = from_unix_us(row.integer(8));
  return operation;
}

void add_recipients(Session& session, std::int64_t resource_key, EmailOperation& operation) {
  session.query(kRecipients, {resource_key, operation.operation_id}, [&](const Row& row) {
    EmailRecipientStatus& one = operation.recipients.emplace_back();
    one.address = row.text(0);
    one.state = static_cast<EmailState>(row.integer(1));
    one.status_code = row.optional_text(2);
    one.detail = row.optional_text(3);
    one.provider = row.optional_text(4);
    one.provider_message_id = row.optional_text(5);
    one.attempts = static_cast<std::int32_t>(row.integer(6));
    if (!row.is_null(7)) one.next_attempt_at = from_unix_us(row.integer(7));
    one.updated_at = from_unix_us(row.integer(8));
  });
}

StoredSuppression read_suppression(const Row& row) {
  StoredSuppression out;
  out.record.address = row.text(0);
  out.record.sender_address = row.text(1);
  out.record.reason = static_cast<service::SuppressionReason>(row.integer(2));
  out.record.detail = row.text(3);
  out.record.created_at = from_unix_us(row.integer(4));
  if (!row.is_null(5)) out.record.expires_at = from_unix_us(row.integer(5));
  out.hits = static_cast<std::int32_t>(row.integer(6));
  return out;
}

service::ReceivedEmail read_received(const Row& row) {
  service::ReceivedEmail mail;
  mail.message_id = row.text(0);
  mail.from = row.text(1);
  for (const std::string_view address : split(row.text(2), '\n')) mail.to.emplace_back(address);
  mail.subject = row.text(3);
  mail.received_at = from_unix_us(row.integer(4));
  return mail;
}

/// Queued, then sent, then an end. A delivery may turn out to have been none, or a nuisance; no other end changes.
bool may_follow(EmailState now, EmailState next) {
  switch (now) {
    case EmailState::kQueued:
      return true;
    case EmailState::kSent:
      return next != EmailState::kQueued && next != EmailState::kSent;
    case EmailState::kDelivered:
    case EmailState::kExpanded:
      return next == EmailState::kBounced || next == EmailState::kComplained || next == EmailState::kFilteredSpam ||
             next == EmailState::kQuarantined;
    case EmailState::kFilteredSpam:
    case EmailState::kQuarantined:
      return next == EmailState::kDelivered || next == EmailState::kComplained;
    default:
      return false;
  }
}

}  // namespace

void insert(Session& session, std::int64_t resource_key, const NewOperation& o) {
  session.execute(kInsert, {resource_key, o.operation_id, o.sender, o.subject, o.internet_message_id, o.request_hash,
                            o.traceparent, o.decision, o.created_us, o.created_us});
  session.execute(kInsertBody, {resource_key, o.operation_id, o.body});
  std::int64_t position = 0;
  for (const std::string& address : *o.recipients)
    session.execute(kInsertRecipient, {resource_key, o.operation_id, position++, address, o.created_us});
}

std::optional<std::string> find_request_hash(Session& session, std::int64_t resource_key, std::string_view operation_id) {
  std::optional<std::string> found;
  session.query(kFindHash, {resource_key, operation_id}, [&](const Row& row) { found = std::string(row.text(0)); });
  return found;
}

std::optional<StoredOperation> find(Session& session, std::int64_t resource_key, std::string_view operation_id) {
  std::optional<StoredOperation> found;
  session.query(kFind, {resource_key, operation_id}, [&](const Row& row) {
    StoredOperation& stored = found.emplace();
    stored.record = read_operation(row);
    stored.traceparent = row.optional_text(9).value_or("");
    stored.decision = row.text(10);
  });
  if (found) add_recipients(session, resource_key, found->record);
  return found;
}

std::vector<EmailOperation> list(Session& session, std::int64_t resource_key, std::int32_t limit,
                                 const std::optional<std::string>& before) {
  std::vector<EmailOperation> all;
  auto keep = [&](const Row& row) { all.push_back(read_operation(row)); };
  if (!before) {
    session.query(kList, {resource_key, limit}, keep);
  } else {
    const auto dot = before->find('.');
    const auto created_us = parse_number<std::int64_t>(before->substr(0, dot));
    if (!created_us || dot == std::string::npos)
      throw Error(ErrorCode::kInvalidArgument, "the continuation is not one of ours", "continuation");
    session.query(kListBefore, {resource_key, *created_us, std::string_view(*before).substr(dot + 1), limit}, keep);
  }
  for (EmailOperation& operation : all) add_recipients(session, resource_key, operation);
  return all;
}

std::optional<std::string> find_body(Session& session, std::int64_t resource_key, std::string_view operation_id) {
  std::optional<std::string> found;
  session.query(kFindBody, {resource_key, operation_id}, [&](const Row& row) { found = std::string(row.text(0)); });
  return found;
}

void remove_body(Session& session, std::int64_t resource_key, std::string_view operation_id) {
  session.execute(kRemoveBody, {resource_key, operation_id});
}

void pin(Session& session, std::int64_t resource_key, std::string_view operation_id, std::int32_t position,
         std::string_view provider) {
  session.execute(kPin, {provider, resource_key, operation_id, position});
}

void begin(Session& session, std::int64_t resource_key, std::string_view operation_id, std::int32_t position) {
  session.execute(kBegin, {resource_key, operation_id, position});
}

bool apply(Session& session, std::int64_t resource_key, std::string_view operation_id, const Change& change) {
  std::optional<EmailState> now;
  session.query(kState, {resource_key, operation_id, change.position},
                [&](const Row& row) { now = static_cast<EmailState>(row.integer(0)); });
  if (!now) return false;
  if (!may_follow(*now, change.state)) {
    if (change.attempted)
      session.execute(kApplyLate, {change.provider, change.provider_message_id, std::int64_t{1}, resource_key, operation_id,
                                   change.position});
    return false;
  }
  session.execute(kApply, {static_cast<std::int64_t>(change.state), change.status_code, change.detail, change.provider,
                           change.provider_message_id, std::int64_t{change.attempted}, change.next_attempt_us, change.at_us,
                           resource_key, operation_id, change.position});
  if (change.unpins) pin(session, resource_key, operation_id, change.position, {});
  return true;
}

void set_status(Session& session, std::int64_t resource_key, std::string_view operation_id, service::EmailOperationStatus status,
                const std::optional<std::string>& error_code, const std::optional<std::string>& error_message,
                std::int64_t at_us) {
  session.execute(kSetStatus, {static_cast<std::int64_t>(status), error_code, error_message, at_us, resource_key, operation_id});
}

void append_decision(Session& session, std::int64_t resource_key, std::string_view operation_id, std::string_view lines) {
  session.execute(kAppendDecision, {lines, resource_key, operation_id});
}

bool has_queued(Session& session, std::int64_t resource_key, std::string_view operation_id) {
  bool found = false;
  session.query(kHasQueued, {resource_key, operation_id}, [&](const Row&) { found = true; });
  return found;
}

std::optional<Reference> find_by_provider_id(Session& session, std::string_view provider, std::string_view provider_message_id) {
  std::optional<Reference> found;
  session.query(kByProviderId, {provider_message_id, provider}, [&](const Row& row) {
    found = Reference{row.integer(0), std::string(row.text(1))};
  });
  return found;
}

std::vector<std::string> unfinished(Session& session, std::int64_t resource_key) {
  std::vector<std::string> ids;
  session.query(kUnfinished, {resource_key}, [&](const Row& row) { ids.emplace_back(row.text(0)); });
  return ids;
}

std::vector<Reference> due(Session& session, std::int64_t until_us) {
  std::vector<Reference> all;
  session.query(kDue, {until_us}, [&](const Row& row) { all.push_back({row.integer(0), std::string(row.text(1))}); });
  return all;
}

std::optional<std::int64_t> next_attempt(Session& session, std::int64_t after_us) {
  std::optional<std::int64_t> next;
  session.query(kNextAttempt, {after_us}, [&](const Row& row) {
    if (!row.is_null(0)) next = row.integer(0);
  });
  return next;
}

std::vector<service::Suppression> suppressions(Session& session, std::int64_t resource_key) {
  std::vector<service::Suppression> all;
  session.query(kSuppressions, {resource_key}, [&](const Row& row) { all.push_back(read_suppression(row).record); });
  return all;
}

std::vector<StoredSuppression> find_suppressions(Session& session, std::int64_t resource_key, std::string_view address,
                                                 std::string_view sender) {
  std::vector<StoredSuppression> all;
  session.query(kFindSuppressions, {resource_key, address, sender},
                [&](const Row& row) { all.push_back(read_suppression(row)); });
  return all;
}

void put_suppression(Session& session, std::int64_t resource_key, const StoredSuppression& suppression) {
  const service::Suppression& r = suppression.record;
  std::optional<std::int64_t> expires_us;
  if (r.expires_at) expires_us = unix_us(*r.expires_at);
  session.execute(kPutSuppression, {resource_key, r.address, r.sender_address, static_cast<std::int64_t>(r.reason), r.detail,
                                    suppression.hits, unix_us(r.created_at), expires_us});
}

std::int64_t remove_suppressions(Session& session, std::int64_t resource_key, std::string_view address) {
  return session.execute(kRemoveSuppressions, {resource_key, address});
}

bool insert_received(Session& session, std::int64_t resource_key, const service::ReceivedEmail& mail,
                     std::string_view provider_key) {
  bool told = false;
  session.query(kFindTold, {resource_key, provider_key}, [&](const Row&) { told = true; });
  if (told) return false;
  session.execute(kInsertReceived, {resource_key, mail.message_id, provider_key, mail.from, join(mail.to, "\n"), mail.subject,
                                    std::span<const std::uint8_t>(mail.mime), unix_us(mail.received_at)});
  return true;
}

std::vector<service::ReceivedEmail> received_mails(Session& session, std::int64_t resource_key, std::int32_t limit) {
  std::vector<service::ReceivedEmail> all;
  session.query(kReceivedMails, {resource_key, limit}, [&](const Row& row) { all.push_back(read_received(row)); });
  return all;
}

std::optional<service::ReceivedEmail> find_received(Session& session, std::int64_t resource_key, std::string_view message_id) {
  std::optional<service::ReceivedEmail> found;
  session.query(kFindReceived, {resource_key, message_id}, [&](const Row& row) {
    found = read_received(row);
    const auto bytes = row.blob(5);
    found->mime.assign(bytes.begin(), bytes.end());
  });
  return found;
}

std::optional<std::string> find_key(Session& session, std::int64_t resource_key) {
  std::optional<std::string> found;
  session.query(kFindKey, {resource_key}, [&](const Row& row) { found = std::string(row.text(0)); });
  return found;
}

std::string ensure_key(Session& session, std::int64_t resource_key, std::string_view fresh) {
  if (auto found = find_key(session, resource_key)) return *std::move(found);
  session.execute(kInsertKey, {resource_key, fresh});
  return std::string(fresh);
}

void copy_rows(Session& session, std::int64_t from, std::int64_t to) {
  for (const Statement* statement : {&kCopyOperations, &kCopyRecipients, &kCopySuppressions, &kCopyReceived, &kCopyKey})
    session.execute(*statement, {to, from});
}

void drop_rows(Session& session, std::int64_t resource_key) {
  for (const Statement* statement :
       {&kDropOperations, &kDropBodies, &kDropRecipients, &kDropSuppressions, &kDropReceived, &kDropKey})
    session.execute(*statement, {resource_key});
}

}  // namespace trunkline::email_records
