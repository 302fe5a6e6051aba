// Internal to Triggers: one that waits for its time.
#pragma once
#include "runtime/flows/triggers.h"

namespace trunkline::flows {

struct Triggers::Armed {
  WorkflowPtr workflow;
  const workflow::Trigger* trigger = nullptr;  // of workflow's plan
  /// When it was switched on; the series of a recurrence without a start of its own begins there.
  Time anchor;
  std::optional<Time> last, next;
  std::int64_t count = 0;
  /// SlidingWindow: where the next window begins.
  std::optional<Time> window;
  /// Polling: where to look next; a function is told its cursor.
  std::string location;
  Value cursor;
  bool subscribed = false;
  /// Where the subscription ends, or what a function gave for it; empty and null: nothing was said.
  std::string ends_at;
  Value subscription;
  /// When the subscription ends, and another one takes its place.
  std::optional<Time> until;
  /// Notification: somebody said that there is something to fetch.
  bool told = false;
  /// Notification: fetches that failed since one did not.
  int failures = 0;
  /// Notification: when it fetches without being told: an answer said that there is more, or a fetch is tried again.
  std::optional<Time> fetch_at;
  /// A request for a subscription is under way.
  bool subscribing = false;
  /// Versions before this one whose subscription came while this one asked for its own: they end once that is known, unless it is
  /// the same one.
  std::vector<std::shared_ptr<Armed>> orphans;
  /// Requests for a subscription that failed since one did not.
  int failed_subscriptions = 0;
  /// Of what others than a fetch write down: how often somebody told it, and how often it subscribed.
  std::int64_t changes = 0;
  std::string problem;
  Clock::TimerId timer = 0;
  bool polling = false;
  /// The types of action that its requests are those of: what it asks with, and what it fetches or ends a subscription with.
  workflow::Action as_action, as_fetch, as_end;

  /// When a subscription or a fetch is due.
  std::optional<Time> due() const {
    if (!until || subscribing) return fetch_at;
    return fetch_at && *fetch_at < *until ? fetch_at : until;
  }
  /// Whether to end the other's subscription would end this one's.
  bool shares_subscription(const Armed& other) const {
    return ends_at == other.ends_at && (!ends_at.empty() || subscription == other.subscription);
  }
  Value state() const;
  void read(const Value& state);
};

}  // namespace trunkline::flows
