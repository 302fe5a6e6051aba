// `/_control/topics`: event sources that an application publishes to by itself.
#include <nlohmann/json.hpp>

#include "runtime/api/control_events_api.h"
#include "runtime/api/control_rest.h"
#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/clock/clock.h"
#include "runtime/core/runtime.h"
#include "runtime/eventgrid/published_events.h"
#include "runtime/eventgrid/short_form.h"
#include "runtime/eventgrid/topic_service.h"

namespace trunkline::api {
namespace {

using eventgrid::EventTopic;
using eventgrid::EventTopicPtr;
using nlohmann::json;
using server::RouteContext;

json to_json(const Runtime& runtime, const EventTopic& topic) {
  json out;
  out["name"] = topic.name;
  out["id"] = topic.source.topic;
  // Where publishers send to; nothing listens in a process without a server.
  if (const std::string endpoint = runtime.endpoint(); !endpoint.empty()) out["publish_url"] = topic.publish_url(endpoint);
  out["location"] = topic.location;
  out["schema"] = to_text(topic.schema);
  out["key1"] = topic.key1.reveal();
  out["key2"] = topic.key2.reveal();
  out["local_auth"] = topic.local_auth;
  out["tags"] = topic.tags;
  out["created_at"] = rfc3339_us(topic.created_at);
  return out;
}

std::map<std::string, std::string> tags_of(const JsonRef& tags) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : tags.object().json().items()) {
    if (!value.is_string()) throw tags.error("holds '" + name + "', which is not text");
    out[name] = value.get<std::string>();
  }
  return out;
}

events::EventSchema schema_of(const JsonRef& value) {
  return eventgrid::parse_schema_name(value.text(), value.path()) == events::EventSchema::kCloudEvents
             ? events::EventSchema::kCloudEvents
             : events::EventSchema::kEventGrid;
}

Task<net::Response> create(Runtime& runtime, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  eventgrid::TopicSpec spec;
  spec.name = request.at("name").text();
  spec.location = request.text_or("location", spec.location);
  spec.local_auth = request.boolean_or("local_auth", true);
  if (const auto schema = request.find("schema")) spec.schema = schema_of(*schema);
  if (const auto tags = request.find("tags")) spec.tags = tags_of(*tags);
  const EventTopicPtr topic = co_await runtime.event_topics().create(std::move(spec));
  co_return json_response(201, to_json(runtime, *topic));
}

Task<net::Response> change_topic(Runtime& runtime, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  std::optional<std::map<std::string, std::string>> tags;
  if (const auto given = request.find("tags")) tags = tags_of(*given);
  std::optional<bool> local_auth;
  if (const auto given = request.find("local_auth")) local_auth = given->boolean();
  UniqueFunction<void(EventTopic&)> work = [tags, local_auth](EventTopic& topic) {
    if (tags) topic.tags = *tags;
    if (local_auth) topic.local_auth = *local_auth;
  };
  std::string name(context.param("name"));
  const EventTopicPtr topic = co_await runtime.event_topics().update(std::move(name), std::move(work));
  co_return json_response(200, to_json(runtime, *topic));
}

Task<net::Response> regenerate(Runtime& runtime, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef which = JsonRef(body).at("kind");
  if (which.text() != "key1" && which.text() != "key2") throw which.error("is neither key1 nor key2");
  const int number = which.text() == "key1" ? 1 : 2;
  std::string name(context.param("name"));
  const EventTopicPtr topic = co_await runtime.event_topics().regenerate_key(std::move(name), number);
  co_return json_response(200, to_json(runtime, *topic));
}

/// What the topic's publishing endpoint takes in structured mode.
std::vector<NewEvent> read_events(const EventTopic& topic, const std::string& body, Time now) {
  if (topic.schema == events::EventSchema::kEventGrid) return eventgrid::parse_event_grid_events(body, topic.source.topic, now);
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  const bool batch = first != std::string::npos && body[first] == '[';
  return eventgrid::parse_cloud_events(body, batch, now);
}

Task<net::Response> publish(Runtime& runtime, RouteContext& context) {
  EventTopicPtr topic = runtime.event_topics().get(context.param("name"));
  std::vector<NewEvent> events = read_events(*topic, context.request.body, runtime.clock().now());
  json answer;
  answer["ids"] = json::array();
  for (const NewEvent& event : events) answer["ids"].push_back(event.id);
  co_await runtime.event_topics().publish(std::move(topic), std::move(events));
  co_return json_response(202, answer);
}

}  // namespace

void add_control_topic_routes(std::vector<server::Route>& routes, Runtime& runtime) {
  constexpr const char* kAll = "/_control/topics";
  constexpr const char* kOne = "/_control/topics/{name}";
  add_control_route(routes, "GET", kAll, [&runtime](RouteContext&) -> Task<net::Response> {
    json answer;
    answer["items"] = json::array();
    for (const EventTopicPtr& topic : runtime.event_topics().list()) answer["items"].push_back(to_json(runtime, *topic));
    co_return json_response(200, answer);
  });
  add_control_route(routes, "POST", kAll, [&runtime](RouteContext& context) { return create(runtime, context); });
  add_control_route(routes, "GET", kOne, [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, to_json(runtime, *runtime.event_topics().get(context.param("name"))));
  });
  add_control_route(routes, "PATCH", kOne, [&runtime](RouteContext& context) { return change_topic(runtime, context); });
  add_control_route(routes, "DELETE", kOne, [&runtime](RouteContext& context) -> Task<net::Response> {
    std::string name(context.param("name"));
    const bool removed = co_await runtime.event_topics().remove(std::move(name));
    if (!removed) throw Error(ErrorCode::kNotFound, "there is no topic '" + std::string(context.param("name")) + "'", "name");
    co_return empty_response(204);
  });
  add_control_route(routes, "POST", "/_control/topics/{name}/keys",
                    [&runtime](RouteContext& context) { return regenerate(runtime, context); });
  add_control_route(routes, "POST", "/_control/topics/{name}/events",
                    [&runtime](RouteContext& context) { return publish(runtime, context); });
}

}  // namespace trunkline::api
