#include "runtime/api/control_rest.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/core/runtime.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/events/event_log.h"

namespace trunkline::api {

using nlohmann::json;

std::int64_t integer_parameter(const server::RouteContext& context, const char* name, std::int64_t fallback, std::int64_t min,
                               std::int64_t max) {
  const auto text = context.query(name);
  if (!text) return fallback;
  const auto number = parse_number<std::int64_t>(*text);
  if (!number || *number < min || *number > max)
    throw Error(ErrorCode::kInvalidArgument,
                std::string(name) + " must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) +
                    ", not '" + *text + "'",
                name);
  return *number;
}

Duration parse_duration_member(const JsonRef& value) {
  if (const auto duration = parse_duration(value.text())) return *duration;
  throw value.error("'" + std::string(value.text()) + "' is no duration such as 250ms, 5m or PT1H");
}

Time parse_moment(std::string_view text, Time now, const std::string& target) {
  if (const auto time = parse_rfc3339(text)) return *time;
  if (const auto back = parse_duration(text)) return now - *back;
  throw Error(ErrorCode::kInvalidArgument,
              target + ": '" + std::string(text.substr(0, 80)) +
                  "' is neither a time such as 2026-01-01T00:00:00Z nor a duration back from now such as 15m",
              target);
}

std::string rfc3339_us(Time time) { return format_rfc3339(std::chrono::floor<std::chrono::microseconds>(time)); }

eventgrid::EventSource event_source_of(Runtime& runtime, const server::RouteContext& context) {
  if (const auto topic = context.query("topic"); topic && !topic->empty()) return runtime.event_topics().get(*topic)->source;
  return eventgrid::source_of(*resource_of(context));
}

json event_json(const Event& event) {
  json out;
  out["sequence"] = event.sequence;
  out["id"] = event.id;
  out["type"] = event.type;
  out["subject"] = event.subject;
  out["topic"] = event.topic;
  out["time"] = format_rfc3339(event.time);
  out["data_version"] = event.data_version;
  out["data"] = json::parse(event.data);
  if (!event.traceparent.empty()) out["traceparent"] = event.traceparent;
  if (!event.extra.empty()) out["extra"] = json::parse(event.extra);
  return out;
}

}  // namespace trunkline::api
