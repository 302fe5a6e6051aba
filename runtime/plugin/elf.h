// A look at a shared library before the dynamic linker gets it.
#pragma once
#include <filesystem>

namespace trunkline::plugin {

/// Throws kFailedPrecondition unless the file is a shared library for this machine, saying what was found and what was wanted;
/// kNotFound when there is no file. The dynamic linker's own words for these cases name neither.
void check_shared_library(const std::filesystem::path& path);

}  // namespace trunkline::plugin
