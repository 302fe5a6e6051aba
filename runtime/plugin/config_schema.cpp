#include "runtime/plugin/config_schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace trunkline::plugin {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 32;
constexpr std::array<std::string_view, 6> kTypes{"object", "array", "string", "integer", "number", "boolean"};

bool has_type(const json& value, std::string_view type) {
  if (type == "number") return value.is_number();
  if (type == "integer")
    return value.is_number_integer() || (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>());
  return json_type(value) == type;
}

std::string found(const json& value) {
  if (value.is_structured() || value.is_null()) return std::string(json_type(value));
  if (value.is_string()) return "string " + quote(value.get_ref<const std::string&>());
  return std::string(json_type(value)) + " " + value.dump();
}

template <class List>
std::string one_of(const List& list) {
  std::string out;
  for (const auto& item : list) {
    if (!out.empty()) out += ", ";
    if constexpr (std::is_same_v<std::decay_t<decltype(item)>, json>)
      out += item.dump();
    else
      out += item;
  }
  return out;
}

std::string member(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

}  // namespace

std::string_view json_type(const json& value) {
  if (value.is_number_integer()) return "integer";
  return value.type_name();
}

struct ConfigSchema::Node {
  std::string type;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> properties;
  std::vector<std::string> required;
  bool additional = true;
  std::unique_ptr<Node> items;
  std::vector<json> values;  // of enum; empty: any
  std::optional<double> minimum, maximum;
  std::optional<json> fallback;
};

ConfigSchema::ConfigSchema() {
  auto root = std::make_shared<Node>();
  root->type = "object";
  root->additional = false;
  root_ = std::move(root);
}
ConfigSchema::ConfigSchema(const json& schema, const std::string& path, Problems& problems)
    : root_(compile(schema, path, 0, problems)) {
  if (root_ && !root_->type.empty() && root_->type != "object")
    problems.add(path + ".type", "found \"" + root_->type + "\", wanted \"object\": a configuration is an object");
}
std::unique_ptr<ConfigSchema::Node> ConfigSchema::compile(const json& schema, const std::string& path, int depth,
                                                          Problems& problems) {
  auto node = std::make_unique<Node>();
  if (depth > kMaxDepth) {
    problems.add(path, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    return node;
  }
  if (!schema.is_object()) {
    problems.add(path, "found " + found(schema) + ", wanted an object");
    return node;
  }
  const auto wants = [&](const char* keyword, bool ok, const json& value, const char* wanted) {
    if (!ok) problems.add(member(path, keyword), "found " + found(value) + ", wanted " + wanted);
    return ok;
  };
  for (const auto& [keyword, value] : schema.items()) {
    const std::string at = member(path, keyword);
    if (keyword == "type") {
      if (value.is_string() && std::find(kTypes.begin(), kTypes.end(), value.get_ref<const std::string&>()) != kTypes.end())
        node->type = value.get<std::string>();
      else
        problems.add(at, "found " + found(value) + ", wanted one of " + one_of(kTypes));
    } else if (keyword == "properties") {
      if (!wants("properties", value.is_object(), value, "an object")) continue;
      for (const auto& [name, property] : value.items())
        node->properties[name] = compile(property, member(at, name), depth + 1, problems);
    } else if (keyword == "required") {
      const bool names = value.is_array() && std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); });
      if (wants("required", names, value, "an array of strings")) node->required = value.get<std::vector<std::string>>();
    } else if (keyword == "additionalProperties") {
      if (wants("additionalProperties", value.is_boolean(), value, "a boolean")) node->additional = value.get<bool>();
    } else if (keyword == "items") {
      node->items = compile(value, at, depth + 1, problems);
    } else if (keyword == "enum") {
      if (wants("enum", value.is_array() && !value.empty(), value, "an array with at least one value"))
        node->values = value.get<std::vector<json>>();
    } else if (keyword == "minimum" || keyword == "maximum") {
      if (wants(keyword.c_str(), value.is_number(), value, "a number"))
        (keyword == "minimum" ? node->minimum : node->maximum) = value.get<double>();
    } else if (keyword == "default") {
      node->fallback = value;
    } else if (keyword == "title" || keyword == "description") {
      wants(keyword.c_str(), value.is_string(), value, "a string");
    } else {
      problems.add(at,
                   "unknown keyword; wanted one of type, properties, required, additionalProperties, items, enum, minimum, "
                   "maximum, default, title, description");
    }
  }
  if (!schema.contains("type")) problems.add(path, "no \"type\", wanted one of " + one_of(kTypes));
  for (const std::string& name : node->required)
    if (!node->properties.contains(name)) problems.add(member(path, "required"), quote(name) + " is not one of the properties");
  // A default or a listed value that breaks its own schema would otherwise only show with the first user.
  if (!node->type.empty()) {
    if (node->fallback) {
      json copy = *node->fallback;
      check(*node, copy, member(path, "default"), problems);
    }
    for (const json& value : node->values)
      if (!has_type(value, node->type)) problems.add(member(path, "enum"), "found " + found(value) + ", wanted " + node->type);
  }
  return node;
}

void ConfigSchema::validate(json& config, const std::string& path, Problems& problems) const {
  if (config.is_null()) config = json::object();
  check(*root_, config, path, problems);
}

// As deep as the schema, which is bounded.
void ConfigSchema::check(const Node& node, json& value, const std::string& path, Problems& problems) {
  if (!has_type(value, node.type)) {
    problems.add(path, "found " + found(value) + ", wanted " + node.type);
    return;
  }
  if (!node.values.empty() && std::find(node.values.begin(), node.values.end(), value) == node.values.end())
    problems.add(path, "found " + found(value) + ", wanted one of " + one_of(node.values));
  if (value.is_number()) {
    const double number = value.get<double>();
    if (node.minimum && number < *node.minimum)
      problems.add(path, "found " + value.dump() + ", wanted at least " + json(*node.minimum).dump());
    if (node.maximum && number > *node.maximum)
      problems.add(path, "found " + value.dump() + ", wanted at most " + json(*node.maximum).dump());
  }
  if (value.is_array() && node.items)
    for (std::size_t i = 0; i < value.size(); ++i) check(*node.items, value[i], path + "[" + std::to_string(i) + "]", problems);
  if (!value.is_object()) return;
  for (auto& [name, member_value] : value.items()) {
    const auto property = node.properties.find(name);
    if (property != node.properties.end()) {
      check(*property->second, member_value, member(path, name), problems);
    } else if (!node.additional) {
      std::vector<std::string> known;
      for (const auto& [known_name, unused] : node.properties) known.push_back(known_name);
      problems.add(member(path, name),
                   known.empty() ? "unknown key; wanted none" : "unknown key; wanted one of " + one_of(known));
    }
  }
  for (const auto& [name, property] : node.properties) {
    if (value.contains(name)) continue;
    if (property->fallback)
      value[name] = *property->fallback;
    else if (std::find(node.required.begin(), node.required.end(), name) != node.required.end())
      problems.add(member(path, name), "missing, wanted " + property->type);
  }
}

}  // namespace trunkline::plugin
