// Of a worker: the rows whose time comes, the dead letters, and what the flusher writes.
#include <algorithm>

#include "runtime/delivery/destination.h"
#include "runtime/delivery/flusher.h"
#include "runtime/delivery/source.h"
#include "runtime/delivery/worker.h"
#include "runtime/events/event_page.h"

namespace trunkline::delivery {
namespace {

constexpr std::size_t kDuePage = 128;
constexpr std::size_t kMaxDeadLetters = 4;
constexpr Duration kRowsWaitAfterError = std::chrono::seconds{1};
constexpr Duration kDeadLetterRetry = std::chrono::minutes{5};

}  // namespace

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
      item.ordering_key = row.ordering_key;  // none when somebody asked for it once more: then it keeps no order
      item.row = std::move(row);
      items.push_back(std::move(item));
    }
  } catch (const Error& error) {
    core_.log.error("events", "a subscription cannot read its retries; trying again", {{"error", error.message}});
    later = now + kRowsWaitAfterError;
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

void Worker::start_dead_letters() {
  while (!dead_.empty() && dead_in_flight_ < kMaxDeadLetters && !stopped_) {
    auto item = std::make_shared<const Item>(std::move(dead_.front()));
    dead_.pop_front();
    ++dead_in_flight_;
    // On the executor, because it writes files: we may be on the thread that all requests go through.
    core_.executor.post(
        [self = shared_from_this(), item = std::move(item), spec = spec_] { self->write_dead_letter(*item, *spec); });
  }
}

void Worker::write_dead_letter(const Item& item, const SubscriptionSpec& spec) {
  const Time now = core_.clock.now();
  core_.dead_letters.write(
      spec, *item.event, *item.row,
      [self = shared_from_this(), row = *item.row, now, name = spec.name](const std::string& problem) mutable {
        if (!problem.empty())
          self->core_.log.warning("events", "a dead letter was not taken", {{"subscription", name}, {"reason", problem}});
        {
          const Lock inner(self->mutex_);
          --self->dead_in_flight_;
          if (self->stopped_) return;
          if (problem.empty()) {
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
}

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
  bool busy = false, look = false, ended = false;
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
    ended = spec_->until && delta.cursor >= *spec_->until && slots_.empty() && in_flight_ == 0 && due_.empty() && dead_.empty() &&
            busy_rows_.empty();
  }
  if (busy) source_->add_busy(shared_from_this());
  if (look) look_for_due();
  if (ended && core_.on_end)
    core_.executor.post([self = shared_from_this()] { self->core_.on_end(self->source_->database(), self->key_); });
}

}  // namespace trunkline::delivery
