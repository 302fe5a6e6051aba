// Which plugin a command means, and with what configuration.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/conformance/check.h"
#include "runtime/plugin/loader.h"

namespace trunkline::app {

/// Of `extra` and of this build; drafts are accepted.
plugin::LoaderOptions plugin_loader_options(const std::vector<std::string>& extra);

/// A plugin that a person named: by its id, its directory, its plugin.json or its library.
struct PluginTarget {
  std::unique_ptr<plugin::PluginLoader> loader;
  std::string id;
  std::vector<std::string> paths;  // where it was looked for, in order
};
/// Throws kNotFound when it is a path that leads to no plugin, and what read_manifest throws.
PluginTarget find_plugin(const std::string& target, const std::vector<std::string>& paths);

/// Which provider of which file configures the plugin.
struct PluginConfigChoice {
  std::string file;      // trunkline.yaml; empty: no configuration
  std::string provider;  // empty: the first that names the plugin
};
/// Fills config, secrets, interfaces and isolation in. Throws ConfigError, and kNotFound when no provider of the file is of this
/// plugin.
void read_plugin_config(const PluginConfigChoice& choice, const std::string& plugin_id, conformance::KitInput& input);

}  // namespace trunkline::app
