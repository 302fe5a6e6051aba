#include "runtime/plugin/loader.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <fstream>
#include <memory>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/crypto/hash.h"
#include "runtime/plugin/elf.h"

namespace trunkline::plugin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPlugins = 1024;

// Which file it is, and whether it is still the same.
struct FileMark {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileMark&) const = default;
};
FileMark mark_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

// Libraries of all runtimes of the process, by canonical path. Leaked on purpose, see LoadedPlugin.
struct Libraries {
  std::mutex mutex;
  std::map<fs::path, std::unique_ptr<boost::dll::shared_library>> by_path;
  std::map<fs::path, FileMark> marks;                                          // of the files at by_path, when they were loaded
  std::map<std::string, std::unique_ptr<boost::dll::shared_library>> by_hash;  // copies
  std::vector<std::unique_ptr<LoadedPlugin>> plugins;
};
Libraries& libraries() {
  static auto* const all = new Libraries;
  return *all;
}

std::string where(const Manifest& manifest) {
  return "plugin " + manifest.id +
         (manifest.library.empty() ? std::string(" (built in)") : " (" + manifest.library.string() + ")");
}

void check_hash(const Manifest& manifest, const std::string& hash, const std::vector<std::string>& allowed) {
  if (allowed.empty() || std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) { return iequals(a, hash); }))
    return;
  throw Error(ErrorCode::kPermissionDenied,
              where(manifest) + ": found SHA-256 " + hash + ", wanted one of the " + std::to_string(allowed.size()) +
                  " hashes of plugins.allow_hashes",
              manifest.id);
}

// The hash is of the file as it is now; who can replace it before the linker opens it can also replace this program.
void check_hash(const Manifest& manifest, const std::vector<std::string>& allowed) {
  if (allowed.empty() || manifest.library.empty()) return;
  std::ifstream file(manifest.library, std::ios::binary);
  crypto::Sha256 digest;
  std::string piece(64 * 1024, '\0');
  do {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    digest.update(std::string_view(piece).substr(0, static_cast<std::size_t>(file.gcount())));
  } while (file);
  if (!file.eof())
    throw Error(ErrorCode::kFailedPrecondition, where(manifest) + ": found a library that cannot be read to its end",
                manifest.id);
  check_hash(manifest, hex_encode(digest.finish()), allowed);
}

std::unique_ptr<boost::dll::shared_library> link(const fs::path& path, const Manifest& manifest) {
  auto library = std::make_unique<boost::dll::shared_library>();
  boost::dll::fs::error_code error;
  library->load(path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local, error);
  if (!error) return library;
  const char* const why = ::dlerror();  // Boost keeps only a code
  throw Error(ErrorCode::kFailedPrecondition,
              where(manifest) + ": the dynamic linker refused it: " + (why ? why : error.message()), manifest.id);
}

// The library of a file, loaded once for the life of the process.
boost::dll::shared_library& open_library(Libraries& all, const Manifest& manifest) {
  const fs::path path = fs::canonical(manifest.library);
  if (const auto found = all.by_path.find(path); found != all.by_path.end()) return *found->second;
  const FileMark mark = mark_of(path);  // before: a file that is replaced meanwhile counts as another
  auto& slot = all.by_path[path] = link(path, manifest);
  all.marks[path] = mark;
  return *slot;
}

const tl_plugin_entry* entry_of(boost::dll::shared_library& library, const Manifest& manifest) {
  if (!library.has(TL_PLUGIN_ENTRY))
    throw Error(ErrorCode::kFailedPrecondition,
                where(manifest) + ": found no symbol " TL_PLUGIN_ENTRY ", wanted a const tl_plugin_entry of that name",
                manifest.id);
  const auto* entry = &library.get<const tl_plugin_entry>(TL_PLUGIN_ENTRY);
  check_entry(entry, where(manifest));
  return entry;
}

const LoadedPlugin& keep(Libraries& all, Manifest manifest, const tl_plugin_entry* entry) {
  auto loaded = std::make_unique<LoadedPlugin>();
  loaded->manifest = std::move(manifest);
  loaded->entry = entry;
  all.plugins.push_back(std::move(loaded));
  return *all.plugins.back();
}

}  // namespace

