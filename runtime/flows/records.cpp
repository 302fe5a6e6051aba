#include "runtime/flows/records.h"

#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/unix_time.h"
#include "runtime/workflow/status.h"

namespace trunkline::flows {
namespace {

using store::Row;
using store::Session;
using store::Statement;
using workflow::Status;

constexpr store::Migration kMigrations[] = {
    {70, "workflows", R"sql(
CREATE TABLE workflows (
  workflow_key    INTEGER PRIMARY KEY AUTOINCREMENT,
  workflow_id     TEXT NOT NULL UNIQUE,
  subscription    TEXT NOT NULL,
  resource_group  TEXT NOT NULL,
  name            TEXT NOT NULL,
  location        TEXT NOT NULL,
  kind            INTEGER NOT NULL,
  enabled         INTEGER NOT NULL,
  tags            TEXT NOT NULL,
  kept            TEXT NOT NULL,
  signing_key     TEXT NOT NULL,
  version_key     BIGINT NOT NULL,
  created_unix_us BIGINT NOT NULL,
  changed_unix_us BIGINT NOT NULL
);
CREATE TABLE workflow_versions (
  version_key     INTEGER PRIMARY KEY AUTOINCREMENT,
  workflow_key    BIGINT NOT NULL,
  name            TEXT NOT NULL,
  definition      TEXT NOT NULL,
  parameters      TEXT NOT NULL,
  created_unix_us BIGINT NOT NULL
);
CREATE INDEX workflow_versions_by_workflow ON workflow_versions (workflow_key, version_key);
CREATE TABLE workflow_triggers (
  workflow_key BIGINT NOT NULL,
  name         TEXT NOT NULL,
  state        TEXT NOT NULL,
  next_unix_us BIGINT,
  PRIMARY KEY (workflow_key, name)
);
-- A run that ended in one go has its whole history in `head`; others have segments.
CREATE TABLE workflow_runs (
  run_key            INTEGER PRIMARY KEY,
  workflow_key       BIGINT NOT NULL,
  version_key        BIGINT NOT NULL,
  status             INTEGER NOT NULL,
  suffix             TEXT NOT NULL,
  trigger_name       TEXT NOT NULL,
  client_tracking_id TEXT NOT NULL,
  origin             TEXT NOT NULL,
  repeats            TEXT NOT NULL,
  repeats_from       TEXT NOT NULL,
  started_unix_us    BIGINT NOT NULL,
  ended_unix_us      BIGINT,
  due_unix_us        BIGINT,
  active             INTEGER NOT NULL,
  code               TEXT NOT NULL,
  error              TEXT NOT NULL,
  head               BLOB
);
CREATE INDEX workflow_runs_by_workflow ON workflow_runs (workflow_key, run_key);
CREATE INDEX workflow_runs_due ON workflow_runs (due_unix_us) WHERE due_unix_us IS NOT NULL;
CREATE INDEX workflow_runs_active ON workflow_runs (run_key) WHERE active = 1;
CREATE INDEX workflow_runs_open ON workflow_runs (workflow_key, trigger_name, status) WHERE ended_unix_us IS NULL;
CREATE TABLE workflow_segments (
  run_key BIGINT NOT NULL,
  number  BIGINT NOT NULL,
  bytes   BLOB NOT NULL,
  PRIMARY KEY (run_key, number)
);
CREATE TABLE workflow_firings (
  firing_key        INTEGER PRIMARY KEY,
  workflow_key      BIGINT NOT NULL,
  trigger_name      TEXT NOT NULL,
  suffix            TEXT NOT NULL,
  status            INTEGER NOT NULL,
  code              TEXT NOT NULL,
  error             TEXT NOT NULL,
  started_unix_us   BIGINT NOT NULL,
  ended_unix_us     BIGINT NOT NULL,
  scheduled_unix_us BIGINT,
  inputs            TEXT NOT NULL,
  outputs           TEXT NOT NULL
);
CREATE INDEX workflow_firings_by_trigger ON workflow_firings (workflow_key, trigger_name, firing_key);
CREATE TABLE workflow_batch_items (
  item_key        INTEGER PRIMARY KEY AUTOINCREMENT,
  workflow_key    BIGINT NOT NULL,
  trigger_name    TEXT NOT NULL,
  batch           TEXT NOT NULL,
  partition_name  TEXT NOT NULL,
  message_id      TEXT NOT NULL,
  content         TEXT NOT NULL,
  created_unix_us BIGINT NOT NULL
);
CREATE INDEX workflow_batch_items_by_partition ON workflow_batch_items (workflow_key, trigger_name, batch, partition_name, item_key);
)sql"},
};

std::optional<Time> time_of(const Row& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional<Time>(from_unix_us(row.integer(column)));
}
std::string bytes_of(const Row& row, int column) {
  const auto bytes = row.blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string tags_json(const std::map<std::string, std::string>& tags) { return nlohmann::json(tags).dump(); }

constexpr const char* kRunColumns =
    "SELECT run_key, workflow_key, version_key, status, suffix, trigger_name, client_tracking_id, origin, repeats, repeats_from, "
    "started_unix_us, ended_unix_us, due_unix_us, active, code, error FROM workflow_runs ";

RunRow read_run(const Row& row) {
  RunRow out;
  out.key = row.integer(0);
  out.workflow_key = row.integer(1);
  out.version_key = row.integer(2);
  out.status = static_cast<Status>(row.integer(3));
  out.suffix = row.text(4);
  out.trigger = row.text(5);
  out.client_tracking_id = row.text(6);
  out.origin = row.text(7);
  out.repeats = row.text(8);
  out.repeats_from = row.text(9);
  out.started = from_unix_us(row.integer(10));
  out.ended = time_of(row, 11);
  out.due = time_of(row, 12);
  out.active = row.integer(13) != 0;
  out.code = row.text(14);
  out.error = row.text(15);
  return out;
}

/// A statement made once from pieces.
struct Built {
  explicit Built(std::string rest) : sql(kRunColumns + std::move(rest)), statement{sql.c_str()} {}
  std::string sql;
  Statement statement;
};

WorkflowVersion read_version(const Row& row) {
  WorkflowVersion out;
  out.key = row.integer(0);
  out.name = row.text(1);
  out.definition = row.text(2);
  out.parameters = row.text(3);
  out.created_at = from_unix_us(row.integer(4));
  return out;
}

}  // namespace

std::span<const store::Migration> workflow_migrations() { return kMigrations; }

namespace records {

std::int64_t insert_workflow(Session& session, const Workflow& w) {
  static const Statement kInsert{
      "INSERT INTO workflows (workflow_id, subscription, resource_group, name, location, kind, enabled, tags, kept, signing_key, "
      "version_key, created_unix_us, changed_unix_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"};
  session.execute(kInsert,
                  {w.id, w.subscription, w.resource_group, w.name, w.location, static_cast<std::int64_t>(w.kind), w.enabled,
                   tags_json(w.tags), w.kept, w.signing_key.reveal(), unix_us(w.created_at), unix_us(w.changed_at)});
  return session.last_insert_id();
}

void update_workflow(Session& session, const Workflow& w) {
  static const Statement kUpdate{
      "UPDATE workflows SET location = ?, kind = ?, enabled = ?, tags = ?, kept = ?, signing_key = ?, version_key = ?, "
      "changed_unix_us = ? WHERE workflow_key = ?"};
  session.execute(kUpdate, {w.location, static_cast<std::int64_t>(w.kind), w.enabled, tags_json(w.tags), w.kept,
                            w.signing_key.reveal(), w.version ? w.version->key : 0, unix_us(w.changed_at), w.key});
}

void remove_workflow(Session& session, std::int64_t key) {
  static const Statement kSegments{
      "DELETE FROM workflow_segments WHERE run_key IN (SELECT run_key FROM workflow_runs WHERE workflow_key = ?)"};
  static const Statement kRuns{"DELETE FROM workflow_runs WHERE workflow_key = ?"};
  static const Statement kFirings{"DELETE FROM workflow_firings WHERE workflow_key = ?"};
  static const Statement kBatches{"DELETE FROM workflow_batch_items WHERE workflow_key = ?"};
  static const Statement kTriggers{"DELETE FROM workflow_triggers WHERE workflow_key = ?"};
  static const Statement kVersions{"DELETE FROM workflow_versions WHERE workflow_key = ?"};
  static const Statement kWorkflow{"DELETE FROM workflows WHERE workflow_key = ?"};
  for (const Statement* statement : {&kSegments, &kRuns, &kFirings, &kBatches, &kTriggers, &kVersions, &kWorkflow})
    session.execute(*statement, {key});
}

std::int64_t insert_version(Session& session, std::int64_t workflow_key, const WorkflowVersion& version) {
  static const Statement kInsert{
      "INSERT INTO workflow_versions (workflow_key, name, definition, parameters, created_unix_us) VALUES (?, ?, ?, ?, ?)"};
  session.execute(kInsert, {workflow_key, version.name, version.definition, version.parameters, unix_us(version.created_at)});
  return session.last_insert_id();
}

void insert_run(Session& session, const RunRow& r, std::string_view head) {
  static const Statement kInsert{
      "INSERT INTO workflow_runs (run_key, workflow_key, version_key, status, suffix, trigger_name, client_tracking_id, origin, "
      "repeats, repeats_from, started_unix_us, ended_unix_us, due_unix_us, active, code, error, head) VALUES (?, ?, ?, ?, ?, ?, "
      "?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  const std::optional<std::span<const std::uint8_t>> bytes =
      head.empty() ? std::nullopt : std::optional<std::span<const std::uint8_t>>(as_bytes(head));
  session.execute(kInsert, {r.key, r.workflow_key, r.version_key, static_cast<std::int64_t>(r.status), r.suffix, r.trigger,
                            r.client_tracking_id, r.origin, r.repeats, r.repeats_from, unix_us(r.started), unix_us(r.ended),
                            unix_us(r.due), r.active, r.code, r.error, bytes});
}

void update_run(Session& session, const RunRow& r) {
  static const Statement kUpdate{
      "UPDATE workflow_runs SET status = ?, ended_unix_us = ?, due_unix_us = ?, active = ?, code = ?, error = ? WHERE run_key = "
      "?"};
  session.execute(kUpdate,
                  {static_cast<std::int64_t>(r.status), unix_us(r.ended), unix_us(r.due), r.active, r.code, r.error, r.key});
}

void add_segment(Session& session, RunKey run, std::int64_t number, std::string_view bytes) {
  static const Statement kInsert{"INSERT INTO workflow_segments (run_key, number, bytes) VALUES (?, ?, ?)"};
  session.execute(kInsert, {run, number, as_bytes(bytes)});
}

void insert_firing(Session& session, const FiringRow& f) {
  static const Statement kInsert{
      "INSERT INTO workflow_firings (firing_key, workflow_key, trigger_name, suffix, status, code, error, started_unix_us, "
      "ended_unix_us, scheduled_unix_us, inputs, outputs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  session.execute(kInsert, {f.key, f.workflow_key, f.trigger, f.suffix, static_cast<std::int64_t>(f.status), f.code, f.error,
                            unix_us(f.started), unix_us(f.ended), unix_us(f.scheduled), f.inputs, f.outputs});
}

void put_trigger(Session& session, std::int64_t workflow_key, const TriggerRow& row) {
  static const Statement kPut{
      "INSERT INTO workflow_triggers (workflow_key, name, state, next_unix_us) VALUES (?, ?, ?, ?) ON CONFLICT (workflow_key, "
      "name) "
      "DO UPDATE SET state = excluded.state, next_unix_us = excluded.next_unix_us"};
  session.execute(kPut, {workflow_key, row.name, row.state, unix_us(row.next)});
}

void remove_trigger(Session& session, std::int64_t workflow_key, std::string_view name) {
  static const Statement kDelete{"DELETE FROM workflow_triggers WHERE workflow_key = ? AND name = ?"};
  session.execute(kDelete, {workflow_key, name});
}

std::int64_t trim(Session& session, Time before, std::size_t limit) {
  static const Statement kOld{
      "SELECT run_key FROM workflow_runs WHERE started_unix_us < ? AND ended_unix_us IS NOT NULL ORDER BY run_key LIMIT ?"};
  static const Statement kSegments{"DELETE FROM workflow_segments WHERE run_key = ?"};
  static const Statement kRun{"DELETE FROM workflow_runs WHERE run_key = ?"};
  static const Statement kFirings{
      "DELETE FROM workflow_firings WHERE firing_key IN (SELECT firing_key FROM workflow_firings WHERE ended_unix_us < ? ORDER "
      "BY "
      "firing_key LIMIT ?)"};
  std::vector<RunKey> old;
  session.query(kOld, {unix_us(before), static_cast<std::int64_t>(limit)},
                [&](const Row& row) { old.push_back(row.integer(0)); });
  for (const RunKey key : old) {
    session.execute(kSegments, {key});
    session.execute(kRun, {key});
  }
  return static_cast<std::int64_t>(old.size()) + session.execute(kFirings, {unix_us(before), static_cast<std::int64_t>(limit)});
}

std::vector<std::shared_ptr<Workflow>> load_workflows(Session& session) {
  static const Statement kSelect{
      "SELECT workflow_key, workflow_id, subscription, resource_group, name, location, kind, enabled, tags, kept, signing_key, "
      "version_key, created_unix_us, changed_unix_us FROM workflows ORDER BY workflow_key"};
  std::vector<std::shared_ptr<Workflow>> out;
  std::vector<std::int64_t> version_keys;
  session.query(kSelect, {}, [&](const Row& row) {
    auto w = std::make_shared<Workflow>();
    w->key = row.integer(0);
    w->id = row.text(1);
    w->subscription = row.text(2);
    w->resource_group = row.text(3);
    w->name = row.text(4);
    w->location = row.text(5);
    w->kind = static_cast<WorkflowKind>(row.integer(6));
    w->enabled = row.integer(7) != 0;
    w->tags = nlohmann::json::parse(row.text(8)).get<std::map<std::string, std::string>>();
    w->kept = row.text(9);
    w->signing_key = Secret(std::string(row.text(10)));
    version_keys.push_back(row.integer(11));
    w->created_at = from_unix_us(row.integer(12));
    w->changed_at = from_unix_us(row.integer(13));
    out.push_back(std::move(w));
  });
  for (std::size_t i = 0; i < out.size(); ++i)
    if (auto found = version(session, version_keys[i]))
      out[i]->version = std::make_shared<const WorkflowVersion>(std::move(*found));
  return out;
}

std::vector<WorkflowVersion> versions(Session& session, std::int64_t workflow_key) {
  static const Statement kSelect{
      "SELECT version_key, name, definition, parameters, created_unix_us FROM workflow_versions WHERE workflow_key = ? ORDER BY "
      "version_key DESC"};
  std::vector<WorkflowVersion> out;
  session.query(kSelect, {workflow_key}, [&](const Row& row) { out.push_back(read_version(row)); });
  return out;
}

std::optional<WorkflowVersion> version(Session& session, std::int64_t version_key) {
  static const Statement kSelect{
      "SELECT version_key, name, definition, parameters, created_unix_us FROM workflow_versions WHERE version_key = ?"};
  std::optional<WorkflowVersion> out;
  session.query(kSelect, {version_key}, [&](const Row& row) { out = read_version(row); });
  return out;
}

std::optional<RunRow> run(Session& session, RunKey key) {
  static const Built kSelect("WHERE run_key = ?");
  std::optional<RunRow> out;
  session.query(kSelect.statement, {key}, [&](const Row& row) { out = read_run(row); });
  return out;
}

std::vector<std::string> segments(Session& session, RunKey key) {
  static const Statement kHead{"SELECT head FROM workflow_runs WHERE run_key = ? AND head IS NOT NULL"};
  static const Statement kSelect{"SELECT bytes FROM workflow_segments WHERE run_key = ? ORDER BY number"};
  std::vector<std::string> out;
  session.query(kHead, {key}, [&](const Row& row) { out.push_back(bytes_of(row, 0)); });
  session.query(kSelect, {key}, [&](const Row& row) { out.push_back(bytes_of(row, 0)); });
  return out;
}

std::vector<RunRow> runs(Session& session, std::int64_t workflow_key, const RunFilter& filter) {
  static const Built kSelect("WHERE workflow_key = ? AND run_key < ? ORDER BY run_key DESC");
  std::vector<RunRow> out;
  const RunKey before = filter.before == 0 ? INT64_MAX : filter.before;
  session.query(kSelect.statement, {workflow_key, before}, [&](const Row& row) {
    const RunRow run = read_run(row);
    if (filter.started_from && run.started < *filter.started_from) return false;  // older ones follow
    if (filter.started_to && run.started > *filter.started_to) return true;
    if (filter.status && run.status != *filter.status) return true;
    if (!filter.client_tracking_id.empty() && run.client_tracking_id != filter.client_tracking_id) return true;
    if (!filter.trigger.empty() && run.trigger != filter.trigger) return true;
    out.push_back(run);
    return out.size() < filter.limit;
  });
  return out;
}

std::vector<DueRun> due_runs(Session& session, Time now, std::size_t limit) {
  static const Statement kSelect{
      "SELECT run_key, workflow_key FROM workflow_runs WHERE due_unix_us IS NOT NULL AND due_unix_us <= ? ORDER BY due_unix_us "
      "LIMIT "
      "?"};
  std::vector<DueRun> out;
  session.query(kSelect, {unix_us(now), static_cast<std::int64_t>(limit)}, [&](const Row& row) {
    out.push_back({row.integer(0), row.integer(1)});
  });
  return out;
}

std::optional<Time> next_due(Session& session, Time now) {
  static const Statement kSelect{"SELECT MIN(due_unix_us) FROM workflow_runs WHERE due_unix_us IS NOT NULL AND due_unix_us > ?"};
  std::optional<Time> out;
  session.query(kSelect, {unix_us(now)}, [&](const Row& row) { out = time_of(row, 0); });
  return out;
}

std::vector<DueRun> active_runs(Session& session, RunKey after, std::size_t limit) {
  static const Statement kSelect{
      "SELECT run_key, workflow_key FROM workflow_runs WHERE active = 1 AND run_key > ? ORDER BY run_key LIMIT ?"};
  std::vector<DueRun> out;
  session.query(kSelect, {after, static_cast<std::int64_t>(limit)}, [&](const Row& row) {
    out.push_back({row.integer(0), row.integer(1)});
  });
  return out;
}

std::vector<RunRow> waiting_runs(Session& session, std::int64_t workflow_key, std::string_view trigger, std::size_t limit) {
  static const Built kSelect(
      "WHERE workflow_key = ? AND trigger_name = ? AND status = 1 AND ended_unix_us IS NULL ORDER BY run_key LIMIT ?");
  std::vector<RunRow> out;
  session.query(kSelect.statement, {workflow_key, trigger, static_cast<std::int64_t>(limit)},
                [&](const Row& row) { out.push_back(read_run(row)); });
  return out;
}

std::vector<RunKey> open_runs(Session& session, std::int64_t workflow_key, std::string_view trigger, Status status) {
  static const Statement kSelect{
      "SELECT run_key FROM workflow_runs WHERE workflow_key = ? AND trigger_name = ? AND status = ? AND ended_unix_us IS NULL"};
  std::vector<RunKey> out;
  session.query(kSelect, {workflow_key, trigger, static_cast<std::int64_t>(status)},
                [&](const Row& row) { out.push_back(row.integer(0)); });
  return out;
}

RunKey last_key(Session& session) {
  static const Statement kSelect{
      "SELECT COALESCE(MAX(k), 0) FROM (SELECT MAX(run_key) AS k FROM workflow_runs UNION ALL SELECT MAX(firing_key) FROM "
      "workflow_firings) AS keys"};
  RunKey out = 0;
  session.query(kSelect, {}, [&](const Row& row) { out = row.integer(0); });
  return out;
}

std::vector<TriggerRow> triggers(Session& session, std::int64_t workflow_key) {
  static const Statement kSelect{"SELECT name, state, next_unix_us FROM workflow_triggers WHERE workflow_key = ?"};
  std::vector<TriggerRow> out;
  session.query(kSelect, {workflow_key}, [&](const Row& row) {
    out.push_back({std::string(row.text(0)), std::string(row.text(1)), time_of(row, 2)});
  });
  return out;
}

std::vector<FiringRow> firings(Session& session, std::int64_t workflow_key, std::string_view trigger, RunKey before,
                               std::size_t limit) {
  static const Statement kSelect{
      "SELECT firing_key, suffix, status, code, error, started_unix_us, ended_unix_us, scheduled_unix_us, inputs, outputs FROM "
      "workflow_firings WHERE workflow_key = ? AND trigger_name = ? AND firing_key < ? ORDER BY firing_key DESC LIMIT ?"};
  std::vector<FiringRow> out;
  session.query(kSelect, {workflow_key, trigger, before == 0 ? INT64_MAX : before, static_cast<std::int64_t>(limit)},
                [&](const Row& row) {
                  FiringRow f;
                  f.key = row.integer(0);
                  f.workflow_key = workflow_key;
                  f.trigger = trigger;
                  f.suffix = row.text(1);
                  f.status = static_cast<Status>(row.integer(2));
                  f.code = row.text(3);
                  f.error = row.text(4);
                  f.started = from_unix_us(row.integer(5));
                  f.ended = from_unix_us(row.integer(6));
                  f.scheduled = time_of(row, 7);
                  f.inputs = row.text(8);
                  f.outputs = row.text(9);
                  out.push_back(std::move(f));
                });
  return out;
}

}  // namespace records
}  // namespace trunkline::flows
