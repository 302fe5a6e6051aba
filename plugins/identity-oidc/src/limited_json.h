// JSON from outside.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace identity_oidc {

/// An object within these limits. Throws kInvalidArgument.
nlohmann::json parse_limited(std::string_view text, std::size_t max_bytes, int max_depth);

}  // namespace identity_oidc
