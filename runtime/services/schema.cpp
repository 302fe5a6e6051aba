#include "runtime/services/schema.h"

namespace trunkline {
namespace {

constexpr store::Migration kSystem[] = {
    {20, "resources", R"sql(
CREATE TABLE resources (
  resource_key    INTEGER PRIMARY KEY,
  name            TEXT NOT NULL UNIQUE,
  resource_id     TEXT NOT NULL UNIQUE,
  data_location   TEXT NOT NULL,
  primary_key     TEXT NOT NULL,
  secondary_key   TEXT NOT NULL,
  tags            TEXT NOT NULL,
  created_unix_us BIGINT NOT NULL
);
-- Keys are never used twice, also after the youngest resource was dropped.
CREATE TABLE resource_sequence (last_key BIGINT NOT NULL);
INSERT INTO resource_sequence (last_key) VALUES (0);
)sql"},
    {21, "resource lineage and snapshots", R"sql(
ALTER TABLE resources ADD COLUMN lineage TEXT NOT NULL DEFAULT '[]';
ALTER TABLE resources ADD COLUMN local_auth INTEGER NOT NULL DEFAULT 1;
-- What the management plane keeps; JSON.
ALTER TABLE resources ADD COLUMN arm TEXT NOT NULL DEFAULT '{}';
ALTER TABLE resources ADD COLUMN changed_unix_us BIGINT NOT NULL DEFAULT 0;
UPDATE resources SET changed_unix_us = created_unix_us;
CREATE TABLE resource_snapshots (
  snapshot_key    INTEGER PRIMARY KEY,
  resource_key    BIGINT NOT NULL,
  name            TEXT NOT NULL,
  created_unix_us BIGINT NOT NULL,
  UNIQUE (resource_key, name)
);
-- Keys whose rows are being copied or dropped. What a crash leaves here is swept at the next start.
CREATE TABLE resource_leftovers (
  resource_key  INTEGER PRIMARY KEY,
  data_location TEXT NOT NULL
);
)sql"},
    {22, "management operations", R"sql(
CREATE TABLE arm_operations (
  operation_id  TEXT PRIMARY KEY,
  target        TEXT NOT NULL,
  status        TEXT NOT NULL,
  error_code    TEXT NOT NULL,
  error_message TEXT NOT NULL,
  started_us    BIGINT NOT NULL
);
CREATE INDEX arm_operations_by_time ON arm_operations (started_us);
)sql"},
    {23, "email services", R"sql(
-- The registry only; domains, senders and suppressed addresses rest in the database of the data location.
CREATE TABLE email_services (
  service_key     INTEGER PRIMARY KEY AUTOINCREMENT,
  subscription    TEXT NOT NULL,
  resource_group  TEXT NOT NULL,
  name            TEXT NOT NULL,
  data_location   TEXT NOT NULL,
  tags            TEXT NOT NULL,
  created_unix_us BIGINT NOT NULL,
  changed_unix_us BIGINT NOT NULL
);
)sql"},
    {24, "early reports", R"sql(
-- What carriers report under their own id before the answer with that id is on disk. Nobody knows yet which resource it belongs
-- to; it is gone within a quarter of an hour.
CREATE TABLE early_reports (
  kind                TEXT NOT NULL,
  report_id           BIGINT NOT NULL,
  provider            TEXT NOT NULL,
  provider_message_id TEXT NOT NULL,
  received_us         BIGINT NOT NULL,
  body                TEXT NOT NULL,
  PRIMARY KEY (kind, report_id)
) WITHOUT ROWID;
)sql"},
};

constexpr store::Migration kResource[] = {
    {24, "email domains", R"sql(
CREATE TABLE email_domains (
  service_key     BIGINT NOT NULL,
  name            TEXT NOT NULL,
  body            TEXT NOT NULL,
  PRIMARY KEY (service_key, name)
);
CREATE TABLE email_senders (
  service_key BIGINT NOT NULL,
  domain      TEXT NOT NULL,
  username    TEXT NOT NULL,
  body        TEXT NOT NULL,
  PRIMARY KEY (service_key, domain, username)
);
CREATE TABLE email_suppression_lists (
  service_key BIGINT NOT NULL,
  domain      TEXT NOT NULL,
  name        TEXT NOT NULL,
  body        TEXT NOT NULL,
  PRIMARY KEY (service_key, domain, name)
);
CREATE TABLE email_suppressed (
  service_key BIGINT NOT NULL,
  domain      TEXT NOT NULL,
  list        TEXT NOT NULL,
  address_id  TEXT NOT NULL,
  email       TEXT NOT NULL,
  body        TEXT NOT NULL,
  PRIMARY KEY (service_key, domain, list, address_id)
);
CREATE INDEX email_suppressed_by_address ON email_suppressed (service_key, domain, email);
CREATE TABLE smtp_usernames (
  resource_key BIGINT NOT NULL,
  name         TEXT NOT NULL,
  body         TEXT NOT NULL,
  PRIMARY KEY (resource_key, name)
);
)sql"},
    {25, "phone numbers", R"sql(
CREATE TABLE phone_numbers (
  resource_key    BIGINT NOT NULL,
  number          TEXT NOT NULL,
  country_code    TEXT NOT NULL,
  number_type     INTEGER NOT NULL,
  assignment_type INTEGER NOT NULL,
  calling         INTEGER NOT NULL,
  sms             INTEGER NOT NULL,
  purchased_us    BIGINT NOT NULL,
  PRIMARY KEY (resource_key, number)
);
CREATE TABLE number_searches (
  resource_key BIGINT NOT NULL,
  search_id    TEXT NOT NULL,
  expires_us   BIGINT NOT NULL,
  purchased    INTEGER NOT NULL,
  body         TEXT NOT NULL,
  PRIMARY KEY (resource_key, search_id)
);
CREATE TABLE number_operations (
  resource_key BIGINT NOT NULL,
  operation_id TEXT NOT NULL,
  created_us   BIGINT NOT NULL,
  body         TEXT NOT NULL,
  PRIMARY KEY (resource_key, operation_id)
);
)sql"},
    {26, "teams assignments", R"sql(
CREATE TABLE teams_assignments (
  resource_key   BIGINT NOT NULL,
  tenant_id      TEXT NOT NULL,
  object_id      TEXT NOT NULL,
  principal_type TEXT NOT NULL,
  client_ids     TEXT NOT NULL,
  PRIMARY KEY (resource_key, tenant_id, object_id)
) WITHOUT ROWID;
)sql"},
    {27, "number reservations", R"sql(
CREATE TABLE number_reservations (
  resource_key   BIGINT NOT NULL,
  reservation_id TEXT NOT NULL,
  created_us     BIGINT NOT NULL,
  expires_us     BIGINT NOT NULL,
  purchased      INTEGER NOT NULL,
  body           TEXT NOT NULL,
  PRIMARY KEY (resource_key, reservation_id)
);
)sql"},
    {28, "sip routing", R"sql(
-- One document a resource: it is read and replaced as a whole.
CREATE TABLE sip_routing (
  resource_key BIGINT NOT NULL PRIMARY KEY,
  body         TEXT NOT NULL
);
)sql"},
    {29, "rooms", R"sql(
-- Room ids rise with time.
CREATE TABLE rooms (
  resource_key    BIGINT NOT NULL,
  room_id         TEXT NOT NULL,
  created_us      BIGINT NOT NULL,
  valid_from_us   BIGINT NOT NULL,
  valid_until_us  BIGINT NOT NULL,
  pstn_dial_out   INTEGER NOT NULL,
  idempotency_key TEXT,
  request_hash    TEXT,
  PRIMARY KEY (resource_key, room_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX rooms_idempotency ON rooms (resource_key, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE TABLE room_participants (
  resource_key BIGINT NOT NULL,
  room_id      TEXT NOT NULL,
  user_id      TEXT NOT NULL,
  role         INTEGER NOT NULL,
  PRIMARY KEY (resource_key, room_id, user_id)
) WITHOUT ROWID;
)sql"},
    {30, "sms messages", R"sql(
-- One row a recipient. Message ids rise with time, so new rows are appended.
CREATE TABLE sms_messages (
  resource_key        BIGINT NOT NULL,
  message_id          TEXT NOT NULL,
  inbound             INTEGER NOT NULL,
  sender              TEXT NOT NULL,
  recipient           TEXT NOT NULL,
  body                TEXT NOT NULL,
  state               INTEGER NOT NULL,
  reason              INTEGER NOT NULL,
  segments            INTEGER NOT NULL,
  wants_report        INTEGER NOT NULL,
  report_deadline_us  BIGINT,
  tag                 TEXT,
  provider            TEXT,
  provider_message_id TEXT,
  provider_code       TEXT,
  idempotency_key     TEXT,
  request_hash        TEXT,
  traceparent         TEXT,
  decision            TEXT NOT NULL,
  created_us          BIGINT NOT NULL,
  updated_us          BIGINT NOT NULL,
  PRIMARY KEY (resource_key, message_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX sms_idempotency ON sms_messages (resource_key, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Work that a restart must take up again. State 1 is queued.
CREATE INDEX sms_unfinished ON sms_messages (resource_key, message_id) WHERE state = 1;
CREATE INDEX sms_by_time ON sms_messages (resource_key, created_us);
-- Carriers that report under their own id only.
CREATE INDEX sms_by_provider_id ON sms_messages (provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE INDEX sms_report_deadlines ON sms_messages (report_deadline_us) WHERE report_deadline_us IS NOT NULL;
-- Messages that were about to be handed to a provider: after a crash their outcome is unknown, unlike that of queued ones.
CREATE TABLE sms_handovers (
  handover_id  INTEGER PRIMARY KEY,
  message_ids  TEXT NOT NULL
);
)sql"},
    {31, "sms policy", R"sql(
-- Scheduled, or put off by quiet hours. State 7 is scheduled.
ALTER TABLE sms_messages ADD COLUMN not_before_us BIGINT;
-- 1: the answer to a keyword; goes to people who opted out as well.
ALTER TABLE sms_messages ADD COLUMN confirmation INTEGER NOT NULL DEFAULT 0;
-- Reserved, then the carrier's own; NULL: no price is known.
ALTER TABLE sms_messages ADD COLUMN price_micros BIGINT;
ALTER TABLE sms_messages ADD COLUMN currency TEXT;
ALTER TABLE sms_messages ADD COLUMN receipts INTEGER NOT NULL DEFAULT 0;
-- 1: the state is our own conclusion, not a carrier's word.
ALTER TABLE sms_messages ADD COLUMN assumed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sms_scheduled ON sms_messages (not_before_us) WHERE state = 7;
CREATE TABLE sms_receipts (
  resource_key BIGINT NOT NULL,
  message_id   TEXT NOT NULL,
  sequence     BIGINT NOT NULL,
  provider     TEXT NOT NULL,
  state        INTEGER NOT NULL,
  reason       INTEGER NOT NULL,
  code         TEXT,
  segments     INTEGER,
  at_us        BIGINT NOT NULL,
  received_us  BIGINT NOT NULL,
  verdict      INTEGER NOT NULL,
  PRIMARY KEY (resource_key, message_id, sequence)
) WITHOUT ROWID;
-- Who has opted out now; the ledger says how that came about.
CREATE TABLE sms_opt_outs (
  resource_key BIGINT NOT NULL,
  sender       TEXT NOT NULL,
  recipient    TEXT NOT NULL,
  since_us     BIGINT NOT NULL,
  source       INTEGER NOT NULL,
  PRIMARY KEY (resource_key, sender, recipient)
) WITHOUT ROWID;
CREATE TABLE sms_consent_ledger (
  resource_key    BIGINT NOT NULL,
  sequence        BIGINT NOT NULL,
  sender          TEXT NOT NULL,
  recipient       TEXT NOT NULL,
  action          INTEGER NOT NULL,
  source          INTEGER NOT NULL,
  keyword         TEXT,
  language        TEXT,
  message_id      TEXT,
  confirmation_id TEXT,
  at_us           BIGINT NOT NULL,
  digest          TEXT NOT NULL,
  PRIMARY KEY (resource_key, sequence)
) WITHOUT ROWID;
CREATE INDEX sms_consent_by_recipient ON sms_consent_ledger (resource_key, recipient, sequence);
-- Which number of a pool a person hears from.
CREATE TABLE sms_sticky_senders (
  resource_key BIGINT NOT NULL,
  pool         TEXT NOT NULL,
  recipient    TEXT NOT NULL,
  sender       TEXT NOT NULL,
  since_us     BIGINT NOT NULL,
  PRIMARY KEY (resource_key, pool, recipient)
) WITHOUT ROWID;
-- Spent and reserved, by day (`2026-11-26`) and month (`2026-11`), UTC.
CREATE TABLE sms_spend (
  resource_key BIGINT NOT NULL,
  period       TEXT NOT NULL,
  micros       BIGINT NOT NULL,
  PRIMARY KEY (resource_key, period)
) WITHOUT ROWID;
)sql"},
    {32, "sms failover by receipt", R"sql(
-- Carriers that had a message and reported that they failed, whereupon the next one was asked.
CREATE TABLE sms_given_up (
  resource_key        BIGINT NOT NULL,
  message_id          TEXT NOT NULL,
  provider            TEXT NOT NULL,
  provider_message_id TEXT,
  reason              INTEGER NOT NULL,
  code                TEXT,
  at_us               BIGINT NOT NULL,
  PRIMARY KEY (resource_key, message_id, provider)
) WITHOUT ROWID;
-- Such a carrier may still tell that it delivered after all.
CREATE INDEX sms_given_up_by_provider_id ON sms_given_up (provider_message_id) WHERE provider_message_id IS NOT NULL;
)sql"},
    {40, "chat members", R"sql(
-- Who took part in which thread between which events: whom the live stream tells of an event, also of an old one. The threads
-- themselves are the provider's.
CREATE TABLE chat_members (
  resource_key     BIGINT NOT NULL,
  thread_id        TEXT NOT NULL,
  user_id          TEXT NOT NULL,
  joined           BIGINT NOT NULL,
  left_at          BIGINT,
  share_history_us BIGINT NOT NULL,
  PRIMARY KEY (resource_key, thread_id, user_id, joined)
) WITHOUT ROWID;
)sql"},
    {50, "email operations", R"sql(
-- One row a send; states are those of service.tsp and email.tsp.
CREATE TABLE email_operations (
  resource_key        BIGINT NOT NULL,
  operation_id        TEXT NOT NULL,
  sender              TEXT NOT NULL,
  subject             TEXT NOT NULL,
  status              INTEGER NOT NULL,
  error_code          TEXT,
  error_message       TEXT,
  internet_message_id TEXT NOT NULL,
  request_hash        TEXT NOT NULL,
  traceparent         TEXT,
  decision            TEXT NOT NULL,
  created_us          BIGINT NOT NULL,
  updated_us          BIGINT NOT NULL,
  PRIMARY KEY (resource_key, operation_id)
) WITHOUT ROWID;
CREATE INDEX email_operations_by_time ON email_operations (resource_key, created_us);
-- What is to be sent, JSON; gone once nothing is left to hand over.
CREATE TABLE email_bodies (
  body_key     INTEGER PRIMARY KEY,
  resource_key BIGINT NOT NULL,
  operation_id TEXT NOT NULL,
  body         TEXT NOT NULL,
  UNIQUE (resource_key, operation_id)
);
CREATE TABLE email_recipients (
  resource_key        BIGINT NOT NULL,
  operation_id        TEXT NOT NULL,
  position            INTEGER NOT NULL,
  address             TEXT NOT NULL,
  state               INTEGER NOT NULL,
  status_code         TEXT,
  detail              TEXT,
  provider            TEXT,
  provider_message_id TEXT,
  attempts            INTEGER NOT NULL,
  next_attempt_us     BIGINT,
  updated_us          BIGINT NOT NULL,
  PRIMARY KEY (resource_key, operation_id, position)
) WITHOUT ROWID;
-- Work that a restart must take up again. State 1 is queued.
CREATE INDEX email_unfinished ON email_recipients (resource_key, operation_id) WHERE state = 1;
CREATE INDEX email_next_attempts ON email_recipients (next_attempt_us) WHERE next_attempt_us IS NOT NULL;
CREATE INDEX email_by_provider_id ON email_recipients (provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE TABLE email_suppressions (
  resource_key BIGINT NOT NULL,
  address      TEXT NOT NULL,
  sender       TEXT NOT NULL,
  reason       INTEGER NOT NULL,
  detail       TEXT NOT NULL,
  hits         INTEGER NOT NULL,
  created_us   BIGINT NOT NULL,
  expires_us   BIGINT,
  PRIMARY KEY (resource_key, address, sender)
) WITHOUT ROWID;
CREATE TABLE email_received (
  received_key INTEGER PRIMARY KEY,
  resource_key BIGINT NOT NULL,
  message_id   TEXT NOT NULL,
  provider_key TEXT NOT NULL,
  sender       TEXT NOT NULL,
  recipients   TEXT NOT NULL,
  subject      TEXT NOT NULL,
  raw          BLOB NOT NULL,
  received_us  BIGINT NOT NULL,
  UNIQUE (resource_key, message_id),
  UNIQUE (resource_key, provider_key)
);
-- Signs the links of tracked mail.
CREATE TABLE email_keys (
  resource_key INTEGER PRIMARY KEY,
  secret       TEXT NOT NULL
);
)sql"},
};

}  // namespace

std::span<const store::Migration> system_migrations() { return kSystem; }
std::span<const store::Migration> resource_migrations() { return kResource; }

}  // namespace trunkline
