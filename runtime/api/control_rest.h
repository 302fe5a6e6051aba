// What the areas of the control API share: routes, parameters, times.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/eventgrid/event_source.h"
#include "runtime/server/route.h"

namespace trunkline {
class Runtime;
struct Event;
}  // namespace trunkline

namespace trunkline::api {

/// A route for people and the command line. The bodies of POST, PUT and PATCH are JSON, others are ignored.
template <class F>
void add_control_route(std::vector<server::Route>& routes, const char* method, const char* path, F handler) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kControl;
  route.body = std::string_view(method).starts_with('P') ? server::BodyRule::kJson : server::BodyRule::kNone;
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

/// A whole number of the query. Throws kInvalidArgument naming it.
std::int64_t integer_parameter(const server::RouteContext& context, const char* name, std::int64_t fallback, std::int64_t min,
                               std::int64_t max);

/// `250ms`, `5m`, `PT1H`.
Duration parse_duration_member(const JsonRef& value);
/// RFC 3339, or a duration back from `now` such as 15m. Throws kInvalidArgument with `target`.
Time parse_moment(std::string_view text, Time now, const std::string& target);
/// Microseconds, like the records: what is finer does not survive the store.
std::string rfc3339_us(Time time);

/// Longest wait of a long poll.
inline constexpr std::int64_t kMaxWaitMs = 30'000;

/// `object` is JSON.
template <class Json, class T>
void set_optional(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

/// What the request is about: the events of the caller's resource, or of the custom topic that `?topic=` names. Throws kNotFound.
eventgrid::EventSource event_source_of(Runtime& runtime, const server::RouteContext& context);
nlohmann::json event_json(const Event& event);

}  // namespace trunkline::api
