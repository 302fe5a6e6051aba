#include "runtime/eventgrid/topic_service.h"

#include <algorithm>
#include <array>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/base/names.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/delivery/records.h"
#include "runtime/diagnostics/log.h"
#include "runtime/eventgrid/topic_records.h"
#include "runtime/events/event_log.h"
#include "runtime/services/arm_id.h"

namespace trunkline::eventgrid {
namespace {

using store::Session;

constexpr std::size_t kKeyBytes = 64;
constexpr std::size_t kLeastKeyBytes = 16;
constexpr std::size_t kMaxLocation = 90;

/// Never from the seeded source: keys must not be guessed.
Secret random_key() {
  std::array<std::uint8_t, kKeyBytes> bytes;
  random_bytes(bytes);
  return Secret(base64_encode(bytes));
}

void check_key(const Secret& key, const char* field) {
  const auto bytes = base64_decode(key.reveal());
  if (!bytes || bytes->size() < kLeastKeyBytes)
    throw Error(ErrorCode::kInvalidArgument, std::string(field) + " must be base64 of at least 16 bytes", field);
}

Error missing(std::string_view name) {
  return Error(ErrorCode::kNotFound, "there is no topic named '" + std::string(name.substr(0, 80)) + "'", "topic");
}

void complete_source(EventTopic& topic, store::Database& database) {
  topic.source.database = &database;
  topic.source.name = topic.name;
  topic.source.cloud_events = topic.schema == events::EventSchema::kCloudEvents;
  topic.source.topic = arm_id(topic.subscription, topic.resource_group, "Microsoft.EventGrid", {{"topics", topic.name}}).str();
}

}  // namespace

/// Keeps others from changing a topic, or from taking its name, meanwhile.
class EventTopicService::Hold {
 public:
  Hold(EventTopicService& owner, std::string_view name) : owner_(owner), name_(to_lower(name)) {
    const std::lock_guard lock(owner_.mutex_);
    if (!owner_.in_use_.insert(name_).second)
      throw Error(ErrorCode::kAborted, "another operation on the topic '" + name_ + "' is under way; try again", "topic")
          .with_service_code("AnotherOperationInProgress");
  }
  Hold(const Hold&) = delete;
  ~Hold() {
    const std::lock_guard lock(owner_.mutex_);
    owner_.in_use_.erase(name_);
  }

