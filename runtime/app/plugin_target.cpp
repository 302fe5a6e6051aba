#include "runtime/app/plugin_target.h"

#include <filesystem>
#include <optional>

#include "runtime/config/config.h"
#include "runtime/config/secret_source.h"
#include "runtime/core/plugin_paths.h"
#include "runtime/providers/provider_registry.h"

namespace trunkline::app {
namespace {

namespace fs = std::filesystem;

/// The directory that `target` means; nullopt: it is an id. Throws kNotFound when it is a path that leads to no plugin.
std::optional<fs::path> plugin_directory(const std::string& target, const std::vector<std::string>& paths) {
  std::error_code ignored;
  fs::path directory = fs::absolute(target).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  if (directory.filename() == "plugin.json" || fs::is_regular_file(directory, ignored)) directory = directory.parent_path();
  if (fs::is_regular_file(directory / "plugin.json", ignored)) return directory;
  const bool is_directory = fs::is_directory(directory, ignored);
  if (!is_directory && target.find('/') == std::string::npos) return std::nullopt;
  if (is_directory) {
    const plugin::PluginLoader loader(plugin_loader_options(paths));
    for (const plugin::FoundPlugin& found : loader.found())
      if (found.id == target) return std::nullopt;
  }
  throw Error(ErrorCode::kNotFound,
              (is_directory ? "there is no plugin.json in " : "there is no directory ") + directory.string() +
                  "; give the directory that holds a plugin's plugin.json and its library, or the id of a plugin that "
                  "`plugin list` shows",
              "plugin");
}

// Interface names of a configuration may be short.
std::vector<std::string> interface_ids(const std::vector<std::string>& configured, const plugin::Manifest& manifest) {
  std::vector<std::string> out;
  for (const std::string& wanted : configured) {
    out.push_back(wanted);
    for (const std::string& id : manifest.interfaces)
      if (conformance::short_name(id) == wanted) out.back() = id;
  }
  return out;
}

}  // namespace

plugin::LoaderOptions plugin_loader_options(const std::vector<std::string>& extra) {
  plugin::LoaderOptions options;
  options.paths.assign(extra.begin(), extra.end());
  for (const auto& directory : builtin_plugin_directories()) options.paths.push_back(directory);
  options.allow_drafts = true;
  return options;
}

PluginTarget find_plugin(const std::string& target, const std::vector<std::string>& paths) {
  PluginTarget out;
  out.id = target;
  std::vector<std::string> all = paths;
  if (const auto directory = plugin_directory(target, all)) {
    // Alone: a plugin of the same id elsewhere is not what was asked for.
    plugin::LoaderOptions options;
    options.allow_drafts = true;
    options.paths = {*directory};
    out.paths = {directory->string()};
    out.id = plugin::read_manifest(*directory / "plugin.json").id;
    out.loader = std::make_unique<plugin::PluginLoader>(std::move(options));
    return out;
  }
  plugin::LoaderOptions options = plugin_loader_options(all);
  for (const auto& path : options.paths) out.paths.push_back(path.string());
  out.loader = std::make_unique<plugin::PluginLoader>(std::move(options));
  return out;
}

void read_plugin_config(const PluginConfigChoice& choice, const std::string& plugin_id, conformance::KitInput& input) {
  if (choice.file.empty()) return;
  const Config config = load_config(choice.file);
  std::string found;
  for (const ProviderConfig& provider : config.providers) {
    found += (found.empty() ? "" : ", ") + provider.name + " (" + provider.plugin + ")";
    if (provider.plugin != plugin_id || (!choice.provider.empty() && provider.name != choice.provider)) continue;
    input.config_json = provider.config_json;
    const SecretSource source;
    for (const auto& [name, reference] : provider.secrets) input.secrets.emplace(name, source.resolve(reference));
    if (input.plugin) input.interfaces = interface_ids(provider.interfaces, input.plugin->manifest);
    if (provider.isolation.mode == IsolationConfig::Mode::kProcess) input.isolation = isolation_options(provider.isolation);
    return;
  }
  throw Error(ErrorCode::kNotFound,
              choice.file + ": no provider" + (choice.provider.empty() ? std::string() : " " + choice.provider) + " of plugin " +
                  plugin_id + "; found " + (found.empty() ? "none" : found),
              "config");
}

}  // namespace trunkline::app
