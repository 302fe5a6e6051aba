// Reading the events table in bounded pieces.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/events/event_log.h"

namespace trunkline::events {

/// A filter, ready to look at rows. Immutable.
class Matcher {
 public:
  explicit Matcher(EventFilter filter);
  bool matches(std::string_view type, std::string_view subject) const;

 private:
  EventFilter filter_;  // types sorted
};

struct Page {
  std::vector<Event> events;
  /// Everything up to here was looked at.
  std::int64_t position = 0;
  /// There may be more behind it.
  bool more = false;
};

/// One read transaction, bounded in rows and bytes: no reader holds a snapshot for long and no page fills the memory. Up to `max`
/// events after `after`; possibly none although `more`.
Page read_page(store::Database& database, std::int64_t resource_key, const Matcher& matcher, std::int64_t after, std::size_t max);

/// The same from the end: events before `before` (nullopt: all), newest first; `position`: everything from there on was looked
/// at.
Page read_page_back(store::Database& database, std::int64_t resource_key, const Matcher& matcher,
                    std::optional<std::int64_t> before, std::size_t max);
/// Sequence of the first event that was logged at `time` or later; nullopt: there is none yet. The log is taken to be in the
/// order of time, which a clock that was set back breaks for as long as it was.
std::optional<std::int64_t> first_at(store::Database& database, std::int64_t resource_key, Time time);

std::optional<Event> find_event(store::Database& database, std::int64_t resource_key, std::int64_t sequence);
std::optional<Event> find_event(store::Database& database, std::int64_t resource_key, std::string_view id);
/// Events whose ids differ from `id` in no more than their last four digits: those that could stand for it (part_id). Few.
std::vector<Event> find_events_like(store::Database& database, std::int64_t resource_key, std::string_view id);

}  // namespace trunkline::events
