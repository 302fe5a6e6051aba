#include "runtime/eventgrid/short_form.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/events/event_types.h"

namespace trunkline::eventgrid {
namespace {

using nlohmann::json;

std::string text(const JsonRef& value) { return std::string(value.text()); }

json texts(const JsonRef& value) {
  json out = json::array();
  if (!value.json().is_array()) {
    out.push_back(text(value));
    return out;
  }
  for (std::size_t i = 0; i < value.array_size(); ++i) out.push_back(text(value[i]));
  return out;
}

json types(const JsonRef& value) {
  json out = json::array();
  for (const json& type : texts(value)) out.push_back(events::full_event_type(type.get<std::string>()));
  return out;
}

json header_list(const JsonRef& headers) {
  json out = json::array();
  for (const auto& [name, unused] : headers.object().json().items()) {
    const JsonRef value = headers.at(name);
    json item;
    item["name"] = name;
    if (value.json().is_object() && value.find("field")) {
      item["type"] = "Dynamic";
      item["properties"]["sourceField"] = text(value.at("field"));
    } else {
      item["type"] = "Static";
      const bool whole = value.json().is_object();
      item["properties"]["value"] = text(whole ? value.at("value") : value);
      item["properties"]["isSecret"] = whole && value.boolean_or("secret", false);
    }
    out.push_back(std::move(item));
  }
  return out;
}

json dead_letter(const JsonRef& value) {
  json out;
  if (value.json().is_object()) {  // {"s3": "https://…", "region", "access_key_id", "secret_access_key", "session_token"}
    out["endpointType"] = "S3";
    constexpr std::pair<const char*, const char*> kNames[] = {{"s3", "endpointUrl"},
                                                              {"region", "region"},
                                                              {"access_key_id", "accessKeyId"},
                                                              {"secret_access_key", "secretAccessKey"},
                                                              {"session_token", "sessionToken"}};
    for (const auto& [ours, theirs] : kNames)
      if (const auto member = value.find(ours)) out["properties"][theirs] = text(*member);
    value.at("s3");  // without it there is no place
    return out;
  }
  const bool url = istarts_with(value.text(), "http://") || istarts_with(value.text(), "https://");
  out["endpointType"] = url ? "WebHook" : "Directory";
  out["properties"][url ? "endpointUrl" : "path"] = text(value);
  return out;
}

/// Another kind of destination begins with nothing; a new address of the same kind keeps headers and batches.
json& destination(json& properties, const char* kind) {
  json& out = properties["destination"];
  if (!out.is_object() || out.value("endpointType", "") != kind) {
    out = json::object();
    out["endpointType"] = kind;
  }
  json& inner = out["properties"];
  if (!inner.is_object()) inner = json::object();
  return inner;
}

void set_schema(json& properties, const JsonRef& value) {
  const bool binary = iequals(value.text(), "cloudevents-binary");
  const std::string_view name = binary ? std::string_view("cloudevents") : value.text();
  properties["eventDeliverySchema"] = to_text(parse_schema_name(name, value.path()));
  if (binary)
    properties["trunkline"]["binary"] = true;
  else if (properties.contains("trunkline"))
    properties["trunkline"].erase("binary");
}

/// A member that goes to one place as it is.
struct Plain {
  std::string_view name;
  const char* object;
  const char* member;
  json (*read)(const JsonRef&);
};
json as_text(const JsonRef& value) { return text(value); }
json as_flag(const JsonRef& value) { return value.boolean(); }
json as_number(const JsonRef& value) { return value.integer(); }
json as_list(const JsonRef& value) {
  value.array_size();
  return value.json();
}
constexpr Plain kPlain[] = {
    {"types", "filter", "includedEventTypes", &types},
    {"subject_begins_with", "filter", "subjectBeginsWith", &as_text},
    {"subject_ends_with", "filter", "subjectEndsWith", &as_text},
    {"case_sensitive", "filter", "isSubjectCaseSensitive", &as_flag},
    {"arrays", "filter", "enableAdvancedFilteringOnArrays", &as_flag},
    {"filters", "filter", "advancedFilters", &as_list},
    {"max_attempts", "retryPolicy", "maxDeliveryAttempts", &as_number},
    {"ttl_minutes", "retryPolicy", "eventTimeToLiveInMinutes", &as_number},
    {"ordering_key", "trunkline", "orderingKey", &as_text},
    {"bearer", "trunkline", "bearer", &as_text},
    {"hmac_secret", "trunkline", "hmacSecret", &as_text},
    {"concurrency", "trunkline", "concurrency", &as_number},
    {"requests_per_minute", "trunkline", "requestsPerMinute", &as_number},
    {"labels", nullptr, "labels", &texts},
    {"expires_at", nullptr, "expirationTimeUtc", &as_text},
    {"dead_letter", nullptr, "deadLetterDestination", &dead_letter},
};

/// Where a new batch size or header goes, whatever the kind of destination.
constexpr Plain kOfDestination[] = {
    {"batch", nullptr, "maxEventsPerBatch", &as_number},
    {"batch_kb", nullptr, "preferredBatchSizeInKilobytes", &as_number},
    {"headers", nullptr, "deliveryAttributeMappings", &header_list},
};

void put(json& properties, const Plain& plain, const JsonRef& request) {
  const auto value = request.find(plain.name);
  if (!value && plain.object && !properties.contains(plain.object)) return;
  json& object = plain.object ? properties[plain.object] : properties;
  if (value)
    object[plain.member] = plain.read(*value);
  else
    object.erase(plain.member);
}

bool set_special(json& properties, std::string_view name, const JsonRef& request) {
  const auto value = request.find(name);
  if (name == "endpoint") {
    destination(properties, "WebHook")["endpointUrl"] = text(request.at(name));
  } else if (name == "workflow") {
    destination(properties, "Workflow")["trigger"] = text(request.at(name));
  } else if (name == "handler") {
    if (!request.at(name).boolean()) throw request.at(name).error("is true or not there");
    destination(properties, "Handler");
  } else if (name == "schema") {
    if (value)
      set_schema(properties, *value);
    else
      properties.erase("eventDeliverySchema");
  } else {
    return false;
  }
  return true;
}

}  // namespace

events::EventSchema parse_schema_name(std::string_view name, const std::string& target) {
  if (iequals(name, "eventgrid") || iequals(name, to_text(events::EventSchema::kEventGrid)))
    return events::EventSchema::kEventGrid;
  if (iequals(name, "cloudevents") || iequals(name, to_text(events::EventSchema::kCloudEvents)))
    return events::EventSchema::kCloudEvents;
  throw Error(ErrorCode::kInvalidArgument, "'" + std::string(name.substr(0, 80)) + "' is neither eventgrid nor cloudevents",
              target);
}

json properties_of(const JsonRef& request, std::span<const std::string_view> others) {
  return changed_properties(json::object(), request, others);
}

json changed_properties(json properties, const JsonRef& request, std::span<const std::string_view> others) {
  const json& members = request.object().json();
  const auto full = request.find("properties");
  // Destinations first: what belongs to them goes into the one that holds in the end.
  std::vector<std::string> names;
  int destinations = 0;
  for (const auto& [name, unused] : members.items()) {
    if (name == "properties" || std::find(others.begin(), others.end(), name) != others.end()) continue;
    if (full)
      throw request.error("has properties and '" + name + "', which is one of the short form; give one form or the other");
    const bool first = name == "endpoint" || name == "workflow" || name == "handler";
    destinations += first;
    names.insert(first ? names.begin() : names.end(), name);
  }
  if (destinations > 1) throw request.error("has more than one of endpoint, handler and workflow");
  if (full) {
    for (const auto& [name, value] : full->object().json().items()) properties[name] = value;
    return properties;
  }
  for (const std::string& name : names) {
    if (set_special(properties, name, request)) continue;
    const auto named = [&](const Plain& plain) { return plain.name == name; };
    if (const auto* const plain = std::find_if(std::begin(kPlain), std::end(kPlain), named); plain != std::end(kPlain)) {
      put(properties, *plain, request);
      continue;
    }
    const auto* const inner = std::find_if(std::begin(kOfDestination), std::end(kOfDestination), named);
    if (inner == std::end(kOfDestination))
      throw Error(ErrorCode::kInvalidArgument, "'" + name.substr(0, 80) + "' is no member of an event subscription", name);
    if (!properties.contains("destination")) throw request.error("has no endpoint, handler or workflow");
    json& of_destination = properties["destination"]["properties"];
    if (!of_destination.is_object()) of_destination = json::object();
    put(of_destination, *inner, request);
  }
  return properties;
}

}  // namespace trunkline::eventgrid
