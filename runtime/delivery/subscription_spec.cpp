#include "runtime/delivery/subscription_spec.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/base/names.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/net/url.h"

namespace trunkline::delivery {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxAttributes = 10;
constexpr std::size_t kMaxSpecAttributeBytes = 4096;
constexpr std::size_t kMaxLabels = 100;

bool is_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' || c == '_';
  });
}

/// Headers that are ours to set, or that would change what the request means.
bool is_reserved_header(std::string_view name) {
  constexpr std::string_view kReserved[] = {
      "host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"};
  return istarts_with(name, "aeg-") || istarts_with(name, "ce-") || istarts_with(name, "webhook-") ||
         istarts_with(name, "trunkline-") || iequals(name, "traceparent") ||
         std::any_of(std::begin(kReserved), std::end(kReserved), [&](std::string_view r) { return iequals(name, r); });
}

void read_attributes(const JsonRef& list, SubscriptionSpec& spec) {
  const std::size_t count = list.array_size();
  if (count > kMaxAttributes) throw list.error("has more than 10 headers");
  for (std::size_t i = 0; i < count; ++i) {
    const JsonRef item = list[i];
    DeliveryAttribute attribute;
    attribute.name = item.at("name").text();
    if (!is_header_name(attribute.name)) throw item.at("name").error("is no header name");
    if (is_reserved_header(attribute.name)) throw item.at("name").error("is a header that cannot be set");
    const JsonRef type = item.at("type");
    const JsonRef properties = item.at("properties");
    if (iequals(type.text(), "Static")) {
      const JsonRef value = properties.at("value");
      attribute.value = value.text();
      if (attribute.value.size() > kMaxSpecAttributeBytes) throw value.error("is longer than 4096 bytes");
      if (attribute.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        throw value.error("has a line break or NUL in it");
      attribute.secret = properties.boolean_or("isSecret", false);
    } else if (iequals(type.text(), "Dynamic")) {
      attribute.dynamic = true;
      attribute.value = properties.at("sourceField").text();
    } else {
      throw type.error("is neither Static nor Dynamic");
    }
    spec.attributes.push_back(std::move(attribute));
  }
}

void read_destination(const JsonRef& destination, const DeliveryOptions& options, SubscriptionSpec& spec) {
  const JsonRef type = destination.at("endpointType");
  if (iequals(type.text(), "WebHook")) {
    const JsonRef properties = destination.at("properties");
    check_endpoint(properties.at("endpointUrl"), options);
    spec.endpoint = properties.at("endpointUrl").text();
    spec.max_events_per_batch = static_cast<int>(properties.integer_or("maxEventsPerBatch", 1, 1, 5000));
    spec.preferred_batch_kb = static_cast<int>(properties.integer_or("preferredBatchSizeInKilobytes", 64, 1, 1024));
    if (const auto list = properties.find("deliveryAttributeMappings")) read_attributes(*list, spec);
  } else if (iequals(type.text(), "Handler")) {
    spec.kind = SubscriptionSpec::Kind::kHandler;
  } else if (iequals(type.text(), "Workflow")) {
    spec.kind = SubscriptionSpec::Kind::kWorkflow;
    const JsonRef properties = destination.at("properties");
    spec.endpoint = properties.at("trigger").text();
    spec.max_events_per_batch = static_cast<int>(properties.integer_or("maxEventsPerBatch", 1, 1, 5000));
  } else {
    throw type.error("'" + std::string(type.text()) + "' is not offered; WebHook, Handler and Workflow are");
  }
}

/// A name without a way out of its directory.
bool is_inner_path(const std::filesystem::path& path) {
  return !path.empty() && path.is_relative() &&
         std::none_of(path.begin(), path.end(), [](const auto& part) { return part == ".." || part == "."; });
}

std::string dead_letter_directory(const JsonRef& at, const std::filesystem::path& inner, const DeliveryOptions& options) {
  if (options.dead_letter_path.empty())
    throw at.error("needs events.dead_letter_path in the configuration").with_service_code("InvalidRequest");
  if (!is_inner_path(inner)) throw at.error("is no relative path within events.dead_letter_path");
  return (std::filesystem::path(options.dead_letter_path) / inner).string();
}

/// What would take no document at all: a URL that was signed for one name, or a store that takes nothing unsigned.
void check_unsigned_store(const JsonRef& value) {
  const std::string_view url = value.text();
  if (url.find("X-Amz-Signature=") != std::string_view::npos)
    throw value.error("is signed for one document; endpointType S3 signs each");
  const auto parsed = net::parse_url(url);
  if (parsed && (parsed->host.ends_with(".amazonaws.com") || parsed->host.ends_with(".amazonaws.com.cn")))
    throw value.error("is a store that takes signed requests only; endpointType S3 signs them");
}

/// Fit for a header and for the scope of a signature.
std::string s3_word(const JsonRef& value) {
  const std::string_view text = value.text();
  const bool good =
      !text.empty() && text.size() <= 4096 && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!good) throw value.error("is not 1 to 4096 printable characters");
  return std::string(text);
}

