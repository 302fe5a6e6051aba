// Events that are told of by another one: a row of the log stands for several events, made when they are needed.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/events/event_log.h"

namespace trunkline::events {

/// Such as the events for each participant of a chat thread, of which the log keeps only the thread's. What it gives for an event
/// must be the same each time, in the same order: a delivery refers to the n-th of them. [any-thread]
class EventExpander {
 public:
  virtual ~EventExpander() = default;
  /// Types (in any case) that expand() can give for an event of `type`; empty: it stands for itself alone.
  virtual std::vector<std::string> types_from(std::string_view type) const = 0;
  /// The further events that `event` stands for, each with an id of its own. Their sequence is that of the event.
  virtual std::vector<Event> expand(const Event& event) const = 0;
};

/// The id of the n-th further event (from 1): that of the event with its last four digits changed.
std::string part_id(std::string_view event_id, int part);

}  // namespace trunkline::events
