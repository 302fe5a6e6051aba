#include "runtime/api/control_providers_api.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/api/control_rest.h"
#include "runtime/api/provider_change.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/clock/signal.h"
#include "runtime/core/plugin_paths.h"
#include "runtime/core/runtime.h"
#include "runtime/providers/provider_registry.h"

namespace trunkline::api {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using server::RouteContext;

json provider_json(const service::ProviderInfo& info) {
  json out;
  out["name"] = info.name;
  out["plugin"] = info.plugin;
  out["version"] = info.version;
  set_optional(out, "path", info.path);
  out["interfaces"] = info.interfaces;
  out["state"] = info.state;
  out["instance"] = info.instance;
  out["since"] = rfc3339_us(info.since);
  out["draining"] = info.draining;
  set_optional(out, "process", info.process);
  set_optional(out, "process_id", info.process_id);
  set_optional(out, "last_reload", info.last_reload);
  set_optional(out, "detail", info.detail);
  set_optional(out, "failure", info.failure);
  if (info.status) out["status"] = *info.status;
  return out;
}

/// A key of the API must not be enough to run any file: builds come from folders that whoever configured the server named, or
/// from where the present one is. Throws kPermissionDenied.
void check_folder(const Runtime& runtime, const service::ProviderInfo& present, const fs::path& library) {
  std::vector<fs::path> folders = builtin_plugin_directories();
  folders.insert(folders.end(), runtime.config().plugins.paths.begin(), runtime.config().plugins.paths.end());
  if (present.path) folders.push_back(fs::path(*present.path).parent_path());
  std::error_code ignored;
  const fs::path wanted = fs::weakly_canonical(library, ignored);
  std::vector<std::string> names;
  for (const fs::path& folder : folders) {
    const fs::path known = fs::weakly_canonical(folder, ignored);
    if (known.empty()) continue;
    names.push_back(known.string());
    const auto [end, unused] = std::mismatch(known.begin(), known.end(), wanted.begin(), wanted.end());
    if (end == known.end()) return;
  }
  throw Error(ErrorCode::kPermissionDenied,
              library.string() + ": found a library outside of the folders of plugins, wanted one in " + join(names, ", "),
              "library");
}

service::ProviderChange change_of(const Runtime& runtime, const service::ProviderInfo& present, const json& body) {
  service::ProviderChange change = parse_provider_change(body);
  if (change.library) check_folder(runtime, present, *change.library);
  return change;
}

}  // namespace

void add_control_provider_routes(std::vector<server::Route>& routes, Runtime& runtime, Clock& wall) {
  add_control_route(routes, "GET", "/_control/providers", [&runtime](RouteContext&) -> Task<net::Response> {
    json items = json::array();
    for (const service::ProviderInfo& provider : runtime.providers().list()) items.push_back(provider_json(provider));
    json answer;
    answer["items"] = std::move(items);
    co_return json_response(200, answer);
  });
  // A long poll: waits up to wait_ms for the end of a probation.
  add_control_route(routes, "GET", "/_control/providers/{name}", [&runtime, &wall](RouteContext& context) -> Task<net::Response> {
    const std::string name(context.param("name"));
    const std::chrono::milliseconds wait{integer_parameter(context, "wait_ms", 0, 0, kMaxWaitMs)};
    service::ProviderInfo info = runtime.providers().describe(name);
    if (wait.count() > 0 && info.state == "probation") {
      const auto settled = std::make_shared<Signal>(runtime.executor(), wall, false);
      runtime.providers().when_settled(name, [settled] { settled->set(); });
      const Signal::Turn turn(*settled, "the wait for a reload");
      co_await settled->wait(wall.now() + wait);
      info = runtime.providers().describe(name);
    }
    const json answer = provider_json(info);
    co_return json_response(200, answer);
  });
  add_control_route(routes, "POST", "/_control/providers/{name}/reload",
                    [&runtime](RouteContext& context) -> Task<net::Response> {
                      const json body = parse_body(context);
                      std::string name(context.param("name"));
                      service::ProviderChange change = change_of(runtime, runtime.providers().describe(name), body);
                      const service::ProviderInfo info = co_await runtime.reload_provider(std::move(name), std::move(change));
                      const json answer = provider_json(info);
                      co_return json_response(200, answer);
                    });
  add_control_route(routes, "DELETE", "/_control/providers/{name}", [&runtime](RouteContext& context) -> Task<net::Response> {
    std::string name(context.param("name"));
    co_await runtime.providers().remove(std::move(name));
    co_return json_response(200, json::object());
  });
}

}  // namespace trunkline::api
