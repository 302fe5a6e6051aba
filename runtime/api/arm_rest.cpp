#include "runtime/api/arm_rest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/ids.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/services/arm_operations.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kMaxTags = 50;
constexpr std::size_t kMaxTagName = 512;
constexpr std::size_t kMaxTagValue = 256;
constexpr std::size_t kMaxBodyBytes = 256 * 1024;
constexpr const char* kSkipToken = "$skipToken";

bool is_group_name(std::string_view name) {
  return !name.empty() && name.size() <= 90 && name.back() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           std::string_view("-_.()").find(c) != std::string_view::npos;
  });
}

std::string operation_path(std::string_view provider, std::string_view kind, std::string_view id, std::string_view version) {
  std::string path("/providers/");
  path.append(provider).append("/locations/global/").append(kind).append("/").append(id);
  return path.append("?api-version=").append(version);
}

ArmOperation find_operation(ArmOperations& operations, const std::string& id) {
  auto operation = operations.find(id);
  if (!operation)
    throw Error(ErrorCode::kNotFound, "There is no operation '" + id + "'.", "operationId")
        .with_service_code("OperationNotFound");
  return *std::move(operation);
}

json operation_json(const ArmOperation& operation, const RouteContext& context, std::string_view provider) {
  json out;
  const std::string path = operation_path(provider, "operationStatuses", operation.id, context.api_version);
  out["id"] = path.substr(0, path.find('?'));
  out["name"] = operation.id;
  out["resourceId"] = operation.target;
  out["status"] = operation.status;
  out["percentComplete"] = 100;
  out["startTime"] = format_rfc3339(operation.started_at);
  out["endTime"] = format_rfc3339(operation.started_at);
  if (!operation.error_code.empty()) {
    out["error"]["code"] = operation.error_code;
    out["error"]["message"] = operation.error_message;
  }
  return out;
}

}  // namespace

server::Route arm_route(const char* method, std::string path, std::vector<std::string> versions, server::RouteHandler handler) {
  server::Route route;
  route.method = method;
  route.path = std::move(path);
  route.versions = std::move(versions);
  route.auth = server::Auth::kArmBearer;
  const std::string_view verb(method);
  route.body = verb == "PATCH"                   ? server::BodyRule::kMergePatch
               : verb == "PUT" || verb == "POST" ? server::BodyRule::kJson
                                                 : server::BodyRule::kNone;
  route.max_body_bytes = kMaxBodyBytes;
  route.handler = std::move(handler);
  return route;
}

const std::string& arm_subscription(const RouteContext& context) {
  const std::string& id = context.param("subscriptionId");
  if (!Uuid::parse(id))
    throw arm_bad_request("InvalidSubscriptionId", "The provided subscription identifier '" + id + "' is malformed or invalid.",
                          "subscriptionId");
  return id;
}

const std::string& arm_resource_group(const RouteContext& context) {
  const std::string& name = context.param("resourceGroupName");
  if (!is_group_name(name))
    throw arm_bad_request("InvalidResourceGroup",
                          "The resource group name '" + name.substr(0, 100) +
                              "' is invalid: wanted 1 to 90 letters, digits, '-', '_', '.', '(' and ')', not ending with '.'.",
                          "resourceGroupName");
  return name;
}

ArmId arm_target(const RouteContext& context, std::string_view provider,
                 std::vector<std::pair<const char*, const char*>> types_and_names) {
  std::vector<std::pair<std::string, std::string>> segments;
  for (const auto& [type, parameter] : types_and_names) segments.emplace_back(type, context.param(parameter));
  return arm_id(arm_subscription(context), arm_resource_group(context), provider, std::move(segments));
}

Error arm_not_found(const ArmId& id) {
  std::string what = id.type();
  for (const auto& [type, name] : id.segments) what.append("/").append(name);
  return Error(ErrorCode::kNotFound,
               "The Resource '" + what + "' under resource group '" + id.resource_group + "' was not found.")
      .with_service_code("ResourceNotFound");
}

Error arm_parent_not_found(const ArmId& child) {
  std::string parent = child.provider;
  for (std::size_t i = 0; i + 1 < child.segments.size(); ++i)
    parent += "/" + child.segments[i].first + "/" + child.segments[i].second;
  return Error(ErrorCode::kNotFound,
               "Can not perform requested operation on nested resource. Parent resource '" + parent + "' not found.")
      .with_service_code("ParentResourceNotFound");
}

