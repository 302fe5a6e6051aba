#include "runtime/api/directory.h"

#include <algorithm>

namespace trunkline::api {

std::vector<std::shared_ptr<const server::ResourceKeys>> Directory::list() const {
  std::vector<ResourcePtr> resources = resources_.list();
  std::sort(resources.begin(), resources.end(), [](const auto& a, const auto& b) { return a->key < b->key; });
  const std::lock_guard lock(mutex_);
  std::map<ResourcePtr, std::shared_ptr<const server::ResourceKeys>> next;
  std::vector<std::shared_ptr<const server::ResourceKeys>> all;
  all.reserve(resources.size());
  for (const ResourcePtr& resource : resources) {
    std::shared_ptr<const server::ResourceKeys>& entry = next[resource];
    if (const auto it = known_.find(resource); it != known_.end()) {
      entry = it->second;
    } else {
      auto keys = std::make_shared<server::ResourceKeys>();
      keys->name = resource->name;
      keys->id = resource->id;
      keys->primary_key = resource->primary_key;
      keys->secondary_key = resource->secondary_key;
      keys->local_auth = resource->local_auth;
      if (const auto hosts = hosts_.find(to_lower(resource->name)); hosts != hosts_.end()) keys->hosts = hosts->second;
      keys->owner = resource;
      entry = std::move(keys);
    }
    all.push_back(entry);
  }
  known_ = std::move(next);
  return all;
}

void Directory::set_hosts(std::string_view resource_name, std::vector<std::string> hosts) {
  const std::lock_guard lock(mutex_);
  hosts_[to_lower(resource_name)] = std::move(hosts);
  known_.clear();
  ++hosts_version_;
}

}  // namespace trunkline::api
