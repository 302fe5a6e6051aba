// Forks, snapshots and the end of a resource: whatever moves rows.
#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/services/resource_hold.h"
#include "runtime/services/resource_records.h"

namespace trunkline {
namespace {

using store::Session;

/// The same resource under another row key: what a snapshot's rows belong to.
ResourcePtr under_key(const Resource& resource, std::int64_t key) {
  auto copy = std::make_shared<Resource>(resource);
  copy->key = key;
  return copy;
}

}  // namespace

// In three steps, so that a crash at any point leaves no row that nobody sweeps: note the key, copy, make it known.
Task<void> ResourceService::copy_rows_of(ResourcePtr from, ResourcePtr to) {
  auto note = [to](Session& session) { resource_records::add_leftover(session, to->key, to->data_location); };
  co_await context_.store.system().write(std::move(note));
  auto copy = [this, from, to](Session& session) {
    for (auto* participant : participants_) participant->copy_rows(session, *from, *to);
  };
  co_await from->database->write(std::move(copy));
}

// The caller has noted the keys as leftovers.
Task<void> ResourceService::drop_rows_of(ResourcePtr resource, std::vector<std::int64_t> keys) {
  auto drop = [this, resource, keys](Session& session) {
    for (const std::int64_t key : keys) {
      const ResourcePtr owner = under_key(*resource, key);
      for (auto* participant : participants_) participant->drop_rows(session, *owner);
    }
  };
  co_await resource->database->write(std::move(drop));
  auto forget = [keys](Session& session) {
    for (const std::int64_t key : keys) resource_records::remove_leftover(session, key);
  };
  co_await context_.store.system().write(std::move(forget));
}

Task<ResourcePtr> ResourceService::fork(std::string name, std::string new_name) {
  const Hold source(*this, name, Hold::Kind::kCopy);
  const ResourcePtr from = source.resource();
  ResourceSpec spec;
  spec.name = new_name;
  spec.data_location = from->data_location;
  spec.local_auth = from->local_auth;
  spec.tags = from->tags;
  spec.arm = from->arm;
  const std::shared_ptr<Resource> to = build(std::move(spec));
  to->lineage = from->lineage;
  to->lineage.insert(to->lineage.begin(), from->id);
  const Hold hold(*this, new_name, Hold::Kind::kName);
  co_await copy_rows_of(from, to);
  auto publish = [to](Session& session) {
    resource_records::remove_leftover(session, to->key);
    resource_records::insert(session, *to);
  };
  co_await context_.store.system().write(std::move(publish));
  insert(to);
  for (auto* participant : participants_) participant->on_added(to, from);
  co_return to;
}

Task<void> ResourceService::drop(std::string name) {
  const Hold hold(*this, name, Hold::Kind::kChange);
  const ResourcePtr resource = hold.resource();
  std::vector<std::int64_t> keys{resource->key};
  for (const ResourceSnapshot& snapshot : snapshots(*resource)) keys.push_back(snapshot.key);
  auto forget = [resource, keys](Session& session) {
    resource_records::remove(session, resource->key);
    for (const std::int64_t key : keys) {
      resource_records::remove_snapshot(session, key);
      resource_records::add_leftover(session, key, resource->data_location);
    }
  };
  co_await context_.store.system().write(std::move(forget));
  {
    const std::unique_lock lock(mutex_);
    by_name_.erase(to_lower(resource->name));
    by_key_.erase(resource->key);
    by_id_.erase(to_lower(resource->id));
    snapshots_.erase(resource->key);
    version_.fetch_add(1, std::memory_order_acq_rel);
  }
  for (auto* participant : participants_) participant->on_dropped(resource);
  co_await drop_rows_of(resource, std::move(keys));
}

Task<ResourceSnapshot> ResourceService::snapshot(std::string name, std::string snapshot_name) {
  check_resource_name(snapshot_name, "snapshot");
  const Hold hold(*this, name, Hold::Kind::kChange);
  const ResourcePtr resource = hold.resource();
  for (const ResourceSnapshot& other : snapshots(*resource))
    if (iequals(other.name, snapshot_name))
      throw Error(ErrorCode::kAlreadyExists, "the resource '" + name + "' has a snapshot named '" + snapshot_name + "' already",
                  "snapshot");
  ResourceSnapshot taken;
  taken.key = next_key_.fetch_add(1);
  taken.resource_key = resource->key;
  taken.name = std::move(snapshot_name);
  taken.created_at = context_.clock.now();
  co_await copy_rows_of(resource, under_key(*resource, taken.key));
  auto publish = [taken](Session& session) {
    resource_records::remove_leftover(session, taken.key);
    resource_records::insert_snapshot(session, taken);
  };
  co_await context_.store.system().write(std::move(publish));
  const std::unique_lock lock(mutex_);
  snapshots_[resource->key].push_back(taken);
  co_return taken;
}

Task<ResourcePtr> ResourceService::restore(std::string name, std::string snapshot_name) {
  const Hold hold(*this, name, Hold::Kind::kChange);
  const ResourcePtr before = hold.resource();
  const ResourceSnapshot taken = find_snapshot(*before, snapshot_name);
  // One transaction: nobody ever sees it empty.
  auto replace = [this, before, frozen = under_key(*before, taken.key)](Session& session) {
    for (auto* participant : participants_) participant->drop_rows(session, *before);
    for (auto* participant : participants_) participant->copy_rows(session, *frozen, *before);
  };
  co_await before->database->write(std::move(replace));
  auto after = std::make_shared<Resource>(*before);
  ++after->generation;
  const ResourcePtr restored = std::move(after);
  insert(restored);
  for (auto* participant : participants_) participant->on_restored(restored);
  co_return restored;
}

Task<void> ResourceService::drop_snapshot(std::string name, std::string snapshot_name) {
  const Hold hold(*this, name, Hold::Kind::kChange);
  const ResourcePtr resource = hold.resource();
  const ResourceSnapshot taken = find_snapshot(*resource, snapshot_name);
  auto forget = [resource, taken](Session& session) {
    resource_records::remove_snapshot(session, taken.key);
    resource_records::add_leftover(session, taken.key, resource->data_location);
  };
  co_await context_.store.system().write(std::move(forget));
  {
    const std::unique_lock lock(mutex_);
    std::erase_if(snapshots_[resource->key], [&](const ResourceSnapshot& other) { return other.key == taken.key; });
  }
  std::vector<std::int64_t> keys{taken.key};
  co_await drop_rows_of(resource, std::move(keys));
}

std::vector<ResourceSnapshot> ResourceService::snapshots(const Resource& resource) const {
  const std::shared_lock lock(mutex_);
  const auto found = snapshots_.find(resource.key);
  return found == snapshots_.end() ? std::vector<ResourceSnapshot>() : found->second;
}

ResourceSnapshot ResourceService::find_snapshot(const Resource& resource, std::string_view name) const {
  for (ResourceSnapshot& snapshot : snapshots(resource))
    if (iequals(snapshot.name, name)) return std::move(snapshot);
  throw Error(ErrorCode::kNotFound, "the resource '" + resource.name + "' has no snapshot named '" + std::string(name) + "'",
              "snapshot");
}

}  // namespace trunkline