 private:
  EventTopicService& owner_;
  const std::string name_;
};

EventTopicService::EventTopicService(ServiceContext& context, EventSubscriptionService& subscriptions)
    : context_(context), subscriptions_(subscriptions), system_topics_(context) {}

void EventTopicService::load() {
  std::vector<std::shared_ptr<EventTopic>> topics;
  context_.store.system().read([&](Session& session) { topics = topic_records::load(session); });
  for (const auto& topic : topics) {
    complete_source(*topic, context_.store.system());
    keep(topic);
    subscriptions_.add_source(topic->source);
  }
  system_topics_.load();
}

void EventTopicService::keep(const EventTopicPtr& topic) {
  const std::lock_guard lock(mutex_);
  by_name_[to_lower(topic->name)] = topic;
}

EventTopicPtr EventTopicService::build(TopicSpec spec) const {
  if (!is_event_grid_name(spec.name, 50))
    throw Error(ErrorCode::kInvalidArgument,
                "'" + spec.name.substr(0, 80) + "' is no topic name: wanted 3 to 50 letters, digits or '-'", "name")
        .with_service_code("InvalidResourceName");
  if (spec.location.empty() || spec.location.size() > kMaxLocation)
    throw Error(ErrorCode::kInvalidArgument, "the location of a topic has 1 to 90 characters", "location");
  if (spec.key1.empty()) spec.key1 = random_key();
  if (spec.key2.empty()) spec.key2 = random_key();
  check_key(spec.key1, "key1");
  check_key(spec.key2, "key2");
  auto topic = std::make_shared<EventTopic>();
  topic->name = std::move(spec.name);
  topic->subscription = spec.subscription.empty() ? std::string(kDefaultSubscription) : std::move(spec.subscription);
  topic->resource_group = spec.resource_group.empty() ? std::string(kDefaultResourceGroup) : std::move(spec.resource_group);
  topic->location = std::move(spec.location);
  topic->schema = spec.schema;
  topic->key1 = std::move(spec.key1);
  topic->key2 = std::move(spec.key2);
  topic->local_auth = spec.local_auth;
  topic->tags = std::move(spec.tags);
  topic->kept = std::move(spec.kept);
  topic->created_at = topic->changed_at = context_.clock.now();
  complete_source(*topic, context_.store.system());
  return topic;
}

Task<EventTopicPtr> EventTopicService::create(TopicSpec spec) {
  const EventTopicPtr built = build(std::move(spec));
  const Hold hold(*this, built->name);
  if (find(built->name)) throw Error(ErrorCode::kAlreadyExists, "a topic named '" + built->name + "' exists already", "name");
  auto work = [built](Session& session) { return topic_records::insert(session, *built); };
  const std::int64_t key = co_await context_.store.system().write_value<std::int64_t>(std::move(work));
  auto topic = std::make_shared<EventTopic>(*built);
  topic->source.key = topic_records::source_key(key);
  keep(topic);
  subscriptions_.add_source(topic->source);
  context_.log.debug("eventgrid", "created a topic", {{"topic", topic->name}});
  co_return topic;
}

Task<EventTopicPtr> EventTopicService::ensure(TopicSpec spec) {
  if (EventTopicPtr there = find(spec.name)) co_return there;
  co_return co_await create(std::move(spec));
}

Task<EventTopicPtr> EventTopicService::update(std::string name, UniqueFunction<void(EventTopic&)> change) {
  const Hold hold(*this, name);
  auto next = std::make_shared<EventTopic>(*get(name));
  change(*next);
  check_key(next->key1, "key1");
  check_key(next->key2, "key2");
  next->changed_at = context_.clock.now();
  const EventTopicPtr changed = std::move(next);
  auto work = [changed](Session& session) { topic_records::update(session, *changed); };
  co_await context_.store.system().write(std::move(work));
  keep(changed);
  co_return changed;
}

Task<EventTopicPtr> EventTopicService::regenerate_key(std::string name, int which) {
  if (which != 1 && which != 2) throw Error(ErrorCode::kInvalidArgument, "a topic has the keys 1 and 2", "keyName");
  UniqueFunction<void(EventTopic&)> change = [which](EventTopic& topic) {
    (which == 1 ? topic.key1 : topic.key2) = random_key();
  };
  co_return co_await update(std::move(name), std::move(change));
}

Task<bool> EventTopicService::remove(std::string name) {
  const Hold hold(*this, name);
  const EventTopicPtr topic = find(name);
  if (!topic) co_return false;
  {
    const std::lock_guard lock(mutex_);
    by_name_.erase(to_lower(name));
  }
  // Before the rows go: a delivery that ends later must not write new ones.
  subscriptions_.remove_source(topic->source);
  std::optional<Error> failure;
  try {
    auto work = [this, topic](Session& session) {
      context_.events.drop_resource(session, topic->source.key);
      delivery::drop_resource(session, topic->source.key);
      topic_records::remove(session, topic_records::topic_key(*topic));
    };
    co_await context_.store.system().write(std::move(work));
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) {
    keep(topic);
    subscriptions_.add_source(topic->source);
    throw *failure;
  }
  context_.log.debug("eventgrid", "removed a topic", {{"topic", topic->name}});
  co_return true;
}

EventTopicPtr EventTopicService::find(std::string_view name) const {
  const std::string folded = to_lower(name);
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(folded);
  return found == by_name_.end() ? nullptr : found->second;
}

EventTopicPtr EventTopicService::get(std::string_view name) const {
  if (EventTopicPtr topic = find(name)) return topic;
  throw missing(name);
}

std::vector<EventTopicPtr> EventTopicService::list() const {
  std::vector<EventTopicPtr> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, topic] : by_name_) all.push_back(topic);
  return all;
}

Task<void> EventTopicService::publish(EventTopicPtr topic, std::vector<NewEvent> events) {
  auto work = [this, topic, events = std::move(events)](Session& session) {
    // Rows of a topic that is gone would be nobody's.
    if (!topic_records::exists(session, topic_records::topic_key(*topic))) throw missing(topic->name);
    for (const NewEvent& event : events) context_.events.append(session, topic->source.key, event);
  };
  co_await context_.store.system().write(std::move(work));
}

}  // namespace trunkline::eventgrid
