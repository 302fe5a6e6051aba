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
constexpr Duration kLoadWaitAfterError = std::chrono::seconds{1};

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
  std::vector<events::EventPtr> all;
  all.push_back(std::move(event));
  if (const events::EventExpander* const expander = core.expander.load(std::memory_order_acquire)) {
    std::vector<Event> more = expander->expand(*all.front());
    for (Event& one : more) {
      one.sequence = all.front()->sequence;
      one.published = all.front()->published;
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
  pace_.set(spec_->pace());
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
    pace_.set(spec_->pace());
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
    if (pace_timer_ != 0) core_.clock.cancel(pace_timer_);
    timer_ = pace_timer_ = 0;
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
  queue_bytes_ += Item::bytes_of(*event);
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
    if (!settled_) settled_ = read_settled(source_->database(), key_, after);
    page = events::read_page(source_->database(), source_->key(), everything, after, kPage);
    items.reserve(page.events.size());
    for (Event& event : page.events) {
      if (spec->until && event.sequence > *spec->until) continue;
      std::vector<events::EventPtr> all = expand(core_, std::make_shared<const Event>(std::move(event)));
      for (std::size_t part = 0; part < all.size(); ++part) {
        const int number = static_cast<int>(part);
        if (!settled_->empty() && settled_->contains({all[part]->sequence, number})) continue;
        if (filter->matches(events::EventView(*all[part]))) items.push_back(make_item(std::move(all[part]), number, *spec));
      }
    }
    if (!settled_->empty() && settled_->rbegin()->first <= page.position) settled_->clear();
  } catch (const Error& error) {
    core_.log.error("events", "a subscription cannot read the log; trying again",
                    {{"subscription", spec->name}, {"error", error.message}});
    if (!core_.stopped.load())
      core_.clock.schedule_after(kLoadWaitAfterError, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->load();
      });
    return;
  }
  {
    const Lock lock(mutex_);
    if (stopped_) return;
    for (Item& item : items) {
      slots_.push_back({item.event->sequence, item.part, false});
      queue_bytes_ += item.bytes();
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

// ---- sending

void Worker::pump(bool woken, std::size_t together) {
  bool dirty = false;
  std::vector<std::vector<Item>> batches;
  DestinationPtr destination;
  for (bool more = true; more;) {
    SpecPtr spec;
    {
      const Lock lock(mutex_);
      if (stopped_ || core_.stopped.load(std::memory_order_relaxed)) break;
      const std::size_t before = delta_.put.size();
      expire();
      dirty |= delta_.put.size() != before;
      start_dead_letters();
      maybe_load();
      if (!ready()) break;
      std::size_t wanted = std::min(together, due_.size() + queue_.size());
      if (spec_->concurrency > 0) {
        const auto most = static_cast<std::size_t>(spec_->concurrency);
        if (in_flight_ >= most) break;
        wanted = std::min(wanted, most - in_flight_);
      }
      wanted = at_pace(wanted);
      if (wanted == 0) break;
      if (flusher_->stall(shared_from_this())) break;
      destination = destination_;
      std::size_t places = destination->enter(shared_from_this(), wanted);
      more = places == wanted;
      for (; places > 0; --places) {
        std::vector<Item> batch = take_batch();
        if (batch.empty()) break;
        batches.push_back(std::move(batch));
      }
      dirty |= delta_.put.size() != before;
      for (; places > 0; --places) destination->leave(Verdict::kNeutral);
      in_flight_ += batches.size();
      pace_.went(core_.clock.now(), batches.size());
      spec = spec_;
      maybe_load();
    }
    more &= !batches.empty();
    for (std::vector<Item>& batch : batches) send(std::move(batch), spec, destination);
    batches.clear();
  }
  if (dirty) flusher_->mark(shared_from_this());
  if (!woken) return;
  // There may be places for others who wait.
  {
    const Lock lock(mutex_);
    destination = destination_;
  }
  destination->wake_one();
}

std::size_t Worker::at_pace(std::size_t wanted) {
  const std::size_t may = pace_.may(core_.clock.now(), wanted);
  if (may > 0 || pace_timer_ != 0) return may;
  pace_timer_ = core_.clock.schedule_at(pace_.next(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const Lock lock(self->mutex_);
      self->pace_timer_ = 0;
    }
    self->core_.executor.post([self] { self->pump(); });
  });
  return 0;
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
    const std::size_t size = queue_.front().bytes();
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

/// The first events of the queues whose time has passed are given up without an attempt.
void Worker::expire() {
  const Time now = core_.clock.now();
  const auto expire_from = [&](std::deque<Item>& items) {
    while (!items.empty() && items.front().expires <= now) {
      Item item = std::move(items.front());
      items.pop_front();
      if (&items == &queue_) queue_bytes_ -= item.bytes();
      RetryRow row = row_of(item);
      if (row.attempts == 0) row.outcome = Outcome::kProbation;
      // One in the queue has not got its key yet: another may be on its way with it.
      give_up(item, std::move(row), kTimeExceeded, now, &items != &queue_);
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
    self->answered(std::move(batch), *spec, answer, sent, destination);
  });
}

void Worker::answered(std::vector<Item> batch, const SubscriptionSpec& spec, const DeliveryAnswer& answer, const Sent& sent,
                      const DestinationPtr& destination) {
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
        if (!item->row) queue_bytes_ += item->bytes();
        (item->row ? due_ : queue_).push_front(std::move(*item));
      }
    } else if (!stopped_) {
      const Time now = core_.clock.now();
      const Duration latency = std::chrono::steady_clock::now() - sent.real;
      flusher_->count(static_cast<std::int64_t>(batch.size()));
      for (Item& item : batch) settle(item, spec, answer, sent.at, now, latency);
    }
  }
  if (!aborted) (delivered ? core_.delivered : core_.failed).add(static_cast<double>(batch.size()));
  go_on(destination, delivered ? Verdict::kGood : (answer.rule.counts ? Verdict::kBad : Verdict::kNeutral), !aborted || put_back);
}

/// What an answer makes possible, here and not on another thread: a hand-over would cost as much as the delivery. And once for
/// all answers that have come, because a round over what waits costs less for many than for each. First whoever waited for the
/// place.
void Worker::go_on(const DestinationPtr& destination, Verdict verdict, bool again) {
  if (WorkerPtr next = destination->pass_on(verdict)) {
    target_.after_answers([next = std::move(next), destination, work = WorkGuard(core_.executor.work())] {
      destination->arrived();
      next->pump(true, next->target_.together());
    });
  }
  if (!again || goes_on_.exchange(true)) return;
  target_.after_answers([self = shared_from_this(), work = WorkGuard(core_.executor.work())] {
    self->goes_on_.store(false);
    self->flusher_->mark(self);
    self->pump(false, self->target_.together());
  });
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
