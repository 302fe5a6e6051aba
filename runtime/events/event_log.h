// The log of what happened: one row an event, written in the transaction that makes it true, read by cursor.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/store/database.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline {

class Clock;
class Executor;
class Gauge;
class IdSource;
class Metrics;

/// For the events of ours: a GUID that rises with time, so that the index by id grows at its end. A random one would dirty as
/// many pages as a commit has events.
std::string make_event_id(IdSource& ids, Time now);

/// An event about to be logged.
struct NewEvent {
  std::string id;
  /// Such as `Microsoft.Communication.SMSReceived`.
  std::string type;
  std::string subject;
  /// ARM id of the resource.
  std::string topic;
  Time time;  // kept in microseconds
  std::string data_version = "1.0";
  /// A JSON document.
  std::string data = "{}";
  /// Empty: none.
  std::string traceparent;
  /// A JSON object of CloudEvents attributes that a publisher set beyond those above (`data_base64` among them); empty: none.
  std::string extra;
  /// When we got it; unset: `time`. They differ where a publisher says when something happened.
  std::optional<Time> published;
};

/// An event of the log. `sequence` rises within a resource, with gaps.
struct Event : NewEvent {
  std::int64_t sequence = 0;
};

struct EventFilter {
  /// Empty: all.
  std::vector<std::string> types;
  /// Case counts. Empty: all.
  std::string subject_begins_with;
};

/// The schema of the log, for every database that holds data of resources.
std::span<const store::Migration> event_migrations();

/// A cursor that waits at the end of the log. Keeps nothing in memory but its position, so a consumer may be as slow as it likes.
/// Its destructor closes it. [any-thread]
class Subscription {
 public:
  struct State;
  explicit Subscription(std::shared_ptr<State> state);
  Subscription(const Subscription&) = delete;
  ~Subscription();

  /// 1 to `max` events after the cursor, in order, as soon as there are some, and moves the cursor behind them. None: it was
  /// closed, or its resource dropped. Completes on the executor, or at once. Throws kFailedPrecondition while another next is
  /// pending.
  Task<std::vector<Event>> next(std::uint32_t max);
  /// The same, but gives up after `timeout` on the clock and completes with none.
  Task<std::vector<Event>> next_within(std::uint32_t max, Duration timeout);
  /// Sequence of the last event that was looked at; another subscription can go on there.
  std::int64_t cursor() const;
  /// Ends a pending next. Idempotent.
  void close();
  bool closed() const;

 private:
  std::shared_ptr<State> state_;
};

/// Subscribers are told about a commit once, and only those of the resources it touched. `resource_key` is the row key that all
/// tables use; nothing of one resource is ever seen through another. [any-thread]
class EventLog {
 public:
  /// Watches every database of `store`, system() too. Goes before the store and after the services.
  EventLog(store::Store& store, Executor& executor, Clock& clock, Metrics& metrics);
  EventLog(const EventLog&) = delete;
  /// Closes all subscriptions.
  ~EventLog();

  /// Logs within the caller's transaction and returns the sequence; subscribers learn of it when that commits.
  std::int64_t append(store::Session& session, std::int64_t resource_key, const NewEvent& event);
  /// Logs in a transaction of its own; completes with the sequence once it is durable.
  Task<std::int64_t> publish(store::Database& database, std::int64_t resource_key, NewEvent event);
  /// Makes the subscribers of a resource look again. Never needed after append or publish.
  void notify(store::Database& database, std::int64_t resource_key);

  /// Up to `limit` events after `after`, oldest first.
  std::vector<Event> read(store::Database& database, std::int64_t resource_key, const EventFilter& filter, std::int64_t after,
                          std::size_t limit);
  /// Sequence of the newest event; 0 when there is none.
  std::int64_t last_sequence(store::Database& database, std::int64_t resource_key);
  /// Events after `after`; nullopt: from now on; 0: from the beginning.
  std::shared_ptr<Subscription> subscribe(store::Database& database, std::int64_t resource_key, EventFilter filter,
                                          std::optional<std::int64_t> after = std::nullopt);
  /// Ends every subscription, and each new one at once. [lifecycle]
  void stop();

  /// The event with this sequence or id; nullopt: none, or of another resource.
  std::optional<Event> find(store::Database& database, std::int64_t resource_key, std::int64_t sequence);
  std::optional<Event> find(store::Database& database, std::int64_t resource_key, std::string_view id);

  /// Events that somebody still waits for: those after a position, until they were logged before a moment. By default none.
  struct Wanted {
    std::int64_t after = INT64_MAX;
    Time until{};
  };
  /// Deletes events that were logged before `before`, oldest first, up to the first one that is kept. Completes with their
  /// number.
  Task<std::int64_t> trim(store::Database& database, Time before, Wanted wanted);
  Task<std::int64_t> trim(store::Database& database, Time before) { return trim(database, before, Wanted{}); }
  /// Deletes the oldest events until at most `max_events` and `max_bytes` of data are left (0: any number).
  Task<std::int64_t> trim_to(store::Database& database, std::int64_t max_events, std::int64_t max_bytes, Wanted wanted);
  Task<std::int64_t> trim_to(store::Database& database, std::int64_t max_events, std::int64_t max_bytes) {
    return trim_to(database, max_events, max_bytes, Wanted{});
  }

  /// The rows of a resource, in a transaction that forks or drops it. A copy keeps ids and times; sequences are new. Events
  /// whose topic is `from_topic` get `to_topic`.
  void copy_resource(store::Session& session, std::int64_t from_key, std::int64_t to_key, const std::string& from_topic = {},
                     const std::string& to_topic = {});
  /// Position in the copied log that corresponds to `cursor` in the original: as many events lie behind it. After copy_resource,
  /// in the same transaction.
  std::int64_t copied_cursor(store::Session& session, std::int64_t from_key, std::int64_t to_key, std::int64_t cursor);
  /// Also closes its subscriptions when that commits.
  void drop_resource(store::Session& session, std::int64_t resource_key);

 private:
  template <class Old>
  Task<std::int64_t> trim_while(store::Database& database, Old old, Wanted wanted);

  class Hub;
  friend struct Subscription::State;
  Executor& executor_;
  Clock& clock_;
  std::shared_ptr<Hub> hub_;  // shared with commits under way, which may outlive us
};

}  // namespace trunkline
