// The resource that a set of service objects is for.
#pragma once
#include <string>
#include <utility>

#include "runtime/core/runtime.h"
#include "runtime/services/resource_service.h"

namespace trunkline {

/// Looks the resource up for each call: it changes as a whole, and may be dropped. [any-thread]
class Scope {
 public:
  Scope(Runtime& runtime, std::int64_t key, std::string name) : runtime_(runtime), key_(key), name_(std::move(name)) {}
  Runtime& runtime() const { return runtime_; }
  ResourcePtr resource() const {
    if (ResourcePtr resource = runtime_.resources().find_by_key(key_)) return resource;
    throw Error(ErrorCode::kNotFound, "the resource '" + name_ + "' was dropped", "resource");
  }

 private:
  Runtime& runtime_;
  const std::int64_t key_;
  const std::string name_;
};

}  // namespace trunkline
