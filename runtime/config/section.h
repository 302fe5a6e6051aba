// Reading one mapping of the configuration: typed, collecting problems instead of stopping at the first.
#pragma once
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/config/config.h"
#include "runtime/config/secret_source.h"
#include "runtime/config/yaml_tree.h"

namespace trunkline {

/// As JSON: plain scalars that are numbers of JSON are numbers, other scalars are text.
std::string json_of(const YamlNode& node);

/// What one parse shares.
struct ConfigContext {
  const ConfigOptions& options;
  SecretSource secrets;
  std::vector<ConfigProblem> problems;

  void add(ConfigMark mark, std::string path, std::string message) {
    problems.push_back({mark, std::move(path), std::move(message)});
  }
};

/// A mapping at a path. Every reader leaves its target alone when the key is absent, and reports and leaves it alone when the
/// value does not fit. A key with nothing after it counts as absent. finish() reports the keys nobody asked for.
class ConfigSection {
 public:
  /// `node` null or of another kind: reads as an empty mapping, after a problem in the latter case.
  ConfigSection(ConfigContext& context, const YamlNode* node, std::string path, ConfigMark mark = {});

  /// False: the mapping is not there; what is read from it are the defaults.
  bool present() const { return node_ != nullptr; }
  ConfigMark mark() const { return mark_; }
  const std::string& path() const { return path_; }
  std::string path_of(std::string_view key) const;
  void problem(std::string message) { context_.add(mark_, path_, std::move(message)); }
  void problem(std::string_view key, std::string message);

  /// Any scalar, as it stands. False: absent or wrong.
  bool text(std::string_view key, std::string& out);
  /// Text that must be there and not be empty.
  void required_text(std::string_view key, std::string& out);
  void boolean(std::string_view key, bool& out);
  void duration(std::string_view key, Duration& out);
  void time(std::string_view key, std::optional<Time>& out);
  /// A list of scalars.
  void texts(std::string_view key, std::vector<std::string>& out);
  /// A mapping of scalars.
  void text_map(std::string_view key, std::map<std::string, std::string>& out);
  void secret(std::string_view key, SecretRef& out);
  /// A mapping or list as JSON text.
  void json(std::string_view key, std::string& out);

  template <class T>
  void integer(std::string_view key, T& out, T min = 0, T max = std::numeric_limits<T>::max()) {
    std::uint64_t value = 0;
    if (integer_in(key, value, min, max)) out = static_cast<T>(value);
  }
  template <class E>
  void choice(std::string_view key, E& out, std::initializer_list<std::pair<std::string_view, E>> choices) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) names.push_back(name);
    if (const auto index = choice_of(key, names)) out = (choices.begin() + *index)->second;
  }
  /// Calls read(ConfigSection&) with the mapping under `key` (an empty one when absent) and finishes it.
  template <class F>
  void section(std::string_view key, F read) {
    const YamlNode* const node = find(key);
    ConfigSection inner(context_, node, path_of(key), node ? node->mark : mark_);
    read(inner);
    inner.finish();
  }
  /// Calls read(ConfigSection&) for each mapping of the list under `key`.
  template <class F>
  void each(std::string_view key, F read) {
    const YamlNode* const node = find_kind(key, YamlNode::Kind::kList, "a list");
    if (!node) return;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      ConfigSection inner(context_, &node->items[i], path_of(key) + '[' + std::to_string(i) + ']', node->items[i].mark);
      read(inner);
      inner.finish();
    }
  }
  /// Calls read(name, ConfigSection&) for each member of the mapping under `key`; finishing is left to `read`.
  template <class F>
  void each_member(std::string_view key, F read) {
    const YamlNode* const node = find_kind(key, YamlNode::Kind::kMap, "a mapping");
    if (!node) return;
    ConfigSection owner(context_, node, path_of(key), node->mark);
    for (const auto& member : node->members) read(member.key, owner);
  }
  void finish();

 private:
  const YamlNode* find(std::string_view key);
  const YamlNode* find_kind(std::string_view key, YamlNode::Kind kind, std::string_view wanted);
  const YamlNode* find_scalar(std::string_view key, std::string_view wanted);
  bool integer_in(std::string_view key, std::uint64_t& out, std::uint64_t min, std::uint64_t max);
  std::optional<std::size_t> choice_of(std::string_view key, const std::vector<std::string_view>& names);
  void wrong(const YamlNode& node, std::string_view key, std::string_view wanted);

  ConfigContext& context_;
  const YamlNode* node_;
  std::string path_;
  ConfigMark mark_;
  std::vector<std::string_view> asked_;
};

}  // namespace trunkline
