#include "runtime/base/beside.h"

#include <dlfcn.h>

namespace trunkline {

std::filesystem::path find_beside(const char* name) {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&find_beside), &info) == 0 || !info.dli_fname) return {};
  std::error_code ec;
  std::filesystem::path self = std::filesystem::canonical(info.dli_fname, ec);
  // The program's own name may be relative to a directory that was left since.
  if (ec) self = std::filesystem::read_symlink("/proc/self/exe", ec);
  for (const char* folder : {"", "../bin", "../lib/trunkline"}) {
    const std::filesystem::path file = self.parent_path() / folder / name;
    if (std::filesystem::is_regular_file(file, ec)) return file.lexically_normal();
  }
  return {};
}

}  // namespace trunkline