void read_s3(const JsonRef& properties, const DeliveryOptions& options, DeadLetterSpec& out) {
  const JsonRef url = properties.at("endpointUrl");
  check_endpoint(url, options);
  const std::string_view text = url.text();
  if (text.find_first_of("?#") != std::string_view::npos) throw url.error("has a query; a bucket and a prefix are wanted");
  for (const std::string_view dots : {"/./", "/../"})
    if ((std::string(text) + "/").find(dots) != std::string::npos) throw url.error("has '.' or '..' in its path");
  out.kind = DeadLetterSpec::Kind::kS3;
  out.where = text;
  out.s3.region = s3_word(properties.at("region"));
  out.s3.access_key_id = s3_word(properties.at("accessKeyId"));
  out.s3.secret_access_key = Secret(s3_word(properties.at("secretAccessKey")));
  if (const auto token = properties.find("sessionToken")) out.s3.session_token = Secret(s3_word(*token));
  for (const auto& [name, word] : {std::pair{"region", &out.s3.region}, std::pair{"accessKeyId", &out.s3.access_key_id}})
    if (word->find_first_of("/,") != std::string::npos) throw properties.at(name).error("has '/' or ',' in it");
}

void read_dead_letter(const JsonRef& destination, const DeliveryOptions& options, DeadLetterSpec& out) {
  const JsonRef type = destination.at("endpointType");
  const JsonRef properties = destination.at("properties");
  if (iequals(type.text(), "StorageBlob")) {
    const JsonRef account = properties.at("resourceId");
    const std::string_view id = account.text();
    const std::filesystem::path name(std::string(id.substr(id.rfind('/') + 1)));
    out.kind = DeadLetterSpec::Kind::kDirectory;
    out.where = dead_letter_directory(account, name / std::string(properties.at("blobContainerName").text()), options);
  } else if (iequals(type.text(), "Directory")) {
    const JsonRef path = properties.at("path");
    out.kind = DeadLetterSpec::Kind::kDirectory;
    out.where = dead_letter_directory(path, std::string(path.text()), options);
  } else if (iequals(type.text(), "WebHook")) {
    const JsonRef url = properties.at("endpointUrl");
    check_endpoint(url, options);
    check_unsigned_store(url);
    out.kind = DeadLetterSpec::Kind::kHttp;
    out.where = url.text();
  } else if (iequals(type.text(), "S3")) {
    read_s3(properties, options, out);
  } else {
    throw type.error("'" + std::string(type.text()) + "' is not offered; StorageBlob, Directory, WebHook and S3 are");
  }
  out.given_json = destination.json().dump();
}

