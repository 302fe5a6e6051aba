#include "runtime/eventgrid/event_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/events/event_page.h"
#include "runtime/events/event_types.h"

namespace trunkline::eventgrid {
namespace {

using VerdictState = delivery::Explanation::State;
using RowState = delivery::RetryRow::State;

constexpr std::int64_t kMaxLimit = 1000;
/// Events that another one can stand for, and itself: those of the participants of a chat thread.
constexpr std::size_t kMaxParts = 256;
/// Rows that one transaction of a redelivery adds.
constexpr std::size_t kRedeliverStep = 500;

/// The states that have rows of their own, so that one need not look at every event.
std::vector<RowState> row_states(VerdictState state) {
  switch (state) {
    case VerdictState::kRetrying:
      return {RowState::kRetrying};
    case VerdictState::kBlocked:
      return {RowState::kBlocked};
    case VerdictState::kDeadLettered:
      return {RowState::kDeadLettering, RowState::kDeadLettered};
    case VerdictState::kDropped:
      return {RowState::kDropped};
    default:
      return {};
  }
}

/// Type names as the log has them.
events::Matcher matcher_of(const EventQuery& query) {
  EventFilter filter;
  filter.subject_begins_with = query.subject_begins_with;
  const bool known = std::all_of(query.types.begin(), query.types.end(),
                                 [](const std::string& type) { return events::find_event_type(type) != nullptr; });
  if (known)
    for (const std::string& type : query.types) filter.types.emplace_back(events::find_event_type(type)->name);
  return events::Matcher(std::move(filter));
}

bool correlates(std::string_view id, const Event& event) {
  if (id.empty()) return true;
  if (!event.traceparent.empty() && event.traceparent.find(id) != std::string::npos) return true;
  // A whole text of the data; ids need no escapes in JSON.
  return event.data.find('"' + std::string(id) + '"') != std::string::npos;
}

}  // namespace

EventHistory::EventHistory(ServiceContext& context, delivery::DeliveryEngine& engine, EventSubscriptionService& subscriptions)
    : context_(context), engine_(engine), subscriptions_(subscriptions) {}

std::size_t EventHistory::check_limit(std::int64_t limit) {
  if (limit < 1 || limit > kMaxLimit)
    throw Error(ErrorCode::kInvalidArgument,
                "limit must be from 1 to " + std::to_string(kMaxLimit) + ", not " + std::to_string(limit), "limit");
  return static_cast<std::size_t>(limit);
}

bool EventHistory::matches(const EventQuery& query, const Event& event) const {
  const Time logged = event.published.value_or(event.time);
  if (query.from && logged < *query.from) return false;
  if (query.to && logged >= *query.to) return false;
  if (!query.types.empty() &&
      std::none_of(query.types.begin(), query.types.end(), [&](const std::string& type) { return iequals(type, event.type); }))
    return false;
  return event.subject.starts_with(query.subject_begins_with) && correlates(query.correlation_id, event);
}

EventPage EventHistory::query(const EventSource& source, const EventQuery& query) const {
  check_limit(static_cast<std::int64_t>(query.limit));
  EventSubscriptionPtr subscription;
  if (!query.subscription.empty()) subscription = subscriptions_.get(source, query.subscription);
  if (query.state && !subscription)
    throw Error(ErrorCode::kInvalidArgument, "a state is that of an event at a subscription; name one", "subscription");
  if (query.state && !query.newest_first && !row_states(*query.state).empty()) return query_states(*subscription, query);

  EventPage out;
  store::Database& database = *source.database;
  events::Page page;
  if (query.newest_first) {
    std::optional<std::int64_t> before = query.after;
    if (!before && query.to) before = events::first_at(database, source.key, *query.to);
    page = events::read_page_back(database, source.key, matcher_of(query), before, query.limit);
  } else {
    std::int64_t after = query.after.value_or(0);
    if (!query.after && query.from) {
      const auto first = events::first_at(database, source.key, *query.from);
      if (!first) return out;
      after = *first - 1;
    }
    page = events::read_page(database, source.key, matcher_of(query), after, query.limit);
  }
  bool past = false;  // everything further on is outside of the time that was asked for
  for (Event& event : page.events) {
    const Time logged = event.published.value_or(event.time);
    past = past || (query.newest_first ? query.from && logged < *query.from : query.to && logged >= *query.to);
    if (!matches(query, event)) continue;
    if (query.state) {
      const auto all = engine_.explain(database, subscription->row, *subscription->spec, event);
      if (std::none_of(all.begin(), all.end(), [&](const delivery::Explanation& one) { return one.state == *query.state; }))
        continue;
    } else if (subscription) {
      const auto all = engine_.explain(database, subscription->row, *subscription->spec, event);
      if (std::all_of(all.begin(), all.end(), [](const delivery::Explanation& one) {
            return one.state == VerdictState::kFiltered || one.state == VerdictState::kEarlier;
          }))
        continue;
    }
    out.events.push_back(std::move(event));
  }
  if (page.more && !past) out.next = page.position;
  return out;
}

/// Oldest first, by the rows of the subscription.
EventPage EventHistory::query_states(const EventSubscription& subscription, const EventQuery& query) const {
  const EventSource& source = subscription.source;
  std::vector<std::int64_t> sequences;
  std::int64_t complete = INT64_MAX;  // up to here no list was cut off
  for (const RowState state : row_states(*query.state)) {
    const auto rows = delivery::read_retries_in(*source.database, subscription.row.key, state, query.after.value_or(0),
                                                query.limit + kMaxParts);
    for (const delivery::RetryRow& row : rows) sequences.push_back(row.sequence);
    // An event that stands for several has several rows, and the last one's may have been cut off.
    if (rows.size() == query.limit + kMaxParts) complete = std::min(complete, rows.back().sequence - 1);
  }
  std::sort(sequences.begin(), sequences.end());
  sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
  std::erase_if(sequences, [complete](std::int64_t sequence) { return sequence > complete; });
  bool more = complete != INT64_MAX;
  if (sequences.size() > query.limit) {
    sequences.resize(query.limit);
    more = true;
  }
  EventPage out;
  for (const std::int64_t sequence : sequences) {
    std::optional<Event> event = events::find_event(*source.database, source.key, sequence);
    if (event && matches(query, *event)) out.events.push_back(std::move(*event));
  }
  if (more && !sequences.empty()) out.next = sequences.back();
  return out;
}

EventHistory::Found EventHistory::find(const EventSource& source, std::string_view id) const {
  if (auto event = events::find_event(*source.database, source.key, id)) return {std::move(*event), 0};
  for (Event& teller : events::find_events_like(*source.database, source.key, id)) {
    const auto all = engine_.expand(teller);
    for (std::size_t part = 1; part < all.size(); ++part)
      if (all[part]->id == id) return {std::move(teller), static_cast<int>(part)};
  }
  throw Error(ErrorCode::kNotFound, "there is no event with the id '" + std::string(id.substr(0, 80)) + "'", "id");
}

Event EventHistory::get(const EventSource& source, std::string_view id) const {
  Found found = find(source, id);
  if (found.part == 0) return std::move(found.event);
  return *engine_.expand(found.event)[static_cast<std::size_t>(found.part)];
}

std::vector<EventAtSubscription> EventHistory::explain(const EventSource& source, const Event& event) const {
  // All parts share the sequence; only those of the one that was asked for are told when it is such a part.
  const std::optional<Event> logged = events::find_event(*source.database, source.key, event.sequence);
  std::vector<EventAtSubscription> out;
  if (!logged) return out;
  for (const EventSubscriptionPtr& subscription : subscriptions_.list(source)) {
    EventAtSubscription at{subscription, engine_.explain(*source.database, subscription->row, *subscription->spec, *logged)};
    if (logged->id != event.id)
      std::erase_if(at.explanations, [&](const delivery::Explanation& one) { return one.event_id != event.id; });
    out.push_back(std::move(at));
  }
  return out;
}

// ---- once more

Task<void> EventHistory::redeliver(EventSource source, std::string subscription_name, std::string event_id) {
  const EventSubscriptionPtr subscription = subscriptions_.get(source, subscription_name);
  const Found found = find(source, event_id);
  const std::vector<Redelivery> one{{found.event.sequence, found.part}};
  const std::int64_t count = co_await send_again(subscription, one);
  if (count == 0)
    throw Error(ErrorCode::kFailedPrecondition,
                "the event waits for its first attempt at '" + subscription->row.name + "'; there is nothing to repeat", "id");
}

Task<std::int64_t> EventHistory::redeliver_all(EventSource source, std::string subscription_name, EventQuery query) {
  const EventSubscriptionPtr subscription = subscriptions_.get(source, subscription_name);
  if (query.state && query.subscription.empty()) query.subscription = subscription->row.name;
  query.limit = kRedeliverStep;
  query.newest_first = false;
  // Not what happens from now on: that is delivered anyway.
  const std::int64_t last = context_.events.last_sequence(*source.database, source.key);
  std::int64_t count = 0;
  for (;;) {
    const EventPage page = this->query(source, query);
    std::vector<Redelivery> again;
    for (const Event& event : page.events) {
      if (event.sequence > last) continue;
      // Every part that passed the filter, and of those with a state the ones that are in it.
      for (const auto& one : engine_.explain(*source.database, subscription->row, *subscription->spec, event))
        if (query.state ? one.state == *query.state : one.verdict.matched) again.push_back({event.sequence, one.part});
    }
    count += co_await send_again(subscription, again);
    if (!page.next || *page.next > last) co_return count;
    query.after = page.next;
  }
}

/// Returns how many rows were put: not for those that wait for their first attempt.
Task<std::int64_t> EventHistory::send_again(EventSubscriptionPtr subscription, std::vector<Redelivery> which) {
  if (subscription->row.state != delivery::SubscriptionRow::State::kActive)
    throw Error(ErrorCode::kFailedPrecondition, "the event subscription '" + subscription->row.name + "' is not active",
                "subscription");
  store::Database& database = *subscription->source.database;
  const Time now = context_.clock.now();
  const SubscriptionActivity activity = subscriptions_.activity(*subscription);
  std::vector<delivery::RetryRow> rows;
  for (const Redelivery& one : which) {
    const auto retries = delivery::read_retries(database, subscription->row.key, one.sequence);
    const auto known = std::find_if(retries.begin(), retries.end(), [&](const auto& row) { return row.part == one.part; });
    const bool waits = known == retries.end() && one.sequence > activity.cursor &&
                       delivery::read_attempts(database, subscription->row.key, one.sequence).empty();
    if (waits) continue;
    delivery::RetryRow row;
    if (known != retries.end() && (known->state == RowState::kRetrying || known->state == RowState::kBlocked)) row = *known;
    row.sequence = one.sequence;
    row.part = one.part;
    row.state = RowState::kRetrying;
    row.due = now;
    row.expires = now + std::chrono::minutes{subscription->spec->ttl_minutes};
    rows.push_back(std::move(row));
  }
  if (rows.empty()) co_return 0;
  const std::int64_t key = subscription->row.key;
  auto work = [&rows, key](store::Session& session) {
    for (const delivery::RetryRow& row : rows) delivery::put_retry(session, key, row);
  };
  co_await database.write(std::move(work));
  engine_.look_for_due(database, key);
  co_return static_cast<std::int64_t>(rows.size());
}

Task<EventSubscriptionPtr> EventHistory::replay(EventSource source, std::string name, nlohmann::json properties,
                                                std::optional<Time> from, std::optional<Time> to) {
  if (subscriptions_.find(source, name))
    throw Error(ErrorCode::kAlreadyExists, "an event subscription named '" + name + "' exists already", "name");
  if (from && to && *from >= *to) throw Error(ErrorCode::kInvalidArgument, "from must be before to", "from");
  store::Database& database = *source.database;
  const std::int64_t last = context_.events.last_sequence(database, source.key);
  std::int64_t start = 0, until = last;
  if (from) start = events::first_at(database, source.key, *from).value_or(last + 1) - 1;
  if (to) until = events::first_at(database, source.key, *to).value_or(last + 1) - 1;
  if (const auto own = JsonRef(properties).find("trunkline")) own->object();
  properties["trunkline"]["until"] = until;
  const EventSubscriptionService::Written written =
      co_await subscriptions_.put(std::move(source), std::move(name), std::move(properties), start);
  co_return written.subscription;
}

}  // namespace trunkline::eventgrid
