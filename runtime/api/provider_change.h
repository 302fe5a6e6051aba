// What a request to reload a provider says.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "trunkline/service.hpp"

namespace trunkline::api {

/// The body of POST /_control/providers/{name}/reload. Whether the library may be used is for the caller to say. Throws
/// kInvalidArgument naming the member.
service::ProviderChange parse_provider_change(const nlohmann::json& body);

}  // namespace trunkline::api
