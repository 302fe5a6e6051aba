#include "runtime/delivery/worker.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/delivery/destination.h"
#include "runtime/delivery/flusher.h"
#include "runtime/delivery/source.h"
#include "runtime/events/event_page.h"

namespace trunkline::delivery {
namespace {

constexpr std::size_t kMaxQueue = 1024;
constexpr std::size_t kMaxQueueBytes = 4u << 20;
constexpr std::size_t kLowQueue = 256;
constexpr std::size_t kPage = 512;
constexpr std::size_t kDuePage = 128;
constexpr std::size_t kMaxDeadLetters = 4;
constexpr Duration kDeadLetterRetry = std::chrono::minutes{5};
constexpr Duration kDeadLetterPatience = std::chrono::hours{4};

std::size_t bytes_of(const Event& event) { return event.data.size() + 512; }

std::string ordering_key_of(const SubscriptionSpec& spec, const Event& event) {
  if (spec.ordering_key.empty()) return "";
  if (spec.ordering_key == "subject") return event.subject.empty() ? " " : event.subject;
  const events::EventView view(event);
  const nlohmann::json* const value = view.find(spec.ordering_key);
  // Events without the key are in order among themselves.
  return value == nullptr || value->is_null() ? " " : value->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::vector<events::EventPtr> expand(const Core& core, events::EventPtr event) {
  std::vector<events::EventPtr> all{event};
  if (const events::EventExpander* const expander = core.expander.load(std::memory_order_acquire)) {
    std::vector<Event> more = expander->expand(*event);
    for (Event& one : more) {
      one.sequence = event->sequence;
      one.published = event->published;
      all.push_back(std::make_shared<const Event>(std::move(one)));
    }
  }
  return all;
}

Worker::Worker(Core& core, Id id, SourcePtr source, FlusherPtr flusher, const SubscriptionRow& row, SpecPtr spec,
               DestinationPtr destination, Target& target, std::int64_t seen)
    : core_(core),
      id_(id),
      key_(row.key),
      source_(std::move(source)),
      flusher_(std::move(flusher)),
      target_(target),
      spec_(std::move(spec)),
      filter_(std::make_shared<const events::CompiledFilter>(spec_->filter)),
      destination_(std::move(destination)),
      seen_(seen),
      lagging_(true),
      durable_lagging_(row.lagging) {
  delta_.subscription_key = key_;
  if (!spec_->ordering_key.empty())
    for (auto& [key, count] : read_blocked_keys(source_->database(), key_)) blocked_keys_.emplace(std::move(key), count);
}

SpecPtr Worker::spec() const {
  const std::lock_guard lock(mutex_);
  return spec_;
}

void Worker::start() {
  {
    const Lock lock(mutex_);
    maybe_load();
  }
  look_for_due();
}

void Worker::set_spec(SpecPtr spec, DestinationPtr destination) {
  {
    const Lock lock(mutex_);
    spec_ = std::move(spec);
    filter_ = std::make_shared<const events::CompiledFilter>(spec_->filter);
    destination_ = std::move(destination);
  }
  pump();
}

void Worker::stop() {
  DestinationPtr destination;
  {
    const Lock lock(mutex_);
    stopped_ = true;
    queue_.clear();
    due_.clear();
    dead_.clear();
    waiting_for_key_.clear();
    if (timer_ != 0) core_.clock.cancel(timer_);
    timer_ = 0;
    destination = destination_;
  }
  destination->wake_one();  // whoever waits behind us
}

// ---- new events

Item Worker::make_item(events::EventPtr event, int part, const SubscriptionSpec& spec) const {
  Item item;
  item.expires = event->published.value_or(event->time) + std::chrono::minutes{spec.ttl_minutes};
  item.ordering_key = ordering_key_of(spec, *event);
  item.event = std::move(event);
  item.part = part;
  return item;
}

bool Worker::push(const events::EventPtr& event, int part) {
  const Lock lock(mutex_);
  if (stopped_ || lagging_ || event->sequence <= seen_) return false;
  if (spec_->until && event->sequence > *spec_->until) return false;
  const bool first = slots_.empty() || slots_.back().sequence != event->sequence;
  if (first && (slots_.size() >= kMaxQueue || queue_bytes_ >= kMaxQueueBytes)) {
    lagging_ = true;
    seen_ = event->sequence - 1;
    return false;
  }
  slots_.push_back({event->sequence, part, false});
  queue_bytes_ += bytes_of(*event);
  queue_.push_back(make_item(event, part, *spec_));
  return true;
}

void Worker::go_live(std::int64_t seen) {
  const Lock lock(mutex_);
  lagging_ = false;
  seen_ = std::max(seen_, seen);
}

std::optional<std::int64_t> Worker::floor() const {
  const Lock lock(mutex_);
  if (durable_lagging_) return std::nullopt;
  if (!slots_.empty()) return slots_.front().sequence - 1;
  return lagging_ ? std::optional<std::int64_t>(seen_) : std::nullopt;
}

void Worker::maybe_load() {
  if (!lagging_ || loading_ || stopped_ || queue_.size() >= kLowQueue || slots_.size() >= kMaxQueue) return;
  loading_ = true;
  core_.executor.post([self = shared_from_this()] { self->load(); });
}

void Worker::load() {
  std::int64_t after;
  SpecPtr spec;
  std::shared_ptr<const events::CompiledFilter> filter;
  {
    const Lock lock(mutex_);
    after = seen_;
    spec = spec_;
    filter = filter_;
  }
  static const events::Matcher everything{EventFilter{}};
  events::Page page;
  std::vector<Item> items;
  try {
    page = events::read_page(source_->database(), source_->key(), everything, after, kPage);
    for (Event& event : page.events) {
      if (spec->until && event.sequence > *spec->until) continue;
      const std::vector<events::EventPtr> all = expand(core_, std::make_shared<const Event>(std::move(event)));
      for (std::size_t part = 0; part < all.size(); ++part)
        if (filter->matches(events::EventView(*all[part]))) items.push_back(make_item(all[part], static_cast<int>(part), *spec));
    }
  } catch (const Error& error) {
    core_.log.error("events", "a subscription cannot read the log", {{"subscription", spec->name}, {"error", error.message}});
    const Lock lock(mutex_);
    loading_ = false;
    return;
  }
  {
    const Lock lock(mutex_);
    if (stopped_) return;
    for (Item& item : items) {
      slots_.push_back({item.event->sequence, item.part, false});
      queue_bytes_ += bytes_of(*item.event);
      queue_.push_back(std::move(item));
    }
    seen_ = page.position;
  }
  const bool caught_up = !page.more && source_->try_join(shared_from_this(), page.position);
  {
    const Lock lock(mutex_);
    loading_ = false;
    if (!caught_up) maybe_load();
  }
  // Also when nothing matched: the cursor moves.
  flusher_->mark(shared_from_this());
  pump();
}

// ---- rows whose time comes

void Worker::arm(Time due) {
  if (stopped_ || (armed_ && *armed_ <= due)) return;
  if (timer_ != 0) core_.clock.cancel(timer_);
  armed_ = due;
  timer_ = core_.clock.schedule_at(due, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const Lock lock(self->mutex_);
      self->armed_.reset();
      self->timer_ = 0;
    }
    self->look_for_due();
  });
}

void Worker::look_for_due() {
  {
    const Lock lock(mutex_);
    if (stopped_) return;
    due_again_ = true;
    if (std::exchange(loading_due_, true)) return;
  }
  core_.executor.post([self = shared_from_this()] { self->load_due(); });
}

void Worker::load_due() {
  std::size_t busy;
  SpecPtr spec;
  {
    const Lock lock(mutex_);
    due_again_ = false;
    busy = busy_rows_.size();
    spec = spec_;
  }
  const Time now = core_.clock.now();
  std::vector<RetryRow> rows;
  std::optional<Time> later;
  std::vector<Item> items;
  std::vector<RetryRow> gone;
  try {
    // Rows that are busy are due as well, as far as the database knows.
    rows = read_due(source_->database(), key_, now, kDuePage + busy);
    later = next_due(source_->database(), key_, now);
    for (RetryRow& row : rows) {
      {
        const Lock lock(mutex_);
        if (busy_rows_.contains({row.sequence, row.part})) continue;
      }
      std::optional<Event> event = events::find_event(source_->database(), source_->key(), row.sequence);
      std::vector<events::EventPtr> all;
      if (event) all = expand(core_, std::make_shared<const Event>(std::move(*event)));
      if (static_cast<std::size_t>(row.part) >= all.size()) {
        gone.push_back(std::move(row));  // trimmed from the log
        continue;
      }
      Item item = make_item(all[static_cast<std::size_t>(row.part)], row.part, *spec);
      item.expires = row.expires;
      if (!row.ordering_key.empty()) item.ordering_key = row.ordering_key;
      item.row = std::move(row);
      items.push_back(std::move(item));
    }
  } catch (const Error& error) {
    core_.log.error("events", "a subscription cannot read its retries", {{"error", error.message}});
  }
  bool again = false, dirty = !gone.empty();
  {
    const Lock lock(mutex_);
    loading_due_ = false;
    if (stopped_) return;
    for (Item& item : items) {
      if (!busy_rows_.emplace(item.event->sequence, item.part).second) continue;
      (item.row->state == RetryRow::State::kDeadLettering ? dead_ : due_).push_back(std::move(item));
    }
    for (RetryRow& row : gone) {
      row.state = RetryRow::State::kDropped;
      row.reason = "TrimmedFromLog";
      busy_rows_.emplace(row.sequence, row.part);
      delta_.put.push_back(std::move(row));
    }
    if (later) arm(*later);
    again = due_again_;
    due_truncated_ = rows.size() == kDuePage + busy;
  }
  if (dirty) flusher_->mark(shared_from_this());
  if (again) look_for_due();
  pump();
}

// ---- sending

void Worker::pump(bool woken) {
  bool entered = false;
  bool dirty = false;
  for (;;) {
    std::vector<Item> batch;
    SpecPtr spec;
    DestinationPtr destination;
    {
      Lock lock(mutex_);
      if (stopped_ || core_.stopped.load(std::memory_order_relaxed)) break;
      const std::size_t before = delta_.put.size();
      expire();
      dirty |= delta_.put.size() != before;
      start_dead_letters(lock);
      maybe_load();
      if (!ready()) break;
      if (spec_->concurrency > 0 && in_flight_ >= static_cast<std::size_t>(spec_->concurrency)) break;
      if (flusher_->stall(shared_from_this())) break;
      destination = destination_;
      if (!destination->enter(shared_from_this())) break;
      batch = take_batch();
      dirty |= delta_.put.size() != before;
      if (batch.empty()) {
        destination->leave(Verdict::kNeutral);
        break;
      }
      ++in_flight_;
      spec = spec_;
      maybe_load();
    }
    entered = true;
    send(std::move(batch), std::move(spec), std::move(destination));
  }
  if (dirty) flusher_->mark(shared_from_this());
  if (woken && !entered) {
    DestinationPtr destination;
    {
      const Lock lock(mutex_);
      destination = destination_;
    }
    destination->wake_one();
  }
}

/// Rows first. A batch holds new events only: what failed goes alone, so that one event cannot hold others back for ever.
std::vector<Item> Worker::take_batch() {
  std::vector<Item> batch;
  if (!due_.empty()) {
    Item item = std::move(due_.front());
    due_.pop_front();
    if (!item.ordering_key.empty()) keys_in_flight_.insert(item.ordering_key);
    batch.push_back(std::move(item));
    return batch;
  }
  const auto most = static_cast<std::size_t>(spec_->max_events_per_batch);
  const std::size_t preferred = static_cast<std::size_t>(spec_->preferred_batch_kb) * 1024;
  std::size_t bytes = 0;
  while (!queue_.empty() && batch.size() < most) {
    const std::size_t size = bytes_of(*queue_.front().event);
    if (!batch.empty() && bytes + size > preferred) break;
    Item item = std::move(queue_.front());
    queue_.pop_front();
    queue_bytes_ -= size;
    if (!item.ordering_key.empty()) {
      if (blocked_keys_.contains(item.ordering_key) || keys_in_flight_.contains(item.ordering_key)) {
        hold_back(std::move(item));
        continue;
      }
      keys_in_flight_.insert(item.ordering_key);
    }
    bytes += size;
    batch.push_back(std::move(item));
  }
  return batch;
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

/// The first events of the queues whose time has passed are given up without an attempt.
void Worker::expire() {
  const Time now = core_.clock.now();
  const auto expire_from = [&](std::deque<Item>& items) {
    while (!items.empty() && items.front().expires <= now) {
      Item item = std::move(items.front());
      items.pop_front();
      if (&items == &queue_) queue_bytes_ -= bytes_of(*item.event);
      RetryRow row = row_of(item);
      if (row.attempts == 0) row.outcome = Outcome::kProbation;
      give_up(std::move(item), std::move(row), kTimeExceeded, now);
    }
  };
  expire_from(due_);
  expire_from(queue_);
}

void Worker::send(std::vector<Item> batch, SpecPtr spec, DestinationPtr destination) {
  DeliveryRequest request;
  request.spec = spec;
  request.subscription_id = id_;
  request.delivery_count = batch.front().row ? batch.front().row->attempts : 0;
  request.events.reserve(batch.size());
  for (const Item& item : batch) request.events.push_back(item.event);
  const Sent sent{core_.clock.now(), std::chrono::steady_clock::now()};
  target_.deliver(std::move(request), [self = shared_from_this(), batch = std::move(batch), spec = std::move(spec),
                                       destination = std::move(destination), sent](DeliveryAnswer answer) mutable {
    self->answered(std::move(batch), *spec, answer, sent, *destination);
  });
}

void Worker::answered(std::vector<Item> batch, const SubscriptionSpec& spec, const DeliveryAnswer& answer, const Sent& sent,
                      Destination& destination) {
  const bool aborted = answer.rule.outcome == Outcome::kAborted;
  const bool delivered = answer.rule.outcome == Outcome::kDelivered;
  bool put_back = false;
  {
    const Lock lock(mutex_);
    --in_flight_;
    if (aborted) {
      // No attempt: they stay what they were.
      put_back = !stopped_ && !core_.stopped.load(std::memory_order_relaxed);
      for (auto item = batch.rbegin(); put_back && item != batch.rend(); ++item) {
        if (!item->ordering_key.empty()) keys_in_flight_.erase(item->ordering_key);
        if (!item->row) queue_bytes_ += bytes_of(*item->event);
        (item->row ? due_ : queue_).push_front(std::move(*item));
      }
    } else if (!stopped_) {
      const Time now = core_.clock.now();
      for (Item& item : batch) settle(std::move(item), spec, answer, sent, now);
    }
  }
  if (!aborted) (delivered ? core_.delivered : core_.failed).add(static_cast<double>(batch.size()));
  destination.leave(delivered ? Verdict::kGood : (answer.rule.counts ? Verdict::kBad : Verdict::kNeutral));
  if (!aborted) flusher_->mark(shared_from_this());
  if (!aborted || put_back) pump();
}

// ---- settling

RetryRow Worker::row_of(const Item& item) const {
  if (item.row) return *item.row;
  RetryRow row;
  row.sequence = item.event->sequence;
  row.part = item.part;
  row.expires = item.expires;
  row.ordering_key = item.ordering_key;
  return row;
}

void Worker::settle(Item item, const SubscriptionSpec& spec, const DeliveryAnswer& answer, const Sent& sent, Time now) {
  RetryRow row = row_of(item);
  ++row.attempts;
  row.last_attempt = sent.at;
  row.status = answer.status;
  row.outcome = answer.rule.outcome;
  Attempt attempt;
  attempt.sequence = row.sequence;
  attempt.part = row.part;
  attempt.number = row.attempts;
  attempt.at = sent.at;
  attempt.status = answer.status;
  attempt.outcome = answer.rule.outcome;
  attempt.latency = std::chrono::steady_clock::now() - sent.real;
  attempt.reply = answer.reply;
  delta_.attempts.push_back(std::move(attempt));
  flusher_->count(1);

  if (answer.rule.outcome == Outcome::kDelivered) {
    if (item.row)
      delta_.removed.emplace_back(row.sequence, row.part);
    else
      mark_done(item);
    return release_key(item, true);
  }
  if (answer.rule.final) return give_up(std::move(item), std::move(row), dead_letter_reason(answer.rule.outcome), now);
  if (row.attempts >= spec.max_attempts) return give_up(std::move(item), std::move(row), kAttemptsExceeded, now);
  row.state = RetryRow::State::kRetrying;
  row.due = now + retry_wait(core_.options, row.attempts, answer.rule, core_.ids);
  put_row(item, std::move(row));
  release_key(item, false);
}

void Worker::give_up(Item item, RetryRow row, std::string_view reason, Time now) {
  row.reason = reason.empty() ? kAttemptsExceeded : reason;
  const bool keep = spec_->dead_letter.kind != DeadLetterSpec::Kind::kNone;
  row.state = keep ? RetryRow::State::kDeadLettering : RetryRow::State::kDropped;
  row.due = now;
  if (keep) row.expires = now + kDeadLetterPatience;
  put_row(item, std::move(row));
  release_key(item, true);
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
  while (!slots_.empty() && slots_.front().done) {
    // While we lag, `seen_` is further on already.
    if (!lagging_) seen_ = std::max(seen_, slots_.front().sequence);
    slots_.pop_front();
  }
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
    queue_bytes_ += bytes_of(*next.event);
    queue_.push_front(std::move(next));
    return;
  }
  if (!item.row) ++blocked_keys_[key];
  if (waiting == waiting_for_key_.end()) return;
  std::deque<Item> items = std::move(waiting->second);
  waiting_for_key_.erase(waiting);
  for (Item& one : items) hold_back(std::move(one));
}

void Worker::start_dead_letters(Lock& lock) {
  while (!dead_.empty() && dead_in_flight_ < kMaxDeadLetters && !stopped_) {
    Item item = std::move(dead_.front());
    dead_.pop_front();
    ++dead_in_flight_;
    const SpecPtr spec = spec_;
    lock.unlock();
    const Time now = core_.clock.now();
    const Item& borrowed = item;
    const events::EventPtr event = borrowed.event;
    RetryRow row = *borrowed.row;
    core_.dead_letters.write(*spec, *event, row, now, [self = shared_from_this(), row, now](bool written) mutable {
      {
        const Lock inner(self->mutex_);
        --self->dead_in_flight_;
        if (self->stopped_) return;
        if (written) {
          row.state = RetryRow::State::kDeadLettered;
        } else if (now >= row.expires) {
          row.state = RetryRow::State::kDropped;
        } else {
          row.due = now + kDeadLetterRetry;
        }
        self->delta_.put.push_back(std::move(row));
      }
      self->flusher_->mark(self);
      self->core_.executor.post([self] { self->pump(); });
    });
    lock.lock();
  }
}

// ---- the flusher's

std::int64_t Worker::cursor_locked(std::int64_t seen) const { return slots_.empty() ? seen : slots_.front().sequence - 1; }

Delta Worker::take_delta(std::int64_t source_position, std::int64_t safe_position) {
  const Lock lock(mutex_);
  Delta out = std::exchange(delta_, {});
  delta_.subscription_key = key_;
  out.cursor = cursor_locked(lagging_ ? seen_ : std::max(seen_, source_position));
  // Behind the position that is written with this, only the own cursor may count.
  out.lagging = lagging_ || out.cursor < safe_position;
  return out;
}

void Worker::flushed(const Delta& delta) {
  bool busy = false, look = false;
  {
    const Lock lock(mutex_);
    if (stopped_) return;
    durable_lagging_ = delta.lagging;
    busy = !durable_lagging_ && (lagging_ || !slots_.empty());
    for (const auto& row : delta.removed) busy_rows_.erase(row);
    const Time now = core_.clock.now();
    for (const RetryRow& row : delta.put) {
      busy_rows_.erase({row.sequence, row.part});
      if (row.state != RetryRow::State::kRetrying && row.state != RetryRow::State::kDeadLettering) continue;
      if (row.due <= now)
        look = true;
      else
        arm(row.due);
    }
    look |= !delta.unblocked.empty();
    // The last page of rows is done, and there are more.
    look |= due_.empty() && due_truncated_;
  }
  if (busy) source_->add_busy(shared_from_this());
  if (look) look_for_due();
}

Worker::Status Worker::status() const {
  const Lock lock(mutex_);
  Status status;
  status.cursor = cursor_locked(lagging_ ? seen_ : std::max(seen_, source_->position()));
  status.lagging = lagging_;
  status.queued = queue_.size() + due_.size();
  status.in_flight = in_flight_;
  status.open_until = destination_->open_until();
  status.idle = slots_.empty() && !lagging_ && in_flight_ == 0 && due_.empty() && dead_.empty() && busy_rows_.empty();
  return status;
}

}  // namespace trunkline::delivery
