// The registry of resources: create, fork, snapshot, restore, drop; keys and settings.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/base/strings.h"
#include "runtime/services/context.h"
#include "runtime/services/data_locations.h"
#include "runtime/services/resource.h"
#include "trunkline/task.hpp"

namespace trunkline {

/// Whoever keeps state of resources. Called by ResourceService; registered before load().
///
/// Snapshots are rows too, under a key that find_by_key() does not know: work that looks for rows of all resources leaves those
/// alone.
class ResourceParticipant {
 public:
  virtual ~ResourceParticipant() = default;
  /// Copies the rows of one resource to another in the same database: for a fork, into a snapshot, and back out of one. In the
  /// last two `from` and `to` differ in nothing but the key. [writer thread, re-runnable]
  virtual void copy_rows(store::Session& session, const Resource& from, const Resource& to) = 0;
  /// Deletes the rows of one resource or snapshot. [writer thread, re-runnable]
  virtual void drop_rows(store::Session& session, const Resource& resource) = 0;
  /// The resource appeared (`from`: what it was forked from, or null). Fill caches. [any-thread]
  virtual void on_added(const ResourcePtr& resource, const ResourcePtr& from) { (void)resource, (void)from; }
  /// The resource is gone. [any-thread]
  virtual void on_dropped(const ResourcePtr& resource) { (void)resource; }
  /// All its rows were replaced by those of a snapshot, under the same key. Start caches anew. [any-thread]
  virtual void on_restored(const ResourcePtr& resource) {
    on_dropped(resource);
    on_added(resource, nullptr);
  }
};

struct ResourceSpec {
  std::string name;
  std::string id;  // empty: a new GUID
  std::string data_location = "United States";
  Secret primary_key;    // empty: random
  Secret secondary_key;  // empty: random
  bool local_auth = true;
  std::map<std::string, std::string> tags;
  ArmSettings arm;  // without subscription and group: the default ones
};

enum class KeyKind { kPrimary, kSecondary };

/// [any-thread] Lookups never wait for I/O: the registry is kept in memory and written through. Names compare without case.
class ResourceService {
 public:
  explicit ResourceService(ServiceContext& context);

  void add_participant(ResourceParticipant& participant) { participants_.push_back(&participant); }
  /// Reads the registry and sweeps what a crash left half copied or half dropped. [lifecycle]
  void load();

  /// Errors: kInvalidArgument (name, dataLocation, key), kAlreadyExists.
  Task<ResourcePtr> create(ResourceSpec spec);
  /// Creates it, or returns the one with that name unchanged; how a configuration seeds. Errors: as create, and
  /// kFailedPrecondition when the one there is has another id or data location.
  Task<ResourcePtr> ensure(ResourceSpec spec);
  /// Copies a resource with everything it holds. The copy has its own id and keys. Errors: kNotFound, kAlreadyExists, kAborted.
  Task<ResourcePtr> fork(std::string name, std::string new_name);
  /// Errors: kNotFound, kAborted.
  Task<void> drop(std::string name);

  /// Keeps what the resource holds now under a name. Errors: kNotFound, kAlreadyExists, kInvalidArgument, kAborted.
  Task<ResourceSnapshot> snapshot(std::string name, std::string snapshot_name);
  /// Puts everything back to how it was; keys, tags and settings stay as they are. Subscriptions to its events end.
  /// Errors: kNotFound, kAborted.
  Task<ResourcePtr> restore(std::string name, std::string snapshot_name);
  /// Errors: kNotFound, kAborted.
  Task<void> drop_snapshot(std::string name, std::string snapshot_name);
  /// Oldest first.
  std::vector<ResourceSnapshot> snapshots(const Resource& resource) const;

  /// The old key opens nothing from the moment this completes. Errors: kNotFound, kAborted.
  Task<ResourcePtr> regenerate_key(std::string name, KeyKind kind);
  /// `change` may set tags, local_auth and arm (but not where it lives), once, without waiting for anything. Errors: kNotFound,
  /// kAborted, and what `change` throws.
  Task<ResourcePtr> update(std::string name, UniqueFunction<void(Resource&)> change);

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
  class Hold;
  /// What is under way for a resource: one change, or any number of copies.
  struct Use {
    bool changing = false;
    int copying = 0;
  };

  std::shared_ptr<Resource> build(ResourceSpec spec);
  void insert(const ResourcePtr& resource);
  void end_dead_keys(const Resource& before, const Resource& now);
  Task<void> copy_rows_of(ResourcePtr from, ResourcePtr to);
  Task<void> drop_rows_of(ResourcePtr resource, std::vector<std::int64_t> keys);
  ResourceSnapshot find_snapshot(const Resource& resource, std::string_view name) const;

  ServiceContext& context_;
  std::vector<ResourceParticipant*> participants_;
  mutable std::shared_mutex mutex_;                          // guards the maps below; never held across I/O
  std::map<std::string, ResourcePtr, std::less<>> by_name_;  // lower case
  std::unordered_map<std::int64_t, ResourcePtr> by_key_;
  std::unordered_map<std::string, ResourcePtr, StringHash, std::equal_to<>> by_id_;  // lower case
  std::unordered_map<std::int64_t, std::vector<ResourceSnapshot>> snapshots_;        // by resource key
  std::unordered_map<std::string, Use, StringHash, std::equal_to<>> in_use_;         // by name, lower case
  std::atomic<std::int64_t> next_key_{1};
  std::atomic<std::uint64_t> version_{1};
};

}  // namespace trunkline
