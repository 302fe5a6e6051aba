// JSON from outside, with limits.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace trunkline::plugin {

/// Parses one document of at most `max_bytes` and `max_depth` nested containers. Throws kInvalidArgument, with line and column
/// for a syntax error; a key that occurs twice in one object is an error, because readers disagree on which one counts.
nlohmann::json parse_json(std::string_view text, std::size_t max_bytes, int max_depth);

/// `object`, `array`, `string`, `integer`, `number`, `boolean` or `null`.
std::string_view json_type(const nlohmann::json& value);

}  // namespace trunkline::plugin
