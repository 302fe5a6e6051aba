#include "runtime/eventgrid/subscription_service.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/diagnostics/log.h"
#include "runtime/eventgrid/subscription_hold.h"

namespace trunkline::eventgrid {
namespace {

using delivery::SubscriptionRow;
using State = SubscriptionRow::State;

delivery::SpecPtr read_spec(const EventSource& source, const std::string& name, nlohmann::json properties,
                            const delivery::DeliveryOptions& options) {
  const bool named = properties.is_object() && properties.contains("eventDeliverySchema");
  if (source.cloud_events && properties.is_object() && !named)
    properties["eventDeliverySchema"] = events::to_text(events::EventSchema::kCloudEvents);
  auto spec = std::make_shared<delivery::SubscriptionSpec>(delivery::parse_spec(name, JsonRef(properties), options));
  if (source.cloud_events && spec->schema != events::EventSchema::kCloudEvents)
    throw Error(ErrorCode::kInvalidArgument,
                "the topic '" + source.name + "' takes CloudEvents, which can be delivered as CloudEventSchemaV1_0 only",
                "eventDeliverySchema");
  spec->topic = source.topic;
  return spec;
}

/// Nobody may guess it: whoever knows it lets events flow to an endpoint.
std::string new_code() {
  std::uint8_t bytes[24];
  random_bytes(bytes);
  return hex_encode(bytes);
}

/// Start of a subscription that has never been active: the end of the log when it becomes so.
constexpr std::int64_t kFromItsProof = -1;

/// Where a subscription takes up its work, in the transaction that makes it active. What was written of its cursor is behind
/// what it had settled, if anything; what was attempted beyond that is known.
void go_on(store::Session& session, SubscriptionRow& row) {
  row.lagging = true;
  if (row.start == kFromItsProof) {
    row.start = row.cursor = delivery::last_of_log(session, row.resource_key);
    delivery::set_subscription_start(session, row.key, row.start);
  } else {
    row.cursor = delivery::take_up(session, row.key);
  }
}

bool must_prove(const EventSubscription* old, const delivery::SubscriptionSpec& spec) {
  if (spec.kind != delivery::SubscriptionSpec::Kind::kWebhook) return false;
  return old == nullptr || old->row.state != State::kActive || old->spec->kind != spec.kind ||
         old->spec->endpoint != spec.endpoint || old->spec->schema != spec.schema ||
         (spec.schema == events::EventSchema::kCloudEvents && old->spec->requests_per_minute != spec.requests_per_minute);
}

/// What an endpoint allowed is for it to say, not for whoever writes the subscription.
delivery::SpecPtr allowing(const delivery::SpecPtr& spec, int per_minute) {
  if (spec->allowed_per_minute == per_minute) return spec;
  auto out = std::make_shared<delivery::SubscriptionSpec>(*spec);
  out->allowed_per_minute = per_minute;
  return out;
}

}  // namespace

std::string_view EventSubscription::provisioning_state(Time now) const {
  if (row.state != State::kAwaitingManualAction) return "Succeeded";
  return now < row.validation_expires ? "AwaitingManualAction" : "Failed";
}

nlohmann::json arm_properties_of(const EventSubscription& subscription, Time now) {
  nlohmann::json out = delivery::to_json(*subscription.spec, false);
  out["topic"] = subscription.source.topic;
  out["provisioningState"] = subscription.provisioning_state(now);
  return out;
}

EventSubscriptionService::EventSubscriptionService(ServiceContext& context, delivery::DeliveryEngine& engine)
    : context_(context),
      engine_(engine),
      handshake_(engine.http(), context.clock, context.ids, engine.options().response_timeout, engine.origin()) {
  engine_.set_on_end([this](store::Database& database, std::int64_t key) { finish(database, key); });
}

void EventSubscriptionService::set_endpoint(std::string endpoint) {
  const std::lock_guard lock(mutex_);
  endpoint_ = std::move(endpoint);
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
}

std::string EventSubscriptionService::validation_url(const std::string& code) const {
  const std::lock_guard lock(mutex_);
  return endpoint_.empty() ? "" : endpoint_ + "/eventGrid/validate?code=" + code;
}

void EventSubscriptionService::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (expiry_timer_ != 0) context_.clock.cancel(expiry_timer_);
  expiry_timer_ = 0;
}

// ---- sources