void read_own(const JsonRef& own, SubscriptionSpec& spec) {
  spec.ordering_key = own.text_or("orderingKey", "");
  spec.binary = own.boolean_or("binary", false);
  spec.bearer = Secret(std::string(own.text_or("bearer", "")));
  if (spec.bearer.reveal().find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    throw own.at("bearer").error("has a line break or NUL in it");
  spec.hmac_secret = Secret(std::string(own.text_or("hmacSecret", "")));
  spec.concurrency = static_cast<int>(own.integer_or("concurrency", 0, 0, 1000));
  spec.requests_per_minute = static_cast<int>(own.integer_or("requestsPerMinute", 0, 0, kMostRequestsPerMinute));
  spec.allowed_per_minute = static_cast<int>(own.integer_or("allowedRequestsPerMinute", 0, 0, kMostRequestsPerMinute));
  if (spec.requests_per_minute != 0 && spec.kind == SubscriptionSpec::Kind::kHandler)
    throw own.at("requestsPerMinute").error("needs a webhook or a workflow");
  if (const auto until = own.find("until")) spec.until = until->integer(0);
  if (spec.binary && spec.schema != events::EventSchema::kCloudEvents)
    throw own.at("binary").error("needs eventDeliverySchema CloudEventSchemaV1_0");
  if (spec.binary && spec.max_events_per_batch > 1) throw own.at("binary").error("sends one event a request");
}

}  // namespace

void check_subscription_name(const std::string& name) {
  if (!is_event_grid_name(name, 64))
    throw Error(ErrorCode::kInvalidArgument, "'" + name + "' is no subscription name: 3 to 64 letters, digits or '-'", "name")
        .with_service_code("InvalidRequest");
}

void check_endpoint(const JsonRef& value, const DeliveryOptions& options) {
  const auto url = net::parse_url(value.text());
  if (!url || (url->scheme != "http" && url->scheme != "https")) throw value.error("is no absolute http or https URL");
  if (url->has_credentials) throw value.error("has a user name or password in it");
  const bool loopback = net::is_loopback_host(url->host);
  if (url->scheme == "http" && !options.allow_http && !loopback)
    throw value.error("is plain http to another machine; events.allow_http in the configuration allows it");
  if (options.forbid_private && (loopback || net::is_private_address(url->host)))
    throw value.error("is a private address, which events.forbid_private forbids");
}

SubscriptionSpec parse_spec(std::string name, const JsonRef& properties, const DeliveryOptions& options) {
  check_subscription_name(name);
  SubscriptionSpec spec;
  spec.name = std::move(name);
  if (const auto schema = properties.find("eventDeliverySchema")) {
    if (iequals(schema->text(), "CloudEventSchemaV1_0"))
      spec.schema = events::EventSchema::kCloudEvents;
    else if (!iequals(schema->text(), "EventGridSchema"))
      throw schema->error("'" + std::string(schema->text()) + "' is not offered");
  }
  read_destination(properties.at("destination"), options, spec);
  if (const auto filter = properties.find("filter")) spec.filter = events::parse_filter(*filter);
  if (const auto retry = properties.find("retryPolicy")) {
    spec.max_attempts = static_cast<int>(retry->integer_or("maxDeliveryAttempts", 30, 1, 30));
    spec.ttl_minutes = static_cast<int>(retry->integer_or("eventTimeToLiveInMinutes", 1440, 1, 1440));
  }
  if (const auto dead = properties.find("deadLetterDestination")) read_dead_letter(*dead, options, spec.dead_letter);
  if (const auto labels = properties.find("labels")) {
    for (std::size_t i = 0; i < labels->array_size() && i < kMaxLabels; ++i) spec.labels.emplace_back((*labels)[i].text());
  }
  if (const auto expires = properties.find("expirationTimeUtc")) {
    spec.expires = parse_rfc3339(expires->text());
    if (!spec.expires) throw expires->error("is no RFC 3339 time");
  }
  if (const auto own = properties.find("trunkline")) read_own(*own, spec);
  return spec;
}