void check_manifest(const Manifest& manifest, const LoaderOptions& options) {
  if (manifest.abi_min >> 16 != TL_ABI_MAJOR || manifest.abi_min > TL_ABI_CURRENT)
    throw Error(ErrorCode::kFailedPrecondition,
                where(manifest) + ": its manifest wants host ABI " + abi_text(manifest.abi_min) + " or newer within major " +
                    std::to_string(manifest.abi_min >> 16) + ", found host ABI " + abi_text(TL_ABI_CURRENT),
                manifest.id);
  if (options.allow_drafts) return;
  for (const std::string& id : manifest.interfaces)
    if (is_draft_interface(id))
      throw Error(ErrorCode::kPermissionDenied,
                  where(manifest) + ": found the draft interface " + id +
                      ", wanted released interfaces only, or plugins.allow_drafts: true",
                  manifest.id);
}

void check_entry(const tl_plugin_entry* entry, const std::string& where) {
  const auto fail = [&](const std::string& found, const std::string& wanted) {
    throw Error(ErrorCode::kFailedPrecondition, where + ": found " + found + ", wanted " + wanted);
  };
  if (!entry) fail("a null entry", "a tl_plugin_entry");
  // Versions lie in the first 12 bytes, so they are read before the size of the rest is believed.
  constexpr std::size_t kHead = offsetof(tl_plugin_entry, abi_min) + sizeof(std::uint32_t);
  if (entry->struct_size < kHead)
    fail("an entry of struct_size " + std::to_string(entry->struct_size), "at least " + std::to_string(sizeof(tl_plugin_entry)));
  if (entry->abi_built >> 16 != TL_ABI_MAJOR)
    fail("an entry built for ABI " + abi_text(entry->abi_built), "ABI major " + std::to_string(TL_ABI_MAJOR));
  if (entry->abi_min >> 16 != TL_ABI_MAJOR)
    fail("an entry that needs ABI " + abi_text(entry->abi_min), "ABI major " + std::to_string(TL_ABI_MAJOR));
  if (entry->abi_min > TL_ABI_CURRENT)
    fail("an entry that needs host ABI " + abi_text(entry->abi_min),
         "at most " + abi_text(TL_ABI_CURRENT) + ", the ABI of this host");
  if (entry->struct_size < sizeof(tl_plugin_entry))
    fail("an entry of struct_size " + std::to_string(entry->struct_size), "at least " + std::to_string(sizeof(tl_plugin_entry)));
  const std::pair<const char*, bool> slots[] = {
      {"create", entry->create}, {"get_interface", entry->get_interface}, {"stop", entry->stop}, {"destroy", entry->destroy}};
  for (const auto& [name, set] : slots)
    if (!set) fail(std::string("a null slot ") + name + " in the entry", "a function");
}

AppPlugin::AppPlugin(const tl_app_plugin& plugin) : plugin_(plugin) {
  try {
    if (plugin.struct_size < sizeof(tl_app_plugin) || !plugin.create)
      throw Error(ErrorCode::kFailedPrecondition,
                  "the application's plugin: found an incomplete tl_app_plugin, wanted all slots");
    const std::string_view manifest(plugin.manifest_json.data ? plugin.manifest_json.data : "", plugin.manifest_json.size);
    loaded_.manifest = parse_manifest(manifest, {});
    // create stands for the slot that is never called.
    const auto no_context = [](const tl_host*, tl_str, tl_plugin**, tl_error**) noexcept -> std::int32_t {
      return static_cast<std::int32_t>(ErrorCode::kInternal);
    };
    entry_ = {sizeof(tl_plugin_entry),
              TL_ABI_CURRENT,
              TL_ABI_VERSION(TL_ABI_MAJOR, 0),
              0,
              no_context,
              plugin.get_interface,
              plugin.stop,
              plugin.destroy};
    loaded_.entry = &entry_;
    loaded_.create = [this](const tl_host* host, tl_str config, tl_plugin** out, tl_error** error) {
      return plugin_.create(plugin_.context, host, config, out, error);
    };
    check_entry(&entry_, where(loaded_.manifest));
  } catch (...) {
    if (plugin.release) plugin.release(plugin.context);
    throw;
  }
}

AppPlugin::~AppPlugin() {
  if (plugin_.release) plugin_.release(plugin_.context);
}

