#include "runtime/eventgrid/published_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/base/utf8.h"
#include "runtime/events/event_render.h"
#include "runtime/events/event_types.h"
#include "runtime/net/http.h"

namespace trunkline::eventgrid {
namespace {

using nlohmann::json;

constexpr std::string_view kBinaryPrefix = "ce-";

void check_size(std::size_t bytes, std::size_t limit, const char* what) {
  if (bytes <= limit) return;
  throw Error(ErrorCode::kResourceExhausted,
              std::string(what) + " has " + std::to_string(bytes) + " bytes; the most is " + std::to_string(limit))
      .with_http_status(413)
      .with_service_code("PayloadTooLarge");
}

json parse(std::string_view body) {
  try {
    return parse_json(body);
  } catch (Error& error) {
    error.http_status = 400;  // also when it is nested too deeply: the size is not what is wrong
    throw;
  }
}

std::string filled_text(const JsonRef& event, std::string_view key) {
  const JsonRef value = event.at(key);
  if (value.text().empty()) throw value.error("is empty");
  return std::string(value.text());
}

/// RFC 3339; an offset may lack its colon and the whole offset may be absent (UTC), as in what `date` and some languages write.
std::optional<Time> parse_time(std::string_view text) {
  if (const auto time = parse_rfc3339(text)) return time;
  const auto clock = text.find_first_of("Tt");
  if (clock == std::string_view::npos) return std::nullopt;
  std::string repaired(text);
  const auto sign = repaired.find_first_of("+-", clock);
  if (sign == std::string::npos)
    repaired.push_back('Z');
  else if (repaired.size() - sign == 5)
    repaired.insert(sign + 3, ":");
  return parse_rfc3339(repaired);
}

Time time_at(const JsonRef& value) {
  const auto time = parse_time(value.text());
  if (!time) throw value.error("is no RFC 3339 time");
  return *time;
}

NewEvent read_event_grid_event(const JsonRef& event, const std::string& topic, Time now) {
  event.object();
  if (event.find("specversion")) throw event.error("is a CloudEvent; the topic takes events of the Event Grid schema");
  NewEvent out;
  out.id = filled_text(event, "id");
  out.type = filled_text(event, "eventType");
  out.subject = event.at("subject").text();
  out.time = time_at(event.at("eventTime"));
  out.published = now;
  out.topic = topic;
  if (const auto given = event.find("topic"); given && !given->text().empty() && !iequals(given->text(), topic))
    throw given->error("is not the topic that the event was sent to, '" + topic + "'");
  if (const auto version = event.find("metadataVersion"); version && version->text() != events::kMetadataVersion)
    throw version->error("must be '1'");
  out.data_version = event.text_or("dataVersion", "");
  const auto data = event.find("data");
  out.data = data ? data->json().dump() : "null";
  return out;
}

bool is_attribute_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); });
}

void check_version(const JsonRef& event) {
  const auto version = event.find("specversion");
  if (!version && event.find("eventType")) throw event.error("is an event of the Event Grid schema; the topic takes CloudEvents");
  if (!version) throw event.error("has no specversion");
  if (version->text() != "1.0") throw version->error("is '" + std::string(version->text()) + "'; only 1.0 is taken");
}

