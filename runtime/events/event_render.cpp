#include "runtime/events/event_render.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/events/event_types.h"

namespace trunkline::events {
namespace {

void member(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  append_json_string(out, value);
}

void append_event_grid(std::string& out, const Event& event, std::string_view more) {
  member(out, R"({"id":)", event.id);
  member(out, R"(,"topic":)", event.topic);
  member(out, R"(,"subject":)", event.subject);
  out.append(R"(,"data":)").append(event.data);
  member(out, R"(,"eventType":)", event.type);
  member(out, R"(,"dataVersion":)", event.data_version);
  out.append(R"(,"metadataVersion":")").append(kMetadataVersion);
  out.append(R"(","eventTime":")").append(format_event_time(event.time)).push_back('"');
  out.append(more).push_back('}');
}

void append_cloud_event(std::string& out, const Event& event, std::string_view more) {
  member(out, R"({"id":)", event.id);
  member(out, R"(,"source":)", event.topic);
  out.append(R"(,"specversion":"1.0")");
  member(out, R"(,"type":)", event.type);
  if (!event.subject.empty()) member(out, R"(,"subject":)", event.subject);
  out.append(R"(,"time":")").append(format_event_time(event.time)).push_back('"');
  if (!event.traceparent.empty()) member(out, R"(,"traceparent":)", event.traceparent);
  // What a publisher set beyond the attributes above, as the members of an object.
  if (event.extra.size() > 2) out.append(",").append(event.extra, 1, event.extra.size() - 2);
  if (event.data != "null") out.append(R"(,"data":)").append(event.data);
  out.append(more).push_back('}');
}

/// Header values of the binary mode: printable ASCII without space, quote and percent; the rest is percent-encoded UTF-8.
std::string header_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '"' && c != '%') {
      out.push_back(c);
    } else {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02X", byte);
      out.append(escaped);
    }
  }
  return out;
}

}  // namespace

bool is_json_type(std::string_view content_type) {
  const std::string type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  return type == "application/json" || type == "text/json" || type.ends_with("+json");
}

std::string_view to_text(EventSchema schema) {
  return schema == EventSchema::kEventGrid ? "EventGridSchema" : "CloudEventSchemaV1_0";
}

std::string format_event_time(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  std::string text = "0000-00-00T00:00:00.0000000Z";
  const auto put = [&text](std::size_t end, std::size_t digits, std::uint64_t value) {
    for (; digits > 0; --digits, value /= 10) text[--end] = static_cast<char>('0' + value % 10);
  };
  const auto ticks = static_cast<std::uint64_t>((time - day).count() / 100);  // of the day
  const std::uint64_t seconds = ticks / 10'000'000;
  put(4, 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
  put(7, 2, static_cast<unsigned>(date.month()));
  put(10, 2, static_cast<unsigned>(date.day()));
  put(13, 2, seconds / 3600);
  put(16, 2, seconds / 60 % 60);
  put(19, 2, seconds % 60);
  put(27, 7, ticks % 10'000'000);
  return text;
}

void append_event(std::string& out, EventSchema schema, const Event& event, std::string_view more) {
  if (schema == EventSchema::kEventGrid)
    append_event_grid(out, event, more);
  else
    append_cloud_event(out, event, more);
}

std::string render_batch(EventSchema schema, std::span<const EventPtr> events) {
  std::string out;
  std::size_t bytes = 2;
  for (const EventPtr& event : events) bytes += event->data.size() + 512;
  out.reserve(bytes);
  out.push_back('[');
  for (const EventPtr& event : events) {
    if (out.size() > 1) out.push_back(',');
    append_event(out, schema, *event);
  }
  out.push_back(']');
  return out;
}

BinaryEvent render_binary(const Event& event) {
  BinaryEvent out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out.headers.emplace_back("ce-" + std::string(name), header_value(value));
  };
  add("specversion", "1.0");
  add("id", event.id);
  add("source", event.topic);
  add("type", event.type);
  if (!event.subject.empty()) add("subject", event.subject);
  add("time", format_event_time(event.time));
  if (!event.traceparent.empty()) add("traceparent", event.traceparent);
  std::string content_type(kJsonType);
  std::optional<std::string> bytes;
  if (event.data != "null") out.body = event.data;
  if (event.extra.size() > 2) {
    const nlohmann::json extra = nlohmann::json::parse(event.extra);
    for (const auto& [name, value] : extra.items()) {
      if (name == "datacontenttype") {
        content_type = value.get<std::string>();
      } else if (name == "data_base64") {
        bytes = base64_decode(value.get<std::string>());
      } else {
        add(name, value.is_string() ? value.get<std::string>() : value.dump());
      }
    }
  }
  // In JSON, text of another media type is a string; alone it is itself.
  if (bytes)
    out.body = *std::move(bytes);
  else if (out.body.starts_with('"') && !is_json_type(content_type))
    out.body = nlohmann::json::parse(out.body).get<std::string>();
  out.headers.emplace_back("Content-Type", std::move(content_type));
  return out;
}

}  // namespace trunkline::events