PluginLoader::PluginLoader(LoaderOptions options) : options_(std::move(options)) {
  for (const fs::path& path : options_.paths) search(path);
}

void PluginLoader::search(const fs::path& folder) {
  searched_.push_back(folder.string());
  std::error_code error;
  std::vector<fs::path> manifests;
  if (fs::is_regular_file(folder / "plugin.json", error)) {
    manifests.push_back(folder / "plugin.json");
  } else {
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      if (fs::is_regular_file(it->path() / "plugin.json", error)) manifests.push_back(it->path() / "plugin.json");
    std::sort(manifests.begin(), manifests.end());  // the order of a folder is the file system's
  }
  for (const fs::path& path : manifests) {
    if (found_.size() >= kMaxPlugins) return;
    FoundPlugin plugin;
    plugin.path = path;
    plugin.id = fs::absolute(path).parent_path().filename().string();
    try {
      plugin.manifest = read_manifest(path);
      plugin.id = plugin.manifest->id;
    } catch (const Error& problem) {
      plugin.error = problem;
    }
    add(std::move(plugin));
  }
}

void PluginLoader::add(FoundPlugin plugin) {
  for (FoundPlugin& other : found_) {
    std::error_code error;
    if (!plugin.path.empty() && fs::equivalent(plugin.path, other.path, error)) return;  // a folder that is listed twice
    if (plugin.id != other.id || !plugin.manifest || !other.manifest) continue;
    const Error twice(ErrorCode::kAlreadyExists,
                      "plugin " + plugin.id + ": found twice, in " +
                          (other.path.empty() ? std::string("the program") : other.path.string()) + " and " +
                          plugin.path.string() + ", wanted once",
                      plugin.id);
    other.error = plugin.error = twice;
  }
  found_.push_back(std::move(plugin));
}

// With mutex_ held.
void PluginLoader::add_checked(const LoadedPlugin& loaded) {
  FoundPlugin plugin;
  plugin.id = loaded.manifest.id;
  plugin.manifest = loaded.manifest;
  for (const FoundPlugin& other : found_)
    if (other.id == plugin.id)
      throw Error(ErrorCode::kAlreadyExists, "plugin " + plugin.id + ": found twice, wanted once", plugin.id);
  check_manifest(loaded.manifest, options_);
  check_entry(loaded.entry, where(loaded.manifest));
  plugin.loaded = &loaded;
  found_.push_back(std::move(plugin));
}

void PluginLoader::add_app(std::unique_ptr<AppPlugin> plugin) {
  const std::lock_guard lock(mutex_);
  add_checked(plugin->loaded());
  apps_.push_back(std::move(plugin));
}

void PluginLoader::list_app(const LoadedPlugin& loaded, bool again) {
  const std::lock_guard lock(mutex_);
  if (!again) return add_checked(loaded);
  check_manifest(loaded.manifest, options_);
  for (FoundPlugin& plugin : found_) {
    if (plugin.id != loaded.manifest.id) continue;
    plugin.manifest = loaded.manifest;
    const bool ours = std::any_of(apps_.begin(), apps_.end(), [&](const auto& app) { return &app->loaded() == plugin.loaded; });
    if (!ours) plugin.loaded = &loaded;  // one of ours stays as long as we do
  }
}

void PluginLoader::remove_app(std::string_view id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(found_, [&](const FoundPlugin& found) { return found.id == id; });
  std::erase_if(apps_, [&](const auto& app) { return app->loaded().manifest.id == id; });
}

void PluginLoader::add_builtin(std::string_view manifest, const tl_plugin_entry* entry) {
  auto loaded = std::make_unique<LoadedPlugin>();
  loaded->manifest = parse_manifest(manifest, {});
  loaded->entry = entry;
  const std::lock_guard lock(mutex_);
  add_checked(*loaded);
  Libraries& all = libraries();
  const std::lock_guard all_lock(all.mutex);
  all.plugins.push_back(std::move(loaded));
}

std::vector<FoundPlugin> PluginLoader::found() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