json attributes_json(const SubscriptionSpec& spec, bool secrets) {
  json list = json::array();
  for (const DeliveryAttribute& attribute : spec.attributes) {
    json item;
    item["name"] = attribute.name;
    item["type"] = attribute.dynamic ? "Dynamic" : "Static";
    if (attribute.dynamic) {
      item["properties"]["sourceField"] = attribute.value;
    } else {
      item["properties"]["isSecret"] = attribute.secret;
      item["properties"]["value"] = attribute.secret && !secrets ? json() : json(attribute.value);
    }
    list.push_back(std::move(item));
  }
  return list;
}

json to_json(const SubscriptionSpec& spec, bool secrets) {
  json out;
  json& destination = out["destination"];
  json& properties = destination["properties"];
  switch (spec.kind) {
    case SubscriptionSpec::Kind::kWebhook:
      destination["endpointType"] = "WebHook";
      // The query often is a key.
      if (secrets) properties["endpointUrl"] = spec.endpoint;
      properties["endpointBaseUrl"] = spec.endpoint_base();
      properties["preferredBatchSizeInKilobytes"] = spec.preferred_batch_kb;
      properties["maxEventsPerBatch"] = spec.max_events_per_batch;
      break;
    case SubscriptionSpec::Kind::kHandler:
      destination["endpointType"] = "Handler";
      properties = json::object();
      break;
    case SubscriptionSpec::Kind::kWorkflow:
      destination["endpointType"] = "Workflow";
      properties["trigger"] = spec.endpoint;
      properties["maxEventsPerBatch"] = spec.max_events_per_batch;
      break;
  }
  if (!spec.attributes.empty()) properties["deliveryAttributeMappings"] = attributes_json(spec, secrets);
  out["eventDeliverySchema"] = to_text(spec.schema);
  out["filter"] = events::to_json(spec.filter);
  out["retryPolicy"]["maxDeliveryAttempts"] = spec.max_attempts;
  out["retryPolicy"]["eventTimeToLiveInMinutes"] = spec.ttl_minutes;
  if (spec.dead_letter.kind != DeadLetterSpec::Kind::kNone) {
    json& dead = out["deadLetterDestination"] = json::parse(spec.dead_letter.given_json);
    if (spec.dead_letter.kind == DeadLetterSpec::Kind::kHttp && !secrets) {
      dead["properties"].erase("endpointUrl");
      dead["properties"]["endpointBaseUrl"] = spec.dead_letter.where.substr(0, spec.dead_letter.where.find('?'));
    }
    if (spec.dead_letter.kind == DeadLetterSpec::Kind::kS3 && !secrets)
      for (const char* secret : {"secretAccessKey", "sessionToken"}) dead["properties"].erase(secret);
  }
  out["labels"] = spec.labels;
  if (spec.expires) out["expirationTimeUtc"] = format_rfc3339(*spec.expires);
  json own;
  if (!spec.ordering_key.empty()) own["orderingKey"] = spec.ordering_key;
  if (spec.binary) own["binary"] = true;
  if (spec.concurrency != 0) own["concurrency"] = spec.concurrency;
  if (spec.requests_per_minute != 0) own["requestsPerMinute"] = spec.requests_per_minute;
  if (spec.allowed_per_minute != 0) own["allowedRequestsPerMinute"] = spec.allowed_per_minute;
  if (spec.until) own["until"] = *spec.until;
  if (secrets && !spec.bearer.empty()) own["bearer"] = spec.bearer.reveal();
  if (secrets && !spec.hmac_secret.empty()) own["hmacSecret"] = spec.hmac_secret.reveal();
  if (!own.is_null()) out["trunkline"] = std::move(own);
  return out;
}

json merge_spec(const SubscriptionSpec& spec, const json& patch) {
  json merged = to_json(spec, true);
  for (const auto& [name, value] : patch.items()) merged[name] = value;
  return merged;
}

}  // namespace trunkline::delivery
