// What event subscriptions are made on: a communication resource, or a custom topic.
#pragma once
#include <cstdint>
#include <string>

#include "runtime/services/resource.h"
#include "runtime/store/database.h"

namespace trunkline::eventgrid {

/// Where its events, subscriptions and attempts rest, and what they call it.
struct EventSource {
  store::Database* database = nullptr;
  /// Row key of its events.
  std::int64_t key = 0;
  /// ARM id, the `topic` of its events.
  std::string topic;
  std::string name;
  /// Its events are CloudEvents, which the Event Grid schema cannot carry.
  bool cloud_events = false;
};

inline EventSource source_of(const Resource& resource) {
  return {resource.database, event_key(resource), resource.arm_id, resource.name, false};
}

}  // namespace trunkline::eventgrid
