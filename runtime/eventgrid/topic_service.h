// Custom topics: event sources that an application publishes to by itself.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/base/secret.h"
#include "runtime/eventgrid/subscription_service.h"
#include "runtime/eventgrid/system_topics.h"
#include "runtime/events/event_render.h"

namespace trunkline::eventgrid {

/// A topic as it was at some moment. Immutable.
struct EventTopic {
  EventSource source;
  std::string name;  // 3 to 50 letters, digits and '-'; unique in the runtime without regard to case
  std::string subscription;
  std::string resource_group;
  std::string location;
  events::EventSchema schema = events::EventSchema::kEventGrid;
  Secret key1, key2;  // base64
  /// False: keys open nothing.
  bool local_auth = true;
  std::map<std::string, std::string> tags;
  /// Settings of the management plane that are kept and given back, and change nothing; a JSON object.
  std::string kept = "{}";
  Time created_at;
  Time changed_at;

  /// Where publishers send to; `endpoint` is that of the server, with its slash.
  std::string publish_url(const std::string& endpoint) const { return endpoint + "topics/" + name + "/api/events"; }
};
using EventTopicPtr = std::shared_ptr<const EventTopic>;

struct TopicSpec {
  std::string name;
  std::string subscription;    // empty: the default one
  std::string resource_group;  // empty: the default one
  std::string location = "global";
  events::EventSchema schema = events::EventSchema::kEventGrid;
  Secret key1, key2;  // empty: random
  bool local_auth = true;
  std::map<std::string, std::string> tags;
  std::string kept = "{}";
};

/// For the system database: topics and system topics.
std::span<const store::Migration> topic_migrations();

/// Topics, their events and subscriptions rest in the system database. Lookups never wait for I/O. [any-thread]
class EventTopicService {
 public:
  EventTopicService(ServiceContext& context, EventSubscriptionService& subscriptions);

  /// Reads the topics and runs their subscriptions. Blocks. [lifecycle]
  void load();
  /// Errors: kInvalidArgument, kAlreadyExists.
  Task<EventTopicPtr> create(TopicSpec spec);
  /// Creates it, or returns the one with that name as it is. Errors: kInvalidArgument.
  Task<EventTopicPtr> ensure(TopicSpec spec);
  /// `change` may set tags, local_auth, what is kept and the keys, once, without waiting for anything. Errors: kNotFound,
  /// kAborted, and what `change` throws.
  Task<EventTopicPtr> update(std::string name, UniqueFunction<void(EventTopic&)> change);
  /// Which: 1 or 2. The old key opens nothing from the moment this completes. Errors: kNotFound, kInvalidArgument, kAborted.
  Task<EventTopicPtr> regenerate_key(std::string name, int which);
  /// With its events and subscriptions. False: there was none. Errors: kAborted.
  Task<bool> remove(std::string name);

  EventTopicPtr find(std::string_view name) const;  // null when there is none
  EventTopicPtr get(std::string_view name) const;   // throws kNotFound
  std::vector<EventTopicPtr> list() const;          // by name

  /// Logs all of them in one transaction; completes when they are on disk. Errors: kNotFound (it was removed meanwhile),
  /// kUnavailable, kResourceExhausted (the disk is full).
  Task<void> publish(EventTopicPtr topic, std::vector<NewEvent> events);

  /// Other names for the events of communication resources.
  SystemTopics& system_topics() { return system_topics_; }

 private:
  class Hold;
  EventTopicPtr build(TopicSpec spec) const;
  void keep(const EventTopicPtr& topic);

  ServiceContext& context_;
  EventSubscriptionService& subscriptions_;
  mutable std::mutex mutex_;                                   // never held across I/O
  std::map<std::string, EventTopicPtr, std::less<>> by_name_;  // lower case
  std::set<std::string, std::less<>> in_use_;
  SystemTopics system_topics_;
};

/// Who may publish: `aeg-sas-key`, or `aeg-sas-token` (`r={topic URL}&e={end}&s={signature}`), compared in constant time.
/// Throws kUnauthenticated with what is wrong. `now` is the clients' time.
void check_topic_key(const EventTopic& topic, std::string_view key);
void check_topic_token(const EventTopic& topic, std::string_view token, Time now);

}  // namespace trunkline::eventgrid
