// Finding events again, saying what became of them, and sending them once more.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/eventgrid/subscription_service.h"

namespace trunkline::eventgrid {

struct EventQuery {
  std::optional<Time> from, to;    // when they were logged; `to` is exclusive
  std::vector<std::string> types;  // without case; empty: all
  std::string subject_begins_with;
  /// Trace id (or a whole traceparent) of what caused the event, or a text that is a value in its data: a message id, a thread
  /// id.
  std::string correlation_id;
  /// With a state: only events that are in that state at this subscription (`retrying`, `dead_lettered` …, as to_text says).
  std::string subscription;
  std::optional<delivery::Explanation::State> state;
  /// Where the last page ended (EventPage::next).
  std::optional<std::int64_t> after;
  bool newest_first = false;
  std::size_t limit = 100;  // 1 to 1000
};

struct EventPage {
  std::vector<Event> events;
  /// Unset: there are no more.
  std::optional<std::int64_t> next;
};

/// One event at one subscription.
struct EventAtSubscription {
  EventSubscriptionPtr subscription;
  std::vector<delivery::Explanation> explanations;
};

/// [any-thread] The reads wait for the disk.
class EventHistory {
 public:
  EventHistory(ServiceContext& context, delivery::DeliveryEngine& engine, EventSubscriptionService& subscriptions);

  /// The limit of a query, or of any other read of the log. Throws kInvalidArgument (`limit`) unless it is from 1 to 1000.
  static std::size_t check_limit(std::int64_t limit);

  /// Throws kInvalidArgument (limit), kNotFound (subscription). Bounded work a call: a page may be short, or empty, and have a
  /// `next` all the same.
  EventPage query(const EventSource& source, const EventQuery& query) const;
  /// The event itself, also when another one tells of it. Throws kNotFound.
  Event get(const EventSource& source, std::string_view id) const;
  /// Also finds the event that tells of the one with this id, such as of one for a participant of a chat thread.
  struct Found {
    Event event;   // as it is in the log
    int part = 0;  // which of the events that it stands for; 0: itself
  };
  Found find(const EventSource& source, std::string_view id) const;  // throws kNotFound
  /// What each subscription of the source says about an event, by name.
  std::vector<EventAtSubscription> explain(const EventSource& source, const Event& event) const;

  /// Sends an event to a subscription again, whatever became of it, as soon as possible; its filter is not asked. Completes
  /// when that is on disk. Errors: kNotFound (event, subscription), kFailedPrecondition (it waits for its first attempt).
  Task<void> redeliver(EventSource source, std::string subscription, std::string event_id);
  /// The same for all events that match, oldest first, in bounded transactions. Returns their number.
  Task<std::int64_t> redeliver_all(EventSource source, std::string subscription, EventQuery query);
  /// Sends what the log has between `from` and `to` (nullopt: the beginning, now) to where `properties` say, filtered as they
  /// say, by a subscription of its own which ends there. Completes when that has begun. Errors: as EventSubscriptionService::put.
  Task<EventSubscriptionPtr> replay(EventSource source, std::string name, nlohmann::json properties, std::optional<Time> from,
                                    std::optional<Time> to);

 private:
  struct Redelivery {
    std::int64_t sequence = 0;
    int part = 0;
  };
  Task<std::int64_t> send_again(EventSubscriptionPtr subscription, std::vector<Redelivery> which);
  bool matches(const EventQuery& query, const Event& event) const;
  EventPage query_states(const EventSubscription& subscription, const EventQuery& query) const;

  ServiceContext& context_;
  delivery::DeliveryEngine& engine_;
  EventSubscriptionService& subscriptions_;
};

}  // namespace trunkline::eventgrid
