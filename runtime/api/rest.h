// Small things every REST area uses.
#pragma once
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/net/http.h"
#include "runtime/server/route.h"
#include "runtime/services/resource.h"

namespace trunkline::api {

/// The body as JSON; throws kInvalidArgument with the byte at fault.
nlohmann::json parse_body(const server::RouteContext& context);
/// The same; an empty object when there is no body.
nlohmann::json parse_optional_body(const server::RouteContext& context);
net::Response json_response(int status, const nlohmann::json& body);
net::Response empty_response(int status);
/// The resource that the caller's key belongs to.
ResourcePtr resource_of(const server::RouteContext& context);
std::vector<std::string> versions(std::initializer_list<const char*> list);

}  // namespace trunkline::api
