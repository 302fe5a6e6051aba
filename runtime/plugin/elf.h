// A look at a shared library before the dynamic linker gets it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace trunkline::plugin {

/// Throws kFailedPrecondition unless the file is a shared library for this machine, saying what was found and what was wanted;
/// kNotFound when there is no file. The dynamic linker's own words for these cases name neither.
void check_shared_library(const std::filesystem::path& path);

/// What a library says of itself to the dynamic linker.
struct LibrarySymbols {
  std::vector<std::string> exported;  // names of what it defines and lets others see, sorted
  std::vector<std::string> needed;    // libraries that it wants
};
/// Reads a file that check_shared_library has passed; nothing of it runs. Throws kFailedPrecondition when its tables are broken.
LibrarySymbols read_symbols(const std::filesystem::path& path);

}  // namespace trunkline::plugin
