#include "runtime/eventgrid/system_topics.h"

#include <algorithm>

#include "runtime/base/names.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/eventgrid/topic_records.h"

namespace trunkline::eventgrid {
namespace {

using store::Session;

std::tuple<std::string, std::string, std::string> key_of(std::string_view subscription, std::string_view group,
                                                         std::string_view name) {
  return {to_lower(subscription), to_lower(group), to_lower(name)};
}

}  // namespace

class SystemTopics::Hold {
 public:
  explicit Hold(SystemTopics& owner) : owner_(owner) {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.busy_)
      throw Error(ErrorCode::kAborted, "another change of the system topics is under way; try again", "systemTopicName")
          .with_service_code("AnotherOperationInProgress");
    owner_.busy_ = true;
  }
  Hold(const Hold&) = delete;
  ~Hold() {
    const std::lock_guard lock(owner_.mutex_);
    owner_.busy_ = false;
  }

 private:
  SystemTopics& owner_;
};

void SystemTopics::load() {
  std::vector<SystemTopic> found;
  context_.store.system().read([&](Session& session) { found = topic_records::load_system(session); });
  const std::lock_guard lock(mutex_);
  for (SystemTopic& topic : found) {
    const Key key = key_of(topic.subscription, topic.resource_group, topic.name);
    topics_[key] = std::make_shared<const SystemTopic>(std::move(topic));
  }
}

Task<SystemTopics::Written> SystemTopics::put(SystemTopic wanted) {
  if (!is_event_grid_name(wanted.name, 128))
    throw Error(ErrorCode::kInvalidArgument,
                "'" + wanted.name.substr(0, 80) + "' is no system topic name: wanted 3 to 128 letters, digits or '-'",
                "systemTopicName")
        .with_service_code("InvalidResourceName");
  const Hold hold(*this);
  const Key key = key_of(wanted.subscription, wanted.resource_group, wanted.name);
  Written written;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [other_key, other] : topics_) {
      if (other_key == key) {
        written.topic = other;
      } else if (iequals(other->source, wanted.source)) {
        throw Error(
            ErrorCode::kAlreadyExists,
            "the source has a system topic already, '" + other->name + "' in resource group '" + other->resource_group + "'",
            "properties.source")
            .with_service_code("SystemTopicAlreadyExists");
      }
    }
  }
  const Time now = context_.clock.now();
  if (const SystemTopicPtr old = written.topic) {
    if (!iequals(old->source, wanted.source) || !iequals(old->topic_type, wanted.topic_type))
      throw Error(ErrorCode::kInvalidArgument, "source and topicType of a system topic cannot be changed", "properties.source")
          .with_service_code("PropertyChangeNotAllowed");
    SystemTopic next = *old;
    next.tags = std::move(wanted.tags);
    next.kept = std::move(wanted.kept);
    wanted = std::move(next);
  } else {
    written.created = true;
    wanted.created_at = now;
  }
  wanted.changed_at = now;
  const auto topic = std::make_shared<const SystemTopic>(std::move(wanted));
  auto work = [topic](Session& session) { topic_records::put_system(session, *topic); };
  co_await context_.store.system().write(std::move(work));
  written.topic = topic;
  const std::lock_guard lock(mutex_);
  topics_[key] = topic;
  co_return written;
}

Task<bool> SystemTopics::remove(std::string subscription, std::string resource_group, std::string name) {
  const Hold hold(*this);
  const SystemTopicPtr topic = find(subscription, resource_group, name);
  if (!topic) co_return false;
  auto work = [topic](Session& session) { topic_records::remove_system(session, *topic); };
  co_await context_.store.system().write(std::move(work));
  const std::lock_guard lock(mutex_);
  topics_.erase(key_of(subscription, resource_group, name));
  co_return true;
}

SystemTopicPtr SystemTopics::find(std::string_view subscription, std::string_view resource_group, std::string_view name) const {
  const Key key = key_of(subscription, resource_group, name);
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(key);
  return found == topics_.end() ? nullptr : found->second;
}

std::vector<SystemTopicPtr> SystemTopics::list(std::string_view subscription, std::string_view resource_group) const {
  std::vector<SystemTopicPtr> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, topic] : topics_)
    if (iequals(topic->subscription, subscription) && (resource_group.empty() || iequals(topic->resource_group, resource_group)))
      all.push_back(topic);
  return all;
}

}  // namespace trunkline::eventgrid