Error arm_bad_request(const char* code, std::string message, std::string target) {
  return Error(ErrorCode::kInvalidArgument, std::move(message), std::move(target)).with_http_status(400).with_service_code(code);
}

json system_data(const SystemData& data) {
  json out;
  out["createdBy"] = data.created_by;
  out["createdByType"] = "Application";
  out["createdAt"] = format_rfc3339(data.created_at);
  out["lastModifiedBy"] = data.modified_by;
  out["lastModifiedByType"] = "Application";
  out["lastModifiedAt"] = format_rfc3339(data.modified_at);
  return out;
}

json arm_resource(const ArmId& id, const SystemData& data) {
  json out;
  out["id"] = id.str();
  out["name"] = id.name();
  out["type"] = id.type();
  out["systemData"] = system_data(data);
  return out;
}

json arm_tracked_resource(const ArmId& id, const SystemData& data, const std::map<std::string, std::string>& tags) {
  json out = arm_resource(id, data);
  out["location"] = "global";
  if (!tags.empty()) out["tags"] = tags;
  return out;
}

std::string arm_identity(const json& value) {
  if (!value.is_object()) throw arm_bad_request("InvalidIdentity", "identity must be an object.", "identity");
  const std::string type = arm_text(value, "type", "identity.type");
  const std::string folded = to_lower(type);
  if (folded == "none") return {};
  if (folded != "systemassigned" && folded != "userassigned" && folded != "systemassigned,userassigned" &&
      folded != "systemassigned, userassigned")
    throw arm_bad_request("InvalidIdentityType", "'" + type.substr(0, 80) + "' is no identity type.", "identity.type");
  json out;
  out["type"] = type;
  // Nothing here issues tokens to identities; the ids only have to look right.
  if (folded.find("systemassigned") != std::string::npos) {
    out["principalId"] = "00000000-0000-0000-0000-000000000002";
    out["tenantId"] = "00000000-0000-0000-0000-000000000003";
  }
  if (const auto users = value.find("userAssignedIdentities"); users != value.end() && users->is_object())
    for (const auto& [id, ignored] : users->items()) {
      if (!ignored.is_null())
        out["userAssignedIdentities"][id] = {{"principalId", "00000000-0000-0000-0000-000000000004"},
                                             {"clientId", "00000000-0000-0000-0000-000000000005"}};
    }
  return out.dump();
}

std::map<std::string, std::string> arm_tags(const json& tags) {
  if (!tags.is_object()) throw arm_bad_request("InvalidTags", "The tags must be an object of names and texts.", "tags");
  if (tags.size() > kMaxTags)
    throw arm_bad_request("InvalidTags", "A resource has at most 50 tags; found " + std::to_string(tags.size()) + ".", "tags");
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : tags.items()) {
    if (!value.is_string()) throw arm_bad_request("InvalidTags", "The value of tag '" + name + "' must be text.", "tags." + name);
    const auto& text = value.get_ref<const std::string&>();
    if (name.empty() || name.size() > kMaxTagName || name.find_first_of("<>%&\\?/") != std::string::npos)
      throw arm_bad_request(
          "InvalidTagNameCharacters",
          "The tag name '" + name.substr(0, 80) + "' is empty, longer than 512 " + "characters or has one of <>%&\\?/.", "tags");
    if (text.size() > kMaxTagValue)
      throw arm_bad_request("InvalidTagValueSize", "The value of tag '" + name + "' is longer than 256 characters.",
                            "tags." + name);
    out[name] = text;
  }
  return out;
}

json arm_body(const RouteContext& context) {
  if (context.request.body.empty())
    throw arm_bad_request("InvalidRequestContent", "The request has no body; wanted a JSON object.", "");
  json body = parse_body(context);
  if (!body.is_object()) throw arm_bad_request("InvalidRequestContent", "The body must be a JSON object.", "");
  return body;
}

std::string arm_text(const json& object, const char* member, const char* path) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) throw arm_bad_request("InvalidRequestContent", std::string(path) + " must be text.", path);
  return found->get<std::string>();
}

