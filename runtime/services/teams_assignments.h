// To whom of a Teams tenant the phone extension of a resource is assigned.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource_service.h"

namespace trunkline {

struct TeamsAssignment {
  std::string tenant_id;  // GUIDs, lower case
  std::string object_id;
  std::string principal_type;           // `user` or `resourceAccount`
  std::vector<std::string> client_ids;  // applications that may act for them; empty: every one
};

/// In the database of the resource. [any-thread]
class TeamsAssignments final : public ResourceParticipant {
 public:
  /// True: it was not there before. Errors: kInvalidArgument (GUIDs, principalType).
  Task<bool> put(ResourcePtr resource, TeamsAssignment assignment);
  /// nullopt: there is none.
  std::optional<TeamsAssignment> find(const Resource& resource, std::string_view tenant_id, std::string_view object_id) const;
  /// A missing one is fine.
  Task<void> remove(ResourcePtr resource, std::string tenant_id, std::string object_id);

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
};

}  // namespace trunkline
