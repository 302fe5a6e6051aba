#include "runtime/services/sms_consent_records.h"

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/base/unix_time.h"
#include "runtime/crypto/hash.h"

namespace trunkline::sms_consent_records {
namespace {

using service::ConsentEntry;
using store::Row;
using store::Session;
using store::Statement;

const Statement kIsOptedOut{"SELECT 1 FROM sms_opt_outs WHERE resource_key = ? AND sender = ? AND recipient = ?"};
const Statement kSet{"INSERT INTO sms_opt_outs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"};
const Statement kClear{"DELETE FROM sms_opt_outs WHERE resource_key = ? AND sender = ? AND recipient = ?"};
const Statement kList{
    "SELECT sender, recipient, since_us, source FROM sms_opt_outs WHERE resource_key = ? AND (? IS NULL OR sender = ?) "
    "AND (sender, recipient) > (?, ?) ORDER BY sender, recipient LIMIT ?"};
const Statement kLast{"SELECT sequence, digest FROM sms_consent_ledger WHERE resource_key = ? ORDER BY sequence DESC LIMIT 1"};
const Statement kAppend{"INSERT INTO sms_consent_ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
#define TL_CONSENT_COLUMNS \
  "sequence, sender, recipient, action, source, keyword, language, message_id, confirmation_id, at_us, digest"
const Statement kHistory{"SELECT " TL_CONSENT_COLUMNS
                         " FROM sms_consent_ledger WHERE resource_key = ? AND sequence > ? ORDER BY sequence LIMIT ?"};
const Statement kHistoryOf{"SELECT " TL_CONSENT_COLUMNS
                           " FROM sms_consent_ledger WHERE resource_key = ? AND recipient = ? AND sequence > ? "
                           "ORDER BY sequence LIMIT ?"};
const Statement kCopyOptOuts{
    "INSERT INTO sms_opt_outs SELECT ?, sender, recipient, since_us, source FROM sms_opt_outs WHERE resource_key = ?"};
const Statement kCopyLedger{"INSERT INTO sms_consent_ledger SELECT ?, " TL_CONSENT_COLUMNS
                            " FROM sms_consent_ledger WHERE resource_key = ?"};
#undef TL_CONSENT_COLUMNS
const Statement kDropOptOuts{"DELETE FROM sms_opt_outs WHERE resource_key = ?"};
const Statement kDropLedger{"DELETE FROM sms_consent_ledger WHERE resource_key = ?"};

ConsentEntry read_entry(const Row& row) {
  ConsentEntry entry;
  entry.sequence = row.integer(0);
  entry.sender = row.text(1);
  entry.recipient = row.text(2);
  entry.action = static_cast<service::ConsentAction>(row.integer(3));
  entry.source = static_cast<service::ConsentSource>(row.integer(4));
  entry.keyword = row.optional_text(5);
  entry.language = row.optional_text(6);
  entry.message_id = row.optional_text(7);
  entry.confirmation_id = row.optional_text(8);
  entry.at = from_unix_us(row.integer(9));
  entry.digest = row.text(10);
  return entry;
}

}  // namespace

bool is_opted_out(Session& session, std::int64_t resource_key, std::string_view sender, std::string_view recipient) {
  bool found = false;
  session.query(kIsOptedOut, {resource_key, sender, recipient}, [&](const Row&) { found = true; });
  return found;
}

bool set_opted_out(Session& session, std::int64_t resource_key, std::string_view sender, std::string_view recipient,
                   service::ConsentSource source, std::int64_t at_us) {
  return session.execute(kSet, {resource_key, sender, recipient, at_us, static_cast<std::int64_t>(source)}) > 0;
}

bool clear_opted_out(Session& session, std::int64_t resource_key, std::string_view sender, std::string_view recipient) {
  return session.execute(kClear, {resource_key, sender, recipient}) > 0;
}

std::vector<service::OptOut> list(Session& session, std::int64_t resource_key, const std::optional<std::string>& sender,
                                  std::string_view after_sender, std::string_view after_recipient, std::int32_t limit) {
  std::vector<service::OptOut> all;
  session.query(kList, {resource_key, sender, sender, after_sender, after_recipient, limit}, [&](const Row& row) {
    service::OptOut& one = all.emplace_back();
    one.sender = row.text(0);
    one.recipient = row.text(1);
    one.since = from_unix_us(row.integer(2));
    one.source = static_cast<service::ConsentSource>(row.integer(3));
  });
  return all;
}

std::string digest_of(std::string_view digest_before, const ConsentEntry& entry) {
  // JSON, so that no text of one member can pass for the next one.
  std::string line = "[" + std::to_string(entry.sequence);
  const auto add = [&](std::string_view text) {
    line += ',';
    append_json_string(line, text);
  };
  add(digest_before);
  add(entry.sender);
  add(entry.recipient);
  line += ',' + std::to_string(static_cast<int>(entry.action)) + ',' + std::to_string(static_cast<int>(entry.source));
  for (const auto* member : {&entry.keyword, &entry.language, &entry.message_id, &entry.confirmation_id})
    if (*member)
      add(**member);
    else
      line += ",null";
  line += ',' + std::to_string(unix_us(entry.at)) + ']';
  return hex_encode(crypto::sha256(line));
}

void append(Session& session, std::int64_t resource_key, ConsentEntry entry) {
  std::string before;
  entry.sequence = 1;
  session.query(kLast, {resource_key}, [&](const Row& row) {
    entry.sequence = row.integer(0) + 1;
    before = row.text(1);
  });
  entry.digest = digest_of(before, entry);
  session.execute(kAppend, {resource_key, entry.sequence, entry.sender, entry.recipient, static_cast<std::int64_t>(entry.action),
                            static_cast<std::int64_t>(entry.source), entry.keyword, entry.language, entry.message_id,
                            entry.confirmation_id, unix_us(entry.at), entry.digest});
}

std::vector<ConsentEntry> history(Session& session, std::int64_t resource_key, const std::optional<std::string>& recipient,
                                  std::int64_t after, std::int32_t limit) {
  std::vector<ConsentEntry> all;
  auto keep = [&](const Row& row) { all.push_back(read_entry(row)); };
  if (recipient)
    session.query(kHistoryOf, {resource_key, *recipient, after, limit}, keep);
  else
    session.query(kHistory, {resource_key, after, limit}, keep);
  return all;
}

void copy_rows(Session& session, std::int64_t from, std::int64_t to) {
  session.execute(kCopyOptOuts, {to, from});
  session.execute(kCopyLedger, {to, from});
}

void drop_rows(Session& session, std::int64_t resource_key) {
  session.execute(kDropOptOuts, {resource_key});
  session.execute(kDropLedger, {resource_key});
}

}  // namespace trunkline::sms_consent_records
