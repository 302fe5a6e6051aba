// Finds plugins, checks them and loads them.
#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plugin/manifest.h"
#include "trunkline/abi.h"
#include "trunkline/error.hpp"

namespace trunkline::plugin {

struct LoaderOptions {
  /// Folders that hold plugin folders, or plugin folders themselves (those with a plugin.json). Searched in order.
  std::vector<std::filesystem::path> paths;
  /// Accept interfaces that may still change.
  bool allow_drafts = false;
  /// SHA-256 of the libraries that may be loaded, hexadecimal. Empty: any.
  std::vector<std::string> allow_hashes;
};

/// A plugin whose code is in the process. Lives as long as the process: threads and callbacks of a plugin may outlive every
/// object of ours, so nothing is ever unloaded.
struct LoadedPlugin {
  Manifest manifest;
  const tl_plugin_entry* entry = nullptr;
};

/// A manifest that was found, or why it cannot be used.
struct FoundPlugin {
  std::filesystem::path path;  // of plugin.json
  std::string id;              // of the manifest; the folder's name when it is broken
  std::optional<Manifest> manifest;
  std::optional<Error> error;
  const LoadedPlugin* loaded = nullptr;
};

/// The plugins of one runtime. [any-thread]
class PluginLoader {
 public:
  /// Reads the manifests; broken ones are kept with their error. Runs no plugin code.
  explicit PluginLoader(LoaderOptions options);

  /// A plugin that is linked into the program or made by a language binding. `manifest` as in plugin.json, without `library`.
  /// Throws what parse_manifest throws, and kAlreadyExists.
  void add_builtin(std::string_view manifest, const tl_plugin_entry* entry);

  /// Everything that was found; loads nothing.
  std::vector<FoundPlugin> found() const;
  /// Loads a plugin or gives the loaded one. Throws: kNotFound (no such id; says where it looked), kInvalidArgument (its
  /// manifest), kAlreadyExists (two plugins with this id), kPermissionDenied (hash or draft), kFailedPrecondition (the library).
  const LoadedPlugin& load(std::string_view id);

 private:
  void search(const std::filesystem::path& folder);
  void add(FoundPlugin plugin);
  const LoadedPlugin& load_checked(const Manifest& manifest);

  LoaderOptions options_;
  mutable std::mutex mutex_;
  std::vector<FoundPlugin> found_;  // guarded by mutex_
  std::vector<std::string> searched_;
};

/// Checks the entry struct of a plugin against this host; throws kFailedPrecondition. `where` names the plugin.
void check_entry(const tl_plugin_entry* entry, const std::string& where);
/// Checks the manifest against this host: ABI version, drafts.
void check_manifest(const Manifest& manifest, const LoaderOptions& options);

}  // namespace trunkline::plugin
