#include "runtime/delivery/webhook_target.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"
#include "runtime/clock/clock.h"
#include "runtime/crypto/hash.h"
#include "runtime/events/event_types.h"

namespace trunkline::delivery {
namespace {

constexpr std::size_t kReplyBytes = 200;
constexpr std::size_t kMaxAnswerBytes = 64 * 1024;
constexpr std::size_t kMaxAttributeBytes = 4096;

/// Fit for a header, whatever an event says: what could end it becomes a space, and what no server would take is cut off.
std::string header_text(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  text.resize(std::min(text.size(), kMaxAttributeBytes));
  return text;
}

std::string attribute_value(const DeliveryAttribute& attribute, const Event& event) {
  if (!attribute.dynamic) return attribute.value;
  const events::EventView view(event);
  const nlohmann::json* const value = view.find(attribute.value);
  if (value == nullptr || value->is_null()) return "";
  return header_text(value->is_string() ? value->get<std::string>() : value->dump());
}

/// Whether a request may carry it whatever the attributes say.
bool is_own_header(std::string_view name) {
  return istarts_with(name, "aeg-") || istarts_with(name, "ce-") || istarts_with(name, "trunkline-") ||
         iequals(name, "Content-Type") || iequals(name, "traceparent") || iequals(name, "WebHook-Request-Origin");
}

}  // namespace

std::string subscription_header(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

std::string body_signature(std::string_view secret, std::string_view timestamp, std::string_view body) {
  const crypto::HmacSha256 key(secret);
  return "sha256=" + hex_encode(key.sign({timestamp, ".", body}));
}

void sign(net::ClientRequest& request, std::string_view secret, Time now) {
  const std::string timestamp = std::to_string(std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count());
  request.headers.add("Trunkline-Timestamp", timestamp);
  request.headers.add("Trunkline-Signature", body_signature(secret, timestamp, request.body));
}

void WebhookTarget::add_fixed(net::Headers& out, const SubscriptionSpec& spec) const {
  if (spec.schema == events::EventSchema::kEventGrid)
    out.add("Content-Type", events::kJsonType);
  else if (!spec.binary)
    out.add("Content-Type", spec.max_events_per_batch == 1 ? events::kCloudEventType : events::kCloudEventBatchType);
  out.add("aeg-event-type", "Notification");
  out.add("aeg-subscription-name", subscription_header(spec.name));
  out.add("aeg-metadata-version", events::kMetadataVersion);
  if (spec.schema == events::EventSchema::kCloudEvents) out.add("WebHook-Request-Origin", origin_);
}

std::shared_ptr<const net::FixedHeaders> WebhookTarget::fixed_of(const SpecPtr& spec) {
  const std::lock_guard lock(mutex_);
  if (const auto known = fixed_.find(spec.get()); known != fixed_.end() && known->second.spec.lock() == spec)
    return known->second.headers;
  // Each kind of change makes a new spec.
  std::erase_if(fixed_, [](const auto& entry) { return entry.second.spec.expired(); });
  // An attribute may stand for a header of ours, or for another in each event: then they are put together for each request.
  const bool same_for_all = std::all_of(spec->attributes.begin(), spec->attributes.end(),
                                        [](const DeliveryAttribute& a) { return !a.dynamic && !is_own_header(a.name); });
  std::shared_ptr<const net::FixedHeaders> headers;
  if (same_for_all) {
    net::Headers all;
    add_fixed(all, *spec);
    for (const DeliveryAttribute& attribute : spec->attributes)
      if (!attribute.value.empty()) all.set(attribute.name, attribute.value);
    if (!spec->bearer.empty()) all.set("Authorization", "Bearer " + std::string(spec->bearer.reveal()));
    headers = net::FixedHeaders::make(std::move(all));
  }
  fixed_[spec.get()] = {spec, headers};
  return headers;
}

net::ClientRequest WebhookTarget::render(const DeliveryRequest& request) {
  const SubscriptionSpec& spec = *request.spec;
  const Event& first = *request.events.front();
  net::ClientRequest out;
  out.method = "POST";
  out.url = spec.endpoint;
  out.timeout = timeout_;
  out.max_response_bytes = kMaxAnswerBytes;
  out.truncate_body = true;  // the status is the answer
  out.wants_headers = false;
  out.fixed = fixed_of(request.spec);
  out.headers.reserve(out.fixed ? 4 : 12);
  if (!out.fixed) add_fixed(out.headers, spec);
  if (spec.binary) {
    events::BinaryEvent binary = events::render_binary(first);
    for (const auto& [name, value] : binary.headers) out.headers.add(name, header_text(value));
    out.body = std::move(binary.body);
  } else if (spec.schema == events::EventSchema::kCloudEvents && spec.max_events_per_batch == 1) {
    out.body.reserve(first.data.size() + 512);
    events::append_event(out.body, spec.schema, first);
  } else {
    out.body = events::render_batch(spec.schema, request.events);
  }
  out.headers.add("aeg-delivery-count", std::to_string(request.delivery_count));
  if (request.events.size() == 1) {
    out.headers.add("aeg-data-version", header_text(first.data_version));
    out.headers.add("aeg-output-event-id", header_text(first.id));
    if (!first.traceparent.empty()) out.headers.add("traceparent", header_text(first.traceparent));
  }
  if (!out.fixed) {
    // Per event where a request carries one; a batch says what its first event says.
    for (const DeliveryAttribute& attribute : spec.attributes)
      if (std::string value = attribute_value(attribute, first); !value.empty())
        out.headers.set(attribute.name, std::move(value));
    if (!spec.bearer.empty()) out.headers.set("Authorization", "Bearer " + std::string(spec.bearer.reveal()));
  }
  if (!spec.hmac_secret.empty()) sign(out, spec.hmac_secret.reveal(), clock_.now());
  return out;
}

void WebhookTarget::deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) {
  net::ClientRequest out = render(request);
  http_.start_send(std::move(out), [done = std::move(done)](Result<net::ClientResponse> result) mutable {
    DeliveryAnswer answer;
    if (result.ok()) {
      const net::ClientResponse& response = result.value();
      answer.status = response.status;
      answer.rule = rule_of_status(response.status);
      answer.reply = utf8_sanitized(std::string_view(response.body).substr(0, kReplyBytes));
    } else {
      answer.rule = rule_of_error(result.error());
      answer.reply = utf8_sanitized(std::string_view(result.error().message).substr(0, kReplyBytes));
    }
    done(std::move(answer));
  });
}

}  // namespace trunkline::delivery
