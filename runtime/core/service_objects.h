// The service interfaces of the embedding API, as objects: thin translations from the generated interfaces to the services.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "trunkline/abi.h"

namespace trunkline {

class Runtime;

/// Hands out one set of objects for each resource. They live until the runtime is closed; calls for a resource that was
/// dropped fail with kNotFound. [any-thread]
class ServiceObjects {
 public:
  explicit ServiceObjects(Runtime& runtime);
  ~ServiceObjects();

  /// vtbl is null for an unknown id. Throws kNotFound for an unknown resource. `resource` empty: the default resource;
  /// `topic:NAME`: a custom topic, which has events only.
  tl_iface find(std::string_view resource, std::string_view interface_id);

 private:
  struct OfResource;
  struct OfTopic;
  struct OfRuntime;
  tl_iface find_of_topic(std::string_view topic, std::string_view interface_id);

  Runtime& runtime_;
  std::mutex mutex_;
  std::unordered_map<std::int64_t, std::unique_ptr<OfResource>> resources_;
  std::unordered_map<std::string, std::unique_ptr<OfTopic>> topics_;  // by name in lower case
  std::unique_ptr<OfRuntime> of_runtime_;
};

}  // namespace trunkline
