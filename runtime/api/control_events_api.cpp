// `/_control/events`: what happened, what became of it, and once more.
#include "runtime/api/control_events_api.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/api/control_rest.h"
#include "runtime/api/control_subscriptions.h"
#include "runtime/api/event_query.h"
#include "runtime/api/rest.h"
#include "runtime/async/executor.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/core/runtime.h"
#include "runtime/delivery/engine.h"
#include "runtime/eventgrid/event_history.h"
#include "runtime/eventgrid/short_form.h"
#include "runtime/events/event_log.h"
#include "runtime/events/event_render.h"
#include "runtime/events/event_types.h"
#include "runtime/net/stream.h"

namespace trunkline::api {
namespace {

using eventgrid::EventQuery;
using eventgrid::EventSource;
using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kExportPage = 256;
constexpr std::string_view kJsonLines = "application/x-ndjson";

/// Events after a position, as they come: a long poll that waits up to `wait_ms` for the first one.
Task<net::Response> poll(Runtime& runtime, Clock& wall, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  EventFilter filter;
  for (std::string& type : context.queries("type")) filter.types.push_back(events::full_event_type(std::move(type)));
  filter.subject_begins_with = context.query("subject").value_or("");
  const std::int64_t last = runtime.events().last_sequence(*source.database, source.key);
  const std::int64_t after = integer_parameter(context, "after", last, 0, INT64_MAX);
  const auto limit = static_cast<std::uint32_t>(integer_parameter(context, "limit", 100, 1, 1000));
  const std::int64_t wait_ms = integer_parameter(context, "wait_ms", 0, 0, kMaxWaitMs);
  std::vector<Event> events;
  std::int64_t next = after;
  if (wait_ms > 0) {
    const auto subscription = runtime.events().subscribe(*source.database, source.key, std::move(filter), after);
    // The caller waits in its own time, also while the runtime's clock stands still.
    const Clock::TimerId timer =
        wall.schedule_after(std::chrono::milliseconds{wait_ms}, [subscription] { subscription->close(); });
    events = co_await subscription->next(limit);
    wall.cancel(timer);
    next = std::max(next, subscription->cursor());  // behind what the filter skipped, so that nobody skips it again
  } else {
    events = runtime.events().read(*source.database, source.key, filter, after, limit);
    if (!events.empty()) next = events.back().sequence;
  }
  json answer;
  answer["items"] = json::array();
  for (const Event& event : events) answer["items"].push_back(event_json(event));
  answer["next"] = next;
  co_return json_response(200, answer);
}

/// What to say of an event that stands for several: of the one that was asked for, else of the first that was for the
/// subscription.
const delivery::Explanation& telling(const std::vector<delivery::Explanation>& said,
                                     const std::optional<delivery::Explanation::State>& state) {
  const auto found = std::find_if(said.begin(), said.end(), [&](const delivery::Explanation& one) {
    return state ? one.state == *state : one.state != delivery::Explanation::State::kFiltered;
  });
  return found == said.end() ? said.front() : *found;
}

net::Response search(Runtime& runtime, const RouteContext& context) {
  if (context.query("wait_ms"))
    throw Error(ErrorCode::kInvalidArgument, "wait_ms goes with after, type and subject alone", "wait_ms");
  const EventSource source = event_source_of(runtime, context);
  const EventQuery query = event_query_of(context, runtime.clock().now());
  const eventgrid::EventPage page = runtime.event_history().query(source, query);
  eventgrid::EventSubscriptionPtr subscription;
  if (!query.subscription.empty()) subscription = runtime.event_subscriptions().get(source, query.subscription);
  json answer;
  answer["items"] = json::array();
  for (const Event& event : page.events) {
    json item = event_json(event);
    if (subscription) {
      const auto said = runtime.delivery().explain(*source.database, subscription->row, *subscription->spec, event);
      const delivery::Explanation& told = telling(said, query.state);
      item["state"] = delivery::to_text(told.state);
      item["summary"] = summary_of(told);
    }
    answer["items"].push_back(std::move(item));
  }
  set_optional(answer, "next", page.next);
  return json_response(200, answer);
}

/// By its id, or by its position in the log.
Event event_of(Runtime& runtime, const EventSource& source, const RouteContext& context) {
  const std::string& id = context.param("id");
  if (const auto sequence = parse_number<std::int64_t>(id); sequence && id.size() < 19)
    if (auto found = runtime.events().find(*source.database, source.key, id); !found)
      if ((found = runtime.events().find(*source.database, source.key, *sequence))) return *std::move(found);
  return runtime.event_history().get(source, id);
}

json explained(Runtime& runtime, const EventSource& source, const Event& event) {
  json out = event_json(event);
  out["subscriptions"] = json::array();
  for (const eventgrid::EventAtSubscription& at : runtime.event_history().explain(source, event))
    for (const delivery::Explanation& explanation : at.explanations)
      out["subscriptions"].push_back(to_json(*at.subscription, explanation));
  return out;
}

/// One line an event: ours, or in a schema of deliveries.
struct Lines {
  std::optional<events::EventSchema> schema;

