#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/core/event_objects.h"
#include "runtime/core/event_properties.h"
#include "runtime/eventgrid/event_history.h"
#include "runtime/events/event_render.h"

namespace trunkline {
namespace {

using State = delivery::Explanation::State;

constexpr std::pair<State, service::EventState> kStates[] = {
    {State::kFiltered, service::EventState::kFiltered},         {State::kEarlier, service::EventState::kEarlier},
    {State::kWaiting, service::EventState::kWaiting},           {State::kRetrying, service::EventState::kRetrying},
    {State::kBlocked, service::EventState::kBlocked},           {State::kDelivered, service::EventState::kDelivered},
    {State::kDeadLettered, service::EventState::kDeadLettered}, {State::kDropped, service::EventState::kDropped},
};

service::EventState state_of(State state) {
  for (const auto& [ours, theirs] : kStates)
    if (ours == state) return theirs;
  return service::EventState::kUnknown;
}

State state_of(service::EventState state) {
  for (const auto& [ours, theirs] : kStates)
    if (theirs == state) return ours;
  throw Error(ErrorCode::kInvalidArgument, "state is none of the known ones", "state");
}

eventgrid::EventQuery to_query(service::EventQuery query) {
  if (query.state && !query.subscription) throw Error(ErrorCode::kInvalidArgument, "state needs a subscription", "subscription");
  eventgrid::EventQuery out;
  out.from = query.from;
  out.to = query.to;
  if (query.types) out.types = std::move(*query.types);
  out.subject_begins_with = std::move(query.subject_begins_with).value_or("");
  out.correlation_id = std::move(query.correlation_id).value_or("");
  out.subscription = std::move(query.subscription).value_or("");
  if (query.state) out.state = state_of(*query.state);
  out.after = query.after;
  out.newest_first = query.newest_first;
  out.limit = eventgrid::EventHistory::check_limit(query.limit);
  return out;
}

std::vector<service::EventAttempt> attempts_of(const delivery::Explanation& explanation) {
  std::vector<service::EventAttempt> out;
  for (const delivery::Attempt& attempt : explanation.attempts) {
    service::EventAttempt& one = out.emplace_back();
    one.number = attempt.number;
    one.at = attempt.at;
    one.status = attempt.status;
    one.outcome = delivery::to_text(attempt.outcome);
    one.latency = attempt.latency;
    one.reply = attempt.reply;
  }
  return out;
}

service::EventExplanation explanation_of(const std::string& subscription, const delivery::Explanation& from) {
  service::EventExplanation out;
  out.subscription = subscription;
  out.event_id = from.event_id;
  out.state = state_of(from.state);
  if (!from.verdict.matched) {
    out.rule = from.verdict.rule;
    out.wanted = from.verdict.wanted;
    out.found = from.verdict.found;
  }
  out.attempts = attempts_of(from);
  if (from.retry) {
    if (from.retry->state == delivery::RetryRow::State::kRetrying) out.next_attempt = from.retry->due;
    if (!from.retry->reason.empty()) out.reason = from.retry->reason;
  }
  return out;
}

/// Pages of a query as lines, as many as are asked for.
class LineStream final : public StreamSource<std::string> {
 public:
  LineStream(const EventScope& scope, eventgrid::EventQuery query, events::EventSchema schema)
      : scope_(scope), query_(std::move(query)), schema_(schema) {}
  Task<std::vector<std::string>> next(std::uint32_t max) override {
    std::vector<std::string> lines;
    co_await scope_.runtime().executor().schedule();
    query_.limit = std::clamp<std::size_t>(max, 1, 1000);
    while (lines.empty() && !ended_) {
      // Looked up each time: it may have been dropped since.
      const eventgrid::EventPage page = scope_.runtime().event_history().query(scope_.source(), query_);
      for (const Event& event : page.events) events::append_event(lines.emplace_back(), schema_, event);
      query_.after = page.next;
      if (!page.next) ended_ = true;
    }
    co_return lines;
  }
  void close() override { ended_ = true; }

 private:
  const EventScope& scope_;
  eventgrid::EventQuery query_;
  const events::EventSchema schema_;
  std::atomic<bool> ended_{false};
};

}  // namespace

Task<service::EventPage> EventHistoryObject::query(Call, service::EventQuery query) {
  const eventgrid::EventQuery wanted = to_query(std::move(query));
  co_await scope_.runtime().executor().schedule();
  const eventgrid::EventPage page = scope_.runtime().event_history().query(scope_.source(), wanted);
  service::EventPage out;
  out.items.reserve(page.events.size());
  for (const Event& event : page.events) out.items.push_back(to_service_event(event));
  out.next = page.next;
  co_return out;
}

Task<service::Event> EventHistoryObject::get(Call, std::string event_id) {
  co_await scope_.runtime().executor().schedule();
  co_return to_service_event(scope_.runtime().event_history().get(scope_.source(), event_id));
}

Task<std::vector<service::EventExplanation>> EventHistoryObject::explain(Call, std::string event_id) {
  co_await scope_.runtime().executor().schedule();
  const eventgrid::EventSource source = scope_.source();
  eventgrid::EventHistory& history = scope_.runtime().event_history();
  std::vector<service::EventExplanation> out;
  for (const eventgrid::EventAtSubscription& at : history.explain(source, history.get(source, event_id)))
    for (const delivery::Explanation& one : at.explanations) out.push_back(explanation_of(at.subscription->row.name, one));
  co_return out;
}

Task<void> EventHistoryObject::redeliver(Call, std::string subscription, std::string event_id) {
  co_await scope_.runtime().executor().schedule();
  eventgrid::EventSource source = scope_.source();
  co_await scope_.runtime().event_history().redeliver(std::move(source), std::move(subscription), std::move(event_id));
}

Task<std::int64_t> EventHistoryObject::redeliver_all(Call, std::string subscription, service::EventQuery query) {
  eventgrid::EventQuery wanted = to_query(std::move(query));
  co_await scope_.runtime().executor().schedule();
  eventgrid::EventSource source = scope_.source();
  co_return co_await scope_.runtime().event_history().redeliver_all(std::move(source), std::move(subscription),
                                                                    std::move(wanted));
}

Task<service::EventSubscription> EventHistoryObject::replay(Call, service::EventSubscriptionSpec subscription,
                                                            std::optional<Time> from, std::optional<Time> to) {
  if (subscription.after) throw Error(ErrorCode::kInvalidArgument, "a replay begins at `from`", "after");
  const nlohmann::json properties = properties_of(subscription);
  co_await scope_.runtime().executor().schedule();
  eventgrid::EventSource source = scope_.source();
  try {
    const auto begun =
        co_await scope_.runtime().event_history().replay(std::move(source), std::move(subscription.name), properties, from, to);
    co_return describe(*begun, scope_.runtime().clock().now());
  } catch (const Error& error) {
    throw in_terms_of_fields(error, properties);
  }
}

Task<std::unique_ptr<StreamSource<std::string>>> EventHistoryObject::export_lines(Call, service::EventQuery query,
                                                                                  service::EventSchema schema) {
  const events::EventSchema wanted = schema_of(schema, "schema");
  const eventgrid::EventQuery all = to_query(std::move(query));
  if (!all.subscription.empty()) scope_.runtime().event_subscriptions().get(scope_.source(), all.subscription);
  co_return std::make_unique<LineStream>(scope_, all, wanted);
}

}  // namespace trunkline
