// The subset of JSON Schema that describes a plugin's configuration.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "runtime/plugin/problems.h"

namespace trunkline::plugin {

/// `object`, `array`, `string`, `integer`, `number`, `boolean` or `null`.
std::string_view json_type(const nlohmann::json& value);

/// A compiled schema. The subset, in the meaning of JSON Schema 2020-12:
///  - `type`: one of object, array, string, integer, number, boolean. Always required, so that a form can be made from it.
///  - objects: `properties`, `required` (names from `properties`), `additionalProperties` (a boolean; default true)
///  - arrays: `items` (one schema)
///  - numbers: `minimum`, `maximum`
///  - all: `enum`, `default`, and the notes `title` and `description`
/// There is no `pattern`, reference or combination: what they could say, the plugin's create checks better. Any other keyword
/// is rejected when the manifest is read, since ignoring it would promise a check that never happens. At most 32 levels deep.
/// Immutable; [any-thread].
class ConfigSchema {
 public:
  /// Accepts an empty object only.
  ConfigSchema();
  /// Adds what is wrong with the schema to `problems`; the result is then unusable.
  ConfigSchema(const nlohmann::json& schema, const std::string& path, Problems& problems);
  /// Fills defaults into `config` and adds everything that is wrong with it. `path` begins the reported paths.
  void validate(nlohmann::json& config, const std::string& path, Problems& problems) const;

 private:
  struct Node;
  static std::unique_ptr<Node> compile(const nlohmann::json& schema, const std::string& path, int depth, Problems& problems);
  static void check(const Node& node, nlohmann::json& value, const std::string& path, Problems& problems);
  std::shared_ptr<const Node> root_;  // copies share it
};

}  // namespace trunkline::plugin
