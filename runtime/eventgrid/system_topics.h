// System topics: another name for the events of a communication resource, which the management plane keeps.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/services/context.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline::eventgrid {

/// As it was at some moment. Immutable.
struct SystemTopic {
  std::string subscription;
  std::string resource_group;
  std::string name;  // 3 to 128 letters, digits and '-'; unique in its resource group without regard to case
  /// ARM id of what the events are of.
  std::string source;
  /// `Microsoft.Communication.CommunicationServices`
  std::string topic_type;
  std::map<std::string, std::string> tags;
  /// As EventTopic::kept.
  std::string kept = "{}";
  Time created_at;
  Time changed_at;
};
using SystemTopicPtr = std::shared_ptr<const SystemTopic>;

/// They hold nothing: events and subscriptions are the resource's, under whatever name. Lookups never wait for I/O. [any-thread]
class SystemTopics {
 public:
  explicit SystemTopics(ServiceContext& context) : context_(context) {}

  /// Blocks. [lifecycle]
  void load();
  struct Written {
    SystemTopicPtr topic;
    bool created = false;
  };
  /// Creates it, or replaces tags and what is kept. Errors: kInvalidArgument (name; a source or type other than before),
  /// kAlreadyExists (the source has one with another name), kAborted.
  Task<Written> put(SystemTopic wanted);
  /// False: there was none. What is subscribed to the resource stays. Errors: kAborted.
  Task<bool> remove(std::string subscription, std::string resource_group, std::string name);

  /// Null when there is none.
  SystemTopicPtr find(std::string_view subscription, std::string_view resource_group, std::string_view name) const;
  /// By name; all groups when `resource_group` is empty.
  std::vector<SystemTopicPtr> list(std::string_view subscription, std::string_view resource_group) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // lower case
  class Hold;

  ServiceContext& context_;
  mutable std::mutex mutex_;  // never held across I/O
  std::map<Key, SystemTopicPtr> topics_;
  bool busy_ = false;  // one write at a time: there are few, and sources must stay unique
};

}  // namespace trunkline::eventgrid