  explicit Lines(const RouteContext& context) {
    const std::string name = context.query("schema").value_or("");
    if (!name.empty()) schema = eventgrid::parse_schema_name(name, "schema");
  }
  void append(std::string& out, const Event& event) const {
    if (schema)
      events::append_event(out, *schema, event);
    else
      out += event_json(event).dump();
    out.push_back('\n');
  }
};

/// Page after page, each read when the one before has left: however many events there are, few are in memory.
Task<void> write_lines(Runtime& runtime, ResourcePtr resource, EventSource source, EventQuery query, std::size_t left,
                       Lines lines, std::shared_ptr<net::BodyWriter> body) {
  (void)resource;  // not to be forgotten meanwhile
  for (bool alive = true; alive && left > 0;) {
    query.limit = std::min(left, kExportPage);
    const eventgrid::EventPage page = runtime.event_history().query(source, query);
    std::string text;
    for (const Event& event : page.events) lines.append(text, event);
    left -= page.events.size();
    if (!text.empty()) {
      net::SharedBytes bytes = net::share(std::move(text));
      alive = co_await body->write(std::move(bytes));
    } else {
      co_await runtime.executor().schedule();  // a long stretch that the query skips: let others run
    }
    if (!page.next) break;
    query.after = page.next;
  }
}

net::Response export_lines(Runtime& runtime, const RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  EventQuery query = event_query_of(context, runtime.clock().now());
  const std::size_t left = context.query("limit") ? query.limit : SIZE_MAX;
  if (!query.subscription.empty())
    runtime.event_subscriptions().get(source, query.subscription);  // refused before the head is sent
  const Lines lines(context);
  auto run = [&runtime, resource = resource_of(context), source, query, left, lines](std::shared_ptr<net::BodyWriter> body) {
    return write_lines(runtime, resource, source, query, left, lines, std::move(body));
  };
  return net::stream_response(std::string(kJsonLines), {}, std::move(run));
}

/// To the subscription that the body names; else to all whose filter takes it.
Task<net::Response> redeliver_one(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_optional_body(context);
  const Event event = event_of(runtime, source, context);
  const std::string id = event.id;
  std::vector<std::string> names;
  if (const auto named = JsonRef(body).find("subscription")) {
    names.emplace_back(runtime.event_subscriptions().get(source, named->text())->row.name);
  } else {
    for (const eventgrid::EventAtSubscription& at : runtime.event_history().explain(source, event))
      for (const delivery::Explanation& one : at.explanations)
        if (one.verdict.matched && one.event_id == id && one.state != delivery::Explanation::State::kWaiting)
          names.push_back(at.subscription->row.name);
    if (names.empty())
      throw Error(ErrorCode::kFailedPrecondition,
                  "no subscription takes this event, or all that do have still to try it; name one to send it all the same",
                  "subscription");
  }
  for (const std::string& name : names) {
    std::string subscription = name;
    std::string event_id = id;
    co_await runtime.event_history().redeliver(source, std::move(subscription), std::move(event_id));
  }
  json answer;
  answer["id"] = id;
  answer["subscriptions"] = names;
  co_return json_response(202, answer);
}

Task<net::Response> redeliver_many(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_body(context);
  std::string subscription(JsonRef(body).at("subscription").text());
  EventQuery query = event_query_of(body, runtime.clock().now());
  // All that match, unless a state says otherwise: those are found at the subscription.
  if (!query.state) query.subscription.clear();
  json answer;
  answer["subscription"] = subscription;
  const std::int64_t count = co_await runtime.event_history().redeliver_all(source, std::move(subscription), std::move(query));
  answer["count"] = count;
  co_return json_response(202, answer);
}

Task<net::Response> replay(Runtime& runtime, RouteContext& context) {
  const EventSource source = event_source_of(runtime, context);
  const json body = parse_body(context);
  const JsonRef request(body);
  const Time now = runtime.clock().now();
  std::string name(request.text_or("name", ""));
  if (name.empty()) name = "replay-" + runtime.ids().uuid4().str().substr(0, 8);
  std::optional<Time> from, to;
  if (const auto given = request.find("from")) from = parse_moment(given->text(), now, "from");
  if (const auto given = request.find("to")) to = parse_moment(given->text(), now, "to");
  constexpr std::string_view kOwn[] = {"name", "from", "to"};
  json properties = eventgrid::properties_of(request, kOwn);
  const eventgrid::EventSubscriptionPtr made =
      co_await runtime.event_history().replay(source, std::move(name), std::move(properties), from, to);
  co_return json_response(202, subscription_json(runtime, *made));
}

}  // namespace

void add_control_event_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall) {
  add_control_route(routes, "GET", "/_control/events", [&runtime, &wall](RouteContext& context) -> Task<net::Response> {
    if (is_event_search(context)) co_return search(runtime, context);
    co_return co_await poll(runtime, wall, context);
  });
  add_control_route(routes, "GET", "/_control/events/export",
                    [&runtime](RouteContext& context) -> Task<net::Response> { co_return export_lines(runtime, context); });
  add_control_route(routes, "GET", "/_control/events/{id}", [&runtime](RouteContext& context) -> Task<net::Response> {
    const EventSource source = event_source_of(runtime, context);
    co_return json_response(200, explained(runtime, source, event_of(runtime, source, context)));
  });
  add_control_route(routes, "POST", "/_control/events/{id}/redeliver",
                    [&runtime](RouteContext& context) { return redeliver_one(runtime, context); });
  add_control_route(routes, "POST", "/_control/events/redeliver",
                    [&runtime](RouteContext& context) { return redeliver_many(runtime, context); });
  add_control_route(routes, "POST", "/_control/events/replay",
                    [&runtime](RouteContext& context) { return replay(runtime, context); });
}

}  // namespace trunkline::api
