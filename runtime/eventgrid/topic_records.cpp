#include "runtime/eventgrid/topic_records.h"

#include <nlohmann/json.hpp>

#include "runtime/base/unix_time.h"

namespace trunkline::eventgrid {
namespace {

constexpr store::Migration kMigrations[] = {
    {13, "event topics", R"sql(
CREATE TABLE event_topics (
  topic_key      INTEGER PRIMARY KEY AUTOINCREMENT,
  name           TEXT NOT NULL UNIQUE,
  subscription   TEXT NOT NULL,
  resource_group TEXT NOT NULL,
  location       TEXT NOT NULL,
  cloud_events   INTEGER NOT NULL,
  key1           TEXT NOT NULL,
  key2           TEXT NOT NULL,
  local_auth     INTEGER NOT NULL,
  tags           TEXT NOT NULL,
  kept           TEXT NOT NULL,
  created_us     BIGINT NOT NULL,
  changed_us     BIGINT NOT NULL
);
CREATE TABLE event_system_topics (
  subscription   TEXT NOT NULL,
  resource_group TEXT NOT NULL,
  name           TEXT NOT NULL,
  source         TEXT NOT NULL,
  topic_type     TEXT NOT NULL,
  tags           TEXT NOT NULL,
  kept           TEXT NOT NULL,
  created_us     BIGINT NOT NULL,
  changed_us     BIGINT NOT NULL,
  PRIMARY KEY (subscription, resource_group, name)
);
)sql"},
};

}  // namespace

std::span<const store::Migration> topic_migrations() { return kMigrations; }

namespace topic_records {
namespace {

using nlohmann::json;
using store::Row;
using store::Session;
using store::Statement;
using Tags = std::map<std::string, std::string>;

const Statement kSelect{
    "SELECT topic_key, name, subscription, resource_group, location, cloud_events, key1, key2, local_auth, tags, kept, "
    "created_us, changed_us FROM event_topics ORDER BY topic_key"};
const Statement kInsert{
    "INSERT INTO event_topics (name, subscription, resource_group, location, cloud_events, key1, key2, local_auth, tags, kept, "
    "created_us, changed_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kUpdate{
    "UPDATE event_topics SET key1 = ?, key2 = ?, local_auth = ?, tags = ?, kept = ?, changed_us = ? WHERE topic_key = ?"};
const Statement kDelete{"DELETE FROM event_topics WHERE topic_key = ?"};
const Statement kExists{"SELECT 1 FROM event_topics WHERE topic_key = ?"};
const Statement kSelectSystem{
    "SELECT subscription, resource_group, name, source, topic_type, tags, kept, created_us, changed_us FROM event_system_topics"};
const Statement kPutSystem{
    "INSERT INTO event_system_topics (subscription, resource_group, name, source, topic_type, tags, kept, created_us, "
    "changed_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subscription, resource_group, name) DO UPDATE SET tags = excluded.tags, "
    "kept = excluded.kept, changed_us = excluded.changed_us"};
const Statement kDeleteSystem{"DELETE FROM event_system_topics WHERE subscription = ? AND resource_group = ? AND name = ?"};

}  // namespace

std::vector<std::shared_ptr<EventTopic>> load(Session& session) {
  std::vector<std::shared_ptr<EventTopic>> all;
  session.query(kSelect, {}, [&](const Row& row) {
    auto topic = std::make_shared<EventTopic>();
    topic->source.key = source_key(row.integer(0));
    topic->name = row.text(1);
    topic->subscription = row.text(2);
    topic->resource_group = row.text(3);
    topic->location = row.text(4);
    topic->schema = row.integer(5) != 0 ? events::EventSchema::kCloudEvents : events::EventSchema::kEventGrid;
    topic->key1 = Secret(std::string(row.text(6)));
    topic->key2 = Secret(std::string(row.text(7)));
    topic->local_auth = row.integer(8) != 0;
    topic->tags = json::parse(row.text(9)).get<Tags>();
    topic->kept = row.text(10);
    topic->created_at = from_unix_us(row.integer(11));
    topic->changed_at = from_unix_us(row.integer(12));
    all.push_back(std::move(topic));
  });
  return all;
}

std::vector<SystemTopic> load_system(Session& session) {
  std::vector<SystemTopic> all;
  session.query(kSelectSystem, {}, [&](const Row& row) {
    SystemTopic topic;
    topic.subscription = row.text(0);
    topic.resource_group = row.text(1);
    topic.name = row.text(2);
    topic.source = row.text(3);
    topic.topic_type = row.text(4);
    topic.tags = json::parse(row.text(5)).get<Tags>();
    topic.kept = row.text(6);
    topic.created_at = from_unix_us(row.integer(7));
    topic.changed_at = from_unix_us(row.integer(8));
    all.push_back(std::move(topic));
  });
  return all;
}

std::int64_t insert(Session& session, const EventTopic& t) {
  session.execute(kInsert, {t.name, t.subscription, t.resource_group, t.location, t.schema == events::EventSchema::kCloudEvents,
                            t.key1.reveal(), t.key2.reveal(), t.local_auth, json(t.tags).dump(), t.kept, unix_us(t.created_at),
                            unix_us(t.changed_at)});
  return session.last_insert_id();
}

void update(Session& session, const EventTopic& t) {
  session.execute(kUpdate, {t.key1.reveal(), t.key2.reveal(), t.local_auth, json(t.tags).dump(), t.kept, unix_us(t.changed_at),
                            topic_key(t)});
}

void remove(Session& session, std::int64_t topic_key) { session.execute(kDelete, {topic_key}); }

bool exists(Session& session, std::int64_t topic_key) {
  bool found = false;
  session.query(kExists, {topic_key}, [&](const Row&) { found = true; });
  return found;
}

void put_system(Session& session, const SystemTopic& t) {
  session.execute(kPutSystem, {t.subscription, t.resource_group, t.name, t.source, t.topic_type, json(t.tags).dump(), t.kept,
                               unix_us(t.created_at), unix_us(t.changed_at)});
}

void remove_system(Session& session, const SystemTopic& t) {
  session.execute(kDeleteSystem, {t.subscription, t.resource_group, t.name});
}

}  // namespace topic_records
}  // namespace trunkline::eventgrid
