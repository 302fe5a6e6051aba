// What publishers send: one event or many, in either schema, checked and made ready for the log.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/events/event_log.h"

namespace trunkline::eventgrid {

inline constexpr std::size_t kMaxEventBytes = 1024 * 1024;
inline constexpr std::size_t kMaxBatchBytes = 1024 * 1024;

/// An array of Event Grid events. `topic` is ours to set; an event may only repeat it. Throws kInvalidArgument naming the
/// event and the member (`[2].eventType`), kResourceExhausted for an event or a batch that is too big.
std::vector<NewEvent> parse_event_grid_events(std::string_view body, const std::string& topic, Time now);
/// A CloudEvent (`batch` false) or an array of them, in structured mode. `source` stays the publisher's. Errors: as above.
std::vector<NewEvent> parse_cloud_events(std::string_view body, bool batch, Time now);
/// A CloudEvent in binary mode: `headers` are (name, value), of which those with `ce-` count.
NewEvent parse_binary_cloud_event(const std::vector<std::pair<std::string, std::string>>& headers, std::string_view content_type,
                                  std::string_view body, Time now);

}  // namespace trunkline::eventgrid
