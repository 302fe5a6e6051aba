// The resources of a runtime, as the server's authentication sees them.
#pragma once
#include <atomic>
#include <map>
#include <mutex>

#include "runtime/server/resource_directory.h"
#include "runtime/services/resource_service.h"

namespace trunkline::api {

/// [any-thread]
class Directory final : public server::ResourceDirectory {
 public:
  explicit Directory(ResourceService& resources) : resources_(resources) {}
  std::uint64_t version() const override { return resources_.version() + hosts_version_.load(); }
  std::vector<std::shared_ptr<const server::ResourceKeys>> list() const override;

  /// Further hosts of a resource; replaces those it had. The name need not exist yet.
  void set_hosts(std::string_view resource_name, std::vector<std::string> hosts);

 private:
  ResourceService& resources_;
  mutable std::mutex mutex_;                                            // guards the maps
  std::map<std::string, std::vector<std::string>, std::less<>> hosts_;  // by name, lower case
  std::atomic<std::uint64_t> hosts_version_{0};
  // Kept, so that an unchanged resource stays the same object and its prepared keys stay warm.
  mutable std::map<ResourcePtr, std::shared_ptr<const server::ResourceKeys>> known_;
};

}  // namespace trunkline::api
