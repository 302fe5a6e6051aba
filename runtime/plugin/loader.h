// Finds plugins, checks them and loads them.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plugin/library_copy.h"
#include "runtime/plugin/manifest.h"
#include "trunkline/abi.h"
#include "trunkline/app_plugin.h"
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
  /// What makes an instance, where the entry alone cannot know of what: see AppPlugin. Empty: entry->create.
  std::function<std::int32_t(const tl_host* host, tl_str config_json, tl_plugin** out, tl_error** error)> create;
  /// For an instance that did not drain in time and is never destroyed. Empty: nothing can be done about it.
  std::function<void(tl_plugin* plugin)> abandon;
};

/// A plugin that the application itself is: an object of a language binding. Lives as long as its loader, not as the process.
class AppPlugin {
 public:
  /// Throws kInvalidArgument (the manifest), kFailedPrecondition (a slot). Takes over `plugin.context`, whatever happens.
  explicit AppPlugin(const tl_app_plugin& plugin);
  AppPlugin(const AppPlugin&) = delete;
  ~AppPlugin();
  const LoadedPlugin& loaded() const { return loaded_; }

 private:
  const tl_app_plugin plugin_;
  tl_plugin_entry entry_;
  LoadedPlugin loaded_;
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
  /// A plugin of the application. Throws what its constructor and add_builtin throw.
  void add_app(std::unique_ptr<AppPlugin> plugin);
  /// The same for one that somebody else keeps, until remove_app; `again`: in place of the one of its id that is listed.
  void list_app(const LoadedPlugin& loaded, bool again = false);
  /// Forgets one that is not to be found any more.
  void remove_app(std::string_view id);

  /// Everything that was found; loads nothing.
  std::vector<FoundPlugin> found() const;
  /// Loads a plugin or gives the loaded one. Throws: kNotFound (no such id; says where it looked), kInvalidArgument (its
  /// manifest), kAlreadyExists (two plugins with this id), kPermissionDenied (hash or draft), kFailedPrecondition (the library).
  const LoadedPlugin& load(std::string_view id);
  /// The manifest of a plugin whose library is to be loaded by another process; everything that can be checked without its code
  /// has been. Throws as load() does, and kInvalidArgument for a plugin without a library.
  Manifest manifest_for_process(std::string_view id);

  /// What another build of a plugin says of itself, read anew. `library`: its library, or the folder of its plugin.json; empty:
  /// that of `current`. A library without a plugin.json beside it is described by `current`. Throws kNotFound, kInvalidArgument
  /// (the manifest; another plugin's id; a plugin without a library), and as load() does.
  Manifest manifest_of_build(const Manifest& current, const std::filesystem::path& library) const;
  /// Loads a build beside those that are loaded. The file is copied first, unless it is the very file that was loaded; builds of
  /// equal content are loaded once. Throws as load() does.
  const LoadedPlugin& load_build(Manifest manifest);
  /// The same for another process: `manifest.image` is the copy, which must stay as long as that may load it.
  std::unique_ptr<LibraryCopy> copy_for_process(Manifest& manifest) const;

 private:
  void search(const std::filesystem::path& folder);
  void add(FoundPlugin plugin);
  void add_checked(const LoadedPlugin& loaded);
  const LoadedPlugin& load_checked(const Manifest& manifest);
  FoundPlugin& find(std::string_view id);

  LoaderOptions options_;
  mutable std::mutex mutex_;
  std::vector<FoundPlugin> found_;  // guarded by mutex_
  std::vector<std::string> searched_;
  std::vector<std::unique_ptr<AppPlugin>> apps_;  // guarded by mutex_
};

/// Checks the entry struct of a plugin against this host; throws kFailedPrecondition. `where` names the plugin.
void check_entry(const tl_plugin_entry* entry, const std::string& where);
/// Loads a library whose manifest and hash another process has checked, and checks its entry. Throws kFailedPrecondition.
const tl_plugin_entry* load_library(const Manifest& manifest);
/// Checks the manifest against this host: ABI version, drafts.
void check_manifest(const Manifest& manifest, const LoaderOptions& options);

}  // namespace trunkline::plugin
