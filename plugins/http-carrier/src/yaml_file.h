// A YAML file as JSON, with the places of its members.
#pragma once
#include <map>
#include <nlohmann/json.hpp>  // NOLINT(trunkline-json): values are members
#include <string>

namespace http_carrier {

struct YamlDocument {
  nlohmann::json value;
  std::map<std::string, int> lines;  // by path, such as `receipt[0].states`
};

/// At most 1 MiB and 32 levels. Throws kNotFound and kInvalidArgument, with the line.
YamlDocument read_yaml(const std::string& path);
/// The line of a path, or of the nearest one around it; 0: none.
int line_of(const YamlDocument& document, std::string path);

}  // namespace http_carrier
