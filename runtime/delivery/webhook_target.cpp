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

/// Fit for a header: what could end it becomes a space.
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

net::ClientRequest WebhookTarget::render(const DeliveryRequest& request) const {
  const SubscriptionSpec& spec = *request.spec;
  const Event& first = *request.events.front();
  const bool single = request.events.size() == 1;
  net::ClientRequest out;
  out.method = "POST";
  out.url = spec.endpoint;
  out.timeout = timeout_;
  out.max_response_bytes = kMaxAnswerBytes;
  out.headers.reserve(12);
  if (spec.schema == events::EventSchema::kEventGrid) {
    out.headers.add("Content-Type", events::kJsonType);
    out.body = events::render_batch(spec.schema, request.events);
  } else if (spec.binary) {
    events::BinaryEvent binary = events::render_binary(first);
    for (const auto& [name, value] : binary.headers) out.headers.add(name, value);
    out.body = std::move(binary.body);
  } else if (spec.max_events_per_batch == 1) {
    out.headers.add("Content-Type", events::kCloudEventType);
    events::append_event(out.body, spec.schema, first);
  } else {
    out.headers.add("Content-Type", events::kCloudEventBatchType);
    out.body = events::render_batch(spec.schema, request.events);
  }
  out.headers.add("aeg-event-type", "Notification");
  out.headers.add("aeg-subscription-name", subscription_header(spec.name));
  out.headers.add("aeg-delivery-count", std::to_string(request.delivery_count));
  out.headers.add("aeg-metadata-version", events::kMetadataVersion);
  if (single) {
    out.headers.add("aeg-data-version", first.data_version);
    out.headers.add("aeg-output-event-id", first.id);
    if (!first.traceparent.empty()) out.headers.add("traceparent", first.traceparent);
  }
  if (spec.schema == events::EventSchema::kCloudEvents) out.headers.add("WebHook-Request-Origin", origin_);
  // Per event where a request carries one; a batch says what its first event says.
  for (const DeliveryAttribute& attribute : spec.attributes)
    if (std::string value = attribute_value(attribute, first); !value.empty()) out.headers.set(attribute.name, std::move(value));
  if (!spec.bearer.empty()) out.headers.set("Authorization", "Bearer " + std::string(spec.bearer.reveal()));
  if (!spec.hmac_secret.empty()) {
    const std::string timestamp = std::to_string(clock_.now_unix_us() / 1'000'000);
    out.headers.add("Trunkline-Timestamp", timestamp);
    out.headers.add("Trunkline-Signature", body_signature(spec.hmac_secret.reveal(), timestamp, out.body));
  }
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
      answer.reply = result.error().message.substr(0, kReplyBytes);
    }
    done(std::move(answer));
  });
}

}  // namespace trunkline::delivery
