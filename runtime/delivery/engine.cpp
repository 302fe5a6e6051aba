#include "runtime/delivery/engine.h"

#include <algorithm>

#include "runtime/delivery/destination.h"
#include "runtime/delivery/flusher.h"
#include "runtime/delivery/pull_target.h"
#include "runtime/delivery/source.h"
#include "runtime/delivery/webhook_target.h"
#include "runtime/net/url.h"

namespace trunkline::delivery {
namespace {

net::HttpClientOptions http_options(const DeliveryOptions& options) {
  net::HttpClientOptions out;
  out.user_agent = "Trunkline-Events";
  out.connections_per_host = 1024;  // the destinations have their own limits
  out.connections = 4096;
  if (options.forbid_private) out.allow_address = [](std::string_view address) { return !net::is_private_address(address); };
  return out;
}

/// Nobody is there to run workflows.
class NoWorkflows final : public Target {
 public:
  void deliver(DeliveryRequest, UniqueFunction<void(DeliveryAnswer)> done) override {
    done({{Outcome::kNotFound, false, true}, 0, "no workflow engine runs here"});
  }
};
NoWorkflows no_workflows;

}  // namespace

std::string_view to_text(Explanation::State state) {
  switch (state) {
    case Explanation::State::kFiltered:
      return "filtered";
    case Explanation::State::kEarlier:
      return "before_subscription";
    case Explanation::State::kWaiting:
      return "waiting";
    case Explanation::State::kRetrying:
      return "retrying";
    case Explanation::State::kBlocked:
      return "blocked";
    case Explanation::State::kDelivered:
      return "delivered";
    case Explanation::State::kDeadLettered:
      return "dead_lettered";
    case Explanation::State::kDropped:
      return "dropped";
  }
  return "filtered";
}

DeliveryEngine::DeliveryEngine(Executor& executor, Clock& clock, Log& log, Metrics& metrics, IdSource& ids, EventLog& events,
                               DeliveryOptions options)
    : http_(executor, http_options(options)),
      webhook_http_(executor, http_, http_options(options)),
      dead_letters_(http_, options.response_timeout),
      core_{executor, clock, log, ids, events, dead_letters_, std::move(options)} {
  core_.delivered = metrics.counter("trunkline_events_delivered_total", "Events that a subscription took.");
  core_.failed = metrics.counter("trunkline_events_failed_total", "Attempts to deliver an event that failed.");
  core_.given_up = metrics.counter("trunkline_events_given_up_total", "Events that were dead-lettered or dropped.");
  webhooks_ = std::make_unique<WebhookTarget>(webhook_http_, clock, core_.options.response_timeout);
  pull_ = std::make_shared<PullTarget>(executor, clock);
}

DeliveryEngine::~DeliveryEngine() {
  stop();
  for (const auto& [key, source] : sources_) source->clear();
}

const std::string& DeliveryEngine::origin() const { return webhooks_->origin(); }

Target& DeliveryEngine::target_of(const SubscriptionSpec& spec) {
  switch (spec.kind) {
    case SubscriptionSpec::Kind::kHandler:
      return *pull_;
    case SubscriptionSpec::Kind::kWorkflow:
      return workflows_ != nullptr ? *workflows_ : no_workflows;
    default:
      return *webhooks_;
  }
}

// With mutex_ held. An endpoint is its URL without the query; handlers and triggers are their own.
DestinationPtr DeliveryEngine::destination_of(store::Database& database, std::int64_t key, const SubscriptionSpec& spec) {
  if (spec.kind == SubscriptionSpec::Kind::kHandler) return std::make_shared<Destination>(core_, PullTarget::kMaxWaiting, false);
  if (spec.kind == SubscriptionSpec::Kind::kWorkflow)
    return std::make_shared<Destination>(core_, core_.options.connections_per_endpoint, true);
  (void)database, (void)key;
  std::weak_ptr<Destination>& known = destinations_[spec.endpoint_base()];
  DestinationPtr destination = known.lock();
  if (!destination) known = destination = std::make_shared<Destination>(core_, core_.options.connections_per_endpoint, true);
  return destination;
}

void DeliveryEngine::add(store::Database& database, const SubscriptionRow& row, SpecPtr spec) {
  WorkerPtr worker;
  {
    const std::lock_guard lock(mutex_);
    if (core_.stopped.load()) return;
    FlusherPtr& flusher = flushers_[&database];
    if (!flusher) flusher = std::make_shared<Flusher>(core_, database);
    SourcePtr& source = sources_[{&database, row.resource_key}];
    if (!source) {
      const std::optional<std::int64_t> position = read_position(database, row.resource_key);
      source = std::make_shared<Source>(core_, database, row.resource_key, flusher,
                                        position.value_or(core_.events.last_sequence(database, row.resource_key)));
      source->start();
    }
    // What the row says of its cursor holds; a position that is further on does as well, unless it lags.
    std::int64_t seen = std::max(row.cursor, row.start);
    if (!row.lagging) seen = std::max(seen, read_position(database, row.resource_key).value_or(0));
    WorkerPtr& place = workers_[{&database, row.key}];
    if (place) return;
    place = worker = std::make_shared<Worker>(core_, ++last_id_, source, flusher, row, spec,
                                              destination_of(database, row.key, *spec), target_of(*spec), seen);
    if (spec->kind == SubscriptionSpec::Kind::kHandler) pull_->open(worker->id());
    source->add(worker, spec->filter);
  }
  worker->start();
}

void DeliveryEngine::change(store::Database& database, std::int64_t key, SpecPtr spec) {
  const WorkerPtr worker = find(database, key);
  if (!worker) return;
  DestinationPtr destination;
  {
    const std::lock_guard lock(mutex_);
    destination = destination_of(database, key, *spec);
  }
  worker->source()->change(worker, spec->filter);
  worker->set_spec(std::move(spec), std::move(destination));
}

WorkerPtr DeliveryEngine::find(store::Database& database, std::int64_t key) const {
  const std::lock_guard lock(mutex_);
  const auto found = workers_.find({&database, key});
  return found == workers_.end() ? nullptr : found->second;
}

void DeliveryEngine::remove(store::Database& database, std::int64_t key) {
  WorkerPtr worker;
  {
    const std::lock_guard lock(mutex_);
    const auto found = workers_.find({&database, key});
    if (found == workers_.end()) return;
    worker = std::move(found->second);
    workers_.erase(found);
    std::erase_if(destinations_, [](const auto& entry) { return entry.second.expired(); });
  }
  worker->source()->remove(*worker);
  pull_->close(worker->id());
}

void DeliveryEngine::remove_source(store::Database& database, std::int64_t resource_key) {
  std::vector<WorkerPtr> workers;
  SourcePtr source;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find({&database, resource_key});
    if (found == sources_.end()) return;
    source = std::move(found->second);
    sources_.erase(found);
    for (const auto& [key, worker] : workers_)
      if (worker->source() == source) workers.push_back(worker);
    for (const WorkerPtr& worker : workers) workers_.erase({&database, worker->key()});
  }
  source->stop();
  for (const WorkerPtr& worker : workers) {
    source->remove(*worker);
    pull_->close(worker->id());
  }
}

