#include "runtime/core/event_properties.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"

namespace trunkline {
namespace {

using delivery::DeliveryAttribute;
using nlohmann::json;
using service::EventOperator;
using service::EventSubscriptionSpec;

[[noreturn]] void wrong(const std::string& message, const std::string& target) {
  throw Error(ErrorCode::kInvalidArgument, message, target);
}

struct OperatorName {
  EventOperator op;
  std::string_view name;
  /// ARM has one `value` for it, not `values`.
  bool single;
};
constexpr OperatorName kOperators[] = {
    {EventOperator::kNumberIn, "NumberIn", false},
    {EventOperator::kNumberNotIn, "NumberNotIn", false},
    {EventOperator::kNumberLessThan, "NumberLessThan", true},
    {EventOperator::kNumberGreaterThan, "NumberGreaterThan", true},
    {EventOperator::kNumberLessThanOrEquals, "NumberLessThanOrEquals", true},
    {EventOperator::kNumberGreaterThanOrEquals, "NumberGreaterThanOrEquals", true},
    {EventOperator::kNumberInRange, "NumberInRange", false},
    {EventOperator::kNumberNotInRange, "NumberNotInRange", false},
    {EventOperator::kBoolEquals, "BoolEquals", true},
    {EventOperator::kStringIn, "StringIn", false},
    {EventOperator::kStringNotIn, "StringNotIn", false},
    {EventOperator::kStringContains, "StringContains", false},
    {EventOperator::kStringNotContains, "StringNotContains", false},
    {EventOperator::kStringBeginsWith, "StringBeginsWith", false},
    {EventOperator::kStringNotBeginsWith, "StringNotBeginsWith", false},
    {EventOperator::kStringEndsWith, "StringEndsWith", false},
    {EventOperator::kStringNotEndsWith, "StringNotEndsWith", false},
    {EventOperator::kIsNullOrUndefined, "IsNullOrUndefined", true},
    {EventOperator::kIsNotNull, "IsNotNull", true},
};

json condition_of(const service::EventCondition& condition, const std::string& at) {
  for (const OperatorName& known : kOperators) {
    if (known.op != condition.operator_type) continue;
    json out;
    out["key"] = condition.key;
    out["operatorType"] = known.name;
    if (!condition.value) return out;
    json value = parse_json(*condition.value);
    // Several values, of which a single one may stand by itself.
    const bool range = known.op == EventOperator::kNumberInRange || known.op == EventOperator::kNumberNotInRange;
    const bool alone = !value.is_array() || (range && !value.empty() && !value.front().is_array());
    if (!known.single && alone) value = json::array({std::move(value)});
    out[known.single ? "value" : "values"] = std::move(value);
    return out;
  }
  wrong("is no operator", at + ".operatorType");
}

json filter_changes(const EventSubscriptionSpec& spec) {
  json filter = json::object();
  // None at all means what leaving them out does.
  if (spec.types) filter["includedEventTypes"] = spec.types->empty() ? json() : json(*spec.types);
  if (spec.subject_begins_with) filter["subjectBeginsWith"] = *spec.subject_begins_with;
  if (spec.subject_ends_with) filter["subjectEndsWith"] = *spec.subject_ends_with;
  if (spec.case_sensitive) filter["isSubjectCaseSensitive"] = *spec.case_sensitive;
  if (spec.arrays) filter["enableAdvancedFilteringOnArrays"] = *spec.arrays;
  if (spec.conditions) {
    json& list = filter["advancedFilters"] = json::array();
    for (std::size_t i = 0; i < spec.conditions->size(); ++i)
      list.push_back(condition_of((*spec.conditions)[i], "conditions[" + std::to_string(i) + "]"));
  }
  return filter;
}

json retry_changes(const EventSubscriptionSpec& spec) {
  json retry = json::object();
  if (spec.max_attempts) retry["maxDeliveryAttempts"] = *spec.max_attempts;
  if (spec.time_to_live) {
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(*spec.time_to_live);
    if (minutes != *spec.time_to_live) wrong("timeToLive must be whole minutes", "timeToLive");
    retry["eventTimeToLiveInMinutes"] = minutes.count();
  }
  return retry;
}

json own_changes(const EventSubscriptionSpec& spec) {
  json own = json::object();
  if (spec.ordering_key) own["orderingKey"] = *spec.ordering_key;
  if (spec.binary) own["binary"] = *spec.binary;
  if (spec.concurrency) own["concurrency"] = *spec.concurrency;
  if (spec.requests_per_minute) own["requestsPerMinute"] = *spec.requests_per_minute;
  if (spec.bearer) own["bearer"] = *spec.bearer;
  if (spec.hmac_secret) own["hmacSecret"] = *spec.hmac_secret;
  return own;
}

json static_header(const std::string& name, const std::string& value, bool secret) {
  return {{"name", name}, {"type", "Static"}, {"properties", {{"value", value}, {"isSecret", secret}}}};
}

bool has_headers(const EventSubscriptionSpec& spec) { return spec.headers || spec.secret_headers || spec.event_headers; }

/// The three sorts of headers; one that is not given stays as it was.
json headers_of(const EventSubscriptionSpec& spec, const std::vector<DeliveryAttribute>& old) {
  json list = json::array();
  const auto add = [&](const std::optional<Properties>& given, bool dynamic, bool secret) {
    const auto put = [&](const std::string& name, const std::string& value) {
      if (dynamic)
        list.push_back({{"name", name}, {"type", "Dynamic"}, {"properties", {{"sourceField", value}}}});
      else
        list.push_back(static_header(name, value, secret));
    };
    if (given) {
      for (const auto& [name, value] : *given) put(name, value);
      return;
    }
    for (const DeliveryAttribute& one : old)
      if (one.dynamic == dynamic && one.secret == secret) put(one.name, one.value);
  };
  add(spec.headers, false, false);
  add(spec.secret_headers, false, true);
  add(spec.event_headers, true, false);
  return list;
}

/// Members of a destination's properties; `url` and `trigger` apart.
json batch_changes(const EventSubscriptionSpec& spec) {
  json properties = json::object();
  if (spec.max_events_per_batch) properties["maxEventsPerBatch"] = *spec.max_events_per_batch;
  if (spec.preferred_batch_kilobytes) properties["preferredBatchSizeInKilobytes"] = *spec.preferred_batch_kilobytes;
  return properties;
}

json dead_letter_of(const std::string& where) {
  if (where.find("://") != std::string::npos) return {{"endpointType", "WebHook"}, {"properties", {{"endpointUrl", where}}}};
  return {{"endpointType", "Directory"}, {"properties", {{"path", where}}}};
}

json dead_letter_of(const service::EventBucket& bucket) {
  json out;
  out["endpointType"] = "S3";
  json& properties = out["properties"];
  properties["endpointUrl"] = bucket.url;
  properties["region"] = bucket.region;
  properties["accessKeyId"] = bucket.access_key_id;
  properties["secretAccessKey"] = bucket.secret_access_key;
  if (bucket.session_token) properties["sessionToken"] = *bucket.session_token;
  return out;
}

void check_destination(const EventSubscriptionSpec& spec) {
  if (spec.webhook && spec.workflow) wrong("give either webhook or workflow, not both", "workflow");
  if (spec.dead_letter && spec.dead_letter_bucket)
    wrong("give either deadLetter or deadLetterBucket, not both", "deadLetterBucket");
}

/// What only makes sense for requests to a webhook.
void check_webhook_only(const EventSubscriptionSpec& spec, bool webhook) {
  if (webhook) return;
  const std::pair<bool, const char*> fields[] = {
      {spec.headers.has_value(), "headers"},
      {spec.secret_headers.has_value(), "secretHeaders"},
      {spec.event_headers.has_value(), "eventHeaders"},
      {spec.preferred_batch_kilobytes.has_value(), "preferredBatchKilobytes"},
      {spec.bearer.has_value(), "bearer"},
      {spec.hmac_secret.has_value(), "hmacSecret"},
      {spec.binary.value_or(false), "binary"},
  };
  for (const auto& [given, name] : fields)
    if (given) wrong(std::string(name) + " needs a webhook", name);
}

/// The members that a typed field stands for, without destination.
void add_common(json& out, const EventSubscriptionSpec& spec) {
  if (spec.schema) out["eventDeliverySchema"] = events::to_text(schema_of(*spec.schema, "schema"));
  // An empty text takes it away.
  if (spec.dead_letter) out["deadLetterDestination"] = spec.dead_letter->empty() ? json() : dead_letter_of(*spec.dead_letter);
  if (spec.dead_letter_bucket) out["deadLetterDestination"] = dead_letter_of(*spec.dead_letter_bucket);
  if (spec.labels) out["labels"] = *spec.labels;
  if (spec.expires_at) out["expirationTimeUtc"] = format_rfc3339(*spec.expires_at);
}

json changed_destination(const delivery::SubscriptionSpec& old, const json& stored, const EventSubscriptionSpec& change) {
  using Kind = delivery::SubscriptionSpec::Kind;
  const Kind kind = change.webhook ? Kind::kWebhook : change.workflow ? Kind::kWorkflow : old.kind;
  json out = kind == old.kind ? stored.at("destination") : json::object();
  json& properties = out["properties"];
  if (!properties.is_object()) properties = json::object();
  out["endpointType"] = kind == Kind::kWebhook ? "WebHook" : kind == Kind::kWorkflow ? "Workflow" : "Handler";
  if (change.webhook) properties["endpointUrl"] = *change.webhook;
  if (change.workflow) properties["trigger"] = *change.workflow;
  properties.merge_patch(batch_changes(change));
  const bool kept = kind == old.kind;
  if (has_headers(change))
    properties["deliveryAttributeMappings"] = headers_of(change, kept ? old.attributes : std::vector<DeliveryAttribute>());
  return out;
}

}  // namespace

events::EventSchema schema_of(service::EventSchema schema, std::string_view target) {
  if (schema == service::EventSchema::kEventGrid) return events::EventSchema::kEventGrid;
  if (schema == service::EventSchema::kCloudEvents) return events::EventSchema::kCloudEvents;
  wrong(std::string(target) + " must be eventGrid or cloudEvents", std::string(target));
}

json properties_of(const EventSubscriptionSpec& spec) {
  check_destination(spec);
  check_webhook_only(spec, spec.webhook.has_value());
  json out;
  json& destination = out["destination"];
  json properties = batch_changes(spec);
  if (spec.webhook) {
    destination["endpointType"] = "WebHook";
    properties["endpointUrl"] = *spec.webhook;
    if (has_headers(spec)) properties["deliveryAttributeMappings"] = headers_of(spec, {});
  } else if (spec.workflow) {
    destination["endpointType"] = "Workflow";
    properties["trigger"] = *spec.workflow;
  } else {
    if (spec.max_events_per_batch) wrong("maxEventsPerBatch needs a webhook or a workflow", "maxEventsPerBatch");
    destination["endpointType"] = "Handler";
  }
  destination["properties"] = std::move(properties);
  if (json filter = filter_changes(spec); !filter.empty()) out["filter"] = std::move(filter);
  if (json retry = retry_changes(spec); !retry.empty()) out["retryPolicy"] = std::move(retry);
  if (json own = own_changes(spec); !own.empty()) out["trunkline"] = std::move(own);
  add_common(out, spec);
  return out;
}

json changed_properties_of(const delivery::SubscriptionSpec& old, const EventSubscriptionSpec& change) {
  check_destination(change);
  const bool webhook = change.webhook || (!change.workflow && old.kind == delivery::SubscriptionSpec::Kind::kWebhook);
  check_webhook_only(change, webhook);
  const json stored = delivery::to_json(old, true);
  json out = json::object();
  const auto merge = [&](const char* member, const json& changes) {
    if (changes.empty()) return;
    json whole = stored.value(member, json::object());
    whole.merge_patch(changes);
    out[member] = std::move(whole);
  };
  merge("filter", filter_changes(change));
  merge("retryPolicy", retry_changes(change));
  merge("trunkline", own_changes(change));
  if (change.webhook || change.workflow || has_headers(change) || change.max_events_per_batch || change.preferred_batch_kilobytes)
    out["destination"] = changed_destination(old, stored, change);
  add_common(out, change);
  return out;
}

namespace {

/// `[3]…` of the headers as ARM has them, in terms of the three maps that they were made of; headers_of has their order.
std::string header_field(const json& properties, std::string_view rest) {
  const auto at = parse_number<std::size_t>(rest.substr(1, rest.find(']') - 1));
  const json::json_pointer where("/destination/properties/deliveryAttributeMappings");
  if (!at || !properties.contains(where) || *at >= properties[where].size()) return "headers" + std::string(rest);
  const auto field_of = [](const json& header) {
    if (header.value("type", "") == "Dynamic") return "eventHeaders";
    return header.at("properties").value("isSecret", false) ? "secretHeaders" : "headers";
  };
  const json& all = properties[where];
  const std::string field = field_of(all[*at]);
  const auto before = std::count_if(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(*at),
                                    [&](const json& header) { return field_of(header) == field; });
  return field + "[" + std::to_string(before) + std::string(rest.substr(std::min(rest.find(']'), rest.size())));
}

/// Where a bucket is at fault, and in what.
std::string dead_letter_field(const json& properties, std::string_view rest) {
  const auto given = properties.find("deadLetterDestination");
  if (given == properties.end() || !given->is_object() || given->value("endpointType", "") != "S3") return "deadLetter";
  constexpr std::string_view kInner = ".properties.";
  if (!rest.starts_with(kInner)) return "deadLetterBucket";
  rest.remove_prefix(kInner.size());
  return "deadLetterBucket." + std::string(rest == "endpointUrl" ? "url" : rest);
}

}  // namespace

Error in_terms_of_fields(Error error, const json& properties) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"destination.properties.endpointUrl", "webhook"},
      {"destination.properties.trigger", "workflow"},
      {"destination.properties.maxEventsPerBatch", "maxEventsPerBatch"},
      {"destination.properties.preferredBatchSizeInKilobytes", "preferredBatchKilobytes"},
      {"destination.properties.deliveryAttributeMappings", "headers"},
      {"filter.includedEventTypes", "types"},
      {"filter.subjectBeginsWith", "subjectBeginsWith"},
      {"filter.subjectEndsWith", "subjectEndsWith"},
      {"filter.advancedFilters", "conditions"},
      {"retryPolicy.maxDeliveryAttempts", "maxAttempts"},
      {"retryPolicy.eventTimeToLiveInMinutes", "timeToLive"},
      {"deadLetterDestination", "deadLetter"},
      {"expirationTimeUtc", "expiresAt"},
      {"eventDeliverySchema", "schema"},
      {"trunkline.", ""},
  };
  std::string_view target = error.target;
  if (target.starts_with("properties.")) target.remove_prefix(11);
  for (const auto& [member, field] : kNames) {
    if (!target.starts_with(member)) continue;
    const std::string_view rest = target.substr(member.size());
    // Of a list the place matters, and of a bucket the member.
    std::string renamed(field);
    if (field == "headers" && rest.starts_with('['))
      renamed = header_field(properties, rest);
    else if (field == "deadLetter")
      renamed = dead_letter_field(properties, rest);
    else if (field.empty() || rest.starts_with('['))
      renamed += rest;
    const std::string whole = error.target;
    if (const std::size_t at = error.message.find(whole); at != std::string::npos)
      error.message.replace(at, whole.size(), renamed);
    error.target = std::move(renamed);
    break;
  }
  return error;
}

