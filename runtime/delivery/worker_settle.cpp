// Of a worker: what becomes of an event, and of those that wait behind it.
#include <algorithm>

#include "runtime/delivery/flusher.h"
#include "runtime/delivery/worker.h"

namespace trunkline::delivery {
namespace {

constexpr Duration kDeadLetterPatience = std::chrono::hours{4};

}  // namespace

RetryRow Worker::row_of(const Item& item) const {
  if (item.row) return *item.row;
  RetryRow row;
  row.sequence = item.event->sequence;
  row.part = item.part;
  row.expires = item.expires;
  row.ordering_key = item.ordering_key;
  return row;
}

void Worker::settle(Item& item, const SubscriptionSpec& spec, const DeliveryAnswer& answer, Time sent, Time now,
                    Duration latency) {
  Attempt& attempt = delta_.attempts.emplace_back();
  attempt.sequence = item.event->sequence;
  attempt.part = item.part;
  attempt.number = item.row ? item.row->attempts + 1 : 1;
  attempt.at = sent;
  attempt.status = answer.status;
  attempt.outcome = answer.rule.outcome;
  attempt.latency = latency;
  attempt.reply = answer.reply;

  if (answer.rule.outcome == Outcome::kDelivered) {
    if (item.row)
      delta_.removed.emplace_back(item.event->sequence, item.part);
    else
      mark_done(item);
    return release_key(item, true);
  }
  RetryRow row = row_of(item);
  ++row.attempts;
  row.last_attempt = sent;
  row.status = answer.status;
  row.outcome = answer.rule.outcome;
  if (answer.rule.final) return give_up(item, std::move(row), dead_letter_reason(answer.rule.outcome), now);
  if (row.attempts >= spec.max_attempts) return give_up(item, std::move(row), kAttemptsExceeded, now);
  row.state = RetryRow::State::kRetrying;
  row.due = now + retry_wait(core_.options, row.attempts, answer.rule, core_.ids);
  put_row(item, std::move(row));
  release_key(item, false);
}

void Worker::give_up(Item& item, RetryRow row, std::string_view reason, Time now, bool held_key) {
  row.reason = reason.empty() ? kAttemptsExceeded : reason;
  const bool keep = spec_->dead_letter.kind != DeadLetterSpec::Kind::kNone;
  row.state = keep ? RetryRow::State::kDeadLettering : RetryRow::State::kDropped;
  row.due = now;
  if (keep) row.expires = now + kDeadLetterPatience;
  put_row(item, std::move(row));
  if (held_key) release_key(item, true);
  core_.given_up.add();
}

void Worker::put_row(Item& item, RetryRow row) {
  if (!item.row) {
    mark_done(item);
    busy_rows_.emplace(row.sequence, row.part);
  }
  delta_.put.push_back(std::move(row));
}

/// The order of the slots is that of the sequences, so the one that is meant is found by halving.
void Worker::mark_done(const Item& item) {
  const auto at = std::lower_bound(
      slots_.begin(), slots_.end(), std::pair(item.event->sequence, item.part),
      [](const Slot& slot, const std::pair<std::int64_t, int>& wanted) { return std::pair(slot.sequence, slot.part) < wanted; });
  if (at == slots_.end() || at->sequence != item.event->sequence || at->part != item.part) return;
  at->done = true;
  // `seen_` stays: further events that this one stands for may still be on their way to us.
  while (!slots_.empty() && slots_.front().done) slots_.pop_front();
}

/// An event with a key is out of the way, or has become a row that the others of its key wait behind.
void Worker::release_key(const Item& item, bool settled) {
  if (item.ordering_key.empty()) return;
  const std::string& key = item.ordering_key;
  keys_in_flight_.erase(key);
  const auto waiting = waiting_for_key_.find(key);
  if (settled) {
    if (item.row) {
      if (const auto blocked = blocked_keys_.find(key); blocked != blocked_keys_.end() && --blocked->second <= 0)
        blocked_keys_.erase(blocked);
      else
        delta_.unblocked.push_back(key);
    }
    if (waiting == waiting_for_key_.end()) return;
    Item next = std::move(waiting->second.front());
    waiting->second.pop_front();
    if (waiting->second.empty()) waiting_for_key_.erase(waiting);
    queue_bytes_ += next.bytes();
    queue_.push_front(std::move(next));
    return;
  }
  if (!item.row) ++blocked_keys_[key];
  if (waiting == waiting_for_key_.end()) return;
  std::deque<Item> items = std::move(waiting->second);
  waiting_for_key_.erase(waiting);
  for (Item& one : items) hold_back(std::move(one));
}

/// An event behind another with the same key: in memory while that one is in flight, else as a row.
void Worker::hold_back(Item item) {
  if (!blocked_keys_.contains(item.ordering_key)) {
    waiting_for_key_[item.ordering_key].push_back(std::move(item));
    return;
  }
  RetryRow row = row_of(item);
  row.state = RetryRow::State::kBlocked;
  ++blocked_keys_[item.ordering_key];
  mark_done(item);
  delta_.put.push_back(std::move(row));
}

}  // namespace trunkline::delivery