void EventSubscriptionService::add_source(const EventSource& source) {
  std::vector<EventSubscriptionPtr> found;
  std::map<std::string, std::int64_t, std::less<>> unusable;
  for (SubscriptionRow& row : delivery::read_subscriptions(*source.database, source.key)) {
    auto subscription = std::make_shared<EventSubscription>();
    try {
      const nlohmann::json properties = parse_json(row.properties);
      subscription->spec = read_spec(source, row.name, properties, engine_.options());
    } catch (const Error& error) {
      // Such as plain http, which the configuration has come to forbid. It stays on disk, and its events in the log.
      context_.log.error(
          "events", "a stored event subscription cannot be run",
          {{"subscription", row.name}, {"source", source.name}, {"target", error.target}, {"error", error.message}});
      unusable[to_lower(row.name)] = row.key;
      continue;
    }
    row.properties.clear();
    subscription->source = source;
    subscription->row = std::move(row);
    found.push_back(std::move(subscription));
  }
  {
    const std::lock_guard lock(mutex_);
    OfSource& of = sources_[{source.database, source.key}];
    of.source = source;
    of.unusable = std::move(unusable);
    for (const EventSubscriptionPtr& one : found) of.by_name[to_lower(one->row.name)] = one;
  }
  for (const EventSubscriptionPtr& one : found)
    if (one->row.state == State::kActive) engine_.add(*source.database, one->row, one->spec);
  arm_expiry();
}

void EventSubscriptionService::remove_source(const EventSource& source) {
  {
    const std::lock_guard lock(mutex_);
    sources_.erase({source.database, source.key});
  }
  engine_.remove_source(*source.database, source.key);
}

void EventSubscriptionService::copy_rows(store::Session& session, const Resource& from, const Resource& to) {
  delivery::copy_resource(session, from.key, to.key);
}

void EventSubscriptionService::drop_rows(store::Session& session, const Resource& resource) {
  delivery::drop_resource(session, resource.key);
}

void EventSubscriptionService::on_added(const ResourcePtr& resource, const ResourcePtr&) { add_source(source_of(*resource)); }
void EventSubscriptionService::on_dropped(const ResourcePtr& resource) { remove_source(source_of(*resource)); }

// ---- writing

Task<EventSubscriptionService::Written> EventSubscriptionService::put(EventSource source, std::string name,
                                                                      nlohmann::json properties,
                                                                      std::optional<std::int64_t> start, Proof proof) {
  const delivery::SpecPtr spec = read_spec(source, name, properties, engine_.options());
  const Hold hold(*this, source, name);
  const EventSubscriptionPtr old = find(source, name);
  if (old && !old->finished()) start.reset();  // counts when it is created
  if (!old) co_await remove_unusable(source, name);
  Written written;
  written.created = old == nullptr;
  written.subscription = co_await write(source, old, spec, start, proof);
  co_return written;
}

Task<EventSubscriptionPtr> EventSubscriptionService::change(
    EventSource source, std::string name, UniqueFunction<nlohmann::json(const delivery::SubscriptionSpec&)> properties_of) {
  const Hold hold(*this, source, name);
  const EventSubscriptionPtr old = get(source, name);
  const nlohmann::json properties = properties_of(*old->spec);
  const delivery::SpecPtr spec = read_spec(source, old->row.name, properties, engine_.options());
  co_return co_await write(source, old, spec, std::nullopt, Proof::kAsk);
}

Task<EventSubscriptionPtr> EventSubscriptionService::patch(EventSource source, std::string name, nlohmann::json properties) {
  return change(std::move(source), std::move(name), [properties = std::move(properties)](const delivery::SubscriptionSpec& old) {
    if (!properties.is_object()) throw JsonRef(properties).error("must be an object");
    return delivery::merge_spec(old, properties);
  });
}