json arm_properties(const json& body) {
  const auto found = body.find("properties");
  if (found == body.end() || found->is_null()) return json::object();
  if (!found->is_object()) throw arm_bad_request("InvalidRequestContent", "properties must be an object.", "properties");
  return *found;
}

void check_arm_location(const json& body, std::string_view type) {
  const std::string location = arm_text(body, "location", "location");
  if (location.empty())
    throw arm_bad_request("LocationRequired", "The location property is required for this definition.", "location");
  if (!iequals(location, "global"))
    throw arm_bad_request("LocationNotAvailableForResourceType",
                          "The provided location '" + location.substr(0, 80) + "' is not available for resource type '" +
                              std::string(type) + "'. List of available regions for the resource type is 'global'.",
                          "location");
}

std::optional<std::map<std::string, std::string>> arm_body_tags(const json& body) {
  const auto found = body.find("tags");
  if (found == body.end() || found->is_null()) return std::nullopt;
  return arm_tags(*found);
}

Task<net::Response> arm_put_answer(ArmOperations& operations, const RouteContext& context, std::string_view provider,
                                   json resource, bool created) {
  net::Response response = json_response(created ? 201 : 200, resource);
  if (!created) co_return response;
  std::string target = resource.at("id").get<std::string>();
  const std::string id = co_await operations.record(std::move(target));
  add_polling(response, context, provider, id);
  co_return response;
}

Task<net::Response> arm_delete_answer(ArmOperations& operations, const RouteContext& context, std::string_view provider, ArmId id,
                                      bool removed) {
  if (!removed) co_return empty_response(204);
  std::string target = id.str();
  const std::string operation = co_await operations.record(std::move(target));
  co_return arm_accepted(context, provider, operation);
}

net::Response arm_page(const RouteContext& context, std::vector<json> items, std::size_t page_size) {
  std::size_t begin = 0;
  if (const auto token = context.query(kSkipToken)) {
    const auto position = parse_number<std::size_t>(*token);
    if (!position || *position > items.size())
      throw arm_bad_request("InvalidSkipToken", "The skip token '" + token->substr(0, 80) + "' is not one of ours.", kSkipToken);
    begin = *position;
  }
  const std::size_t end = std::min(items.size(), begin + page_size);
  json page;
  page["value"] = json::array();
  for (std::size_t i = begin; i < end; ++i) page["value"].push_back(std::move(items[i]));
  if (end < items.size()) {
    std::string link = std::string(context.request.path()) + "?";
    for (const std::string_view pair : split(context.request.query(), '&'))
      if (!pair.empty() && !net::query_parameter(pair, kSkipToken)) link.append(pair).append("&");
    page["nextLink"] = link + net::percent_encode(kSkipToken) + "=" + std::to_string(end);
  }
  return json_response(200, page);
}

void add_polling(net::Response& response, const RouteContext& context, std::string_view provider, std::string_view operation_id) {
  response.headers.add("Azure-AsyncOperation", operation_path(provider, "operationStatuses", operation_id, context.api_version));
  response.headers.add("Retry-After", "0");
}

net::Response arm_accepted(const RouteContext& context, std::string_view provider, std::string_view operation_id) {
  net::Response response = empty_response(202);
  response.headers.add("Location", operation_path(provider, "operationResults", operation_id, context.api_version));
  add_polling(response, context, provider, operation_id);
  return response;
}

void add_arm_operation_routes(std::vector<server::Route>& routes, ArmOperations& operations, const std::string& provider,
                              const std::vector<std::string>& versions) {
  const std::string base = "/providers/" + provider + "/locations/{location}/";
  routes.push_back(arm_route("GET", base + "operationStatuses/{operationId}", versions,
                             [&operations, provider](RouteContext& context) -> Task<net::Response> {
                               const ArmOperation operation = find_operation(operations, context.param("operationId"));
                               co_return json_response(200, operation_json(operation, context, provider));
                             }));
  routes.push_back(arm_route("GET", base + "operationResults/{operationId}", versions,
                             [&operations, provider](RouteContext& context) -> Task<net::Response> {
                               const ArmOperation operation = find_operation(operations, context.param("operationId"));
                               co_return json_response(200, operation_json(operation, context, provider));
                             }));
}

}  // namespace trunkline::api