// With mutex_ held.
FoundPlugin& PluginLoader::find(std::string_view id) {
  for (FoundPlugin& plugin : found_) {
    if (plugin.id != id) continue;
    if (plugin.error) throw *plugin.error;
    return plugin;
  }
  std::string known, paths;
  for (const FoundPlugin& plugin : found_) known += (known.empty() ? "" : ", ") + plugin.id;
  for (const std::string& path : searched_) paths += (paths.empty() ? "" : ", ") + path;
  throw Error(ErrorCode::kNotFound,
              "plugin " + std::string(id) + ": no plugin.json with this id; found " + (known.empty() ? "no plugin" : known) +
                  " in " + (paths.empty() ? "no folder (plugins.paths is empty)" : paths),
              std::string(id));
}

const LoadedPlugin& PluginLoader::load(std::string_view id) {
  const std::lock_guard lock(mutex_);
  FoundPlugin& plugin = find(id);
  if (plugin.loaded) return *plugin.loaded;
  try {
    plugin.loaded = &load_checked(*plugin.manifest);
  } catch (const Error& error) {
    plugin.error = error;
    throw;
  }
  return *plugin.loaded;
}

Manifest PluginLoader::manifest_for_process(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const Manifest& manifest = *find(id).manifest;
  if (manifest.library.empty())
    throw Error(ErrorCode::kInvalidArgument,
                where(manifest) + ": found no library, wanted one that another process can load: isolation: process is for those",
                manifest.id);
  check_manifest(manifest, options_);
  check_shared_library(manifest.library);
  check_hash(manifest, options_.allow_hashes);
  return manifest;
}

const tl_plugin_entry* load_library(const Manifest& manifest) {
  Libraries& all = libraries();
  const std::lock_guard lock(all.mutex);
  return entry_of(open_library(all, manifest), manifest);
}

const LoadedPlugin& PluginLoader::load_checked(const Manifest& manifest) {
  check_manifest(manifest, options_);
  check_shared_library(manifest.library);
  check_hash(manifest, options_.allow_hashes);
  const tl_plugin_entry* const entry = load_library(manifest);
  Libraries& all = libraries();
  const std::lock_guard lock(all.mutex);
  return keep(all, manifest, entry);
}

Manifest PluginLoader::manifest_of_build(const Manifest& current, const fs::path& library) const {
  if (current.library.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "plugin " + current.id + ": found no library, wanted a plugin with one: nothing else can be loaded again",
                "library");
  std::error_code ignored;
  const fs::path wanted = fs::absolute(library.empty() ? current.library : library).lexically_normal();
  const bool folder = fs::is_directory(wanted, ignored);
  const fs::path described = folder ? wanted / "plugin.json" : wanted.parent_path() / "plugin.json";
  Manifest manifest = current;
  if (folder || fs::is_regular_file(described, ignored)) manifest = read_manifest(described);
  if (manifest.id != current.id)
    throw Error(ErrorCode::kInvalidArgument,
                described.string() + ": found plugin " + manifest.id + ", wanted another build of plugin " + current.id,
                "library");
  manifest.image.clear();
  if (!folder) manifest.library = wanted;
  if (manifest.library.empty()) throw Error(ErrorCode::kInvalidArgument, described.string() + ": names no library", "library");
  check_manifest(manifest, options_);
  check_shared_library(manifest.library);
  return manifest;
}

const LoadedPlugin& PluginLoader::load_build(Manifest manifest) {
  Libraries& all = libraries();
  const std::lock_guard lock(all.mutex);
  const fs::path path = fs::canonical(manifest.library);
  if (const auto loaded = all.by_path.find(path); loaded != all.by_path.end() && all.marks[path] == mark_of(path)) {
    check_hash(manifest, options_.allow_hashes);
    return keep(all, manifest, entry_of(*loaded->second, manifest));
  }
  const LibraryCopy copy(path);  // the linker needs the file no longer than it takes to map it
  check_hash(manifest, copy.hash(), options_.allow_hashes);
  auto& library = all.by_hash[copy.hash()];
  if (!library) {
    try {
      library = link(copy.path(), manifest);
    } catch (...) {
      all.by_hash.erase(copy.hash());
      throw;
    }
  }
  return keep(all, manifest, entry_of(*library, manifest));
}

std::unique_ptr<LibraryCopy> PluginLoader::copy_for_process(Manifest& manifest) const {
  auto copy = std::make_unique<LibraryCopy>(manifest.library);
  check_hash(manifest, copy->hash(), options_.allow_hashes);
  manifest.image = copy->path();
  return copy;
}

}  // namespace trunkline::plugin
