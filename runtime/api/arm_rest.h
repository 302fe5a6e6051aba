// What every area of the management plane uses: routes, ids from paths, the shape of resources and errors, paging, polling.
#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/net/http.h"
#include "runtime/server/route.h"
#include "runtime/services/arm_id.h"
#include "trunkline/error.hpp"
#include "trunkline/task.hpp"

namespace trunkline {
class ArmOperations;
namespace api {

/// A route that takes a bearer token of the management plane.
server::Route arm_route(const char* method, std::string path, std::vector<std::string> versions, server::RouteHandler handler);

/// `subscriptionId` of the path; throws 400 InvalidSubscriptionId unless it is a GUID.
const std::string& arm_subscription(const server::RouteContext& context);
/// `resourceGroupName` of the path; throws 400 InvalidResourceGroup unless it has 1 to 90 letters, digits, `-_.()`.
const std::string& arm_resource_group(const server::RouteContext& context);
/// Id of the resource that the path means: `names` are the parameters of its segments, outermost first.
ArmId arm_target(const server::RouteContext& context, std::string_view provider,
                 std::vector<std::pair<const char*, const char*>> types_and_names);

/// 404 ResourceNotFound, and 404 ParentResourceNotFound for a child of something that does not exist.
Error arm_not_found(const ArmId& id);
Error arm_parent_not_found(const ArmId& child);
/// 400 with a code such as `InvalidResourceName`.
Error arm_bad_request(const char* code, std::string message, std::string target);

/// Who made a resource and who changed it last.
struct SystemData {
  Time created_at;
  Time modified_at;
  std::string created_by = "trunkline";
  std::string modified_by = "trunkline";
};
nlohmann::json system_data(const SystemData& data);

/// The members that every resource has: id, name, type, systemData, and location and tags where they apply. `type` in the
/// spelling of the resource provider.
nlohmann::json arm_resource(const ArmId& id, const SystemData& data);
nlohmann::json arm_tracked_resource(const ArmId& id, const SystemData& data, const std::map<std::string, std::string>& tags);
/// Managed identity of a body, to be kept and given back: a JSON object, empty text for none. Throws 400 InvalidIdentity…
std::string arm_identity(const nlohmann::json& identity);
/// Reads `tags` of a body: at most 50, names to 512 and values to 256 characters. Throws 400 InvalidTags…
std::map<std::string, std::string> arm_tags(const nlohmann::json& tags);

/// The body of a PUT, PATCH or POST: an object. Throws 400 InvalidRequestContent.
nlohmann::json arm_body(const server::RouteContext& context);
/// Text at `member` of an object; empty when absent or null. Throws 400 InvalidRequestContent when it is of another type.
std::string arm_text(const nlohmann::json& object, const char* member, const char* path);
/// The `properties` of a body; an empty object when absent.
nlohmann::json arm_properties(const nlohmann::json& body);
/// `location` of a tracked resource: `global`. Throws 400 LocationRequired, LocationNotAvailableForResourceType.
void check_arm_location(const nlohmann::json& body, std::string_view type);
/// `tags` of a body; nullopt when absent.
std::optional<std::map<std::string, std::string>> arm_body_tags(const nlohmann::json& body);
/// An object as the answer to a put: 201 with where to poll when it was created, else 200.
Task<net::Response> arm_put_answer(ArmOperations& operations, const server::RouteContext& context, std::string_view provider,
                                   nlohmann::json resource, bool created);
/// The answer to a delete: 202 with where to poll, 204 when there was nothing.
Task<net::Response> arm_delete_answer(ArmOperations& operations, const server::RouteContext& context, std::string_view provider,
                                      ArmId id, bool removed);

/// `{"value":[…],"nextLink":…}` from all items, in order; the link is relative, goes on where this page ends and keeps the other
/// parameters of the query.
net::Response arm_page(const server::RouteContext& context, std::vector<nlohmann::json> items, std::size_t page_size = 100);

/// Adds where to poll an operation: Azure-AsyncOperation, and Location when the result is of no interest.
void add_polling(net::Response& response, const server::RouteContext& context, std::string_view provider,
                 std::string_view operation_id);
/// 202 with Location.
net::Response arm_accepted(const server::RouteContext& context, std::string_view provider, std::string_view operation_id);
/// `/providers/{provider}/locations/{location}/operationStatuses/{id}` and `…/operationResults/{id}`.
void add_arm_operation_routes(std::vector<server::Route>& routes, ArmOperations& operations, const std::string& provider,
                              const std::vector<std::string>& versions);

}  // namespace api
}  // namespace trunkline
