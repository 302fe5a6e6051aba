// Reading the events table in bounded pieces.
#pragma once
#include <cstdint>
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

std::optional<Event> find_event(store::Database& database, std::int64_t resource_key, std::int64_t sequence);
std::optional<Event> find_event(store::Database& database, std::int64_t resource_key, std::string_view id);

}  // namespace trunkline::events
