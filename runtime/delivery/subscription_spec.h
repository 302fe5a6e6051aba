// An event subscription as its owner says it: where to, what, in which shape, how stubbornly.
#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/base/secret.h"
#include "runtime/delivery/options.h"
#include "runtime/delivery/s3_signature.h"
#include "runtime/events/event_filter.h"
#include "runtime/events/event_render.h"

namespace trunkline::delivery {

/// A header of our requests: a fixed value, or a field of the event.
struct DeliveryAttribute {
  std::string name;
  bool dynamic = false;
  std::string value;  // or the key, `data.from`
  bool secret = false;
};

struct DeadLetterSpec {
  enum class Kind { kNone, kDirectory, kHttp, kS3 } kind = Kind::kNone;
  /// Absolute path, or URL below which documents are put.
  std::string where;
  S3Credentials s3;  // kS3: signs each request
  /// The destination as it was given.
  std::string given_json;
};

struct SubscriptionSpec {
  std::string name;
  /// ARM id of the source; set by whoever keeps the subscription.
  std::string topic;
  enum class Kind {
    kWebhook,   // an HTTP endpoint
    kHandler,   // a consumer in our process or at our door, which acknowledges
    kWorkflow,  // a trigger of a workflow
  } kind = Kind::kWebhook;
  /// URL, or name of the workflow's trigger.
  std::string endpoint;
  int max_events_per_batch = 1;
  int preferred_batch_kb = 64;
  std::vector<DeliveryAttribute> attributes;

  /// Requests a minute; 0: without a limit.
  int pace() const {
    if (requests_per_minute == 0 || allowed_per_minute == 0) return requests_per_minute + allowed_per_minute;
    return requests_per_minute < allowed_per_minute ? requests_per_minute : allowed_per_minute;
  }
  /// Without its query, which often is a key.
  std::string endpoint_base() const { return endpoint.substr(0, endpoint.find('?')); }

  events::EventSchema schema = events::EventSchema::kEventGrid;
  events::FilterSpec filter;
  int max_attempts = 30;
  int ttl_minutes = 1440;
  DeadLetterSpec dead_letter;
  std::vector<std::string> labels;
  std::optional<Time> expires;

  // Our own, under `trunkline` in JSON.
  /// Events with the same value of this key are delivered one after the other; empty: no order.
  std::string ordering_key;
  /// CloudEvents in binary mode; one event a request.
  bool binary = false;
  Secret bearer;       // sent as Authorization
  Secret hmac_secret;  // signs the body
  /// Requests at the same time; 0: as many as the endpoint allows.
  int concurrency = 0;
  /// Requests a minute; 0: as many as the endpoint takes.
  int requests_per_minute = 0;
  /// What its endpoint allowed when it was asked; 0: it did not say.
  int allowed_per_minute = 0;
  /// Ends after this position of the log; how a replay ends.
  std::optional<std::int64_t> until;
};

/// What may be said of requests a minute.
inline constexpr int kMostRequestsPerMinute = 1'000'000;

using SpecPtr = std::shared_ptr<const SubscriptionSpec>;

/// Reads the `properties` of an ARM event subscription. Throws kInvalidArgument with the member at fault.
SubscriptionSpec parse_spec(std::string name, const JsonRef& properties, const DeliveryOptions& options);
/// `secrets`: for the store; else they are left out, and so are values of secret attributes.
nlohmann::json to_json(const SubscriptionSpec& spec, bool secrets);
nlohmann::json attributes_json(const SubscriptionSpec& spec, bool secrets);

/// Merges a PATCH (members that are there replace) into the stored properties.
nlohmann::json merge_spec(const SubscriptionSpec& spec, const nlohmann::json& patch);

/// 3 to 64 letters, digits and '-'. Throws kInvalidArgument.
void check_subscription_name(const std::string& name);
/// A URL that may be delivered to under `options`. Throws kInvalidArgument.
void check_endpoint(const JsonRef& url, const DeliveryOptions& options);

}  // namespace trunkline::delivery
