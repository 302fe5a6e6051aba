// `/_control/event-subscriptions`: who is told of events, what each is doing, and consumers that come and take.
#include <nlohmann/json.hpp>

#include "runtime/api/control_events_api.h"
#include "runtime/api/control_rest.h"
#include "runtime/api/control_subscriptions.h"
#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/core/runtime.h"
#include "runtime/eventgrid/short_form.h"

namespace trunkline::api {
namespace {

using eventgrid::EventSource;
using eventgrid::EventSubscription;
using eventgrid::EventSubscriptionPtr;
using eventgrid::kMaxLock;
using nlohmann::json;
using server::RouteContext;

constexpr Duration kLock = std::chrono::seconds{30};

json to_json(const eventgrid::SubscriptionActivity& activity) {
  json out;
  out["cursor"] = activity.cursor;
  out["queued"] = activity.queued;
  out["in_flight"] = activity.in_flight;
  out["retrying"] = activity.retrying;
  out["blocked"] = activity.blocked;
  out["dead_lettered"] = activity.dead_lettered;
  out["dropped"] = activity.dropped;
  out["idle"] = activity.idle;
  if (activity.paused_until) out["paused_until"] = rfc3339_us(*activity.paused_until);
  return out;
}

/// In one word. `paused`: its endpoint failed so often that it is left alone for a while.
std::string_view state_of(const EventSubscription& subscription, const eventgrid::SubscriptionActivity& activity, Time now) {
  const std::string_view provisioning = subscription.provisioning_state(now);
  if (provisioning == "AwaitingManualAction") return "awaiting_validation";
  if (provisioning == "Failed") return "failed";
  if (subscription.finished()) return "finished";
  if (activity.paused_until) return "paused";
  return activity.retrying > 0 ? "retrying" : "active";
}

std::string name_of(const RouteContext& context) { return std::string(context.param("name")); }

Task<net::Response> put(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_body(context);
  const JsonRef request(body);
  constexpr std::string_view kOwn[] = {"name", "after"};
  json properties = eventgrid::properties_of(request, kOwn);
  std::optional<std::int64_t> start;
  if (const auto after = request.find("after")) start = after->integer(0);
  std::string name = name_of(context);
  const auto written = co_await runtime.event_subscriptions().put(source, std::move(name), std::move(properties), start);
  co_return json_response(written.created ? 201 : 200, subscription_json(runtime, *written.subscription));
}

Task<net::Response> patch(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_body(context);
  // PATCH keeps what is not named; what was taken away has to be written as the whole.
  auto properties_of = [&body](const delivery::SubscriptionSpec& old) {
    return eventgrid::changed_properties(delivery::to_json(old, true), JsonRef(body));
  };
  std::string name = name_of(context);
  const EventSubscriptionPtr written =
      co_await runtime.event_subscriptions().change(source, std::move(name), std::move(properties_of));
  co_return json_response(200, subscription_json(runtime, *written));
}

Task<net::Response> remove_subscription(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  std::string name = name_of(context);
  const bool removed = co_await runtime.event_subscriptions().remove(source, std::move(name));
  if (!removed) throw Error(ErrorCode::kNotFound, "there is no event subscription '" + name_of(context) + "'", "name");
  co_return empty_response(204);
}

Task<net::Response> take(Runtime& runtime, Clock& wall, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_optional_body(context);
  const JsonRef request(body);
  const auto max = static_cast<std::uint32_t>(request.integer_or("max", 1, 1, 100));
  Duration lock = kLock;
  if (const auto given = request.find("lock")) {
    lock = parse_duration_member(*given);
    if (lock <= Duration::zero() || lock > kMaxLock) throw given->error("is not from 1ms to 24h");
  }
  const Duration wait = std::chrono::milliseconds{request.integer_or("wait_ms", 0, 0, kMaxWaitMs)};
  std::string name = name_of(context);
  // The caller waits in its own time, also while the runtime's clock stands still.
  const std::vector<delivery::Delivery> taken =
      co_await runtime.event_subscriptions().take(source, std::move(name), max, lock, wait, &wall);
  json answer;
  answer["items"] = json::array();
  for (const delivery::Delivery& delivery : taken) {
    json item;
    item["delivery_id"] = std::to_string(delivery.id);
    item["attempt"] = delivery.attempt;
    item["event"] = event_json(*delivery.event);
    answer["items"].push_back(std::move(item));
  }
  co_return json_response(200, answer);
}

/// The deliveries of a body; `settle` says whether it was not too late.
template <class F>
net::Response settle_all(const json& body, const char* member, F settle) {
  const JsonRef list = JsonRef(body).at("delivery_ids");
  json done = json::array(), late = json::array();
  for (std::size_t i = 0; i < list.array_size(); ++i) {
    const std::string text(list[i].text());
    const auto id = parse_number<std::uint64_t>(text);
    if (!id) throw list[i].error("is no id of a delivery");
    (settle(*id) ? done : late).push_back(text);
  }
  json answer;
  answer[member] = std::move(done);
  answer["too_late"] = std::move(late);
  return json_response(200, answer);
}

Task<net::Response> acknowledge(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_body(context);
  const auto settle = [&](std::uint64_t id) {
    return runtime.event_subscriptions().acknowledge(source, context.param("name"), id);
  };
  co_return settle_all(body, "acknowledged", settle);
}

Task<net::Response> reject(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_body(context);
  const std::string reason(JsonRef(body).text_or("reason", "rejected by the consumer"));
  const auto settle = [&](std::uint64_t id) {
    return runtime.event_subscriptions().reject(source, context.param("name"), id, reason);
  };
  co_return settle_all(body, "rejected", settle);
}

}  // namespace

std::string_view kind_of(const delivery::SubscriptionSpec& spec) {
  switch (spec.kind) {
    case delivery::SubscriptionSpec::Kind::kHandler:
      return "handler";
    case delivery::SubscriptionSpec::Kind::kWorkflow:
      return "workflow";
    default:
      return "webhook";
  }
}

json subscription_json(Runtime& runtime, const EventSubscription& subscription) {
  const eventgrid::SubscriptionActivity activity = runtime.event_subscriptions().activity(subscription);
  const Time now = runtime.clock().now();
  json out;
  out["name"] = subscription.row.name;
  out["source"] = subscription.source.name;
  out["state"] = state_of(subscription, activity, now);
  out["provisioning_state"] = subscription.provisioning_state(now);
  out["kind"] = kind_of(*subscription.spec);
  // The query of a URL often is a key.
  out["endpoint"] = subscription.spec->endpoint_base();
  out["schema"] = to_text(subscription.spec->schema);
  out["activity"] = to_json(activity);
  out["properties"] = eventgrid::arm_properties_of(subscription, now);
  out["created_at"] = rfc3339_us(subscription.row.created);
  out["updated_at"] = rfc3339_us(subscription.row.updated);
  return out;
}

void add_control_subscription_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall) {
  constexpr const char* kAll = "/_control/event-subscriptions";
  constexpr const char* kOne = "/_control/event-subscriptions/{name}";
  add_control_route(routes, "GET", kAll, [&runtime](RouteContext& context) -> Task<net::Response> {
    json answer;
    answer["items"] = json::array();
    for (const EventSubscriptionPtr& one : runtime.event_subscriptions().list(event_source_of(runtime, context)))
      answer["items"].push_back(subscription_json(runtime, *one));
    co_return json_response(200, answer);
  });
  add_control_route(routes, "GET", kOne, [&runtime](RouteContext& context) -> Task<net::Response> {
    const EventSource source = event_source_of(runtime, context);
    co_return json_response(200, subscription_json(runtime, *runtime.event_subscriptions().get(source, context.param("name"))));
  });
  add_control_route(routes, "PUT", kOne, [&runtime](RouteContext& context) { return put(runtime, context); });
  add_control_route(routes, "PATCH", kOne, [&runtime](RouteContext& context) { return patch(runtime, context); });
  add_control_route(routes, "DELETE", kOne, [&runtime](RouteContext& context) { return remove_subscription(runtime, context); });
  add_control_route(routes, "POST", "/_control/event-subscriptions/{name}/take",
                    [&runtime, &wall](RouteContext& context) { return take(runtime, wall, context); });
  add_control_route(routes, "POST", "/_control/event-subscriptions/{name}/acknowledge",
                    [&runtime](RouteContext& context) { return acknowledge(runtime, context); });
  add_control_route(routes, "POST", "/_control/event-subscriptions/{name}/reject",
                    [&runtime](RouteContext& context) { return reject(runtime, context); });
}

}  // namespace trunkline::api
