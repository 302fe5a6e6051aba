// Where plugins are looked for.
#pragma once
#include <filesystem>
#include <vector>

namespace trunkline {

/// The directories with the plugins that come with this build, seen from the file that holds this code (the program or
/// libtrunkline): `../plugins`, `plugins` and `../lib/trunkline/plugins` beside it. Only those that exist.
std::vector<std::filesystem::path> builtin_plugin_directories();

}  // namespace trunkline
