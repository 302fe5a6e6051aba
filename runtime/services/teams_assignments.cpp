#include "runtime/services/teams_assignments.h"

#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/store/database.h"

namespace trunkline {
namespace {

const store::Statement kFindAssignment{
    "SELECT principal_type, client_ids FROM teams_assignments WHERE resource_key = ? AND tenant_id = ? AND object_id = ?"};
const store::Statement kPut{
    "INSERT INTO teams_assignments (resource_key, tenant_id, object_id, principal_type, client_ids) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (resource_key, tenant_id, object_id) DO UPDATE SET principal_type = excluded.principal_type, client_ids = "
    "excluded.client_ids"};
const store::Statement kRemove{"DELETE FROM teams_assignments WHERE resource_key = ? AND tenant_id = ? AND object_id = ?"};
const store::Statement kCopy{
    "INSERT INTO teams_assignments (resource_key, tenant_id, object_id, principal_type, client_ids) SELECT ?, tenant_id, "
    "object_id, principal_type, client_ids FROM teams_assignments WHERE resource_key = ?"};
const store::Statement kDrop{"DELETE FROM teams_assignments WHERE resource_key = ?"};

constexpr std::size_t kMaxClients = 100;

void check_guid(const std::string& text, const char* name) {
  if (!Uuid::parse(text)) throw Error(ErrorCode::kInvalidArgument, std::string(name) + " is no GUID", name);
}

}  // namespace

Task<bool> TeamsAssignments::put(ResourcePtr resource, TeamsAssignment assignment) {
  check_guid(assignment.tenant_id, "tenantId");
  check_guid(assignment.object_id, "objectId");
  if (assignment.principal_type != "user" && assignment.principal_type != "resourceAccount")
    throw Error(ErrorCode::kInvalidArgument, "principalType must be user or resourceAccount", "principalType");
  if (assignment.client_ids.size() > kMaxClients)
    throw Error(ErrorCode::kInvalidArgument, "clientIds has more than 100 entries", "clientIds");
  for (const std::string& client : assignment.client_ids) check_guid(client, "clientIds");
  const bool is_new = !find(*resource, assignment.tenant_id, assignment.object_id);
  auto write = [key = resource->key, tenant = to_lower(assignment.tenant_id), object = to_lower(assignment.object_id),
                type = assignment.principal_type,
                clients = nlohmann::json(assignment.client_ids).dump()](store::Session& session) {
    session.execute(kPut, {key, tenant, object, type, clients});
  };
  co_await resource->database->write(std::move(write));
  co_return is_new;
}

std::optional<TeamsAssignment> TeamsAssignments::find(const Resource& resource, std::string_view tenant_id,
                                                      std::string_view object_id) const {
  std::optional<TeamsAssignment> found;
  const std::string tenant = to_lower(tenant_id), object = to_lower(object_id);
  resource.database->read([&](store::Session& session) {
    session.query(kFindAssignment, {resource.key, tenant, object}, [&](const store::Row& row) {
      TeamsAssignment assignment;
      assignment.tenant_id = tenant;
      assignment.object_id = object;
      assignment.principal_type = std::string(row.text(0));
      assignment.client_ids = nlohmann::json::parse(row.text(1)).get<std::vector<std::string>>();
      found = std::move(assignment);
    });
  });
  return found;
}

Task<void> TeamsAssignments::remove(ResourcePtr resource, std::string tenant_id, std::string object_id) {
  auto write = [key = resource->key, tenant = to_lower(tenant_id), object = to_lower(object_id)](store::Session& session) {
    session.execute(kRemove, {key, tenant, object});
  };
  co_await resource->database->write(std::move(write));
}

void TeamsAssignments::copy_rows(store::Session& session, const Resource& from, const Resource& to) {
  session.execute(kCopy, {to.key, from.key});
}

void TeamsAssignments::drop_rows(store::Session& session, const Resource& resource) { session.execute(kDrop, {resource.key}); }

}  // namespace trunkline
