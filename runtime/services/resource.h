// A communication resource: the tenant that everything else belongs to.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/secret.h"
#include "runtime/store/database.h"

namespace trunkline {

/// What the management plane keeps of a resource.
struct ArmSettings {
  std::string subscription;
  std::string resource_group;
  /// Ids of email domains that it may send from.
  std::vector<std::string> linked_domains;
  /// Empty: none is linked.
  std::string notification_hub_id;
  /// `Enabled`, `Disabled` or `SecuredByPerimeter`; kept and given back, nothing else.
  std::string public_network_access = "Enabled";
  /// Managed identity, a JSON object; empty: none.
  std::string identity;
};

/// One resource as it was at some moment; replaced as a whole when it changes. Immutable.
struct Resource {
  /// Row key in every table; never reused.
  std::int64_t key = 0;
  /// Unique without regard to case.
  std::string name;
  /// Immutable id (GUID), the `{resourceId}` of raw user ids.
  std::string id;
  /// Published geography, such as `United States`.
  std::string data_location;
  /// Ids of what it was forked from, the nearest first. Its users may carry these in their raw ids.
  std::vector<std::string> lineage;
  Secret primary_key;    // base64
  Secret secondary_key;  // base64
  /// False: access keys open nothing (`disableLocalAuth`).
  bool local_auth = true;
  std::map<std::string, std::string> tags;
  ArmSettings arm;
  Time created_at;
  Time changed_at;
  /// Counts restores: what was remembered of its rows under a smaller number is stale.
  std::uint64_t generation = 0;
  /// The only database that holds its data.
  store::Database* database = nullptr;
  /// ARM id, the topic of its events.
  std::string arm_id;

  /// The id is its own or an ancestor's.
  bool is_or_descends_from(std::string_view resource_id) const;
};

using ResourcePtr = std::shared_ptr<const Resource>;

/// A frozen copy of what a resource held.
struct ResourceSnapshot {
  /// Row key of the copy, in the tables of the resource's own database.
  std::int64_t key = 0;
  std::int64_t resource_key = 0;
  /// Unique within the resource.
  std::string name;
  Time created_at;
};

/// Key of its rows in the event log.
inline std::int64_t event_key(const Resource& resource) { return resource.key; }

}  // namespace trunkline
