// The registry of resources: create, fork, drop, keys.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/services/context.h"
#include "runtime/services/resource.h"
#include "trunkline/task.hpp"

namespace trunkline {

/// Whoever keeps state of resources. Called by ResourceService; registered before load().
class ResourceParticipant {
 public:
  virtual ~ResourceParticipant() = default;
  /// Copies the rows of one resource to another in the same database. [writer thread, re-runnable]
  virtual void copy_rows(store::Session& session, const Resource& from, const Resource& to) = 0;
  /// Deletes the rows of one resource. [writer thread, re-runnable]
  virtual void drop_rows(store::Session& session, const Resource& resource) = 0;
  /// The resource appeared (`from`: what it was forked from, or null). Fill caches. [any-thread]
  virtual void on_added(const ResourcePtr& resource, const ResourcePtr& from) { (void)resource, (void)from; }
  /// The resource is gone. [any-thread]
  virtual void on_dropped(const ResourcePtr& resource) { (void)resource; }
};

struct ResourceSpec {
  std::string name;
  std::string id;  // empty: a new GUID
  std::string data_location = "United States";
  Secret primary_key;    // empty: random
  Secret secondary_key;  // empty: random
  std::map<std::string, std::string> tags;
  std::vector<std::string> lineage;  // see Resource
};

/// [any-thread] Lookups never wait for I/O: the registry is kept in memory and written through.
class ResourceService {
 public:
  explicit ResourceService(ServiceContext& context);

  void add_participant(ResourceParticipant& participant) { participants_.push_back(&participant); }
  /// Reads the registry. [lifecycle]
  void load();

  /// Errors: kInvalidArgument (name, dataLocation, key), kAlreadyExists.
  Task<ResourcePtr> create(ResourceSpec spec);
  /// Creates it, or returns the one with that name unchanged; how a config file seeds.
  Task<ResourcePtr> ensure(ResourceSpec spec);
  /// Copies a resource with everything it holds. The copy has its own id and keys. Errors: kNotFound, kAlreadyExists.
  Task<ResourcePtr> fork(std::string name, std::string new_name);
  Task<void> drop(std::string name);

  /// Null when there is none.
  ResourcePtr find(std::string_view name) const;
  ResourcePtr find_by_key(std::int64_t key) const;
  ResourcePtr find_by_id(std::string_view id) const;
  /// Throws kNotFound.
  ResourcePtr get(std::string_view name) const;
  /// By name.
  std::vector<ResourcePtr> list() const;
  /// The first one that was created; what a door without a name leads to. Null when there is none.
  ResourcePtr default_resource() const;
  /// Changes whenever a resource or a key does; lets readers keep derived tables.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  ResourcePtr build(ResourceSpec spec);
  void insert(const ResourcePtr& resource);
  void reserve_name(const std::string& name);
  void release_name(const std::string& name);
  Task<void> save(ResourcePtr resource);

  ServiceContext& context_;
  std::vector<ResourceParticipant*> participants_;
  mutable std::shared_mutex mutex_;  // guards the maps below; never held across I/O
  std::map<std::string, ResourcePtr, std::less<>> by_name_;
  std::unordered_map<std::int64_t, ResourcePtr> by_key_;
  std::unordered_map<std::string, ResourcePtr, StringHash, std::equal_to<>> by_id_;
  std::map<std::string, bool, std::less<>> reserved_;  // names whose creation is under way
  std::atomic<std::int64_t> next_key_{1};
  std::atomic<std::uint64_t> version_{1};
};

/// The data locations Azure publishes, in their display form.
bool is_data_location(std::string_view name);
/// Claim form: lower case without spaces.
std::string data_location_claim(std::string_view name);

}  // namespace trunkline
