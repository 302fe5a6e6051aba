// The rows of the resource registry. Only SQL; the rules live in ResourceService.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/services/resource.h"

namespace trunkline::resource_records {

struct Registry {
  std::vector<std::shared_ptr<Resource>> resources;  // oldest first; without `database` and `arm_id`
  std::vector<ResourceSnapshot> snapshots;
  struct Leftover {
    std::int64_t key = 0;
    std::string data_location;
  };
  std::vector<Leftover> leftovers;
  std::int64_t last_key = 0;
};
Registry load(store::Session& session);

/// All of these: [writer thread, re-runnable]
void insert(store::Session& session, const Resource& resource);
void update(store::Session& session, const Resource& resource);
void remove(store::Session& session, std::int64_t key);
void insert_snapshot(store::Session& session, const ResourceSnapshot& snapshot);
void remove_snapshot(store::Session& session, std::int64_t key);
/// Notes that rows of this key may exist that nobody owns; also makes sure that the key is never given again.
void add_leftover(store::Session& session, std::int64_t key, std::string_view data_location);
void remove_leftover(store::Session& session, std::int64_t key);

}  // namespace trunkline::resource_records
