#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/clock/clock.h"
#include "runtime/core/event_objects.h"
#include "runtime/core/event_properties.h"
#include "runtime/eventgrid/published_events.h"
#include "runtime/eventgrid/topic_service.h"

namespace trunkline {
namespace {

service::EventTopic describe(const eventgrid::EventTopic& topic, const std::string& endpoint) {
  service::EventTopic out;
  out.name = topic.name;
  out.topic_id = topic.source.topic;
  if (!endpoint.empty()) out.endpoint = topic.publish_url(endpoint);
  out.schema =
      topic.schema == events::EventSchema::kCloudEvents ? service::EventSchema::kCloudEvents : service::EventSchema::kEventGrid;
  out.primary_key = topic.key1.reveal();
  out.secondary_key = topic.key2.reveal();
  out.local_auth = topic.local_auth;
  out.tags = topic.tags;
  out.created_at = topic.created_at;
  return out;
}

/// As a publisher would send them, so that the same rules hold.
std::string event_grid_of(std::vector<service::NewTopicEvent> events, const std::vector<std::string>& ids, Time now) {
  std::string body = "[";
  for (std::size_t i = 0; i < events.size(); ++i) {
    const service::NewTopicEvent& event = events[i];
    const auto member = [&body](std::string_view name, std::string_view value) {
      body += name;
      append_json_string(body, value);
    };
    body += i == 0 ? "{" : ",{";
    member("\"id\":", ids[i]);
    member(",\"eventType\":", event.type);
    member(",\"subject\":", event.subject);
    member(",\"dataVersion\":", event.data_version);
    member(",\"eventTime\":", format_rfc3339(event.time.value_or(now)));
    // Not just put between: what is no JSON must not become members of the envelope.
    body += ",\"data\":" + parse_json(event.data).dump() + "}";
  }
  return body + "]";
}

/// `[2].eventType` to `events[2].type`.
Error in_terms_of_events(Error error) {
  if (!error.target.starts_with('[')) return error;
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{".eventType", ".type"}, {".eventTime", ".time"}};
  std::string renamed = "events" + error.target;
  for (const auto& [member, field] : kNames)
    if (renamed.ends_with(member)) renamed.replace(renamed.size() - member.size(), member.size(), field);
  if (const std::size_t at = error.message.find(error.target); at != std::string::npos)
    error.message.replace(at, error.target.size(), renamed);
  error.target = std::move(renamed);
  return error;
}

std::vector<std::string> ids_of(const std::vector<NewEvent>& events) {
  std::vector<std::string> ids;
  for (const NewEvent& event : events) ids.push_back(event.id);
  return ids;
}

}  // namespace

Task<service::EventTopic> EventTopicsObject::create(Call, service::NewEventTopic topic) {
  eventgrid::TopicSpec spec;
  spec.name = std::move(topic.name);
  spec.schema = schema_of(topic.schema, "schema") == events::EventSchema::kCloudEvents ? events::EventSchema::kCloudEvents
                                                                                       : events::EventSchema::kEventGrid;
  if (topic.primary_key) spec.key1 = Secret(std::move(*topic.primary_key));
  if (topic.secondary_key) spec.key2 = Secret(std::move(*topic.secondary_key));
  spec.local_auth = topic.local_auth;
  if (topic.tags) spec.tags = std::move(*topic.tags);
  const eventgrid::EventTopicPtr made = co_await runtime_.event_topics().create(std::move(spec));
  co_return describe(*made, runtime_.endpoint());
}

Task<service::EventTopic> EventTopicsObject::get(Call, std::string name) {
  co_return describe(*runtime_.event_topics().get(name), runtime_.endpoint());
}

Task<std::vector<service::EventTopic>> EventTopicsObject::list(Call) {
  std::vector<service::EventTopic> all;
  for (const eventgrid::EventTopicPtr& topic : runtime_.event_topics().list())
    all.push_back(describe(*topic, runtime_.endpoint()));
  co_return all;
}

Task<bool> EventTopicsObject::remove(Call, std::string name) {
  co_return co_await runtime_.event_topics().remove(std::move(name));
}

Task<service::EventTopic> EventTopicsObject::regenerate_key(Call, std::string name, service::KeyKind kind) {
  if (kind != service::KeyKind::kPrimary && kind != service::KeyKind::kSecondary)
    throw Error(ErrorCode::kInvalidArgument, "kind must be primary or secondary", "kind");
  const int which = kind == service::KeyKind::kPrimary ? 1 : 2;
  const eventgrid::EventTopicPtr topic = co_await runtime_.event_topics().regenerate_key(std::move(name), which);
  co_return describe(*topic, runtime_.endpoint());
}

Task<service::EventTopic> EventTopicsObject::set_tags(Call, std::string name, Properties tags) {
  UniqueFunction<void(eventgrid::EventTopic&)> change = [tags = std::move(tags)](eventgrid::EventTopic& topic) {
    topic.tags = tags;
  };
  const eventgrid::EventTopicPtr topic = co_await runtime_.event_topics().update(std::move(name), std::move(change));
  co_return describe(*topic, runtime_.endpoint());
}

Task<std::vector<std::string>> EventTopicsObject::publish(Call call, std::string topic,
                                                          std::vector<service::NewTopicEvent> events) {
  const eventgrid::EventTopicPtr to = runtime_.event_topics().get(topic);
  std::vector<std::string> ids;
  for (service::NewTopicEvent& event : events) ids.push_back(event.id ? std::move(*event.id) : runtime_.ids().uuid4().str());
  const Time now = runtime_.clock().now();
  const std::string body = event_grid_of(std::move(events), ids, now);
  std::vector<NewEvent> parsed;
  try {
    parsed = eventgrid::parse_event_grid_events(body, to->source.topic, now);
  } catch (const Error& error) {
    throw in_terms_of_events(error);
  }
  for (NewEvent& event : parsed) event.traceparent = call.traceparent();
  co_await runtime_.event_topics().publish(to, std::move(parsed));
  co_return ids;
}

Task<std::vector<std::string>> EventTopicsObject::publish_json(Call call, std::string topic, std::string events,
                                                               service::EventSchema schema) {
  const eventgrid::EventTopicPtr to = runtime_.event_topics().get(topic);
  const Time now = runtime_.clock().now();
  std::vector<NewEvent> parsed = schema_of(schema, "schema") == events::EventSchema::kCloudEvents
                                     ? eventgrid::parse_cloud_events(events, true, now)
                                     : eventgrid::parse_event_grid_events(events, to->source.topic, now);
  const std::vector<std::string> ids = ids_of(parsed);
  for (NewEvent& event : parsed)
    if (event.traceparent.empty()) event.traceparent = call.traceparent();
  co_await runtime_.event_topics().publish(to, std::move(parsed));
  co_return ids;
}

}  // namespace trunkline