/// With the name held.
Task<EventSubscriptionPtr> EventSubscriptionService::write(EventSource source, EventSubscriptionPtr old, delivery::SpecPtr spec,
                                                           std::optional<std::int64_t> start, Proof proof) {
  auto next = std::make_shared<EventSubscription>();
  next->source = source;
  if (old) next->row = old->row;
  next->row.resource_key = source.key;
  next->row.name = old ? old->row.name : spec->name;
  next->row.state = State::kActive;
  next->row.validation_code.clear();
  const bool anew = must_prove(old.get(), *spec);
  const bool keeps = !anew && old && spec->kind == delivery::SubscriptionSpec::Kind::kWebhook;
  spec = allowing(spec, keeps ? old->spec->allowed_per_minute : 0);
  if (proof == Proof::kAsk && anew) {
    const std::string code = new_code();
    {
      const std::lock_guard lock(mutex_);
      sent_codes_[{{source.database, source.key}, to_lower(next->row.name)}] = {code, false, 0};
    }
    const Handshake::Answer answer = co_await handshake_.run(spec, source.topic, code, validation_url(code));
    spec = allowing(spec, answer.allowed_per_minute);
    if (answer.outcome == Handshake::Outcome::kManual) {
      next->row.state = State::kAwaitingManualAction;
      next->row.validation_code = code;
      next->row.validation_expires = context_.clock.now() + Handshake::kManualWindow;
    }
  }
  next->spec = spec;
  const Time now = context_.clock.now();
  next->row.updated = now;
  if (!old) next->row.created = now;
  const std::string stored = delivery::to_json(*spec, true).dump();
  // One that waits for its proof begins when it has that; one that ran before goes on where it was.
  const bool waits = next->row.state == State::kAwaitingManualAction;
  const bool starts = !old || old->finished() || start;
  const bool same_worker = old && old->row.state == State::kActive && old->spec->kind == spec->kind;
  // The end of the log is read in the transaction, and the row counts for itself (lagging), so no event falls between.
  SubscriptionRow* const row = &next->row;
  auto work = [row, &stored, &old, starts, waits, same_worker, start](store::Session& session) {
    SubscriptionRow out = *row;
    out.properties = stored;
    if (starts) {
      out.start = out.cursor = start ? *start : waits ? kFromItsProof : delivery::last_of_log(session, out.resource_key);
      out.lagging = true;
    } else if (!waits && !same_worker) {
      go_on(session, out);
    }
    if (!old) {
      out.key = delivery::insert_subscription(session, out);
    } else {
      delivery::update_subscription(session, out);
      if (starts) delivery::set_subscription_start(session, out.key, out.start);
    }
    out.properties.clear();
    return out;
  };
  next->row = co_await source.database->write_value<SubscriptionRow>(std::move(work));
  replace(old, next);
  context_.log.info("events", old ? "event subscription changed" : "event subscription created",
                    {{"subscription", next->row.name}, {"source", source.name}, {"state", next->provisioning_state(now)}});
  co_return next;
}

void EventSubscriptionService::replace(const EventSubscriptionPtr& old, const EventSubscriptionPtr& now) {
  store::Database& database = *now->source.database;
  {
    const std::lock_guard lock(mutex_);
    const auto of = sources_.find({&database, now->source.key});
    if (of == sources_.end()) return;  // dropped meanwhile, with its rows
    of->second.by_name[to_lower(now->row.name)] = now;
  }
  const bool ran = old && old->row.state == State::kActive;
  const bool runs = now->row.state == State::kActive;
  // What is delivered otherwise than before needs another worker; it goes on from its cursor.
  const bool same_worker = ran && runs && old->spec->kind == now->spec->kind;
  SubscriptionRow row = now->row;
  if (ran && !same_worker) {
    if (const auto status = engine_.status(database, row.key)) row.cursor = std::max(row.cursor, status->cursor);
    engine_.remove(database, row.key);
  }
  if (same_worker) engine_.change(database, row.key, now->spec);
  if (runs && !same_worker) engine_.add(database, row, now->spec);
  arm_expiry();
}

Task<bool> EventSubscriptionService::remove_unusable(EventSource source, std::string name) {
  const std::string folded = to_lower(name);
  std::int64_t key = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto of = sources_.find({source.database, source.key});
    if (of == sources_.end()) co_return false;
    const auto row = of->second.unusable.find(folded);
    if (row == of->second.unusable.end()) co_return false;
    key = row->second;
  }
  auto work = [key](store::Session& session) { delivery::delete_subscription(session, key); };
  co_await source.database->write(std::move(work));
  const std::lock_guard lock(mutex_);
  const auto of = sources_.find({source.database, source.key});
  if (of != sources_.end()) of->second.unusable.erase(folded);
  co_return true;
}

Task<bool> EventSubscriptionService::remove(EventSource source, std::string name) {
  const Hold hold(*this, source, name);
  const EventSubscriptionPtr old = find(source, name);
  if (!old) co_return co_await remove_unusable(source, name);
  const std::int64_t key = old->row.key;
  auto work = [key](store::Session& session) { delivery::delete_subscription(session, key); };
  co_await source.database->write(std::move(work));
  engine_.remove(*source.database, key);
  {
    const std::lock_guard lock(mutex_);
    const auto of = sources_.find({source.database, source.key});
    if (of != sources_.end()) of->second.by_name.erase(to_lower(name));
  }
  context_.log.info("events", "event subscription removed", {{"subscription", old->row.name}, {"source", source.name}});
  co_return true;
}

