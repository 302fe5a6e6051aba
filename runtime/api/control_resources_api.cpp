#include "runtime/api/control_resources_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/core/runtime.h"
#include "runtime/server/route.h"
#include "runtime/services/resource_service.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;

json to_json(const service::ResourceInfo& info) {
  json out;
  out["name"] = info.name;
  out["resource_id"] = info.resource_id;
  out["data_location"] = info.data_location;
  out["primary_key"] = info.primary_key;
  out["secondary_key"] = info.secondary_key;
  if (info.connection_string) out["connection_string"] = *info.connection_string;
  if (info.secondary_connection_string) out["secondary_connection_string"] = *info.secondary_connection_string;
  out["lineage"] = info.lineage;
  out["tags"] = info.tags;
  out["local_auth"] = info.local_auth;
  out["created_at"] = format_rfc3339(std::chrono::floor<std::chrono::microseconds>(info.created_at));
  return out;
}

json to_json(const ResourceSnapshot& snapshot) {
  json out;
  out["name"] = snapshot.name;
  out["created_at"] = format_rfc3339(std::chrono::floor<std::chrono::microseconds>(snapshot.created_at));
  return out;
}

std::map<std::string, std::string> tags_of(const JsonRef& tags) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : tags.object().json().items()) {
    if (!value.is_string()) throw tags.error("holds '" + name + "', which is not text");
    out[name] = value.get<std::string>();
  }
  return out;
}

json info_json(Runtime& runtime, const Resource& resource) { return to_json(runtime.describe(resource)); }

template <class F>
void add(std::vector<server::Route>& routes, const char* method, const char* path, F handler) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kControl;
  route.body = std::string_view(method) == "GET" ? server::BodyRule::kNone : server::BodyRule::kJson;
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

void add_registry(std::vector<server::Route>& routes, Runtime& runtime) {
  add(routes, "GET", "/_control/resources", [&runtime](RouteContext&) -> Task<net::Response> {
    json answer;
    answer["items"] = json::array();
    for (const ResourcePtr& resource : runtime.resources().list()) answer["items"].push_back(info_json(runtime, *resource));
    co_return json_response(200, answer);
  });
  add(routes, "POST", "/_control/resources", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    ResourceSpec spec;
    spec.name = request.at("name").text();
    spec.data_location = request.text_or("data_location", "United States");
    if (const auto tags = request.find("tags")) spec.tags = tags_of(*tags);
    const ResourcePtr resource = co_await runtime.resources().create(std::move(spec));
    co_return json_response(201, info_json(runtime, *resource));
  });
  add(routes, "GET", "/_control/resources/{name}", [&runtime](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, info_json(runtime, *runtime.resources().get(context.param("name"))));
  });
  add(routes, "PATCH", "/_control/resources/{name}", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef request(body);
    std::optional<std::map<std::string, std::string>> tags;
    if (const auto given = request.find("tags")) tags = tags_of(*given);
    std::optional<bool> local_auth;
    if (const auto given = request.find("local_auth")) local_auth = given->boolean();
    UniqueFunction<void(Resource&)> change = [tags, local_auth](Resource& resource) {
      if (tags) resource.tags = *tags;
      if (local_auth) resource.local_auth = *local_auth;
    };
    std::string name(context.param("name"));
    const ResourcePtr resource = co_await runtime.resources().update(std::move(name), std::move(change));
    co_return json_response(200, info_json(runtime, *resource));
  });
  add(routes, "DELETE", "/_control/resources/{name}", [&runtime](RouteContext& context) -> Task<net::Response> {
    std::string name(context.param("name"));
    co_await runtime.resources().drop(std::move(name));
    co_return empty_response(204);
  });
  add(routes, "POST", "/_control/resources/{name}/fork", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    std::string new_name(JsonRef(body).at("name").text());
    std::string name(context.param("name"));
    const ResourcePtr resource = co_await runtime.resources().fork(std::move(name), std::move(new_name));
    co_return json_response(201, info_json(runtime, *resource));
  });
  add(routes, "POST", "/_control/resources/{name}/keys", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    const JsonRef which = JsonRef(body).at("kind");
    if (which.text() != "primary" && which.text() != "secondary") throw which.error("is neither primary nor secondary");
    const KeyKind kind = which.text() == "primary" ? KeyKind::kPrimary : KeyKind::kSecondary;
    std::string name(context.param("name"));
    const ResourcePtr resource = co_await runtime.resources().regenerate_key(std::move(name), kind);
    co_return json_response(200, info_json(runtime, *resource));
  });
}

void add_snapshots(std::vector<server::Route>& routes, Runtime& runtime) {
  add(routes, "GET", "/_control/resources/{name}/snapshots", [&runtime](RouteContext& context) -> Task<net::Response> {
    json answer;
    answer["items"] = json::array();
    for (const ResourceSnapshot& snapshot : runtime.resources().snapshots(*runtime.resources().get(context.param("name"))))
      answer["items"].push_back(to_json(snapshot));
    co_return json_response(200, answer);
  });
  add(routes, "POST", "/_control/resources/{name}/snapshots", [&runtime](RouteContext& context) -> Task<net::Response> {
    const json body = parse_body(context);
    std::string snapshot_name(JsonRef(body).at("name").text());
    std::string name(context.param("name"));
    const ResourceSnapshot taken = co_await runtime.resources().snapshot(std::move(name), std::move(snapshot_name));
    co_return json_response(201, to_json(taken));
  });
  add(routes, "POST", "/_control/resources/{name}/snapshots/{snapshot}/restore",
      [&runtime](RouteContext& context) -> Task<net::Response> {
        std::string name(context.param("name")), snapshot(context.param("snapshot"));
        const ResourcePtr resource = co_await runtime.resources().restore(std::move(name), std::move(snapshot));
        co_return json_response(200, info_json(runtime, *resource));
      });
  add(routes, "DELETE", "/_control/resources/{name}/snapshots/{snapshot}",
      [&runtime](RouteContext& context) -> Task<net::Response> {
        std::string name(context.param("name")), snapshot(context.param("snapshot"));
        co_await runtime.resources().drop_snapshot(std::move(name), std::move(snapshot));
        co_return empty_response(204);
      });
}

}  // namespace

void add_control_resource_routes(std::vector<server::Route>& routes, Runtime& runtime) {
  add_registry(routes, runtime);
  add_snapshots(routes, runtime);
}

}  // namespace trunkline::api
