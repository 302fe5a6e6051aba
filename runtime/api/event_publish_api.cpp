#include "runtime/api/event_publish_api.h"

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/eventgrid/handshake.h"
#include "runtime/eventgrid/published_events.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/server/error_response.h"
#include "runtime/server/route.h"

namespace trunkline::api {
namespace {

using eventgrid::EventTopic;
using eventgrid::EventTopicPtr;
using server::RouteContext;

/// Above what events may have, so that what is too big is refused in the form that publishers know.
constexpr std::size_t kMaxPublishedBytes = 4 * eventgrid::kMaxBatchBytes;

/// `{"error":{"code":…,"message":…,"details":[{"code":…,"message":…}]}}`
net::Response event_grid_error(const Error& error) {
  net::Response response = server::error_response(error);
  const std::string code = server::service_code_of(error);
  std::string pair = R"("code":)";
  append_json_string(pair, code);
  pair += R"(,"message":)";
  append_json_string(pair, error.message);
  response.body = R"({"error":{)" + pair + R"(,"details":[{)" + pair + "}]}}";
  return response;
}

net::Response plain_error(const Error& error) {
  net::Response response = server::error_response(error);
  response.content_type = "text/plain; charset=utf-8";
  response.body = error.message + "\n";
  return response;
}

net::Response plain(std::string text) {
  net::Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

Error no_topic(std::string_view name) {
  if (name.empty()) return Error(ErrorCode::kNotFound, "The host name of the request is not that of a topic.", "Host");
  return Error(ErrorCode::kNotFound, "There is no topic '" + std::string(name.substr(0, 80)) + "'.", "topic");
}

/// Who may publish shows a key, a token signed with one, or a bearer token.
Task<void> authorize(PublishServices services, const RouteContext& context, EventTopicPtr topic) {
  if (services.open) co_return;
  const net::Headers& headers = context.request.headers;
  const std::string_view authorization = headers.get("Authorization");
  if (istarts_with(authorization, "Bearer ")) {
    std::string token(trim(authorization.substr(7)));
    co_return co_await services.verify(std::move(token));
  }
  constexpr std::string_view kScheme = "SharedAccessSignature ";
  if (istarts_with(authorization, kScheme))
    co_return check_topic_token(*topic, trim(authorization.substr(kScheme.size())), services.client_time());
  if (headers.has("aeg-sas-token")) co_return check_topic_token(*topic, headers.get("aeg-sas-token"), services.client_time());
  if (headers.has("aeg-sas-key")) co_return check_topic_key(*topic, headers.get("aeg-sas-key"));
  if (const auto key = context.query("aeg-sas-key")) co_return check_topic_key(*topic, *key);
  throw Error(ErrorCode::kUnauthenticated,
              "The request has no credential: wanted one of the headers aeg-sas-key, aeg-sas-token and Authorization.",
              "aeg-sas-key");
}

std::vector<NewEvent> read_events(const RouteContext& context, const EventTopic& topic, Time now) {
  const net::Request& request = context.request;
  const std::string_view content_type = request.headers.get("Content-Type");
  const std::string type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  const bool single = type == "application/cloudevents+json", batch = type == "application/cloudevents-batch+json";
  const bool binary = !single && !batch && (request.headers.has("ce-specversion") || request.headers.has("ce-id"));
  const bool wants_cloud_events = topic.schema == events::EventSchema::kCloudEvents;
  if ((single || batch || binary) && !wants_cloud_events)
    throw Error(ErrorCode::kInvalidArgument,
                "The request carries CloudEvents, but the input schema of the topic '" + topic.name + "' is EventGridSchema.",
                "Content-Type");
  if (binary) {
    std::vector<std::pair<std::string, std::string>> headers(request.headers.begin(), request.headers.end());
    std::vector<NewEvent> events;
    events.push_back(eventgrid::parse_binary_cloud_event(headers, content_type, request.body, now));
    return events;
  }
  if (!single && !batch && !type.empty() && type != "application/json" && !type.ends_with("+json"))
    throw Error(ErrorCode::kInvalidArgument, "Events of the content type '" + type.substr(0, 80) + "' are not taken.",
                "Content-Type")
        .with_http_status(415)
        .with_service_code("UnsupportedMediaType");
  if (!wants_cloud_events) return eventgrid::parse_event_grid_events(request.body, topic.source.topic, now);
  const bool several = batch || (!single && trim(request.body).starts_with('['));
  return eventgrid::parse_cloud_events(request.body, several, now);
}

Task<net::Response> publish(PublishServices services, RouteContext& context, std::string name) {
  const EventTopicPtr topic = services.topics.find(name);
  if (!topic) throw no_topic(name);
  co_await authorize(services, context, topic);
  std::vector<NewEvent> events = read_events(context, *topic, services.clock.now());
  // A CloudEvent shows its trace to whoever receives it, so it gets none that its publisher did not have.
  if (topic->schema == events::EventSchema::kEventGrid || context.request.headers.has("traceparent"))
    for (NewEvent& event : events)
      if (event.traceparent.empty()) event.traceparent = context.traceparent();
  co_await services.topics.publish(topic, std::move(events));
  co_return empty_response(200);
}

/// `orders` of `orders.eventgrid.localhost:4600`; empty when the host name has one part only or is an address.
std::string topic_of_host(std::string_view host) {
  host = host.substr(0, host.find(':'));
  const auto dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0 || is_digit(host.back())) return {};
  return std::string(host.substr(0, dot));
}

server::Route publish_route(std::string path, server::RouteHandler handler) {
  server::Route route;
  route.method = "POST";
  route.path = std::move(path);
  route.body = server::BodyRule::kAny;
  route.max_body_bytes = kMaxPublishedBytes;
  route.on_error = event_grid_error;
  route.handler = std::move(handler);
  return route;
}

Task<net::Response> validate(PublishServices services, RouteContext& context) {
  std::string code = context.query("code").value_or("");
  if (code.empty()) throw Error(ErrorCode::kInvalidArgument, "The parameter 'code' is missing.", "code");
  const int allowed = eventgrid::Handshake::allowed_rate(context.request.headers.get("WebHook-Allowed-Rate"));
  const auto subscription = co_await services.subscriptions.confirm(std::move(code), allowed);
  if (!subscription) co_return plain("The webhook is confirmed as soon as the request that subscribes it has ended.\n");
  co_return plain("The webhook of the event subscription '" + subscription->row.name +
                  "' is confirmed; its events are delivered from now on.\n");
}

}  // namespace

void add_event_publish_routes(std::vector<server::Route>& routes, const PublishServices& services) {
  routes.push_back(publish_route("/topics/{topicName}/api/events", [services](RouteContext& context) -> Task<net::Response> {
    std::string name = context.param("topicName");
    co_return co_await publish(services, context, std::move(name));
  }));
  routes.push_back(publish_route("/api/events", [services](RouteContext& context) -> Task<net::Response> {
    std::string name = topic_of_host(context.request.headers.get("Host"));
    co_return co_await publish(services, context, std::move(name));
  }));
  for (const char* method : {"GET", "POST"}) {
    server::Route route;
    route.method = method;
    route.path = "/eventGrid/validate";
    route.on_error = plain_error;
    route.handler = [services](RouteContext& context) -> Task<net::Response> { co_return co_await validate(services, context); };
    routes.push_back(std::move(route));
  }
}

}  // namespace trunkline::api
