#include "runtime/events/event_page.h"

#include <algorithm>

#include "runtime/base/unix_time.h"

namespace trunkline::events {
namespace {

constexpr std::int64_t kMaxScannedRows = 4096;
constexpr std::size_t kMaxPageBytes = 4u << 20;

#define TRUNKLINE_EVENT_COLUMNS \
  "sequence, type, subject, id, topic, time_unix_us, data_version, data, traceparent, extra, published_us"

const store::Statement kRead{"SELECT " TRUNKLINE_EVENT_COLUMNS
                             " FROM events WHERE resource_key = ? AND sequence > ? ORDER BY sequence LIMIT ?"};
const store::Statement kReadBack{"SELECT " TRUNKLINE_EVENT_COLUMNS
                                 " FROM events WHERE resource_key = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?"};
const store::Statement kBounds{"SELECT MIN(sequence), MAX(sequence) FROM events WHERE resource_key = ?"};
const store::Statement kTimeFrom{
    "SELECT sequence, COALESCE(published_us, time_unix_us) FROM events WHERE resource_key = ? AND sequence >= ? ORDER BY "
    "sequence "
    "LIMIT 1"};
const store::Statement kFindLike{"SELECT " TRUNKLINE_EVENT_COLUMNS
                                 " FROM events WHERE id >= ? AND id < ? AND resource_key = ? LIMIT 16"};
const store::Statement kFindSequence{"SELECT " TRUNKLINE_EVENT_COLUMNS " FROM events WHERE sequence = ? AND resource_key = ?"};
const store::Statement kFindId{"SELECT " TRUNKLINE_EVENT_COLUMNS " FROM events WHERE id = ? AND resource_key = ?"};

void read_into(Event& event, const store::Row& row) {
  event.sequence = row.integer(0);
  event.type = row.text(1);
  event.subject = row.text(2);
  event.id = row.text(3);
  event.topic = row.text(4);
  event.time = from_unix_us(row.integer(5));
  event.data_version = row.text(6);
  event.data = row.text(7);
  event.traceparent = row.text(8);
  event.extra = row.text(9);
  if (!row.is_null(10)) event.published = from_unix_us(row.integer(10));
}

Event read_event(const store::Row& row) {
  Event event;
  read_into(event, row);
  return event;
}

}  // namespace

Matcher::Matcher(EventFilter filter) : filter_(std::move(filter)) { std::sort(filter_.types.begin(), filter_.types.end()); }

bool Matcher::matches(std::string_view type, std::string_view subject) const {
  return (filter_.types.empty() || std::binary_search(filter_.types.begin(), filter_.types.end(), type)) &&
         subject.starts_with(filter_.subject_begins_with);
}

namespace {

Page read_rows(store::Database& database, const store::Statement& statement, std::int64_t resource_key, const Matcher& matcher,
               std::int64_t from, std::size_t max) {
  Page page;
  page.position = from;
  if (max == 0) return page;
  page.events.reserve(std::min<std::size_t>(max, 512));
  std::int64_t scanned = 0;
  std::size_t bytes = 0;
  database.read([&](store::Session& session) {
    session.query(statement, {resource_key, from, kMaxScannedRows}, [&](const store::Row& row) {
      ++scanned;
      page.position = row.integer(0);
      if (!matcher.matches(row.text(1), row.text(2))) return true;
      Event& event = page.events.emplace_back();
      read_into(event, row);
      bytes += event.data.size();
      page.more = page.events.size() == max || bytes >= kMaxPageBytes;
      return !page.more;
    });
  });
  page.more = page.more || scanned == kMaxScannedRows;
  return page;
}

}  // namespace

Page read_page(store::Database& database, std::int64_t resource_key, const Matcher& matcher, std::int64_t after,
               std::size_t max) {
  return read_rows(database, kRead, resource_key, matcher, after, max);
}

Page read_page_back(store::Database& database, std::int64_t resource_key, const Matcher& matcher,
                    std::optional<std::int64_t> before, std::size_t max) {
  return read_rows(database, kReadBack, resource_key, matcher, before.value_or(INT64_MAX), max);
}

std::optional<std::int64_t> first_at(store::Database& database, std::int64_t resource_key, Time time) {
  const std::int64_t wanted = std::chrono::ceil<std::chrono::microseconds>(time.time_since_epoch()).count();
  std::optional<std::int64_t> found;
  database.read([&](store::Session& session) {
    std::int64_t low = 0, high = -1;  // the first one lies within [low, high + 1]
    session.query(kBounds, {resource_key}, [&](const store::Row& row) {
      if (row.is_null(0)) return;
      low = row.integer(0);
      high = row.integer(1);
    });
    while (low <= high) {
      const std::int64_t middle = low + (high - low) / 2;
      std::int64_t sequence = 0, at = 0;
      session.query(kTimeFrom, {resource_key, middle}, [&](const store::Row& row) {
        sequence = row.integer(0);
        at = row.integer(1);
      });
      if (at >= wanted) {
        found = sequence;
        high = middle - 1;
      } else {
        low = sequence + 1;
      }
    }
  });
  return found;
}

std::optional<Event> find_event(store::Database& database, std::int64_t resource_key, std::int64_t sequence) {
  std::optional<Event> found;
  database.read([&](store::Session& session) {
    session.query(kFindSequence, {sequence, resource_key}, [&](const store::Row& row) { found = read_event(row); });
  });
  return found;
}

std::optional<Event> find_event(store::Database& database, std::int64_t resource_key, std::string_view id) {
  std::optional<Event> found;
  database.read([&](store::Session& session) {
    session.query(kFindId, {id, resource_key}, [&](const store::Row& row) { found = read_event(row); });
  });
  return found;
}

std::vector<Event> find_events_like(store::Database& database, std::int64_t resource_key, std::string_view id) {
  std::vector<Event> found;
  if (id.size() < 5) return found;
  const std::string from(id.substr(0, id.size() - 4));
  std::string to = from;
  if (static_cast<unsigned char>(to.back()) == 0xff) return found;
  to.back() = static_cast<char>(to.back() + 1);
  database.read([&](store::Session& session) {
    session.query(kFindLike, {from, to, resource_key}, [&](const store::Row& row) { found.push_back(read_event(row)); });
  });
  return found;
}

}  // namespace trunkline::events