Task<EventSubscriptionPtr> EventSubscriptionService::confirm(std::string validation_code, int allowed_per_minute) {
  const Error unknown(ErrorCode::kNotFound, "this validation code is unknown, was used, or has expired", "code");
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, sent] : sent_codes_) {
      if (sent.code != validation_code) continue;
      sent.used = true;
      sent.allowed_per_minute = allowed_per_minute;
      co_return nullptr;
    }
  }
  const EventSubscriptionPtr found = find_if([&](const EventSubscription& one) {
    return one.row.state == State::kAwaitingManualAction && one.row.validation_code == validation_code;
  });
  if (validation_code.empty() || !found || context_.clock.now() >= found->row.validation_expires) throw unknown;
  const Hold hold(*this, found->source, found->row.name);
  const EventSubscriptionPtr old = find(found->source, found->row.name);
  if (!old || old->row.validation_code != validation_code) throw unknown;
  auto next = std::make_shared<EventSubscription>(*old);
  next->row.state = State::kActive;
  next->row.validation_code.clear();
  next->row.updated = context_.clock.now();
  next->spec = allowing(old->spec, allowed_per_minute);
  const std::string stored = delivery::to_json(*next->spec, true).dump();
  SubscriptionRow* const row = &next->row;
  auto work = [row, &stored](store::Session& session) {
    SubscriptionRow out = *row;
    out.properties = stored;
    delivery::update_subscription(session, out);
    go_on(session, out);
    out.properties.clear();
    return out;
  };
  next->row = co_await old->source.database->write_value<SubscriptionRow>(std::move(work));
  replace(old, next);
  co_return next;
}

void EventSubscriptionService::confirm_soon(SentCode sent) {
  context_.executor.post([this, sent = std::move(sent)]() mutable {
    spawn(confirm(std::move(sent.code), sent.allowed_per_minute), [this](const Result<EventSubscriptionPtr>& result) {
      // Its endpoint had answered as well, or was refused.
      if (!result.ok() && result.error().code != ErrorCode::kNotFound)
        context_.log.warning("events", "a webhook was confirmed, and could not be marked so",
                             {{"error", result.error().message}});
    });
  });
}

// ---- reading

EventSubscriptionPtr EventSubscriptionService::find(const EventSource& source, std::string_view name) const {
  const std::string folded = to_lower(name);
  const std::lock_guard lock(mutex_);
  const auto of = sources_.find({source.database, source.key});
  if (of == sources_.end()) return nullptr;
  const auto found = of->second.by_name.find(folded);
  return found == of->second.by_name.end() ? nullptr : found->second;
}

EventSubscriptionPtr EventSubscriptionService::find_if(const std::function<bool(const EventSubscription&)>& matches) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, of] : sources_)
    for (const auto& [name, subscription] : of.by_name)
      if (matches(*subscription)) return subscription;
  return nullptr;
}

EventSubscriptionPtr EventSubscriptionService::get(const EventSource& source, std::string_view name) const {
  if (EventSubscriptionPtr found = find(source, name)) return found;
  throw Error(ErrorCode::kNotFound, "there is no event subscription named '" + std::string(name.substr(0, 80)) + "'", "name");
}

std::vector<EventSubscriptionPtr> EventSubscriptionService::list(const EventSource& source) const {
  const std::lock_guard lock(mutex_);
  std::vector<EventSubscriptionPtr> all;
  const auto of = sources_.find({source.database, source.key});
  if (of == sources_.end()) return all;
  for (const auto& [name, subscription] : of->second.by_name) all.push_back(subscription);
  return all;
}

std::int64_t EventSubscriptionService::settled_up_to(store::Database& database) const {
  std::vector<std::int64_t> keys;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [source, of] : sources_) {
      if (source.first != &database) continue;
      for (const auto& [name, subscription] : of.by_name)
        if (subscription->row.state == State::kActive) keys.push_back(subscription->row.key);
    }
  }
  std::int64_t settled = INT64_MAX;
  for (const std::int64_t key : keys) {
    if (const auto status = engine_.status(database, key)) settled = std::min(settled, status->cursor);
    if (const auto open = delivery::first_open(database, key)) settled = std::min(settled, *open - 1);
  }
  return settled;
}

SubscriptionActivity EventSubscriptionService::activity(const EventSubscription& subscription) const {
  using Row = delivery::RetryRow::State;
  store::Database& database = *subscription.source.database;
  const std::int64_t key = subscription.row.key;
  SubscriptionActivity out;
  out.cursor = subscription.row.cursor;
  out.retrying = delivery::count_retries(database, key, Row::kRetrying);
  out.blocked = delivery::count_retries(database, key, Row::kBlocked);
  out.dead_lettered =
      delivery::count_retries(database, key, Row::kDeadLettered) + delivery::count_retries(database, key, Row::kDeadLettering);
  out.dropped = delivery::count_retries(database, key, Row::kDropped);
  if (const auto status = engine_.status(database, key)) {
    out.cursor = status->cursor;
    out.queued = status->queued;
    out.in_flight = status->in_flight;
    out.paused_until = status->open_until;
    out.idle = status->idle && out.retrying == 0 && out.blocked == 0;
  } else {
    out.idle = true;
  }
  return out;
}

}  // namespace trunkline::eventgrid
