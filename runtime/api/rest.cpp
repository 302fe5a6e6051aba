#include "runtime/api/rest.h"

#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/base/json_writer.h"

namespace trunkline::api {

nlohmann::json parse_body(const server::RouteContext& context) {
  try {
    return parse_json(context.request.body);
  } catch (Error& error) {
    error.http_status = 400;  // also for a limit that was passed: waiting would not help
    throw;
  }
}

nlohmann::json parse_optional_body(const server::RouteContext& context) {
  return context.request.body.empty() ? nlohmann::json::object() : parse_body(context);
}

net::Response json_response(int status, const nlohmann::json& body) {
  net::Response response;
  response.status = status;
  append_json(response.body, body);
  return response;
}

net::Response empty_response(int status) {
  net::Response response;
  response.status = status;
  return response;
}

ResourcePtr resource_of(const server::RouteContext& context) {
  if (!context.caller.resource || !context.caller.resource->owner) throw Error(ErrorCode::kInternal, "the route has no resource");
  return std::static_pointer_cast<const Resource>(context.caller.resource->owner);
}

std::vector<std::string> versions(std::initializer_list<const char*> list) { return {list.begin(), list.end()}; }

}  // namespace trunkline::api
