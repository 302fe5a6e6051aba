#include "runtime/events/event_log.h"

#include <utility>

#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/events/event_page.h"
#include "runtime/events/subscription.h"

namespace trunkline {
namespace {

using store::Row;
using store::Session;
using store::Statement;

const store::Channel kAppended{"trunkline_events"};
const store::Channel kDropped{"trunkline_events_dropped"};

constexpr int kTrimStep = 1000;             // rows; keeps the commits of others short
constexpr std::int64_t kRowOverhead = 300;  // bytes of a row beside its data, roughly

// AUTOINCREMENT: a sequence is never given twice, also after the newest events were trimmed, so cursors stay true.
constexpr store::Migration kMigrations[] = {
    {10, "events", R"sql(
CREATE TABLE events (
  sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
  resource_key BIGINT NOT NULL,
  id           TEXT NOT NULL,
  type         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  topic        TEXT NOT NULL,
  time_unix_us BIGINT NOT NULL,
  data_version TEXT NOT NULL,
  data         TEXT NOT NULL,
  traceparent  TEXT
);
CREATE INDEX events_by_resource ON events (resource_key, sequence);
)sql"},
    {11, "events of publishers", R"sql(
ALTER TABLE events ADD COLUMN extra TEXT;
ALTER TABLE events ADD COLUMN published_us BIGINT;
CREATE INDEX events_by_id ON events (id);
)sql"},
};

const Statement kInsert{
    "INSERT INTO events (resource_key, id, type, subject, topic, time_unix_us, data_version, data, traceparent, extra, "
    "published_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kLast{"SELECT MAX(sequence) FROM events WHERE resource_key = ?"};
const Statement kOldest{"SELECT sequence, COALESCE(published_us, time_unix_us) FROM events ORDER BY sequence LIMIT ?"};
const Statement kTrim{"DELETE FROM events WHERE sequence <= ?"};
const Statement kCopy{
    "INSERT INTO events (resource_key, id, type, subject, topic, time_unix_us, data_version, data, traceparent, extra, "
    "published_us) SELECT ?, id, type, subject, CASE WHEN topic = ? THEN ? ELSE topic END, time_unix_us, data_version, data, "
    "traceparent, extra, published_us FROM events WHERE resource_key = ? ORDER BY sequence"};
const Statement kNewest{"SELECT sequence, LENGTH(data) FROM events ORDER BY sequence DESC"};
const Statement kCountAfter{"SELECT COUNT(*) FROM events WHERE resource_key = ? AND sequence > ?"};
const Statement kNthLast{"SELECT sequence FROM events WHERE resource_key = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?"};
const Statement kDrop{"DELETE FROM events WHERE resource_key = ?"};

}  // namespace

std::string make_event_id(IdSource& ids, Time now) { return ids.uuid7(now).str(); }

std::span<const store::Migration> event_migrations() { return kMigrations; }

EventLog::EventLog(store::Store& store, Executor& executor, Clock& clock, Metrics& metrics)
    : executor_(executor),
      clock_(clock),
      hub_(std::make_shared<Hub>(metrics.gauge("trunkline_event_subscriptions", "Open subscriptions to the event log."))) {
  std::vector<store::Database*> databases(store.all().begin(), store.all().end());
  databases.push_back(&store.system());  // custom topics
  for (store::Database* database : databases) {
    database->listen(kAppended, [hub = hub_](std::span<const std::int64_t> keys) { hub->signal(keys); });
    database->listen(kDropped, [hub = hub_](std::span<const std::int64_t> keys) { hub->close(keys); });
  }
}

EventLog::~EventLog() { stop(); }

std::int64_t EventLog::append(Session& session, std::int64_t resource_key, const NewEvent& event) {
  const auto optional_text = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
  };
  std::optional<std::int64_t> published;
  if (event.published) published = unix_us(*event.published);
  session.execute(kInsert,
                  {resource_key, event.id, event.type, event.subject, event.topic, unix_us(event.time), event.data_version,
                   event.data, optional_text(event.traceparent), optional_text(event.extra), published});
  const std::int64_t sequence = session.last_insert_id();
  session.notify(kAppended, resource_key);
  return sequence;
}

Task<std::int64_t> EventLog::publish(store::Database& database, std::int64_t resource_key, NewEvent event) {
  auto log = [this, resource_key, &event](Session& session) { return append(session, resource_key, event); };
  co_return co_await database.write_value<std::int64_t>(std::move(log));
}

void EventLog::notify(store::Database&, std::int64_t resource_key) { hub_->signal({&resource_key, 1}); }

std::vector<Event> EventLog::read(store::Database& database, std::int64_t resource_key, const EventFilter& filter,
                                  std::int64_t after, std::size_t limit) {
  const events::Matcher matcher(filter);
  std::vector<Event> all;
  bool more = true;
  while (more && all.size() < limit) {
    events::Page page = events::read_page(database, resource_key, matcher, after, limit - all.size());
    std::move(page.events.begin(), page.events.end(), std::back_inserter(all));
    after = page.position;
    more = page.more;
  }
  return all;
}

std::int64_t EventLog::last_sequence(store::Database& database, std::int64_t resource_key) {
  std::int64_t last = 0;
  database.read([&](Session& session) { session.query(kLast, {resource_key}, [&](const Row& row) { last = row.integer(0); }); });
  return last;
}

std::shared_ptr<Subscription> EventLog::subscribe(store::Database& database, std::int64_t resource_key, EventFilter filter,
                                                  std::optional<std::int64_t> after) {
  const std::int64_t cursor = after ? *after : last_sequence(database, resource_key);
  auto state = std::make_shared<Subscription::State>(database, resource_key, std::move(filter), cursor, executor_, clock_, hub_);
  if (!hub_->add(state)) state->close();
  return std::make_shared<Subscription>(std::move(state));
}

void EventLog::stop() { hub_->stop(); }

Task<std::int64_t> EventLog::trim(store::Database& database, Time before, Wanted wanted) {
  const std::int64_t before_us = unix_us(before);
  const auto old = [before_us](std::int64_t, std::int64_t at_us) { return at_us < before_us; };
  co_return co_await trim_while(database, old, wanted);
}

Task<std::int64_t> EventLog::trim_to(store::Database& database, std::int64_t max_events, std::int64_t max_bytes, Wanted wanted) {
  std::int64_t last = 0;  // the newest one that is too much
  database.read([&](Session& session) {
    std::int64_t count = 0, bytes = 0;
    session.query(kNewest, {}, [&](const Row& row) {
      bytes += row.integer(1) + kRowOverhead;
      const bool fits = (max_events == 0 || ++count <= max_events) && (max_bytes == 0 || bytes <= max_bytes);
      if (!fits) last = row.integer(0);
      return fits;
    });
  });
  if (last == 0) co_return 0;
  const auto old = [last](std::int64_t sequence, std::int64_t) { return sequence <= last; };
  co_return co_await trim_while(database, old, wanted);
}

/// In steps, so that the commits of others stay short.
template <class Old>
Task<std::int64_t> EventLog::trim_while(store::Database& database, Old old, Wanted wanted) {
  const std::int64_t wanted_until_us = unix_us(wanted.until);
  std::int64_t total = 0;
  for (;;) {
    auto step = [old, wanted, wanted_until_us](Session& session) {
      std::int64_t last = 0;
      session.query(kOldest, {kTrimStep}, [&](const Row& row) {
        const bool free = row.integer(0) <= wanted.after || row.integer(1) < wanted_until_us;
        const bool goes = free && old(row.integer(0), row.integer(1));
        if (goes) last = row.integer(0);
        return goes;
      });
      return last == 0 ? 0 : session.execute(kTrim, {last});
    };
    const std::int64_t count = co_await database.write_value<std::int64_t>(std::move(step));
    total += count;
    if (count < kTrimStep) co_return total;
  }
}

std::optional<Event> EventLog::find(store::Database& database, std::int64_t resource_key, std::int64_t sequence) {
  return events::find_event(database, resource_key, sequence);
}
std::optional<Event> EventLog::find(store::Database& database, std::int64_t resource_key, std::string_view id) {
  return events::find_event(database, resource_key, id);
}

void EventLog::copy_resource(Session& session, std::int64_t from_key, std::int64_t to_key, const std::string& from_topic,
                             const std::string& to_topic) {
  session.execute(kCopy, {to_key, from_topic, to_topic, from_key});
  session.notify(kAppended, to_key);
}

std::int64_t EventLog::copied_cursor(Session& session, std::int64_t from_key, std::int64_t to_key, std::int64_t cursor) {
  std::int64_t behind = 0;
  session.query(kCountAfter, {from_key, cursor}, [&](const Row& row) { behind = row.integer(0); });
  std::int64_t position = 0;
  session.query(kNthLast, {to_key, behind}, [&](const Row& row) { position = row.integer(0); });
  return position;
}

void EventLog::drop_resource(Session& session, std::int64_t resource_key) {
  session.execute(kDrop, {resource_key});
  session.notify(kDropped, resource_key);
}

}  // namespace trunkline
