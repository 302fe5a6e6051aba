// The `api-version` query parameter: which behaviour a request gets.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace trunkline::server {

/// The published version to serve for a requested one: itself, else the newest that is older, else the oldest there is. So a
/// client newer than this program gets the newest behaviour it knows. Throws Error with http_status 400: `ApiVersionUnspecified`
/// for an empty one, `UnsupportedApiVersion` for one that is no date (`2024-12-10`, `2024-12-10-preview`).
std::string_view resolve_api_version(std::span<const std::string> published, std::string_view requested);

}  // namespace trunkline::server