void DeliveryEngine::look_for_due(store::Database& database, std::int64_t key) {
  if (const WorkerPtr worker = find(database, key)) worker->look_for_due();
}

std::optional<Worker::Status> DeliveryEngine::status(store::Database& database, std::int64_t key) const {
  const WorkerPtr worker = find(database, key);
  return worker ? std::optional<Worker::Status>(worker->status()) : std::nullopt;
}

std::uint64_t DeliveryEngine::worker_id(store::Database& database, std::int64_t key) const {
  const WorkerPtr worker = find(database, key);
  return worker ? worker->id() : 0;
}

std::vector<Explanation> DeliveryEngine::explain(store::Database& database, const SubscriptionRow& row,
                                                 const SubscriptionSpec& spec, const Event& event) const {
  const std::vector<events::EventPtr> all = expand(event);
  const events::CompiledFilter filter(spec.filter);
  const std::vector<Attempt> attempts = read_attempts(database, row.key, event.sequence);
  const std::vector<RetryRow> retries = read_retries(database, row.key, event.sequence);
  const std::optional<Worker::Status> now = status(database, row.key);
  const std::int64_t cursor = now ? now->cursor : row.cursor;
  std::vector<Explanation> out;
  for (std::size_t part = 0; part < all.size(); ++part) {
    Explanation one;
    one.part = static_cast<int>(part);
    one.event_id = all[part]->id;
    one.verdict = filter.explain(events::EventView(*all[part]));
    for (const Attempt& attempt : attempts)
      if (attempt.part == one.part) one.attempts.push_back(attempt);
    const auto retry = std::find_if(retries.begin(), retries.end(), [&](const RetryRow& r) { return r.part == one.part; });
    const bool delivered =
        std::any_of(one.attempts.begin(), one.attempts.end(), [](const Attempt& a) { return a.outcome == Outcome::kDelivered; });
    using State = Explanation::State;
    if (retry != retries.end()) {
      one.retry = *retry;
      switch (retry->state) {
        case RetryRow::State::kDeadLettered:
        case RetryRow::State::kDeadLettering:
          one.state = State::kDeadLettered;
          break;
        case RetryRow::State::kDropped:
          one.state = State::kDropped;
          break;
        case RetryRow::State::kBlocked:
          one.state = State::kBlocked;
          break;
        default:
          one.state = State::kRetrying;
      }
    } else if (delivered) {
      one.state = State::kDelivered;
    } else if (!one.verdict.matched) {
      one.state = State::kFiltered;
    } else if (event.sequence <= row.start) {
      one.state = State::kEarlier;
    } else {
      // Settled without a trace: its attempts were trimmed.
      one.state = event.sequence <= cursor && one.attempts.empty() ? State::kDelivered : State::kWaiting;
    }
    if (part == 0 || one.state != State::kFiltered) out.push_back(std::move(one));
  }
  return out;
}

void DeliveryEngine::stop() {
  if (core_.stopped.exchange(true)) return;
  std::vector<SourcePtr> sources;
  std::vector<FlusherPtr> flushers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, source] : sources_) sources.push_back(source);
    for (const auto& [database, flusher] : flushers_) flushers.push_back(flusher);
  }
  for (const SourcePtr& source : sources) source->stop();
  pull_->stop();
  webhook_http_.stop();
  http_.stop();
  for (const FlusherPtr& flusher : flushers) flusher->hurry();
}

}  // namespace trunkline::delivery