service::EventSubscription describe(const eventgrid::EventSubscription& subscription, Time now) {
  using State = delivery::SubscriptionRow::State;
  using Kind = delivery::SubscriptionSpec::Kind;
  service::EventSubscription out;
  const delivery::SubscriptionSpec& spec = *subscription.spec;
  out.name = subscription.row.name;
  out.topic = subscription.source.topic;
  switch (spec.kind) {
    case Kind::kWebhook:
      out.destination = service::EventDestination::kWebhook;
      out.endpoint = spec.endpoint_base();
      break;
    case Kind::kHandler:
      out.destination = service::EventDestination::kHandler;
      break;
    case Kind::kWorkflow:
      out.destination = service::EventDestination::kWorkflow;
      out.endpoint = spec.endpoint;
      break;
  }
  switch (subscription.row.state) {
    case State::kActive:
      out.state = service::EventSubscriptionState::kSucceeded;
      break;
    case State::kAwaitingManualAction:
      out.state = now < subscription.row.validation_expires ? service::EventSubscriptionState::kAwaitingManualAction
                                                            : service::EventSubscriptionState::kFailed;
      break;
    case State::kFinished:
      out.state = service::EventSubscriptionState::kFinished;
      break;
  }
  out.properties = eventgrid::arm_properties_of(subscription, now).dump();
  out.created_at = subscription.row.created;
  out.updated_at = subscription.row.updated;
  return out;
}

service::Event to_service_event(const Event& event) {
  service::Event out;
  out.sequence = event.sequence;
  out.id = event.id;
  out.type = event.type;
  out.subject = event.subject;
  out.topic = event.topic;
  out.time = event.time;
  out.data_version = event.data_version;
  out.data = event.data;
  if (!event.traceparent.empty()) out.traceparent = event.traceparent;
  return out;
}

}  // namespace trunkline
