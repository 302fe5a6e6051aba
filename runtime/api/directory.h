// The resources of a runtime, as the server's authentication sees them.
#pragma once
#include <map>
#include <mutex>

#include "runtime/server/resource_directory.h"
#include "runtime/services/resource_service.h"

namespace trunkline::api {

/// [any-thread]
class Directory final : public server::ResourceDirectory {
 public:
  explicit Directory(ResourceService& resources) : resources_(resources) {}
  std::uint64_t version() const override { return resources_.version(); }
  std::vector<std::shared_ptr<const server::ResourceKeys>> list() const override;

 private:
  ResourceService& resources_;
  mutable std::mutex mutex_;
  // Kept, so that an unchanged resource stays the same object and its prepared keys stay warm.
  mutable std::map<ResourcePtr, std::shared_ptr<const server::ResourceKeys>> known_;
};

}  // namespace trunkline::api
