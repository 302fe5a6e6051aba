// One subscription at work: what it still has to deliver, what is on its way, and what became of it.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/delivery/core.h"
#include "runtime/delivery/pace.h"

namespace trunkline::delivery {

/// An event on its way to one subscription.
struct Item {
  events::EventPtr event;
  int part = 0;
  /// Its row, when there is one (then it is not under the cursor's care any more).
  std::optional<RetryRow> row;
  Time expires;
  std::string ordering_key;

  /// What it counts for in a bounded queue.
  static std::size_t bytes_of(const Event& of) { return of.data.size() + 512; }
  std::size_t bytes() const { return bytes_of(*event); }
};

/// How it works: new events come from the source as they happen (live), into a queue that is bounded. When that is full the
/// worker lags: it reads the log by itself from its cursor, in pages, until it has caught up. An event whose first attempt fails
/// leaves the queue for a row in the database, so neither a slow endpoint nor a long list of retries costs memory. Durable: the
/// cursor (all before it is settled or has a row), the rows, and the attempts; the flusher writes them together. [any-thread]
/// Locks: the source's before ours, ours before the destination's and the flusher's.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  using Id = std::uint64_t;

  Worker(Core& core, Id id, SourcePtr source, FlusherPtr flusher, const SubscriptionRow& row, SpecPtr spec,
         DestinationPtr destination, Target& target, std::int64_t seen);

  Id id() const { return id_; }
  std::int64_t key() const { return key_; }
  const SourcePtr& source() const { return source_; }
  SpecPtr spec() const;

  /// Reads what is due and what it lags behind with. Once, after it was added to its source.
  void start();
  void set_spec(SpecPtr spec, DestinationPtr destination);
  /// The subscription is gone: takes nothing new and forgets what it has.
  void stop();

  // ---- by the source, with its lock held

  /// True: pump it.
  bool push(const events::EventPtr& event, int part);
  void go_live(std::int64_t seen);
  /// How far the position of the source may go before the next flush; nullopt: as far as it likes.
  std::optional<std::int64_t> floor() const;

  // ---- by the flusher

  Delta take_delta(std::int64_t source_position, std::int64_t safe_position);
  void flushed(const Delta& delta);

  /// Sends what can be sent. `woken`: by its destination, which has a free place. `together`: so many requests at a time, for
  /// targets that do not answer before this returns.
  void pump(bool woken = false, std::size_t together = 1);
  /// Looks at the rows of the database again: some were added from outside.
  void look_for_due();

  struct Status {
    std::int64_t cursor = 0;
    bool lagging = false;
    std::size_t queued = 0;
    std::size_t in_flight = 0;
    std::optional<Time> open_until;
    bool idle = false;  // nothing queued, on its way or to be read
  };
  Status status() const;

 private:
  struct Slot {
    std::int64_t sequence;
    int part;
    bool done;
  };
  /// When a request went; how long it takes is real time, whatever the runtime's clock does.
  struct Sent {
    Time at;
    std::chrono::steady_clock::time_point real;
  };
  using Lock = std::unique_lock<std::mutex>;

  bool ready() const { return !due_.empty() || !queue_.empty(); }
  std::vector<Item> take_batch();
  void hold_back(Item item);
  void expire();
  void start_dead_letters();
  void write_dead_letter(const Item& item, const SubscriptionSpec& spec);
  void send(std::vector<Item> batch, SpecPtr spec, DestinationPtr destination);
  void go_on(const DestinationPtr& destination, Verdict verdict, bool again);
  void answered(std::vector<Item> batch, const SubscriptionSpec& spec, const DeliveryAnswer& answer, const Sent& sent,
                const DestinationPtr& destination);
  void settle(Item& item, const SubscriptionSpec& spec, const DeliveryAnswer& answer, Time sent, Time now, Duration latency);
  /// `held_key`: no other of its ordering key could be on its way, so those behind it may go on.
  void give_up(Item& item, RetryRow row, std::string_view reason, Time now, bool held_key = true);
  void put_row(Item& item, RetryRow row);
  void mark_done(const Item& item);
  void release_key(const Item& item, bool settled);
  std::int64_t cursor_locked(std::int64_t seen) const;
  /// With the lock held. How many of `wanted` requests may go now; 0: it is pumped again when some may.
  std::size_t at_pace(std::size_t wanted);
  void maybe_load();
  void load();
  void arm(Time due);
  void load_due();
  Item make_item(events::EventPtr event, int part, const SubscriptionSpec& spec) const;
  RetryRow row_of(const Item& item) const;

  Core& core_;
  const Id id_;
  const std::int64_t key_;
  const SourcePtr source_;
  const FlusherPtr flusher_;
  Target& target_;

  mutable std::mutex mutex_;
  SpecPtr spec_;
  std::shared_ptr<const events::CompiledFilter> filter_;
  DestinationPtr destination_;
  Pace pace_;
  Clock::TimerId pace_timer_ = 0;
  bool stopped_ = false;

  std::deque<Item> queue_;  // new events, in order
  std::size_t queue_bytes_ = 0;
  std::deque<Slot> slots_;  // new events that are not settled, in order, from the first one on
  std::int64_t seen_ = 0;   // everything up to here was looked at, also where lagging; live: the source knows better
  bool lagging_;
  bool durable_lagging_;
  bool loading_ = false;
  /// Of an earlier life, beyond the cursor: not to be sent again. Emptied once the cursor is past them. Of whoever loads.
  std::optional<std::set<std::pair<std::int64_t, int>>> settled_;

  std::deque<Item> due_;   // rows whose time has come
  std::deque<Item> dead_;  // rows to be dead-lettered
  std::size_t dead_in_flight_ = 0;
  std::size_t in_flight_ = 0;
  std::set<std::pair<std::int64_t, int>> busy_rows_;  // taken from the database, or changed and not yet flushed
  std::atomic<bool> goes_on_{false};                  // pumped after the answers that are being handed over
  std::optional<Time> armed_;
  Clock::TimerId timer_ = 0;
  bool loading_due_ = false;
  bool due_again_ = false;
  bool due_truncated_ = false;  // more rows are due than were read

  std::set<std::string> keys_in_flight_;
  std::unordered_map<std::string, std::int64_t> blocked_keys_;         // rows that hold a key back
  std::unordered_map<std::string, std::deque<Item>> waiting_for_key_;  // new events behind one in flight

  Delta delta_;
};

}  // namespace trunkline::delivery
