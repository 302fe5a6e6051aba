#include "runtime/events/event_page.h"

#include <algorithm>

namespace trunkline::events {
namespace {

constexpr std::int64_t kMaxScannedRows = 4096;
constexpr std::size_t kMaxPageBytes = 4u << 20;

#define TRUNKLINE_EVENT_COLUMNS \
  "sequence, type, subject, id, topic, time_unix_us, data_version, data, traceparent, extra, published_us"

const store::Statement kRead{"SELECT " TRUNKLINE_EVENT_COLUMNS
                             " FROM events WHERE resource_key = ? AND sequence > ? ORDER BY sequence LIMIT ?"};
const store::Statement kFindSequence{"SELECT " TRUNKLINE_EVENT_COLUMNS " FROM events WHERE sequence = ? AND resource_key = ?"};
const store::Statement kFindId{"SELECT " TRUNKLINE_EVENT_COLUMNS " FROM events WHERE id = ? AND resource_key = ?"};

Event read_event(const store::Row& row) {
  Event event;
  event.sequence = row.integer(0);
  event.type = row.text(1);
  event.subject = row.text(2);
  event.id = row.text(3);
  event.topic = row.text(4);
  event.time = Time{std::chrono::microseconds{row.integer(5)}};
  event.data_version = row.text(6);
  event.data = row.text(7);
  event.traceparent = row.text(8);
  event.extra = row.text(9);
  if (!row.is_null(10)) event.published = Time{std::chrono::microseconds{row.integer(10)}};
  return event;
}

}  // namespace

Matcher::Matcher(EventFilter filter) : filter_(std::move(filter)) { std::sort(filter_.types.begin(), filter_.types.end()); }

bool Matcher::matches(std::string_view type, std::string_view subject) const {
  return (filter_.types.empty() || std::binary_search(filter_.types.begin(), filter_.types.end(), type)) &&
         subject.starts_with(filter_.subject_begins_with);
}

Page read_page(store::Database& database, std::int64_t resource_key, const Matcher& matcher, std::int64_t after,
               std::size_t max) {
  Page page;
  page.position = after;
  if (max == 0) return page;
  std::int64_t scanned = 0;
  std::size_t bytes = 0;
  database.read([&](store::Session& session) {
    session.query(kRead, {resource_key, after, kMaxScannedRows}, [&](const store::Row& row) {
      ++scanned;
      page.position = row.integer(0);
      if (!matcher.matches(row.text(1), row.text(2))) return true;
      page.events.push_back(read_event(row));
      bytes += page.events.back().data.size();
      page.more = page.events.size() == max || bytes >= kMaxPageBytes;
      return !page.more;
    });
  });
  page.more = page.more || scanned == kMaxScannedRows;
  return page;
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

}  // namespace trunkline::events
