#include "runtime/eventgrid/handshake.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/delivery/webhook_target.h"
#include "runtime/events/event_render.h"

namespace trunkline::eventgrid {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

Error refused(const delivery::SubscriptionSpec& spec, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "Webhook validation handshake failed for " + spec.endpoint_base() + ": " + what,
               "properties.destination.properties.endpointUrl")
      .with_service_code("Url validation");
}

/// The headers that every delivery will have, so that an endpoint which asks for a key lets this request in.
void add_own_headers(const delivery::SubscriptionSpec& spec, net::ClientRequest& request) {
  for (const delivery::DeliveryAttribute& attribute : spec.attributes)
    if (!attribute.dynamic) request.headers.add(attribute.name, attribute.value);
  if (!spec.bearer.empty()) request.headers.add("Authorization", "Bearer " + std::string(spec.bearer.reveal()));
}

std::string first_part(std::string_view body) {
  std::string out(body.substr(0, 200));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return out;
}

}  // namespace

int Handshake::allowed_rate(std::string_view header) {
  header = trim(header);
  if (header.empty() || header == "*") return 0;
  const auto rate = parse_number<std::int64_t>(header);
  if (!rate || *rate <= 0)
    throw Error(ErrorCode::kInvalidArgument,
                "WebHook-Allowed-Rate is '" + first_part(header) + "' where a number of requests a minute or '*' was wanted",
                "WebHook-Allowed-Rate");
  return static_cast<int>(std::min<std::int64_t>(*rate, delivery::kMostRequestsPerMinute));
}

Task<Handshake::Answer> Handshake::run(delivery::SpecPtr spec, std::string topic, std::string code, std::string url) {
  if (spec->schema == events::EventSchema::kCloudEvents) co_return co_await ask_cloud_events(spec, url);
  co_return co_await ask_event_grid(spec, topic, code, url);
}

Task<net::ClientResponse> Handshake::send(delivery::SpecPtr spec, net::ClientRequest request) {
  for (int attempt = 1;; ++attempt) {
    net::ClientRequest copy = request;
    std::optional<net::ClientResponse> response;
    std::optional<Error> failure;
    try {
      response = co_await http_.send(std::move(copy));
    } catch (const Error& error) {
      failure = error;
    }
    const bool again = failure ? failure->code == ErrorCode::kUnavailable || failure->code == ErrorCode::kDeadlineExceeded
                               : response->status >= 500;
    if (!again || attempt == kAttempts) {
      if (failure) throw refused(*spec, failure->message);
      co_return *std::move(response);
    }
    if (clock_.mode() == Clock::Mode::kReal) co_await clock_.sleep(kPause);
  }
}

Task<Handshake::Answer> Handshake::ask_event_grid(delivery::SpecPtr spec, std::string topic, std::string code, std::string url) {
  nlohmann::json data;
  data["validationCode"] = code;
  if (!url.empty()) data["validationUrl"] = url;
  Event event;
  event.id = ids_.uuid4().str();
  event.topic = topic;
  event.type = "Microsoft.EventGrid.SubscriptionValidationEvent";
  event.time = clock_.now();
  event.data_version = "1";
  event.data = data.dump();
  const events::EventPtr one[] = {std::make_shared<const Event>(std::move(event))};

  net::ClientRequest request;
  request.method = "POST";
  request.url = spec->endpoint;
  request.timeout = timeout_;
  request.max_response_bytes = kMaxAnswerBytes;
  add_own_headers(*spec, request);
  request.headers.add("Content-Type", events::kJsonType);
  request.headers.add("aeg-event-type", "SubscriptionValidation");
  request.headers.add("aeg-subscription-name", delivery::subscription_header(spec->name));
  request.headers.add("aeg-delivery-count", "0");
  request.headers.add("aeg-data-version", "1");
  request.headers.add("aeg-metadata-version", "1");
  request.body = events::render_batch(events::EventSchema::kEventGrid, one);
  if (!spec->hmac_secret.empty()) delivery::sign(request, spec->hmac_secret.reveal(), clock_.now());

  const net::ClientResponse response = co_await send(spec, std::move(request));
  if (response.status != 200)
    throw refused(*spec,
                  "it answered " + std::to_string(response.status) + " where 200 was wanted: " + first_part(response.body));
  nlohmann::json answer;
  try {
    answer = parse_json(response.body, {kMaxAnswerBytes, 8});
  } catch (const Error&) {
    answer = nullptr;  // a receiver that knows nothing of this, or that wants to fetch the URL
  }
  const auto* said = answer.is_object() && answer.contains("validationResponse") ? &answer["validationResponse"] : nullptr;
  if (said != nullptr) {
    if (said->is_string() && said->get_ref<const std::string&>() == code) co_return Answer{Outcome::kValidated, 0};
    throw refused(*spec, "validationResponse is not the validationCode that it was sent");
  }
  if (url.empty()) throw refused(*spec, "it answered 200 without a validationResponse");
  co_return Answer{Outcome::kManual, 0};
}

Task<Handshake::Answer> Handshake::ask_cloud_events(delivery::SpecPtr spec, std::string url) {
  net::ClientRequest request;
  request.method = "OPTIONS";
  request.url = spec->endpoint;
  request.timeout = timeout_;
  request.max_response_bytes = kMaxAnswerBytes;
  add_own_headers(*spec, request);
  request.headers.add("WebHook-Request-Origin", origin_);
  if (!url.empty()) request.headers.add("WebHook-Request-Callback", url);
  if (spec->requests_per_minute != 0) request.headers.add("WebHook-Request-Rate", std::to_string(spec->requests_per_minute));
  const net::ClientResponse response = co_await send(spec, std::move(request));
  // With the header the status does not count: many servers answer OPTIONS in their own way. Without it, whoever took the
  // question may still say yes at the callback.
  const std::string_view allowed = response.headers.get("WebHook-Allowed-Origin");
  if (allowed.empty()) {
    if (!url.empty() && response.status / 100 == 2) co_return Answer{Outcome::kManual, 0};
    throw refused(*spec, "its answer to OPTIONS (" + std::to_string(response.status) + ") has no WebHook-Allowed-Origin");
  }
  const std::string_view who = trim(allowed);
  if (who != "*" && !iequals(who, origin_))
    throw refused(*spec, "WebHook-Allowed-Origin is '" + first_part(who) + "' where '" + origin_ + "' or '*' was wanted");
  Answer answer;
  try {
    answer.allowed_per_minute = allowed_rate(response.headers.get("WebHook-Allowed-Rate"));
  } catch (const Error& error) {
    throw refused(*spec, error.message);
  }
  co_return answer;
}

}  // namespace trunkline::eventgrid
