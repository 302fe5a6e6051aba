// One stored event, many shapes: Event Grid schema and CloudEvents 1.0.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/events/event_log.h"

namespace trunkline::events {

using EventPtr = std::shared_ptr<const Event>;

enum class EventSchema { kEventGrid, kCloudEvents };

/// `EventGridSchema`, `CloudEventSchemaV1_0`.
std::string_view to_text(EventSchema schema);

/// Media types of requests that carry events.
inline constexpr std::string_view kJsonType = "application/json; charset=utf-8";
inline constexpr std::string_view kCloudEventType = "application/cloudevents+json; charset=utf-8";
inline constexpr std::string_view kCloudEventBatchType = "application/cloudevents-batch+json; charset=utf-8";

/// Whether content of this media type is JSON.
bool is_json_type(std::string_view content_type);

/// UTC with seven digits, as the envelopes carry it: `2026-01-01T00:00:00.1234560Z`.
std::string format_event_time(Time time);

/// Appends one JSON object. `more`: further members, rendered, each with a comma before it.
void append_event(std::string& out, EventSchema schema, const Event& event, std::string_view more = {});
/// A JSON array of events.
std::string render_batch(EventSchema schema, std::span<const EventPtr> events);

/// A CloudEvent whose attributes are headers (binary content mode).
struct BinaryEvent {
  std::vector<std::pair<std::string, std::string>> headers;  // `ce-id` and so on, and Content-Type
  std::string body;
};
BinaryEvent render_binary(const Event& event);

}  // namespace trunkline::events
