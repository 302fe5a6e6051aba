// What deliveries keep in the database of their resource.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/delivery/policy.h"
#include "runtime/store/database.h"

namespace trunkline::delivery {

/// One attempt to deliver one event.
struct Attempt {
  std::int64_t sequence = 0;
  int part = 0;    // 0: the event itself; else which of the events that it stands for
  int number = 1;  // from 1
  Time at;
  int status = 0;  // of HTTP; 0: no answer
  Outcome outcome = Outcome::kDelivered;
  Duration latency{};
  /// The first part of the answer, or why there was none.
  std::string reply;
};

/// Attempts as the bytes of one row: a few for each attempt that needed no words.
std::string encode_attempts(std::span<const Attempt> attempts);
/// Throws kDataLoss when malformed.
std::vector<Attempt> decode_attempts(std::string_view bytes);

/// An event that was not delivered at the first attempt.
struct RetryRow {
  enum class State {
    kRetrying = 1,
    kDeadLettering = 2,  // given up, its dead letter is still to be written
    kBlocked = 3,        // waits for an earlier event with the same ordering key
    kDeadLettered = 4,
    kDropped = 5,
  };
  std::int64_t sequence = 0;
  int part = 0;
  State state = State::kRetrying;
  Time due;
  int attempts = 0;
  Time expires;
  std::optional<Time> last_attempt;
  int status = 0;
  Outcome outcome = Outcome::kDelivered;
  std::string reason;  // why it was given up
  std::string ordering_key;
};
std::string_view to_text(RetryRow::State state);

/// What one subscription learned since the last flush.
struct Delta {
  std::int64_t subscription_key = 0;
  std::int64_t cursor = 0;
  bool lagging = false;
  std::vector<RetryRow> put;
  std::vector<std::pair<std::int64_t, int>> removed;
  /// Ordering keys whose first blocked row may go now.
  std::vector<std::string> unblocked;
  std::vector<Attempt> attempts;
};

struct Position {
  std::int64_t resource_key = 0;
  std::int64_t position = 0;
};

/// A subscription as it is stored.
struct SubscriptionRow {
  enum class State {
    kActive = 1,
    kAwaitingManualAction = 2,  // its endpoint has still to prove itself, until validation_expires
    kFinished = 4,              // a replay that has come to its end
  };
  std::int64_t key = 0;
  std::int64_t resource_key = 0;
  std::string name;
  std::string properties;  // ARM's, with secrets
  State state = State::kActive;
  std::string validation_code;
  Time validation_expires;
  /// Events up to here were there before it.
  std::int64_t start = 0;
  /// Events up to here are settled or have a RetryRow.
  std::int64_t cursor = 0;
  /// The cursor alone counts; else the position of the source does too.
  bool lagging = false;
  Time created;
  Time updated;
};

std::span<const store::Migration> delivery_migrations();

// ---- in a transaction

/// Sequence of the newest event of a resource; 0: none.
std::int64_t last_of_log(store::Session& session, std::int64_t resource_key);
/// Returns the key. Throws kAlreadyExists for a second one of that name.
std::int64_t insert_subscription(store::Session& session, const SubscriptionRow& row);
void update_subscription(store::Session& session, const SubscriptionRow& row);
/// From now on the subscription's own cursor counts, which is returned: events up to there are settled or have a RetryRow, as far
/// as was written.
std::int64_t take_up(store::Session& session, std::int64_t key);
void set_subscription_start(store::Session& session, std::int64_t key, std::int64_t start);
/// With all its rows.
void delete_subscription(store::Session& session, std::int64_t key);
void apply(store::Session& session, std::span<const Delta> deltas, std::span<const Position> positions, std::int64_t now_us);
void put_retry(store::Session& session, std::int64_t subscription_key, const RetryRow& row);
/// Subscriptions as they are, from the end of the copied log on. What was not delivered yet stays with the original.
void copy_resource(store::Session& session, std::int64_t from_key, std::int64_t to_key);
void drop_resource(store::Session& session, std::int64_t resource_key);
std::int64_t trim_attempts(store::Session& session, Time before);
/// Deletes what is remembered of events that were given up and are not in the log any more.
std::int64_t trim_closed_retries(store::Session& session);

// ---- reading

std::vector<SubscriptionRow> read_subscriptions(store::Database& database, std::int64_t resource_key);
/// Sequence of the first event that waits for another attempt, for another event or for its dead letter.
std::optional<std::int64_t> first_open(store::Database& database, std::int64_t subscription_key);
std::optional<std::int64_t> read_position(store::Database& database, std::int64_t resource_key);
/// Rows that are due, soonest first.
std::vector<RetryRow> read_due(store::Database& database, std::int64_t subscription_key, Time now, std::size_t limit);
std::optional<Time> next_due(store::Database& database, std::int64_t subscription_key, Time after);
std::vector<RetryRow> read_retries(store::Database& database, std::int64_t subscription_key, std::int64_t sequence);
/// Rows in a state, by sequence.
std::vector<RetryRow> read_retries_in(store::Database& database, std::int64_t subscription_key, RetryRow::State state,
                                      std::int64_t after, std::size_t limit);
std::vector<std::pair<std::string, std::int64_t>> read_blocked_keys(store::Database& database, std::int64_t subscription_key);
std::int64_t count_retries(store::Database& database, std::int64_t subscription_key, RetryRow::State state);
/// Events after a position (with their parts) that were attempted or have a row: those that a cursor which stands before them
/// does not know of.
std::set<std::pair<std::int64_t, int>> read_settled(store::Database& database, std::int64_t subscription_key, std::int64_t after);
/// Attempts for one event, oldest first.
std::vector<Attempt> read_attempts(store::Database& database, std::int64_t subscription_key, std::int64_t sequence);

}  // namespace trunkline::delivery
