// A communication resource: the tenant that everything else belongs to.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/secret.h"
#include "runtime/store/database.h"

namespace trunkline {

/// One resource as it was at some moment; replaced as a whole when it changes. Immutable but for `dropped`.
struct Resource {
  /// Row key in every table; never reused.
  std::int64_t key = 0;
  std::string name;
  /// Immutable id (GUID), the `{resourceId}` of raw user ids.
  std::string id;
  /// Published geography, such as `United States`.
  std::string data_location;
  Secret primary_key;    // base64
  Secret secondary_key;  // base64
  /// Ids of what it was forked from, the nearest first: users keep the id of the resource that they were created in.
  std::vector<std::string> lineage;
  /// Another one after its rows were put back from a snapshot: what was cached of them before is no longer true.
  std::int64_t epoch = 0;
  std::map<std::string, std::string> tags;
  Time created_at;
  /// The only database that holds its data.
  store::Database* database = nullptr;
  /// ARM id, the topic of its events.
  std::string arm_id;
};

using ResourcePtr = std::shared_ptr<const Resource>;

/// Key of its rows in the event log.
inline std::int64_t event_key(const Resource& resource) { return resource.key; }

}  // namespace trunkline
