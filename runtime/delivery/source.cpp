#include "runtime/delivery/source.h"

#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/delivery/flusher.h"
#include "runtime/delivery/worker.h"

namespace trunkline::delivery {
namespace {
constexpr std::uint32_t kSharedPage = 256;
// How often a position is written for its own sake, when nothing matches; bounds what a restart reads again.
constexpr std::int64_t kPositionStep = 4096;
}  // namespace

Source::Source(Core& core, store::Database& database, std::int64_t key, FlusherPtr flusher, std::int64_t position)
    : core_(core),
      database_(database),
      key_(key),
      flusher_(std::move(flusher)),
      position_(position),
      written_position_(position) {}

Source::~Source() = default;

void Source::start() {
  std::shared_ptr<Subscription> subscription;
  {
    const std::lock_guard lock(mutex_);
    subscription = subscription_ = core_.events.subscribe(database_, key_, {}, position());
  }
  spawn(run(shared_from_this(), std::move(subscription)), [log = &core_.log](const Result<void>& result) {
    if (!result.ok()) log->error("events", "events are not delivered any more", {{"error", result.error().message}});
  });
}

void Source::stop() {
  const std::lock_guard lock(mutex_);
  if (subscription_) subscription_->close();
}

void Source::clear() {
  std::unordered_map<std::uint64_t, WorkerPtr> workers;
  std::unordered_set<WorkerPtr> busy;
  const std::lock_guard lock(mutex_);
  workers.swap(workers_);
  busy.swap(busy_);
  index_ = {};
}

void Source::add(const WorkerPtr& worker, const events::FilterSpec& filter) {
  const std::lock_guard lock(mutex_);
  index_.add(worker->id(), std::make_shared<const events::CompiledFilter>(filter));
  workers_[worker->id()] = worker;
  busy_.insert(worker);  // it lags until it has caught up
}

void Source::change(const WorkerPtr& worker, const events::FilterSpec& filter) {
  const std::lock_guard lock(mutex_);
  if (workers_.contains(worker->id())) index_.add(worker->id(), std::make_shared<const events::CompiledFilter>(filter));
}

void Source::remove(Worker& worker) {
  WorkerPtr kept;
  {
    const std::lock_guard lock(mutex_);
    index_.remove(worker.id());
    if (const auto found = workers_.find(worker.id()); found != workers_.end()) {
      kept = std::move(found->second);
      workers_.erase(found);
    }
    busy_.erase(kept);
  }
  worker.stop();
}

bool Source::try_join(const WorkerPtr& worker, std::int64_t seen) {
  const std::lock_guard lock(mutex_);
  if (position() > seen) return false;
  worker->go_live(seen);
  busy_.insert(worker);
  return true;
}

void Source::add_busy(const WorkerPtr& worker) {
  const std::lock_guard lock(mutex_);
  if (workers_.contains(worker->id())) busy_.insert(worker);
}

std::int64_t Source::safe_position() {
  const std::lock_guard lock(mutex_);
  std::int64_t safe = position();
  for (auto at = busy_.begin(); at != busy_.end();) {
    const std::optional<std::int64_t> floor = (*at)->floor();
    if (floor) safe = std::min(safe, *floor);
    at = floor ? std::next(at) : busy_.erase(at);
  }
  return safe;
}

std::uint64_t Source::evaluations() const {
  const std::lock_guard lock(mutex_);
  return index_.evaluations();
}

Task<void> Source::run(std::shared_ptr<Source> self, std::shared_ptr<Subscription> subscription) {
  for (;;) {
    std::vector<Event> events = co_await subscription->next(kSharedPage);
    if (events.empty()) co_return;
    self->give(std::move(events));
  }
}

bool Source::expands(std::string_view type) const {
  const events::EventExpander* const expander = core_.expander.load(std::memory_order_acquire);
  if (expander == nullptr) return false;
  const std::vector<std::string> types = expander->types_from(type);
  return std::any_of(types.begin(), types.end(), [&](const std::string& t) { return index_.wants_type(to_lower(t)); });
}

void Source::give(std::vector<Event> events) {
  std::vector<WorkerPtr> touched;
  bool write_position = false;
  {
    const std::lock_guard lock(mutex_);
    for (Event& event : events) {
      const auto first = std::make_shared<const Event>(std::move(event));
      if (index_.size() > 0 && expands(first->type)) {
        const std::vector<events::EventPtr> all = expand(core_, first);
        for (std::size_t part = 0; part < all.size(); ++part) give_one(all[part], static_cast<int>(part), touched);
      } else {
        give_one(first, 0, touched);
      }
      position_.store(first->sequence, std::memory_order_release);
    }
    if (position() - written_position_ >= kPositionStep) {
      written_position_ = position();
      write_position = true;
    }
  }
  if (write_position) flusher_->mark(shared_from_this());
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (const WorkerPtr& worker : touched) worker->pump();
}

void Source::give_one(const events::EventPtr& event, int part, std::vector<WorkerPtr>& touched) {
  matches_.clear();
  index_.match(events::EventView(*event), matches_);
  for (const events::FilterIndex::Id id : matches_) {
    const WorkerPtr& worker = workers_.at(id);
    if (worker->push(event, part)) {
      if (touched.empty() || touched.back() != worker) touched.push_back(worker);
    }
    busy_.insert(worker);
  }
}

}  // namespace trunkline::delivery
