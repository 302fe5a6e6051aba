#include "runtime/delivery/records.h"

#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/unix_time.h"

namespace trunkline::delivery {
namespace {

using store::Row;
using store::Session;
using store::Statement;

constexpr store::Migration kMigrations[] = {
    {12, "event subscriptions", R"sql(
CREATE TABLE event_subscriptions (
  subscription_key      INTEGER PRIMARY KEY AUTOINCREMENT,
  resource_key          BIGINT NOT NULL,
  name                  TEXT NOT NULL,
  properties            TEXT NOT NULL,
  state                 INTEGER NOT NULL,
  validation_code       TEXT NOT NULL,
  validation_expires_us BIGINT NOT NULL,
  start_sequence        BIGINT NOT NULL,
  cursor_sequence       BIGINT NOT NULL,
  lagging               INTEGER NOT NULL,
  created_us            BIGINT NOT NULL,
  updated_us            BIGINT NOT NULL
);
CREATE UNIQUE INDEX event_subscriptions_by_name ON event_subscriptions (resource_key, name);
-- Up to here every event of the source was given to all subscriptions that do not lag, and is settled or has a row below.
CREATE TABLE event_routing (
  resource_key BIGINT PRIMARY KEY,
  position     BIGINT NOT NULL
);
-- Only events whose first attempt failed; what is delivered at once leaves no row but its attempt.
CREATE TABLE event_retries (
  subscription_key BIGINT NOT NULL,
  sequence         BIGINT NOT NULL,
  part             INTEGER NOT NULL,
  state            INTEGER NOT NULL,
  due_us           BIGINT NOT NULL,
  attempts         INTEGER NOT NULL,
  expires_us       BIGINT NOT NULL,
  last_us          BIGINT,
  status           INTEGER NOT NULL,
  outcome          INTEGER NOT NULL,
  reason           TEXT NOT NULL,
  ordering_key     TEXT NOT NULL,
  PRIMARY KEY (subscription_key, sequence, part)
) WITHOUT ROWID;
CREATE INDEX event_retries_due ON event_retries (subscription_key, due_us) WHERE state IN (1, 2);
CREATE INDEX event_retries_order ON event_retries (subscription_key, ordering_key, sequence, part) WHERE state = 3;
-- Every attempt; one row for all of a subscription that were written together.
CREATE TABLE event_attempts (
  subscription_key BIGINT NOT NULL,
  first_sequence   BIGINT NOT NULL,
  last_sequence    BIGINT NOT NULL,
  first_us         BIGINT NOT NULL,
  entries          BLOB NOT NULL
);
CREATE INDEX event_attempts_by_last ON event_attempts (subscription_key, last_sequence);
CREATE INDEX event_attempts_by_time ON event_attempts (first_us);
)sql"},
};

const Statement kInsertSubscription{
    "INSERT INTO event_subscriptions (resource_key, name, properties, state, validation_code, validation_expires_us, "
    "start_sequence, cursor_sequence, lagging, created_us, updated_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kUpdateSubscription{
    "UPDATE event_subscriptions SET properties = ?, state = ?, validation_code = ?, validation_expires_us = ?, updated_us = ? "
    "WHERE subscription_key = ?"};
const Statement kSetStart{
    "UPDATE event_subscriptions SET start_sequence = ?, cursor_sequence = ?, lagging = 1 WHERE subscription_key = ?"};
const Statement kSelectSubscriptions{
    "SELECT subscription_key, resource_key, name, properties, state, validation_code, validation_expires_us, start_sequence, "
    "cursor_sequence, lagging, created_us, updated_us FROM event_subscriptions WHERE resource_key = ? ORDER BY subscription_key"};
const Statement kDeleteSubscription{"DELETE FROM event_subscriptions WHERE subscription_key = ?"};
const Statement kDeleteRetries{"DELETE FROM event_retries WHERE subscription_key = ?"};
const Statement kDeleteAttempts{"DELETE FROM event_attempts WHERE subscription_key = ?"};
const Statement kSetCursor{"UPDATE event_subscriptions SET cursor_sequence = ?, lagging = ? WHERE subscription_key = ?"};
const Statement kPutRetry{
    "INSERT INTO event_retries (subscription_key, sequence, part, state, due_us, attempts, expires_us, last_us, status, outcome, "
    "reason, ordering_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subscription_key, sequence, part) DO UPDATE "
    "SET state = excluded.state, due_us = excluded.due_us, attempts = excluded.attempts, expires_us = excluded.expires_us, "
    "last_us = excluded.last_us, status = excluded.status, outcome = excluded.outcome, reason = excluded.reason, ordering_key = "
    "excluded.ordering_key"};
const Statement kRemoveRetry{"DELETE FROM event_retries WHERE subscription_key = ? AND sequence = ? AND part = ?"};
const Statement kFirstBlocked{
    "SELECT sequence, part FROM event_retries WHERE subscription_key = ? AND state = 3 AND ordering_key = ? ORDER BY sequence, "
    "part LIMIT 1"};
const Statement kUnblock{
    "UPDATE event_retries SET state = 1, due_us = ? WHERE subscription_key = ? AND sequence = ? AND part = ?"};
const Statement kInsertAttempts{
    "INSERT INTO event_attempts (subscription_key, first_sequence, last_sequence, first_us, entries) VALUES (?, ?, ?, ?, ?)"};
const Statement kSetPosition{
    "INSERT INTO event_routing (resource_key, position) VALUES (?, ?) ON CONFLICT (resource_key) DO UPDATE SET position = "
    "excluded.position"};
const Statement kPosition{"SELECT position FROM event_routing WHERE resource_key = ?"};
// `state IN (1, 2)` as the partial index says it, or it is not used.
#define TRUNKLINE_RETRY_COLUMNS \
  "sequence, part, state, due_us, attempts, expires_us, last_us, status, outcome, reason, ordering_key"
const Statement kDue{"SELECT " TRUNKLINE_RETRY_COLUMNS
                     " FROM event_retries WHERE subscription_key = ? AND state IN (1, 2) AND due_us <= ? ORDER BY due_us, "
                     "sequence, part LIMIT ?"};
const Statement kNextDue{"SELECT MIN(due_us) FROM event_retries WHERE subscription_key = ? AND state IN (1, 2) AND due_us > ?"};
const Statement kRetriesOf{"SELECT " TRUNKLINE_RETRY_COLUMNS
                           " FROM event_retries WHERE subscription_key = ? AND sequence = ? ORDER BY part"};
const Statement kRetriesIn{"SELECT " TRUNKLINE_RETRY_COLUMNS
                           " FROM event_retries WHERE subscription_key = ? AND sequence > ? AND state = ? ORDER BY sequence, "
                           "part LIMIT ?"};
const Statement kBlockedKeys{
    "SELECT ordering_key, COUNT(*) FROM event_retries WHERE subscription_key = ? AND state IN (1, 3) AND ordering_key <> '' "
    "GROUP BY ordering_key"};
const Statement kCount{"SELECT COUNT(*) FROM event_retries WHERE subscription_key = ? AND state = ?"};
const Statement kFirstOpen{"SELECT MIN(sequence) FROM event_retries WHERE subscription_key = ? AND state IN (1, 2, 3)"};
const Statement kTrimClosed{
    "DELETE FROM event_retries WHERE state IN (4, 5) AND sequence < (SELECT COALESCE(MIN(sequence), 9223372036854775807) FROM "
    "events)"};
const Statement kSetLagging{"UPDATE event_subscriptions SET lagging = 1 WHERE subscription_key = ?"};
const Statement kCursorOf{"SELECT cursor_sequence FROM event_subscriptions WHERE subscription_key = ?"};
const Statement kAttemptsAfter{"SELECT entries FROM event_attempts WHERE subscription_key = ? AND last_sequence > ?"};
const Statement kRetriesAfter{"SELECT sequence, part FROM event_retries WHERE subscription_key = ? AND sequence > ?"};
const Statement kAttemptsOf{
    "SELECT entries FROM event_attempts WHERE subscription_key = ? AND last_sequence >= ? AND first_sequence <= ? ORDER BY "
    "first_us"};
const Statement kCopySubscriptions{
    "INSERT INTO event_subscriptions (resource_key, name, properties, state, validation_code, validation_expires_us, "
    "start_sequence, cursor_sequence, lagging, created_us, updated_us) SELECT ?, name, properties, state, validation_code, "
    "validation_expires_us, ?, ?, 1, created_us, updated_us FROM event_subscriptions WHERE resource_key = ? ORDER BY "
    "subscription_key"};
const Statement kLastOfLog{"SELECT MAX(sequence) FROM events WHERE resource_key = ?"};
const Statement kDropRetries{
    "DELETE FROM event_retries WHERE subscription_key IN (SELECT subscription_key FROM event_subscriptions WHERE resource_key = "
    "?)"};
const Statement kDropAttempts{
    "DELETE FROM event_attempts WHERE subscription_key IN (SELECT subscription_key FROM event_subscriptions WHERE resource_key "
    "= ?)"};
const Statement kDropSubscriptions{"DELETE FROM event_subscriptions WHERE resource_key = ?"};
const Statement kDropRouting{"DELETE FROM event_routing WHERE resource_key = ?"};
const Statement kTrimAttempts{"DELETE FROM event_attempts WHERE first_us < ?"};

RetryRow retry_row(const Row& row) {
  RetryRow out;
  out.sequence = row.integer(0);
  out.part = static_cast<int>(row.integer(1));
  out.state = static_cast<RetryRow::State>(row.integer(2));
  out.due = from_unix_us(row.integer(3));
  out.attempts = static_cast<int>(row.integer(4));
  out.expires = from_unix_us(row.integer(5));
  if (!row.is_null(6)) out.last_attempt = from_unix_us(row.integer(6));
  out.status = static_cast<int>(row.integer(7));
  out.outcome = static_cast<Outcome>(row.integer(8));
  out.reason = row.text(9);
  out.ordering_key = row.text(10);
  return out;
}

/// Later attempts belong to old events: a row of their own each, so that the others span few sequences and are found fast.
void insert_attempts(Session& session, std::int64_t subscription_key, std::span<const Attempt> attempts) {
  std::vector<Attempt> first;
  const auto insert = [&](std::span<const Attempt> group) {
    const auto [low, high] =
        std::minmax_element(group.begin(), group.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    const std::string bytes = encode_attempts(group);
    session.execute(kInsertAttempts,
                    {subscription_key, low->sequence, high->sequence, unix_us(group.front().at), as_bytes(bytes)});
  };
  const auto is_first = [](const Attempt& attempt) { return attempt.number == 1; };
  if (std::all_of(attempts.begin(), attempts.end(), is_first)) return insert(attempts);
  for (const Attempt& attempt : attempts) {
    if (is_first(attempt))
      first.push_back(attempt);
    else
      insert({&attempt, 1});
  }
  if (!first.empty()) insert(first);
}

}  // namespace

std::string_view to_text(RetryRow::State state) {
  switch (state) {
    case RetryRow::State::kRetrying:
      return "retrying";
    case RetryRow::State::kDeadLettering:
      return "dead_lettering";
    case RetryRow::State::kBlocked:
      return "blocked";
    case RetryRow::State::kDeadLettered:
      return "dead_lettered";
    case RetryRow::State::kDropped:
      return "dropped";
  }
  return "dropped";
}

std::span<const store::Migration> delivery_migrations() { return kMigrations; }

std::int64_t last_of_log(Session& session, std::int64_t resource_key) {
  std::int64_t last = 0;
  session.query(kLastOfLog, {resource_key}, [&](const Row& row) { last = row.integer(0); });
  return last;
}

std::int64_t insert_subscription(Session& session, const SubscriptionRow& row) {
  session.execute(kInsertSubscription, {row.resource_key, row.name, row.properties, static_cast<int>(row.state),
                                        row.validation_code, unix_us(row.validation_expires), row.start, row.cursor, row.lagging,
                                        unix_us(row.created), unix_us(row.updated)});
  return session.last_insert_id();
}

void update_subscription(Session& session, const SubscriptionRow& row) {
  session.execute(kUpdateSubscription, {row.properties, static_cast<int>(row.state), row.validation_code,
                                        unix_us(row.validation_expires), unix_us(row.updated), row.key});
}

std::int64_t take_up(Session& session, std::int64_t key) {
  session.execute(kSetLagging, {key});
  std::int64_t cursor = 0;
  session.query(kCursorOf, {key}, [&](const Row& row) { cursor = row.integer(0); });
  return cursor;
}

void set_subscription_start(Session& session, std::int64_t key, std::int64_t start) {
  session.execute(kSetStart, {start, start, key});
}

void delete_subscription(Session& session, std::int64_t key) {
  session.execute(kDeleteRetries, {key});
  session.execute(kDeleteAttempts, {key});
  session.execute(kDeleteSubscription, {key});
}

void put_retry(Session& session, std::int64_t subscription_key, const RetryRow& row) {
  std::optional<std::int64_t> last;
  if (row.last_attempt) last = unix_us(*row.last_attempt);
  session.execute(kPutRetry,
                  {subscription_key, row.sequence, row.part, static_cast<int>(row.state), unix_us(row.due), row.attempts,
                   unix_us(row.expires), last, row.status, static_cast<int>(row.outcome), row.reason, row.ordering_key});
}

void apply(Session& session, std::span<const Delta> deltas, std::span<const Position> positions, std::int64_t now_us) {
  for (const Delta& delta : deltas) {
    // Gone meanwhile: its rows went with it and must not come back.
    if (session.execute(kSetCursor, {delta.cursor, delta.lagging, delta.subscription_key}) == 0) continue;
    for (const RetryRow& row : delta.put) put_retry(session, delta.subscription_key, row);
    for (const auto& [sequence, part] : delta.removed) session.execute(kRemoveRetry, {delta.subscription_key, sequence, part});
    for (const std::string& key : delta.unblocked) {
      std::optional<std::pair<std::int64_t, std::int64_t>> first;
      session.query(kFirstBlocked, {delta.subscription_key, key},
                    [&](const Row& row) { first.emplace(row.integer(0), row.integer(1)); });
      if (first) session.execute(kUnblock, {now_us, delta.subscription_key, first->first, first->second});
    }
    if (!delta.attempts.empty()) insert_attempts(session, delta.subscription_key, delta.attempts);
  }
  for (const Position& position : positions) session.execute(kSetPosition, {position.resource_key, position.position});
}

void copy_resource(Session& session, std::int64_t from_key, std::int64_t to_key) {
  const std::int64_t last = last_of_log(session, to_key);
  session.execute(kCopySubscriptions, {to_key, last, last, from_key});
}

void drop_resource(Session& session, std::int64_t resource_key) {
  session.execute(kDropRetries, {resource_key});
  session.execute(kDropAttempts, {resource_key});
  session.execute(kDropSubscriptions, {resource_key});
  session.execute(kDropRouting, {resource_key});
}

std::int64_t trim_attempts(Session& session, Time before) { return session.execute(kTrimAttempts, {unix_us(before)}); }

std::int64_t trim_closed_retries(Session& session) { return session.execute(kTrimClosed); }

std::optional<std::int64_t> first_open(store::Database& database, std::int64_t subscription_key) {
  std::optional<std::int64_t> first;
  database.read([&](Session& session) {
    session.query(kFirstOpen, {subscription_key}, [&](const Row& row) {
      if (!row.is_null(0)) first = row.integer(0);
    });
  });
  return first;
}

std::vector<SubscriptionRow> read_subscriptions(store::Database& database, std::int64_t resource_key) {
  std::vector<SubscriptionRow> rows;
  database.read([&](Session& session) {
    session.query(kSelectSubscriptions, {resource_key}, [&](const Row& row) {
      SubscriptionRow out;
      out.key = row.integer(0);
      out.resource_key = row.integer(1);
      out.name = row.text(2);
      out.properties = row.text(3);
      out.state = static_cast<SubscriptionRow::State>(row.integer(4));
      out.validation_code = row.text(5);
      out.validation_expires = from_unix_us(row.integer(6));
      out.start = row.integer(7);
      out.cursor = row.integer(8);
      out.lagging = row.integer(9) != 0;
      out.created = from_unix_us(row.integer(10));
      out.updated = from_unix_us(row.integer(11));
      rows.push_back(std::move(out));
    });
  });
  return rows;
}

std::optional<std::int64_t> read_position(store::Database& database, std::int64_t resource_key) {
  std::optional<std::int64_t> position;
  database.read(
      [&](Session& session) { session.query(kPosition, {resource_key}, [&](const Row& row) { position = row.integer(0); }); });
  return position;
}

std::vector<RetryRow> read_due(store::Database& database, std::int64_t subscription_key, Time now, std::size_t limit) {
  std::vector<RetryRow> rows;
  database.read([&](Session& session) {
    session.query(kDue, {subscription_key, unix_us(now), static_cast<std::int64_t>(limit)},
                  [&](const Row& row) { rows.push_back(retry_row(row)); });
  });
  return rows;
}

std::optional<Time> next_due(store::Database& database, std::int64_t subscription_key, Time after) {
  std::optional<Time> due;
  database.read([&](Session& session) {
    session.query(kNextDue, {subscription_key, unix_us(after)}, [&](const Row& row) {
      if (!row.is_null(0)) due = from_unix_us(row.integer(0));
    });
  });
  return due;
}

std::vector<RetryRow> read_retries(store::Database& database, std::int64_t subscription_key, std::int64_t sequence) {
  std::vector<RetryRow> rows;
  database.read([&](Session& session) {
    session.query(kRetriesOf, {subscription_key, sequence}, [&](const Row& row) { rows.push_back(retry_row(row)); });
  });
  return rows;
}

std::vector<RetryRow> read_retries_in(store::Database& database, std::int64_t subscription_key, RetryRow::State state,
                                      std::int64_t after, std::size_t limit) {
  std::vector<RetryRow> rows;
  database.read([&](Session& session) {
    session.query(kRetriesIn, {subscription_key, after, static_cast<int>(state), static_cast<std::int64_t>(limit)},
                  [&](const Row& row) { rows.push_back(retry_row(row)); });
  });
  return rows;
}

std::vector<std::pair<std::string, std::int64_t>> read_blocked_keys(store::Database& database, std::int64_t subscription_key) {
  std::vector<std::pair<std::string, std::int64_t>> keys;
  database.read([&](Session& session) {
    session.query(kBlockedKeys, {subscription_key},
                  [&](const Row& row) { keys.emplace_back(std::string(row.text(0)), row.integer(1)); });
  });
  return keys;
}

std::int64_t count_retries(store::Database& database, std::int64_t subscription_key, RetryRow::State state) {
  std::int64_t count = 0;
  database.read([&](Session& session) {
    session.query(kCount, {subscription_key, static_cast<int>(state)}, [&](const Row& row) { count = row.integer(0); });
  });
  return count;
}

std::set<std::pair<std::int64_t, int>> read_settled(store::Database& database, std::int64_t subscription_key,
                                                    std::int64_t after) {
  std::set<std::pair<std::int64_t, int>> settled;
  database.read([&](Session& session) {
    session.query(kAttemptsAfter, {subscription_key, after}, [&](const Row& row) {
      const auto blob = row.blob(0);
      for (const Attempt& attempt : decode_attempts({reinterpret_cast<const char*>(blob.data()), blob.size()}))
        if (attempt.sequence > after) settled.emplace(attempt.sequence, attempt.part);
    });
    session.query(kRetriesAfter, {subscription_key, after},
                  [&](const Row& row) { settled.emplace(row.integer(0), static_cast<int>(row.integer(1))); });
  });
  return settled;
}

std::vector<Attempt> read_attempts(store::Database& database, std::int64_t subscription_key, std::int64_t sequence) {
  std::vector<Attempt> found;
  database.read([&](Session& session) {
    session.query(kAttemptsOf, {subscription_key, sequence, sequence}, [&](const Row& row) {
      const auto blob = row.blob(0);
      for (Attempt& attempt : decode_attempts({reinterpret_cast<const char*>(blob.data()), blob.size()}))
        if (attempt.sequence == sequence) found.push_back(std::move(attempt));
    });
  });
  std::stable_sort(found.begin(), found.end(), [](const Attempt& a, const Attempt& b) { return a.at < b.at; });
  return found;
}

}  // namespace trunkline::delivery
