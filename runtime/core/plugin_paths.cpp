#include "runtime/core/plugin_paths.h"

#include <dlfcn.h>

namespace trunkline {

std::vector<std::filesystem::path> builtin_plugin_directories() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&builtin_plugin_directories), &info) == 0 || !info.dli_fname) return {};
  std::error_code ec;
  std::filesystem::path self = std::filesystem::canonical(info.dli_fname, ec);
  // The program's own name may be relative to a directory that was left since.
  if (ec) self = std::filesystem::read_symlink("/proc/self/exe", ec);
  std::vector<std::filesystem::path> found;
  for (const char* relative : {"../plugins", "plugins", "../lib/trunkline/plugins"}) {
    const std::filesystem::path directory = self.parent_path() / relative;
    if (std::filesystem::is_directory(directory, ec)) found.push_back(directory.lexically_normal());
  }
  return found;
}

}  // namespace trunkline