NewEvent read_cloud_event(const JsonRef& event, Time now) {
  event.object();
  check_version(event);
  NewEvent out;
  out.id = filled_text(event, "id");
  out.topic = filled_text(event, "source");
  out.type = filled_text(event, "type");
  if (event.find("subject")) out.subject = filled_text(event, "subject");
  const auto time = event.find("time");
  out.time = time ? time_at(*time) : now;
  out.published = now;
  out.data_version.clear();  // CloudEvents have none
  out.traceparent = event.text_or("traceparent", "");
  out.data = "null";
  json extra = json::object();
  for (const auto& [name, value] : event.json().items()) {
    constexpr std::string_view kOwn[] = {"specversion", "id", "source", "type", "subject", "time", "traceparent"};
    if (value.is_null() || std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn)) continue;
    const JsonRef member = event.at(name);
    if (name == "data") {
      out.data = value.dump();
      continue;
    }
    if (name == "data_base64") {
      if (event.find("data")) throw member.error("and data exclude each other");
      if (!base64_decode(member.text())) throw member.error("is no base64");
    } else if (!is_attribute_name(name)) {
      throw member.error("is no attribute: names have lower-case letters and digits");
    } else if (name == "datacontenttype" || name == "dataschema") {
      filled_text(event, name);
    } else if (value.is_structured()) {
      throw member.error("must be text, a number or true or false");
    }
    extra[name] = value;
  }
  if (!extra.empty()) out.extra = extra.dump();
  return out;
}

/// The body of a binary event as its data.
void set_binary_data(NewEvent& event, json& extra, std::string_view content_type, std::string_view body) {
  event.data = "null";
  if (!content_type.empty()) extra["datacontenttype"] = content_type;
  if (body.empty()) return;
  if (content_type.empty() || events::is_json_type(content_type)) {
    event.data = parse(body).dump();
  } else if (istarts_with(content_type, "text/") && utf8_valid(body)) {
    event.data = json(body).dump();
  } else {
    extra["data_base64"] = base64_encode(body);
  }
}

}  // namespace

std::vector<NewEvent> parse_event_grid_events(std::string_view body, const std::string& topic, Time now) {
  // An event that is too big makes its batch too big: the limits are the same.
  static_assert(kMaxEventBytes >= kMaxBatchBytes);
  check_size(body.size(), kMaxBatchBytes, "the batch");
  const json document = parse(body);
  const JsonRef root(document);
  const std::size_t count = root.array_size();
  if (count == 0) throw root.error("has no event");
  std::vector<NewEvent> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(read_event_grid_event(root[i], topic, now));
  return out;
}

std::vector<NewEvent> parse_cloud_events(std::string_view body, bool batch, Time now) {
  check_size(body.size(), batch ? kMaxBatchBytes : kMaxEventBytes, batch ? "the batch" : "the event");
  const json document = parse(body);
  const JsonRef root(document);
  std::vector<NewEvent> out;
  if (!batch) {
    out.push_back(read_cloud_event(root, now));
    return out;
  }
  const std::size_t count = root.array_size();
  if (count == 0) throw root.error("has no event");
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(read_cloud_event(root[i], now));
  return out;
}

NewEvent parse_binary_cloud_event(const std::vector<std::pair<std::string, std::string>>& headers, std::string_view content_type,
                                  std::string_view body, Time now) {
  std::size_t bytes = body.size();
  json attributes = json::object();
  for (const auto& [name, value] : headers) {
    if (!istarts_with(name, kBinaryPrefix)) continue;
    bytes += name.size() + value.size();
    const std::string attribute = to_lower(std::string_view(name).substr(kBinaryPrefix.size()));
    const auto decoded = net::percent_decode(trim(value));
    if (!decoded || !utf8_valid(*decoded))
      throw Error(ErrorCode::kInvalidArgument, "the header " + name + " is no percent-encoded UTF-8", name);
    if (!is_attribute_name(attribute) || attribute == "data")
      throw Error(ErrorCode::kInvalidArgument, "the header " + name + " names no attribute", name);
    if (attribute != "datacontenttype") attributes[attribute] = *decoded;  // that one is Content-Type
  }
  check_size(bytes, kMaxEventBytes, "the event");
  NewEvent event = read_cloud_event(JsonRef(attributes), now);
  json extra = event.extra.empty() ? json::object() : json::parse(event.extra);
  set_binary_data(event, extra, content_type, body);
  event.extra = extra.empty() ? std::string() : extra.dump();
  return event;
}

}  // namespace trunkline::eventgrid
